# SPDX-License-Identifier: Apache-2.0
"""UNIDIRECTIONAL_SEQUENCE_LSTM of int8 in 16-bit SIMD assembly: ``dsp/lstm_s8.h``."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.kernels import binding as k
from tinygen.kernels.costs import Costs
from tinygen.kernels.dsp.base import dsp
from tinygen.kernels.dsp.packing import dense_stream, scales_exactly
from tinygen.kernels.kernel import Code, Offer, Refusal
from tinygen.kernels.lstm import pair_fields, sigmoid_positions
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import Int32Array
from tinygen.ops.lstm import Lstm, Pair

_UNROLL, _MOST_BLOCKS = 8, 8
_UNROLL_COMPACT, _MOST_BLOCKS_COMPACT = 4, 4
_GATES = 4
_UNITS_OF_BLOCK = 2

_COSTS = Costs("dsp.lstm")


def _by_unit(arrays: list[AnyArray]) -> AnyArray:
    """(units · 4, …) of (units, …) of each gate."""
    units = np.stack(arrays, axis=1)
    return units.reshape(-1, *units.shape[2:])


@lru_cache(maxsize=16)
def _streams(layer: Lstm) -> tuple[Int32Array, Int32Array] | None:
    """Those of the input and of the hidden state; None if sums are too large for either."""
    weights = _by_unit([gate.weights for gate in layer.gates])
    recurrent = _by_unit([gate.recurrent_weights for gate in layer.gates])
    bias = _by_unit([gate.bias for gate in layer.gates])
    own = dense_stream(weights, bias, layer.input_zero_point)
    past = dense_stream(recurrent, np.zeros_like(bias), layer.hidden_zero_point)
    return None if own is None or past is None else (own, past)


def _pairs(layer: Lstm) -> list[Pair]:
    own = [layer.forget_pair, layer.update_pair, layer.hidden_pair]
    return own + [pair for gate in layer.gates for pair in (gate.input_pair, gate.recurrent_pair)]


def _blocks(layer: Lstm) -> int:
    return -(-layer.units // _UNITS_OF_BLOCK)


def _cycles(layer: Lstm, unroll: int, most_blocks: int) -> float:
    unit = _COSTS.unit if unroll == _UNROLL else _COSTS.unit_compact
    groups = -(-layer.depth // 4), -(-layer.units // 4)
    products = sum(_COSTS.group * each + _COSTS.turn * ((each - 1) // unroll) for each in groups)
    blocks = _blocks(layer)
    step = (
        _COSTS.step
        + blocks * (products + 2 * _COSTS.block)
        + 2 * _COSTS.call * -(-blocks // most_blocks)
        + (_COSTS.product * 4 * sum(groups) + _COSTS.copied * layer.units)
        + (_COSTS.copied * layer.depth if layer.depth % 4 else 0.0)
        + unit * layer.units
    )
    return layer.steps * step


def _bind(layer: Lstm, unroll: int, most_blocks: int) -> k.Binding:
    streams = _streams(layer)
    assert streams is not None
    sequence, hidden, cell = layer.inputs
    groups, recurrent_groups = -(-layer.depth // 4), -(-layer.units // 4)
    most_blocks = min(most_blocks, _blocks(layer))
    parameters = struct(
        "tinygen_dsp_lstm_params",
        layer,
        multiply=k.Assembly(
            "dsp/gemv_sums.inc",
            "tinygen_gemv_sums_function",
            "tinygen_gemv_sums",
            (("unroll", unroll),),
        ),
        stream=streams[0],
        recurrent_stream=streams[1],
        groups=groups,
        recurrent_groups=recurrent_groups,
        blocks=_blocks(layer),
        most_blocks=most_blocks,
        forget_pair=pair_fields(layer.forget_pair),
        update_pair=pair_fields(layer.update_pair),
        hidden_pair=pair_fields(layer.hidden_pair),
        **sigmoid_positions(layer),
        gates=[
            struct(
                "tinygen_dsp_lstm_gate",
                gate,
                input_pair=pair_fields(gate.input_pair),
                recurrent_pair=pair_fields(gate.recurrent_pair),
            )
            for gate in layer.gates
        ],
    )
    call = k.Call(
        "tinygen_dsp_lstm_s8",
        (
            parameters,
            k.TensorArgument(sequence),
            k.TensorArgument(hidden, writable=True),
            k.TensorArgument(cell, writable=True),
            k.ScratchArgument("int32_t"),
            k.TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    rows = 4 * (recurrent_groups + 1) + (4 * groups if layer.depth % 4 else 0)
    sums = 4 * 2 * _GATES * _UNITS_OF_BLOCK * most_blocks
    return k.Binding(calls=(call,), headers=("dsp/lstm_s8.h",), scratch_bytes=sums + rows)


def _offer(layer: Lstm, unroll: int, most_blocks: int) -> Offer | Refusal:
    if layer.dtype is not DType.INT8:
        return Refusal("is for int8")
    if not all(map(scales_exactly, _pairs(layer))):
        return Refusal("one of its scales is next to 0")
    if _streams(layer) is None:
        return Refusal("sums of its products are too large for two in a word")
    return Offer(_cycles(layer, unroll, most_blocks), lambda: _bind(layer, unroll, most_blocks))


@dsp("lstm_s8", Lstm, code=Code.LARGE)
def lstm_s8(layer: Lstm) -> Offer | Refusal:
    """Sixteen units at a time."""
    return _offer(layer, _UNROLL, _MOST_BLOCKS)


@dsp("lstm_s8_compact", Lstm, code=Code.SMALL)
def lstm_s8_compact(layer: Lstm) -> Offer | Refusal:
    """The same with less code and memory."""
    return _offer(layer, _UNROLL_COMPACT, _MOST_BLOCKS_COMPACT)


KERNELS = (lstm_s8, lstm_s8_compact)
