# SPDX-License-Identifier: Apache-2.0
"""CONV_2D with Helium: ``mve/conv2d_s8.h`` over ``mve/gemm_s8.inc``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tinygen.kernels.kernel import (
    Assembly,
    AssemblyArgument,
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Kernel,
    Overlap,
    Provider,
    Raw,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.mve.base import NEEDS_MVE
from tinygen.kernels.mve.gemm import (
    VECTOR,
    Tile,
    Window,
    assembly,
    pack_constants,
    pack_weights,
    tile,
)
from tinygen.kernels.mve.requantization import channel_constants, refusal
from tinygen.kernels.portable.base import axis_struct
from tinygen.ops.convolution import Conv2D
from tinygen.ops.layer import Layer
from tinygen.ops.window import Axis
from tinygen.targets.cores import Core

_STRIP_BYTES = 2560
"""Scratch memory up to which a band gets more rows."""
_MOST_BAND_ROWS = 8
_CALL_CYCLES = 150.0
_GROUP_CYCLES = 40.0
_STRIP_ROW_CYCLES = 34.0


@dataclass(frozen=True)
class _Form:
    """A way to compute a layer.

    ``name`` is that of the C enumerator.
    """

    name: str
    tile: Tile
    band_rows: int
    strip_bytes: int
    strip_rows: int
    patch_bytes: int
    scratch_bytes: int
    cycles: float


def _product_cycles(layer: Conv2D, shape: Tile, pixels: int, rows: int, calls: int) -> float:
    """Cycles of ``calls`` products over ``rows`` rows of ``pixels`` each."""
    channels = layer.output_shape[3]
    groups, single = divmod(channels, 2)
    blocks = calls * rows * -(-pixels // shape.pixels)
    per_block = groups * shape.block_cycles(2)
    per_block += single * shape.block_cycles(1)
    per_group = _GROUP_CYCLES + 14 * rows
    return blocks * per_block + calls * (_CALL_CYCLES + (groups + single) * per_group)


def _tiles(window: Window, pixels: int) -> Iterator[Tile]:
    for size in range(1, min(4, pixels) + 1):
        shape = tile(window, size)
        if shape is not None:
            yield shape


def _in_place(layer: Conv2D) -> Iterator[_Form]:
    rows, columns = layer.window.height, layer.window.width
    batches, height, width, channels = layer.input_shape
    if rows.pad or rows.pad_after or columns.pad or columns.pad_after:
        return
    if columns.size > 1 and columns.dilation > 1:
        return
    values = columns.size * channels
    row_bytes = width * channels
    pixel_bytes = columns.stride * channels
    row_step = rows.stride * row_bytes
    if values % 4 or pixel_bytes % 4 or row_step % 4 or (rows.size > 1 and values % VECTOR):
        return
    if batches > 1 and height * row_bytes % 4:
        return
    window = Window(rows.size, values, rows.dilation * row_bytes, pixel_bytes, overread=False)
    if rows.size > 1 and window.segment_bytes % 4:
        return
    merged = row_step == columns.output * pixel_bytes
    pixels, lines = (rows.output * columns.output, 1) if merged else (columns.output, rows.output)
    for shape in _tiles(window, pixels):
        cost = batches * _product_cycles(layer, shape, pixels, lines, 1)
        yield _Form("TINYGEN_MVE_IN_PLACE", shape, 0, 0, 0, 0, 0, cost)


def _bands(rows: int) -> range:
    return range(1, min(rows, _MOST_BAND_ROWS) + 1)


def _covered(rows: Axis, band: int) -> int:
    """Input rows that a band of output rows reads."""
    return (band - 1) * rows.stride + (rows.size - 1) * rows.dilation + 1


def _copy_cycles(count: float) -> float:
    """Copying so many bytes at once."""
    return 4 * -(-count // VECTOR) + 6


def _strip(layer: Conv2D) -> Iterator[_Form]:
    rows, columns = layer.window.height, layer.window.width
    channels = layer.input_shape[3]
    values = columns.size * channels
    pixel_bytes = columns.stride * channels
    if (columns.size > 1 and columns.dilation > 1) or pixel_bytes % 4 or values % VECTOR:
        return
    strip_bytes = ((columns.output - 1) * columns.stride + columns.size) * channels
    strip_bytes += -strip_bytes % 4
    window = Window(rows.size, values, rows.dilation * strip_bytes, pixel_bytes, overread=True)
    fill = _STRIP_ROW_CYCLES + _copy_cycles(strip_bytes)
    for band in _bands(rows.output):
        strip_rows = _covered(rows, band)
        scratch = strip_rows * strip_bytes
        if band > 1 and scratch > _STRIP_BYTES:
            break
        calls = layer.input_shape[0] * -(-rows.output // band)
        for shape in _tiles(window, columns.output):
            cost = _product_cycles(layer, shape, columns.output, band, calls)
            cost += calls * strip_rows * fill
            yield _Form(
                "TINYGEN_MVE_STRIP",
                shape,
                band,
                strip_bytes,
                strip_rows,
                0,
                scratch,
                cost,
            )


def _patches(layer: Conv2D) -> Iterator[_Form]:
    rows, columns = layer.window.height, layer.window.width
    channels = layer.input_shape[3]
    taps = rows.size * columns.size * channels
    patch_bytes = taps + -taps % 4
    reach = (columns.output - 1) * columns.stride + (columns.size - 1) * columns.dilation + 1
    strip_bytes = reach * channels
    strip_bytes += -strip_bytes % 4
    parts = 1 if columns.dilation == 1 else columns.size
    per_part = 4 * -(-taps // (rows.size * parts) // VECTOR) if parts == 1 else 22
    gather = 5 + rows.size * parts * per_part
    fill = _STRIP_ROW_CYCLES + _copy_cycles(strip_bytes)
    for band in _bands(rows.output):
        patches = band * columns.output
        strip_rows = _covered(rows, band)
        scratch = strip_rows * strip_bytes + patches * patch_bytes + VECTOR
        if band > 1 and scratch > _STRIP_BYTES:
            break
        calls = layer.input_shape[0] * -(-rows.output // band)
        for shape in _tiles(Window(1, taps, 0, patch_bytes, overread=True), patches):
            cost = _product_cycles(layer, shape, patches, 1, calls)
            cost += calls * (strip_rows * fill + patches * gather)
            yield _Form(
                "TINYGEN_MVE_PATCHES",
                shape,
                band,
                strip_bytes,
                strip_rows,
                patch_bytes,
                scratch + -scratch % 4,
                cost,
            )


@lru_cache(maxsize=256)
def _form(layer: Conv2D) -> _Form | None:
    """The cheapest way, or None if the product has no form for the layer."""
    forms = [*_in_place(layer), *_strip(layer), *_patches(layer)]
    return min(forms, key=lambda form: form.cycles, default=None)


def _gather(layer: Conv2D, form: _Form) -> Assembly | None:
    """The function that copies windows out of a strip, if they are copied and it can."""
    rows, columns = layer.window.height, layer.window.width
    if form.name != "TINYGEN_MVE_PATCHES" or columns.dilation > 1:
        return None
    channels = layer.input_shape[3]
    parameters = (
        ("TG_ROWS", rows.size),
        ("TG_PITCH", rows.dilation * form.strip_bytes),
        ("TG_PART", columns.size * channels),
        ("TG_STEP", columns.stride * channels),
        ("TG_PATCH", form.patch_bytes),
    )
    values = [value for _, value in parameters]
    twin = (*values[:2], 1, 0, *values[2:])
    arguments = "const int8_t *from, int8_t *to, int32_t pixels"
    return Assembly(
        stem="mve_gather_" + "_".join(map(str, values)),
        listing="mve/conv2d_gather.inc",
        parameters=parameters,
        prototype=(
            "#ifdef TINYGEN_NO_ASSEMBLY\n"
            f"static void {{symbol}}({arguments})\n"
            "{{\n"
            "    static const tinygen_mve_gather_shape shape = "
            f"{{{{{', '.join(map(str, twin))}}}}};\n"
            "    tinygen_mve_gather_c(&shape, from, to, pixels);\n"
            "}}\n"
            "#else\n"
            f"void {{symbol}}({arguments});\n"
            "#endif"
        ),
    )


def _overlap(layer: Conv2D, form: _Form) -> tuple[Overlap, ...]:
    """Leave to write over the input: a band's rows are in scratch memory before it writes any."""
    rows = layer.window.height
    if form.band_rows == 0 or layer.input_shape[0] > 1:
        return ()
    input_row = layer.input_shape[2] * layer.input_shape[3]
    output_row = layer.output_shape[2] * layer.output_shape[3]
    lead = 0
    for start in range(form.band_rows, rows.output, form.band_rows):
        # The last band is as high as the others, and begins earlier for it.
        first = min(start, rows.output - form.band_rows)
        needed = max(0, first * rows.stride - rows.pad)
        lead = max(lead, start * output_row - needed * input_row)
    return (Overlap(layer.inputs[0], layer.outputs[0], lead),)


