# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED in 16-bit SIMD assembly: ``dsp/fully_connected_s8.h``.

A convolution with one output pixel whose window is the whole input is one too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.kernels import binding as k
from tinygen.kernels.costs import Costs
from tinygen.kernels.dsp.base import dsp
from tinygen.kernels.dsp.packing import Channels, Int8Array, gemv_stream, prepare, shared_constants
from tinygen.kernels.kernel import Code, Offer, Refusal
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.outside import one_by_one, outside
from tinygen.kernels.structs import Value, struct
from tinygen.numerics.fixed_point import Int32Array, Requantization, Rounding
from tinygen.ops.convolution import Conv2D
from tinygen.ops.fully_connected import FullyConnected
from tinygen.requantize.channels import ROUNDS_TWICE, folded_bias, per_channel

_UNROLL = 8
_UNROLL_COMPACT = 4
_BLOCK = 8
_WINDOWS = Refusal("is for convolutions of one window")
_LEAST_GAIN = 1000.0
"""Cycles for which assembly is worth its code; layers that gain less are computed in C."""

_COSTS = Costs("dsp.gemm_fully_connected")


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


def _is_one_window(layer: Conv2D) -> bool:
    axes = (layer.window.height, layer.window.width)
    return layer.groups == 1 and all(
        (axis.output, axis.pad, axis.size, axis.dilation) == (1, 0, axis.input, 1) for axis in axes
    )


def _remaining_cycles(dense: _Dense) -> float:
    return dense.batches * (dense.inputs * _COSTS.remaining + _COSTS.remaining_output)


def _stream_cycles(dense: _Dense, blocks: int, unroll: int = _UNROLL) -> float:
    """Cycles of that many blocks of outputs, with fitted requantization."""
    turns = (dense.groups - 1) // unroll
    block = _COSTS.block + _COSTS.group * dense.groups + _COSTS.turn * turns
    an_input = _COSTS.product + (0.0 if dense.fills_groups else _COSTS.pad)
    return dense.batches * (_COSTS.batch + dense.inputs * an_input + blocks * block)


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
        dense.batches * _COSTS.two_roundings,
        alike=len(pairs) == 1,
    )


def _outside(dense: _Dense, channels: Channels) -> AnyArray:
    """The outputs that are not in the stream."""
    return outside(channels.missing, dense.outputs)


def _cycles(dense: _Dense, channels: Channels, unroll: int) -> float:
    outputs = len(channels.missing)
    per_output = _COSTS.two_roundings * channels.two_roundings + _COSTS.cut * bool(channels.cut)
    stream = _stream_cycles(dense, outputs // _BLOCK, unroll) if outputs else 0.0
    rest = len(_outside(dense, channels)) * _remaining_cycles(dense)
    return stream + dense.batches * outputs * per_output + rest


def _bind(layer: FullyConnected | Conv2D, channels: Channels, unroll: int) -> k.Binding:
    dense = _dense(layer)
    parameters = struct(
        "tinygen_dsp_fully_connected_params",
        dense,
        **_stream(dense, channels, unroll),
        **_rest(dense, channels),
    )
    function, scratch_bytes = "tinygen_dsp_fully_connected", 0
    arguments: tuple[k.Argument, ...] = (parameters, *in_and_out(layer))
    if not len(channels.missing):
        function += "_small"
    elif not dense.fills_groups:
        function, scratch_bytes = f"{function}_padded", 4 * dense.groups
        arguments = (*arguments, k.ScratchArgument("int8_t"))
    return k.Binding(
        calls=(k.Call(function, arguments),),
        headers=("dsp/fully_connected_s8.h",),
        scratch_bytes=scratch_bytes,
        notes=(channels.note,),
    )


def _stream(dense: _Dense, channels: Channels, unroll: int) -> dict[str, Value]:
    """What the outputs of the stream need: nothing if there are none."""
    if not len(channels.missing):
        return dict.fromkeys(("multiply", "stream", "constants", "shape"))
    shared = shared_constants(channels)
    assembly = k.Assembly(
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
    return {
        "multiply": assembly,
        "stream": gemv_stream(channels, with_constants=shared is None),
        "constants": shared,
        "shape": struct(
            "tinygen_gemv_shape", channels, groups=dense.groups, outputs=len(channels.missing)
        ),
    }


def _rest(dense: _Dense, channels: Channels) -> dict[str, Value]:
    """What the outputs outside the stream need: nothing if there are none."""
    chosen = _outside(dense, channels)
    bias = folded_bias(dense.weights, dense.bias, dense.input_zero_point)
    rest = one_by_one(chosen, dense.weights, bias, dense.requantization)
    return {"remaining": rest.pop("count"), **(rest if chosen.size else dict.fromkeys(rest))}


def _offer(layer: FullyConnected | Conv2D, unroll: int) -> Offer | Refusal:
    if layer.requantization.rounding is not Rounding.DOUBLE:
        return Refusal(ROUNDS_TWICE)
    channels = _channels(layer)
    cycles = _cycles(_dense(layer), channels, unroll)
    return Offer(cycles, lambda: _bind(layer, channels, unroll))


@dsp("fully_connected", FullyConnected, code=Code.LARGE)
def fully_connected(layer: FullyConnected) -> Offer | Refusal:
    """Eight groups of four inputs in a turn of the inner loop."""
    return _offer(layer, _UNROLL)


@dsp("fully_connected_compact", FullyConnected, code=Code.SMALL)
def fully_connected_compact(layer: FullyConnected) -> Offer | Refusal:
    """The same with less code."""
    return _offer(layer, _UNROLL_COMPACT)


@dsp("conv2d_one_window", Conv2D, code=Code.LARGE)
def one_window(layer: Conv2D) -> Offer | Refusal:
    """A convolution whose only window is the whole input."""
    return _offer(layer, _UNROLL) if _is_one_window(layer) else _WINDOWS


@dsp("conv2d_one_window_compact", Conv2D, code=Code.SMALL)
def one_window_compact(layer: Conv2D) -> Offer | Refusal:
    """The same with less code."""
    return _offer(layer, _UNROLL_COMPACT) if _is_one_window(layer) else _WINDOWS


KERNELS = (fully_connected, fully_connected_compact, one_window, one_window_compact)
