# SPDX-License-Identifier: Apache-2.0
"""TFLM's custom operator CIRCULAR_BUFFER: the latest inputs of a stream, and a rest of the model that
runs only every so many inferences.

Semantics: TFLM ``circular_buffer.cc``. Where TFLM ends the run (``kTfLiteAbort``), so does
``invoke``; the model's outputs are then those of the last inference that went through, 0 before that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.ops.quantized import zero_point
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView
from tinygen.tflite.flexbuffer import read_flexbuffer_map

_EVERY_TIME = (5, 13, 25)
"""Slots of buffers that TFLM runs every time where the model does not say."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CircularBuffer(Layer):
    """``slots`` inputs of ``depth`` elements, oldest first; goes on every ``period`` inferences.

    ``inputs`` are the new one, the kept ones and the inferences left; ``outputs`` are all slots, and
    the states again.
    """

    slots: int
    depth: int
    period: int
    output_shape: tuple[int, ...]

    @property
    def may_end(self) -> bool:
        """Whether some inferences end here."""
        return self.period > 1

    def ends(self, results: tuple[AnyArray, ...]) -> bool:
        """Whether inferences are left until the rest of the model runs."""
        return self.may_end and int(results[2][0]) != self.period

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        new, kept, left = inputs
        slots = np.concatenate([kept[self.depth :], new.reshape(-1)])
        remaining = int(left[0]) - 1
        counter = np.array([remaining or self.period], dtype=np.int32)
        return slots.reshape(self.output_shape), slots, counter


def _period(view: OperatorView, shape: tuple[int, ...]) -> int:
    raw = view.option("custom_options", bytes)
    given = int(read_flexbuffer_map(raw, view.operator.label).get("cycles_max", 0)) if raw else 0
    if given > 0:
        return given
    if shape[2:] == (2, 96) and shape[1] not in _EVERY_TIME:
        view.unsupported(
            "it does not say its cycles_max, and TFLM would go by its place among all models' buffers"
        )
    return 1 if shape[1] in _EVERY_TIME else 2


@operator("CIRCULAR_BUFFER", custom=True, stateful=True)
def lower_circular_buffer(view: OperatorView) -> Layer:
    """Fold a CIRCULAR_BUFFER of int8."""
    values, output = view.in_and_out(DType.INT8)
    view.require_rank(values, 4)
    view.require_rank(output, 4)
    if values.shape[0] != 1 or values.shape[1] != 1:
        view.unsupported(
            f"it keeps a state across a batch of shape {list(values.shape)}, not of one input"
        )
    slots = output.shape[1]
    view.require_shape(output, (1, slots, *values.shape[2:]))
    period = _period(view, output.shape)
    if period > 1 and view.graph is not None and view.subgraph is not view.graph.main:
        view.unsupported("it ends inferences from within a subgraph")
    point = zero_point(view, output) if output.quantization else 0
    kept = view.state("slots", np.full(output.elements, point, dtype=np.int8), 0)
    left = view.state("inferences left", np.array([period], dtype=np.int32), 1)
    return CircularBuffer(
        **view.ports(values, states=(kept, left)),
        slots=slots,
        depth=values.elements,
        period=period,
        output_shape=output.shape,
    )
