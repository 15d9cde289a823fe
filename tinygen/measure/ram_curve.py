# SPDX-License-Identifier: Apache-2.0
"""RAM against cycles: the plans between the smallest arena and the one without streams."""

from __future__ import annotations

from dataclasses import replace

from tinygen.compilation import Compilation, compile_model
from tinygen.planning.analysis import CurvePoint
from tinygen.planning.options import Budget, Optimize

_STEP = 1.03
"""How much smaller each point is than the one before, at least."""


def ram_curve(compilation: Compilation) -> tuple[CurvePoint, ...]:
    """Points of the curve, each planned with ``--ram``: bytes of an arena in one piece and cycles,
    estimated. What the model keeps between inferences counts to ``--ram``.
    """
    points = []
    model = compilation.graph
    options = replace(compilation.plan.options, banks=())
    plain = compile_model(model, replace(options, ram=None, optimize=Optimize.SPEED)).plan
    smallest = compile_model(model, replace(options, ram=None, optimize=Optimize.RAM)).plan
    arena = plain.arena_bytes
    while True:
        budget = arena + plain.state_bytes
        wanted = replace(options, optimize=Optimize.SPEED, ram=Budget(budget, "--ram"))
        plan = compile_model(model, wanted).plan
        streamed = tuple(
            tuple(layer.operator.index for layer in step.layers)
            for step in plan.steps
            if step.stream is not None
        )
        points.append(
            CurvePoint(budget, plan.arena_bytes, plan.cycles, plan.added_cycles, streamed)
        )
        if plan.arena_bytes <= smallest.arena_bytes:
            break
        arena = max(int(plan.arena_bytes / _STEP), smallest.arena_bytes)
    return tuple(points)
