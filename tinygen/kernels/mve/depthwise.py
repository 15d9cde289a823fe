# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D with Helium: ``mve/depthwise_s8.h``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinygen.hardware.cores import Core
from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.kernels.adapter import Kernel, axis_struct
from tinygen.kernels.bands import calls_cost, rows_binding
from tinygen.kernels.binding import (
    Assembly,
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Overlap,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.kernel import Bands, Provider
from tinygen.kernels.mve.base import NEEDS_MVE, Epilogue
from tinygen.kernels.mve.depthwise_forms import GROUP, Form, find_form
from tinygen.kernels.mve.requantization import ChannelConstants, channel_constants, refusal
from tinygen.ops.convolution import DepthwiseConv2D

_MOST_WEIGHT_BYTES = 496
_MOST_MULTIPLIER = 255
_CYCLES_PER_INSTRUCTION = 1.7
"""More than elsewhere: a gather takes four cycles."""


def _row_distances(layer: DepthwiseConv2D, form: Form) -> tuple[int, int]:
    """(output, strip): bytes from a row's last block to the next row's first."""
    columns = layer.window.width
    channels = layer.output_shape[3]
    last = columns.output - form.blocks.pixels
    output = (form.rows_a_strip * columns.output - last) * channels
    patches = last if form.pair else (columns.output - 1) * columns.stride
    return output, form.row_groups * form.strip_bytes - patches * form.column_bytes


def _assembly(layer: DepthwiseConv2D, form: Form, constants: ChannelConstants) -> Assembly:
    columns = layer.window.width
    blocks = form.blocks
    row_output, row_strip = _row_distances(layer, form)
    block = (("pair", int(form.pair)), ("pixels", blocks.pixels))
    geometry = (
        ("last", blocks.last),
        ("row_output", row_output),
        ("row_strip", row_strip),
        ("column_bytes", form.column_bytes),
        ("step", 1 if form.pair else columns.stride),
        ("output_bytes", layer.output_shape[3]),
        ("row_groups", form.row_groups),
        ("row_group_bytes", form.strip_bytes),
        ("columns", columns.size),
        ("column_group_bytes", 4 * columns.dilation * form.column_bytes),
        ("multiplier", layer.depth_multiplier),
        *Epilogue.of(constants).parameters,
    )
    unrolling = (("turns", blocks.turns), ("blocks", blocks.unrolled), ("rest", blocks.rest))
    return Assembly(
        "mve/depthwise_s8.inc",
        "tinygen_mve_depthwise_function",
        "tinygen_mve_depthwise_c",
        (*block, *unrolling, *geometry),
        Struct("tinygen_mve_depthwise_shape", (*block, ("blocks", blocks.count), *geometry)),
    )


def _packing(form: Form, channels: int) -> Assembly:
    """The function that interleaves rows: vectors of columns, or of channels a column apart."""
    step = GROUP if form.group == channels else channels
    return Assembly(
        "mve/depthwise_pack.inc",
        "tinygen_mve_pack_function",
        "tinygen_mve_pack_rows",
        (("step", step),),
        step,
    )


def _pack_constants(weights: AnyArray, form: Form, constants: ChannelConstants) -> AnyArray:
    """Of each output channel: columns of four filter rows, bias, last constant, multiplier."""
    height, width, channels = weights.shape
    padded = np.zeros((4 * form.row_groups, width, channels), dtype=np.int8)
    padded[:height] = weights
    grouped = padded.reshape(form.row_groups, 4, width, channels).transpose(3, 0, 2, 1)
    words = np.ascontiguousarray(grouped).reshape(channels, -1).view(np.int32)
    others = np.stack([constants.biases, constants.lasts, constants.scales], axis=1)
    return np.concatenate([words, others], axis=1).astype(np.int32)


def _overlap(layer: DepthwiseConv2D, form: Form) -> tuple[Overlap, ...]:
    """Leave to write over the input: bands go down, each reads all its rows before the next one."""
    rows = layer.window.height
    if layer.input_shape[0] > 1:
        return ()
    input_row = layer.input_shape[2] * layer.input_shape[3]
    output_row = layer.output_shape[2] * layer.output_shape[3]
    lead = 0
    for start in range(0, rows.output, form.band_rows):
        end = min(start + form.band_rows, rows.output)
        # The last band is as high as the others, and begins earlier for it.
        first = max(0, end - form.band_rows)
        needed = max(0, first * rows.stride - rows.pad)
        lead = max(lead, end * output_row - needed * input_row)
    return (Overlap(layer.inputs[0], layer.outputs[0], lead),)


def _bind(layer: DepthwiseConv2D, form: Form) -> Binding:
    channels = layer.input_shape[3]
    filters = layer.weights.reshape(-1, layer.weights.shape[2]).T
    constants = channel_constants(filters, layer.bias, layer.input_zero_point, layer.requantization)
    compute = _assembly(layer, form, constants)
    packing = _packing(form, channels)
    packed = _pack_constants(layer.weights, form, constants)
    parameters = Struct(
        "tinygen_mve_depthwise_conv2d_s8_params",
        (
            ("rows", axis_struct(layer.window.height)),
            ("columns", axis_struct(layer.window.width)),
            ("batches", layer.input_shape[0]),
            ("input_channels", channels),
            ("depth_multiplier", layer.depth_multiplier),
            ("input_ring_rows", layer.input_shape[1]),
            ("input_zero_point", layer.input_zero_point),
            ("group", form.group),
            ("pair", int(form.pair)),
            ("band_rows", form.band_rows),
            ("row_groups", form.row_groups),
            ("strip_columns", form.strip_columns),
            ("pixels", form.blocks.pixels),
            ("channel_words", packed.shape[1]),
            ("constants", ConstantArgument("constants")),
        ),
    )
    return Binding(
        calls=(
            Call(
                "tinygen_mve_depthwise_conv2d_s8",
                (
                    parameters,
                    packing,
                    compute,
                    TensorArgument(layer.inputs[0]),
                    TensorArgument(layer.outputs[0], writable=True),
                    ScratchArgument("int8_t"),
                ),
            ),
        ),
        headers=("mve/depthwise_s8.h",),
        constants=(Constant("constants", packed),),
        scratch_bytes=form.scratch_bytes,
        overlaps=_overlap(layer, form),
        notes=(constants.note,),
    )


@dataclass(frozen=True)
class _DepthwiseKernel:
    """``mve.depthwise_conv2d_s8``."""

    name: str = "mve.depthwise_conv2d_s8"
    provider: Provider = Provider.TINYGEN

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer, or None if it can."""
        if not isinstance(layer, DepthwiseConv2D):
            return "does DepthwiseConv2D only"
        if not core.mve:
            return NEEDS_MVE
        reason = refusal(layer.requantization)
        if reason is not None:
            return reason
        if layer.input_shape[3] == 1:
            return "leaves one input channel to the convolution"
        form = find_form(layer)
        if 4 * form.row_groups * layer.window.width.size > _MOST_WEIGHT_BYTES:
            return "the filter is too large"
        if layer.depth_multiplier > _MOST_MULTIPLIER:
            return "the depth multiplier is too large"
        return None

    def cost(self, layer: Layer, core: Core) -> float:  # noqa: ARG002 - the same on every MVE core
        """Estimated cycles."""
        assert isinstance(layer, DepthwiseConv2D)
        return find_form(layer).instructions * _CYCLES_PER_INSTRUCTION

    def bind(self, layer: Layer, core: Core) -> Binding:  # noqa: ARG002 - the same on every MVE core
        """Fit the kernel to the layer."""
        assert isinstance(layer, DepthwiseConv2D)
        return _bind(layer, find_form(layer))

    def bands_rejected(self, layer: Layer, core: Core, bands: Bands) -> str | None:  # noqa: ARG002
        """None: any bands will do."""
        return None

    def bands_cost(self, layer: Layer, core: Core, bands: Bands) -> float:  # noqa: ARG002
        """Estimated cycles of the whole layer by bands."""
        assert isinstance(layer, DepthwiseConv2D)
        cycles = find_form(layer, bands).instructions * _CYCLES_PER_INSTRUCTION
        return cycles + calls_cost(layer, bands)

    def bind_bands(self, layer: Layer, core: Core, bands: Bands) -> Binding:  # noqa: ARG002
        """Fit the kernel to bands of the layer."""
        assert isinstance(layer, DepthwiseConv2D)
        return rows_binding(_bind(layer, find_form(layer, bands)), bands)


KERNELS: Sequence[Kernel] = (_DepthwiseKernel(),)
