# SPDX-License-Identifier: Apache-2.0
"""SVDF of int8 (with an int8 or int16 state) and of float32.

Semantics: TFLM ``svdf_common.cc``. The state is kept between inferences. It is shifted by one element
as a whole, so that a filter's newest value of one inference is what the next overwrites last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Numerics, Tensor
from tinygen.ir.layer import Layer
from tinygen.numerics import fixed_point as fp
from tinygen.ops.quantized import INTEGER_RANGES, scale, zero_point
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView

Pair = tuple[int, int]
"""A multiplier and its shift."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Svdf(Layer):
    """Filters over the input enter a memory each; a unit sums ``rank`` filters over their memories.

    ``features`` are (filters, inputs), ``times`` (filters, memory); ``inputs`` and ``outputs`` end
    with the state, (batches, filters · memory). The pairs are None for float32.
    """

    batches: int
    rank: int
    features: AnyArray
    times: AnyArray
    bias: AnyArray
    dtype: DType
    state_dtype: DType
    state_shape: tuple[int, ...]
    relu: bool
    input_zero_point: int = 0
    state_zero_point: int = 0
    output_zero_point: int = 0
    feature_pair: Pair | None = None
    output_pair: Pair | None = None

    @property
    def macs(self) -> int:
        """Of both matrices."""
        return self.batches * int(self.features.size + self.times.size)

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        values, state = inputs
        flat = state.reshape(-1).copy()
        flat[:-1] = flat[1:]
        memory = flat.reshape(self.batches, len(self.features), -1)
        if self.feature_pair is None or self.output_pair is None:
            return self._float(values, memory)
        centred = values.astype(np.int64) - self.input_zero_point
        sums = fp.wrap_int32(centred @ self.features.astype(np.int64).T)
        low, high = INTEGER_RANGES[self.state_dtype]
        new = np.clip(fp.multiply_by_quantized_multiplier(sums, *self.feature_pair), low, high)
        memory[:, :, -1] = (new + self.state_zero_point).astype(memory.dtype)
        past = memory.astype(np.int64) - self.state_zero_point
        filtered = (past * self.times.astype(np.int64)).sum(axis=2)
        units = filtered.reshape(self.batches, -1, self.rank).sum(axis=2) + self.bias
        scaled = fp.multiply_by_quantized_multiplier(fp.wrap_int32(units), *self.output_pair)
        outputs = np.clip(scaled.astype(np.int64) + self.output_zero_point, -128, 127)
        return outputs.astype(np.int8), memory.reshape(self.state_shape)

    def _float(self, values: AnyArray, memory: AnyArray) -> tuple[AnyArray, ...]:
        new = np.zeros((self.batches, len(self.features)), dtype=np.float32)
        for k in range(values.shape[1]):
            new = new + self.features[:, k] * values[:, k : k + 1]
        memory[:, :, -1] = new
        filtered = np.zeros(new.shape, dtype=np.float32)
        for j in range(memory.shape[2]):
            filtered = filtered + self.times[:, j] * memory[:, :, j]
        units = np.zeros((self.batches, len(self.bias)), dtype=np.float32) + self.bias
        by_unit = filtered.reshape(self.batches, -1, self.rank)
        for j in range(self.rank):
            units = units + by_unit[:, :, j]
        outputs = np.where(units < 0, np.float32(0), units) if self.relu else units
        return outputs.astype(np.float32), memory.reshape(self.state_shape)


def _state(view: OperatorView, shape: tuple[int, int]) -> Tensor:
    tensor = view.input(4)
    if len(tensor.shape) == 2 and tensor.shape[0] != shape[0]:
        view.invalid(
            f"it keeps a state of {tensor.shape[0]} for a batch of {shape[0]}, and one sample's state "
            "cannot go on to the next"
        )
    view.require_shape(tensor, shape)
    value = zero_point(view, tensor) if tensor.dtype is DType.INT8 else 0
    return view.variable(tensor, np.full(tensor.shape, value, dtype=tensor.dtype.numpy))


@operator("SVDF", stateful=True)
def lower_svdf(view: OperatorView) -> Layer:
    """Fold an SVDF with constant weights."""
    view.counts((5,))
    values, features, times, output = view.input(0), view.input(1), view.input(2), view.output()
    view.require_dtype(values, DType.INT8, DType.FLOAT32)
    view.require_dtype(output, values.dtype)
    is_float = values.dtype is DType.FLOAT32
    for tensor in (values, features, times, output):
        view.require_rank(tensor, 2)
    batches, size = values.shape
    filters, memory = times.shape
    rank = view.option("rank", int)
    if rank < 1 or filters % rank:
        view.invalid(f"{filters} filters are no multiple of the rank {rank}")
    units = filters // rank
    view.require_dtype(features, values.dtype)
    view.require_shape(features, (filters, size))
    view.require_shape(output, (batches, units))
    state = _state(view, (batches, filters * memory))
    view.require_dtype(times, *((DType.FLOAT32,) if is_float else (DType.INT8, DType.INT16)))
    view.require_dtype(state, times.dtype)
    if state.dtype is DType.INT8 and view.numerics is Numerics.LITERT:
        view.unsupported(
            f"its state {state.name!r} is INT8, and LiteRT's reference takes any for INT16",
            "Compile it with --numerics tflm.",
        )
    if not view.has_input(3) and not is_float:
        view.invalid("it lacks its bias, which TFLM needs")
    bias: AnyArray = np.zeros(units, dtype=np.float32)
    if view.has_input(3):
        view.require_dtype(view.input(3), DType.FLOAT32 if is_float else DType.INT32)
        view.require_shape(view.input(3), (units,))
        bias = view.require_constant(view.input(3))
    activation = view.activation
    if activation not in ("NONE", "RELU") or (not is_float and activation != "RELU"):
        view.unsupported(f"the fused activation {activation} is not supported")
    layer = Svdf(
        **view.ports(values, states=(state,)),
        batches=batches,
        rank=rank,
        features=view.require_constant(features),
        times=view.require_constant(times),
        bias=bias,
        dtype=values.dtype,
        state_dtype=state.dtype,
        state_shape=state.shape,
        relu=activation == "RELU",
    )
    if is_float:
        return layer
    scales = [np.float32(scale(view, t)) for t in (values, features, view.input(4), times, output)]
    feature_pair = fp.quantize_multiplier(float(scales[0] * scales[1] / scales[2]))
    output_pair = fp.quantize_multiplier(float(scales[2] * scales[3] / scales[4]))
    if max(feature_pair[1], output_pair[1]) > 30:
        view.unsupported("one of its scales is over 2**30 times finer than its operands'")
    bias_scale = scale(view, view.input(3))
    if abs(bias_scale - float(scales[2] * scales[3])) >= 1e-5:
        view.invalid("the scale of its bias is not the state's times the time weights'")
    return replace(
        layer,
        input_zero_point=zero_point(view, values),
        state_zero_point=zero_point(view, view.input(4)),
        output_zero_point=zero_point(view, output),
        feature_pair=feature_pair,
        output_pair=output_pair,
    )
