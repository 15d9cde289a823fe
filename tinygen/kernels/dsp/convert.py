# SPDX-License-Identifier: Apache-2.0
"""DSP kernels of RELU and RELU6 of int8, and of QUANTIZE between int8, uint8 and int16."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.kernels.binding import Argument, Binding, Call, Constant
from tinygen.kernels.costs import Costs
from tinygen.kernels.dsp.base import dsp
from tinygen.kernels.kernel import Code, Offer, Refusal
from tinygen.kernels.operands import in_and_out, in_and_out_as
from tinygen.kernels.overlap import in_order
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import INT32_MAX, INT32_MIN, Int64Array
from tinygen.ops.quantized import INTEGER_RANGES
from tinygen.ops.requantize import Clamp, Requantize

_COSTS = Costs("dsp.convert")
_BYTES = (DType.INT8, DType.UINT8)
_SUFFIX = {DType.INT8: "s8", DType.INT16: "s16"}
_FRACTION = 15
"""Binary places of the products of ``dsp/convert_s16.h`` before any right shift."""


def _types(layer: Requantize) -> tuple[DType, DType]:
    return layer.input_dtype, layer.output_dtype


def _outputs(layer: Requantize) -> AnyArray:
    """The output of every input, the inputs in the order of their bits."""
    bits = np.arange(1 << layer.input_dtype.bits)
    (outputs,) = replace(layer, shape=bits.shape).reference(bits.astype(layer.input_dtype.numpy))
    return outputs


def _other_types(layer: Requantize) -> Refusal:
    return Refusal(f"is from {layer.input_dtype.value} to {layer.output_dtype.value}")


@dsp("flip_sign_bit", Requantize)
def flip_sign_bit(layer: Requantize) -> Offer | Refusal:
    """QUANTIZE between int8 and uint8 of the same scale, their zero points 128 apart."""
    if sorted(_types(layer), key=str) != sorted(_BYTES, key=str):
        return _other_types(layer)
    if not np.array_equal(_outputs(layer).view(np.uint8), np.arange(256) ^ 0x80):
        return Refusal("changes more than the sign bit")
    count = math.prod(layer.shape)
    call = Call("tinygen_dsp_flip_sign_bit", (count, *in_and_out_as(layer, "int8_t")))
    return _offer(layer, _COSTS.flip, call, "dsp/convert_s8.h", *_types(layer))


@dsp("lookup_s8", Requantize)
def lookup(layer: Requantize) -> Offer | Refusal:
    """QUANTIZE between types of a byte by a table."""
    if not set(_types(layer)) <= set(_BYTES):
        return _other_types(layer)
    table = Constant("table", _outputs(layer).view(np.int8), alignment=1)
    arguments = (math.prod(layer.shape), table, *in_and_out_as(layer, "int8_t"))
    call = Call("tinygen_dsp_lookup_s8", arguments)
    return _offer(layer, _COSTS.lookup, call, "dsp/convert_s8.h", *_types(layer))


@dsp("lookup_s8_s16", Requantize, code=Code.LARGE)
def lookup_s8_s16(layer: Requantize) -> Offer | Refusal:
    """QUANTIZE from int8 to int16 by a table."""
    if _types(layer) != (DType.INT8, DType.INT16):
        return _other_types(layer)
    table = Constant("table", _outputs(layer))
    arguments = (math.prod(layer.shape), table, *in_and_out(layer))
    call = Call("tinygen_dsp_lookup_s8_s16", arguments)
    return _offer(layer, _COSTS.lookup_s16, call, "dsp/convert_s16.h", *_types(layer))


@dataclass(frozen=True)
class _Scaling:
    """Constants of ``tinygen_dsp_scale_s16_params``."""

    multiplier: int
    base: int
    below: int
    shift: int

    def apply(self, values: Int64Array) -> Int64Array:
        """What the kernel computes before it saturates."""
        sums = self.sums(values)
        return sums >> self.shift

    def sums(self, values: Int64Array) -> Int64Array:
        """The sums before the shift."""
        base = np.where(values < 0, self.base - self.below, self.base)
        return ((values * self.multiplier) >> 16) + base


def _scaling(layer: Requantize) -> _Scaling | None:
    """TFLM's two roundings as one sum, proven for all 65,536 inputs; None where it is not the same.

    A rounding high product is a sum shifted by ``_FRACTION`` places, less those of a left shift; the
    shift to the right that follows rounds halves away from zero, so a negative value starts one unit
    of the first rounding lower.
    """
    q = layer.requantization
    if (q.clamp_min, q.clamp_max) != INTEGER_RANGES[layer.output_dtype]:
        return None
    left, right = max(int(q.shifts[0]), 0), max(-int(q.shifts[0]), 0)
    places = _FRACTION - left
    if places < 1 or places + right > 30:
        return None
    unit = 1 << places
    half = unit >> 1
    if right:
        half += unit << (right - 1)
    found = _Scaling(
        multiplier=int(q.multipliers[0]),
        base=half + (q.zero_point << (places + right)),
        below=unit if right else 0,
        shift=places + right,
    )
    values = np.arange(1 << 16, dtype=np.uint16).view(np.int16)
    sums = found.sums(values.astype(np.int64))
    fits = sums.min() >= INT32_MIN and sums.max() <= INT32_MAX
    got = np.clip(found.apply(values.astype(np.int64)), q.clamp_min, q.clamp_max)
    return found if fits and np.array_equal(got, _outputs(layer)) else None


@dsp("scale_s16", Requantize)
def scale_s16(layer: Requantize) -> Offer | Refusal:
    """QUANTIZE from int16 to int8 or int16."""
    if layer.input_dtype is not DType.INT16 or layer.output_dtype not in _SUFFIX:
        return _other_types(layer)
    found = _scaling(layer)
    if found is None:
        return Refusal("its scale needs the general requantization")
    parameters = struct("tinygen_dsp_scale_s16_params", found, count=math.prod(layer.shape))
    name = f"tinygen_dsp_scale_s16_{_SUFFIX[layer.output_dtype]}"
    call = Call(name, (parameters, *in_and_out(layer)))
    per_output = _COSTS.scale_s8 if layer.output_dtype is DType.INT8 else _COSTS.scale_s16
    per_output += _COSTS.sign * bool(found.below)
    note = "requantization: proven for all 65,536 inputs"
    return _offer(layer, per_output, call, "dsp/convert_s16.h", *_types(layer), note=note)


@dsp("clamp_s8", Clamp)
def clamp(layer: Clamp) -> Offer:
    """RELU and RELU6 that keep the scale."""
    arguments: tuple[Argument, ...] = (layer.clamp_min, layer.clamp_max, *in_and_out(layer))
    call = Call("tinygen_dsp_clamp_s8", (math.prod(layer.shape), *arguments))
    return _offer(layer, _COSTS.clamp, call, "dsp/convert_s8.h", DType.INT8, DType.INT8)


def _offer(
    layer: Requantize | Clamp,
    per_output: float,
    call: Call,
    header: str,
    source: DType,
    target: DType,
    note: str = "",
) -> Offer:
    count = math.prod(layer.shape)
    binding = Binding(
        calls=(call,),
        headers=(header,),
        overlaps=in_order(layer.inputs[0], layer.outputs[0], count, source, target),
        notes=(note,) if note else (),
    )
    return Offer(_COSTS.call + per_output * count, lambda: binding)


KERNELS = (flip_sign_bit, lookup, lookup_s8_s16, scale_s16, clamp)
