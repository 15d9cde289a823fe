# SPDX-License-Identifier: Apache-2.0
"""CONV_2D with Helium: ``mve/conv2d_s8.h`` over ``mve/gemm_s8.inc``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinygen.hardware.cores import Core
from tinygen.ir.layer import Layer
from tinygen.kernels.adapter import BandKernel, axis_struct
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import (
    Assembly,
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Overlap,
    Raw,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.kernel import Bands, Provider
from tinygen.kernels.mve.base import NEEDS_MVE
from tinygen.kernels.mve.convolution_forms import Form, find_form
from tinygen.kernels.mve.gemm import assembly, pack_constants, pack_weights
from tinygen.kernels.mve.requantization import channel_constants, refusal
from tinygen.ops.convolution import Conv2D


def _gather(layer: Conv2D, form: Form) -> Assembly | None:
    """The function that copies windows out of a strip, if they are copied and it can."""
    rows, columns = layer.window.height, layer.window.width
    if form.name != "TINYGEN_MVE_PATCHES" or columns.dilation > 1:
        return None
    channels = layer.input_shape[3]
    segments = (("rows", rows.size), ("pitch", rows.dilation * form.strip_bytes))
    part, step = columns.size * channels, columns.stride * channels
    return Assembly(
        "mve/conv2d_gather.inc",
        "tinygen_mve_gather_function",
        "tinygen_mve_gather_c",
        (*segments, ("part", part), ("step", step), ("patch", form.patch_bytes)),
        Struct(
            "tinygen_mve_gather_shape",
            (
                *segments,
                ("parts", 1),
                ("part_distance", 0),
                ("part_bytes", part),
                ("step", step),
                ("patch_bytes", form.patch_bytes),
            ),
        ),
    )


def _overlap(layer: Conv2D, form: Form) -> tuple[Overlap, ...]:
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


def _bind(layer: Conv2D, form: Form) -> Binding:
    channels = layer.output_shape[3]
    filters = layer.weights.reshape(channels, -1)
    constants = channel_constants(
        filters,
        layer.bias,
        layer.input_zero_point,
        layer.requantization,
        aligns=not form.tile.eights,
    )
    arguments: list[Field] = []
    for size, needed in ((2, channels > 1), (1, channels % 2 == 1)):
        if needed:
            arguments.append(assembly(form.tile, size, channels, constants))
        else:
            arguments.append(Raw("NULL"))
    gather = _gather(layer, form)
    arguments.append(Raw("NULL") if gather is None else gather)
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
        scratch_bytes=form.scratch_bytes,
        overlaps=_overlap(layer, form),
        notes=(constants.note,),
    )


def _needed(layer: Layer, bands: Bands | None = None) -> Form:
    """The form of a layer that is not rejected."""
    assert isinstance(layer, Conv2D)
    form = find_form(layer, bands)
    assert form is not None
    return form


_NO_FORM = "the windows are too large for its forms"


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
        if reason is None and find_form(layer) is None:
            reason = _NO_FORM
        return reason

    def cost(self, layer: Layer, core: Core) -> float:  # noqa: ARG002 - the same on every MVE core
        """Estimated cycles."""
        return _needed(layer).cycles

    def bind(self, layer: Layer, core: Core) -> Binding:  # noqa: ARG002 - the same on every MVE core
        """Fit the kernel to the layer."""
        assert isinstance(layer, Conv2D)
        return _bind(layer, _needed(layer))

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:  # noqa: ARG002
        """Why the kernel cannot do a layer by bands that it does whole, or None if it can."""
        assert isinstance(layer, Conv2D)
        return _NO_FORM if find_form(layer, bands) is None else None

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:  # noqa: ARG002
        """Estimated cycles of the whole layer by bands."""
        return _needed(layer, bands).cycles + calls_cost(layer, bands)

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:  # noqa: ARG002
        """Fit the kernel to bands of the layer."""
        assert isinstance(layer, Conv2D)
        return rows_binding(_bind(layer, _needed(layer, bands)), bands)


KERNELS: Sequence[BandKernel] = (_Convolution(),)
