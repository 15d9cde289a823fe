# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED in 16-bit SIMD assembly: ``dsp/fully_connected_s8.h``.

A convolution with one output pixel whose window is the whole input is one too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tinygen.hardware.cores import Core, Feature
from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import Layer
from tinygen.kernels.adapter import Kernel, requantization_struct
from tinygen.kernels.binding import (
    Assembly,
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.dsp.packing import (
    Channels,
    Int8Array,
    gemv_stream,
    prepare,
    shared_constants,
)
from tinygen.kernels.kernel import Provider
from tinygen.numerics.fixed_point import Int32Array, Requantization, Rounding, wrap_int32
from tinygen.ops.convolution import Conv2D
from tinygen.ops.fully_connected import FullyConnected
from tinygen.requantize.channels import folded_bias, per_channel

_UNROLL = 8
_UNROLL_COMPACT = 4
_BLOCK = 8
_LEAST_GAIN = 1000.0
"""Cycles for which assembly is worth its code; layers that gain less are computed in C."""

_GROUP_CYCLES = 35.0
_TURN_CYCLES = 5.0
_BLOCK_CYCLES = 81.0
_TWO_ROUNDINGS_CYCLES = 2.5
_CUT_CYCLES = 2.25
_BATCH_CYCLES = 120.0
_PRODUCT_CYCLES = 2.25
_PAD_CYCLES = 2.0
_REMAINING_CYCLES = 2.35
_REMAINING_OUTPUT_CYCLES = 55.0


@dataclass(frozen=True, eq=False)
class _Dense:
    """A layer as a matrix product; ``weights`` are (outputs, inputs)."""

    batches: int
    weights: Int8Array
    bias: Int32Array
    input_zero_point: int
    requantization: Requantization

    @property
    def outputs(self) -> int:
        """Outputs of a batch."""
        return int(self.weights.shape[0])

    @property
    def inputs(self) -> int:
        """Inputs of a batch."""
        return int(self.weights.shape[1])

    @property
    def groups(self) -> int:
        """Groups of four inputs."""
        return -(-self.inputs // 4)

    @property
    def fills_groups(self) -> bool:
        """Whether the kernel can read the inputs where they are."""
        return self.inputs % 4 == 0


def _dense(layer: FullyConnected | Conv2D) -> _Dense:
    batches = layer.batches if isinstance(layer, FullyConnected) else layer.input_shape[0]
    return _Dense(
        batches,
        layer.weights.reshape(layer.weights.shape[0], -1),
        layer.bias,
        layer.input_zero_point,
        layer.requantization,
    )


def _one_window(layer: Conv2D) -> bool:
    axes = (layer.window.height, layer.window.width)
    return layer.groups == 1 and all(
        (axis.output, axis.pad, axis.size, axis.dilation) == (1, 0, axis.input, 1) for axis in axes
    )


def _remaining_cycles(dense: _Dense) -> float:
    return dense.batches * (dense.inputs * _REMAINING_CYCLES + _REMAINING_OUTPUT_CYCLES)


def _stream_cycles(dense: _Dense, blocks: int, unroll: int = _UNROLL) -> float:
    """Cycles of that many blocks of outputs, with fitted requantization."""
    turns = (dense.groups - 1) // unroll
    block = _BLOCK_CYCLES + _GROUP_CYCLES * dense.groups + _TURN_CYCLES * turns
    an_input = _PRODUCT_CYCLES + (0.0 if dense.fills_groups else _PAD_CYCLES)
    return dense.batches * (_BATCH_CYCLES + dense.inputs * an_input + blocks * block)


@lru_cache(maxsize=64)
def _channels(layer: FullyConnected | Conv2D) -> Channels:
    """The outputs of the stream: those that fill blocks of eight, if that gains enough."""
    dense = _dense(layer)
    blocks = dense.outputs // _BLOCK
    gain = _BLOCK * blocks * _remaining_cycles(dense) - _stream_cycles(dense, blocks)
    count = _BLOCK * blocks if gain >= _LEAST_GAIN else 0
    q = dense.requantization
    pairs = set(zip(q.multipliers.tolist(), q.shifts.tolist(), strict=True))
    padded = np.zeros((count, 4 * dense.groups), np.int8)
    padded[:, : dense.inputs] = dense.weights[:count]
    return prepare(
        padded,
        dense.bias[:count],
        dense.input_zero_point,
        per_channel(q, np.arange(count)),
        _remaining_cycles(dense),
        dense.batches * _TWO_ROUNDINGS_CYCLES,
        alike=len(pairs) == 1,
    )


def _remaining(dense: _Dense, channels: Channels) -> AnyArray:
    """The outputs that are not in the stream."""
    tail = np.arange(len(channels.missing), dense.outputs)
    return np.concatenate([np.flatnonzero(channels.missing), tail])


@dataclass(frozen=True)
class GemvFullyConnected:
    """The kernel's descriptor; ``unroll`` groups of four inputs make a turn of the inner loop."""

    name: str = "dsp.fully_connected"
    provider: Provider = Provider.TINYGEN
    unroll: int = _UNROLL

    def rejects(self, layer: Layer, core: Core) -> str | None:
        """Why the kernel cannot do the layer on the core, or None if it can."""
        if not isinstance(layer, FullyConnected | Conv2D):
            return "does FullyConnected only"
        if isinstance(layer, Conv2D) and not _one_window(layer):
            return "does convolutions of one window only"
        if not (core.dsp and Feature.UNALIGNED in core.features):
            return f"{core.name} lacks 16-bit SIMD or unaligned loads"
        if layer.requantization.rounding is not Rounding.DOUBLE:
            return "rounds twice"
        return None

    def cost(self, layer: Layer, core: Core) -> float:  # noqa: ARG002 - one estimate for all cores
        """Estimated cycles."""
        assert isinstance(layer, FullyConnected | Conv2D)
        dense = _dense(layer)
        channels = _channels(layer)
        outputs = len(channels.missing)
        per_output = _TWO_ROUNDINGS_CYCLES * channels.two_roundings + _CUT_CYCLES * bool(
            channels.cut
        )
        stream = _stream_cycles(dense, outputs // _BLOCK, self.unroll) if outputs else 0.0
        remaining = len(_remaining(dense, channels)) * _remaining_cycles(dense)
        return stream + dense.batches * outputs * per_output + remaining

    def bind(self, layer: Layer, core: Core) -> Binding:  # noqa: ARG002 - the same on every core
        """Fit the kernel to a layer that it does not reject."""
        assert isinstance(layer, FullyConnected | Conv2D)
        dense = _dense(layer)
        channels = _channels(layer)
        fields, constants = _stream_fields(dense, channels, self.unroll)
        remaining_fields, remaining_constants = _remaining_fields(dense, channels)
        parameters = Struct(
            "tinygen_dsp_fully_connected_params",
            (
                *fields,
                ("batches", dense.batches),
                ("inputs", dense.inputs),
                ("outputs", dense.outputs),
                *remaining_fields,
            ),
        )
        arguments = (
            parameters,
            TensorArgument(layer.inputs[0]),
            TensorArgument(layer.outputs[0], writable=True),
        )
        scratch_bytes = 0
        if not len(channels.missing):
            call = Call("tinygen_dsp_fully_connected_small", arguments)
        elif dense.fills_groups:
            call = Call("tinygen_dsp_fully_connected", arguments)
        else:
            scratch_bytes = 4 * dense.groups
            call = Call(
                "tinygen_dsp_fully_connected_padded", (*arguments, ScratchArgument("int8_t"))
            )
        return Binding(
            calls=(call,),
            headers=("dsp/fully_connected_s8.h",),
            constants=(*constants, *remaining_constants),
            scratch_bytes=scratch_bytes,
            notes=(channels.note,),
        )


def _stream_fields(
    dense: _Dense, channels: Channels, unroll: int
) -> tuple[tuple[tuple[str, Field], ...], tuple[Constant, ...]]:
    """What the outputs of the stream need: nothing if there are none."""
    if not len(channels.missing):
        return (), ()
    shared = shared_constants(channels)
    assembly = Assembly(
        "dsp/gemv.inc",
        "tinygen_gemv_function",
        "tinygen_gemv_blocks",
        (
            ("unroll", unroll),
            ("finish", int(channels.two_roundings)),
            ("shift", channels.shift),
            ("cut", int(channels.cut != 0)),
            ("shared", int(shared is not None)),
        ),
    )
    shape = Struct(
        "tinygen_gemv_shape",
        (
            ("groups", dense.groups),
            ("outputs", len(channels.missing)),
            ("base", channels.base),
            ("cut", channels.cut),
            ("low", channels.low),
            ("two_roundings", int(channels.two_roundings)),
            ("shift", channels.shift),
        ),
    )
    fields: tuple[tuple[str, Field], ...] = (
        ("multiply", assembly),
        ("stream", ConstantArgument("stream")),
        *((("constants", ConstantArgument("constants")),) if shared is not None else ()),
        ("shape", shape),
    )
    stream = Constant("stream", gemv_stream(channels, with_constants=shared is None))
    constants = (stream,) if shared is None else (stream, Constant("constants", shared))
    return fields, constants


def _remaining_fields(
    dense: _Dense, channels: Channels
) -> tuple[tuple[tuple[str, Field], ...], tuple[Constant, ...]]:
    """What the outputs outside the stream need: nothing if there are none."""
    chosen = _remaining(dense, channels)
    if not chosen.size:
        return (), ()
    struct, arrays = requantization_struct(per_channel(dense.requantization, chosen))
    bias = folded_bias(dense.weights, dense.bias, dense.input_zero_point)
    return (
        ("remaining", len(chosen)),
        ("channels", ConstantArgument("remaining_channels")),
        ("weights", ConstantArgument("remaining_weights")),
        ("bias", ConstantArgument("remaining_bias")),
        ("requantization", struct),
    ), (
        Constant("remaining_channels", chosen.astype(np.uint16), alignment=2),
        Constant("remaining_weights", dense.weights[chosen]),
        Constant("remaining_bias", wrap_int32(bias[chosen])),
        *arrays,
    )


KERNELS: Sequence[Kernel] = (GemvFullyConnected(),)

COMPACT_KERNELS: Sequence[Kernel] = (
    GemvFullyConnected("dsp.fully_connected_compact", unroll=_UNROLL_COMPACT),
)
"""The same with less code."""
