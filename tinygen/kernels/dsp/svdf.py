# SPDX-License-Identifier: Apache-2.0
"""SVDF of int8 in 16-bit SIMD: ``dsp/svdf_s8.h``."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tinygen.ir.graph import DType
from tinygen.kernels import binding as k
from tinygen.kernels.costs import Costs
from tinygen.kernels.dsp.base import dsp
from tinygen.kernels.dsp.packing import dense_stream, scales_exactly
from tinygen.kernels.kernel import Code, Offer, Refusal
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import Int32Array, Requantization, wrap_int32
from tinygen.ops.svdf import Svdf

_UNROLL = 8
_UNROLL_COMPACT = 4

_COSTS = Costs("dsp.svdf")


@lru_cache(maxsize=16)
def _stream(layer: Svdf) -> Int32Array | None:
    """Of the filters' weights; None if sums are too large."""
    nothing = np.zeros(len(layer.features), np.int64)
    return dense_stream(layer.features.astype(np.int8), nothing, layer.input_zero_point)


def _sizes(layer: Svdf) -> tuple[int, int, int]:
    """Blocks of eight filters, groups of four inputs, and values of a memory."""
    filters, inputs = layer.features.shape
    return -(-filters // 8), -(-inputs // 4), layer.times.shape[1]


def _cycles(layer: Svdf, unroll: int) -> float:
    blocks, groups, memory = _sizes(layer)
    filters, inputs = (int(extent) for extent in layer.features.shape)
    products = _COSTS.group * groups + _COSTS.turn * ((groups - 1) // unroll) + _COSTS.block
    value = _COSTS.value_s16 if layer.state_dtype is DType.INT16 else _COSTS.value_s8
    # Values that do not fill words are moved one by one.
    odd = (memory - 1) % 4
    return layer.batches * (
        _COSTS.batch
        + inputs * (_COSTS.product + (_COSTS.pad if inputs % 4 else 0.0))
        + blocks * products
        + filters * (_COSTS.filter + value * (memory - 1 - odd) + _COSTS.odd * odd)
        + filters // layer.rank * _COSTS.output
    )


def _bind(layer: Svdf, unroll: int) -> k.Binding:
    stream = _stream(layer)
    assert stream is not None
    assert layer.feature_pair is not None
    assert layer.output_pair is not None
    blocks, groups, memory = _sizes(layer)
    filters, inputs = layer.features.shape
    by_unit = layer.times.astype(np.int64).reshape(filters // layer.rank, -1)
    multiplier, shift = layer.output_pair
    parameters = struct(
        "tinygen_dsp_svdf_params",
        layer,
        multiply=k.Assembly(
            "dsp/gemv_sums.inc",
            "tinygen_gemv_sums_function",
            "tinygen_gemv_sums",
            (("unroll", unroll),),
        ),
        stream=stream,
        groups=groups,
        blocks=blocks,
        bias=wrap_int32(layer.bias - layer.state_zero_point * by_unit.sum(axis=1)),
        inputs=inputs,
        units=filters // layer.rank,
        memory=memory,
        feature_multiplier=layer.feature_pair[0],
        feature_shift=layer.feature_pair[1],
        requantization=Requantization(
            multipliers=np.array([multiplier], np.int32),
            shifts=np.array([shift], np.int32),
            zero_point=layer.output_zero_point,
            clamp_min=-128,
            clamp_max=127,
        ),
    )
    values, state = layer.inputs
    call = k.Call(
        f"tinygen_dsp_svdf_{'s16' if layer.state_dtype is DType.INT16 else 's8'}",
        (
            parameters,
            k.Constant("times", layer.times),
            k.TensorArgument(values),
            k.TensorArgument(state, writable=True),
            k.ScratchArgument("int32_t"),
            k.TensorArgument(layer.outputs[0], writable=True),
        ),
    )
    scratch_bytes = 4 * (8 * blocks + (groups if inputs % 4 else 0))
    return k.Binding(calls=(call,), headers=("dsp/svdf_s8.h",), scratch_bytes=scratch_bytes)


def _offer(layer: Svdf, unroll: int) -> Offer | Refusal:
    if layer.feature_pair is None:
        return Refusal("is for int8")
    if not scales_exactly(layer.feature_pair):
        return Refusal("the scale of its features is next to 0")
    if _stream(layer) is None:
        return Refusal("sums of its products are too large for two in a word")
    return Offer(_cycles(layer, unroll), lambda: _bind(layer, unroll))


@dsp("svdf_s8", Svdf, code=Code.LARGE)
def svdf_s8(layer: Svdf) -> Offer | Refusal:
    """With a state of int8 or int16."""
    return _offer(layer, _UNROLL)


@dsp("svdf_s8_compact", Svdf, code=Code.SMALL)
def svdf_s8_compact(layer: Svdf) -> Offer | Refusal:
    """The same with less code."""
    return _offer(layer, _UNROLL_COMPACT)


KERNELS = (svdf_s8, svdf_s8_compact)