def _bind(layer: Conv2D) -> Binding:
    form = _form(layer)
    assert form is not None
    channels = layer.output_shape[3]
    filters = layer.weights.reshape(channels, -1)
    constants = channel_constants(
        filters,
        layer.bias,
        layer.input_zero_point,
        layer.requantization,
        aligns=not form.tile.eights,
    )
    functions: list[Assembly] = []
    arguments: list[Field] = []
    for size, needed in ((2, channels > 1), (1, channels % 2 == 1)):
        if needed:
            functions.append(assembly(form.tile, size, channels, constants))
            arguments.append(AssemblyArgument(functions[-1].stem))
        else:
            arguments.append(Raw("NULL"))
    gather = _gather(layer, form)
    if gather is None:
        arguments.append(Raw("NULL"))
    else:
        functions.append(gather)
        arguments.append(AssemblyArgument(gather.stem))
    parameters = Struct(
        "tinygen_mve_conv2d_s8_params",
        (
            ("rows", axis_struct(layer.window.height)),
            ("columns", axis_struct(layer.window.width)),
            ("batches", layer.input_shape[0]),
            ("input_channels", layer.input_shape[3]),
            ("output_channels", channels),
            ("input_ring_rows", layer.input_shape[1]),
            ("input_zero_point", layer.input_zero_point),
            ("form", Raw(form.name)),
            ("band_rows", form.band_rows),
            ("strip_bytes", form.strip_bytes),
            ("strip_rows", form.strip_rows),
            ("patch_bytes", form.patch_bytes),
            ("pixels", form.tile.pixels),
            ("weights", ConstantArgument("weights")),
            ("constants", ConstantArgument("constants")),
        ),
    )
    return Binding(
        calls=(
            Call(
                "tinygen_mve_conv2d_s8",
                (
                    parameters,
                    *arguments,
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                    ScratchArgument("int8_t"),
                ),
            ),
        ),
        headers=("mve/conv2d_s8.h",),
        constants=(
            Constant("weights", pack_weights(filters)),
            Constant("constants", pack_constants(constants)),
        ),
        assembly=tuple(functions),
        scratch_bytes=form.scratch_bytes,
        overlaps=_overlap(layer, form),
        notes=(constants.note,),
    )


@dataclass(frozen=True)
class _Convolution:
    """``mve.conv2d_s8``."""

    name: str = "mve.conv2d_s8"
    provider: Provider = Provider.TINYGEN

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer, or None if it can."""
        if not isinstance(layer, Conv2D):
            return "does Conv2D only"
        if not core.mve:
            return NEEDS_MVE
        if layer.groups > 1:
            return "does one group of channels only"
        reason = refusal(layer.requantization)
        if reason is None and _form(layer) is None:
            reason = "the windows are too large for its forms"
        return reason

    def cost(self, layer: Layer, core: Core) -> float:  # noqa: ARG002 - the same on every MVE core
        """Estimated cycles."""
        assert isinstance(layer, Conv2D)
        form = _form(layer)
        assert form is not None
        return form.cycles

    def bind(self, layer: Layer, core: Core) -> Binding:  # noqa: ARG002 - the same on every MVE core
        """Fit the kernel to the layer."""
        assert isinstance(layer, Conv2D)
        return _bind(layer)


KERNELS: Sequence[Kernel] = (_Convolution(),)
