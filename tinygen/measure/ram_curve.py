# SPDX-License-Identifier: Apache-2.0
"""RAM against cycles: the plans between the smallest arena and the one without streams."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tinygen.compilation import compile_model
from tinygen.planning.options import Budget, Optimize, Options

_STEP = 1.03
"""How much smaller each point is than the one before, at least."""


def curve_as_data(model: Path, options: Options) -> list[dict[str, Any]]:
    """Points of the curve, each planned with ``--ram``: bytes of an arena in one piece and cycles,
    estimated.
    """
    points = []
    options = replace(options, banks=())
    plain = compile_model(model, replace(options, ram=None, optimize=Optimize.SPEED)).plan
    smallest = compile_model(model, replace(options, ram=None, optimize=Optimize.RAM)).plan
    budget = plain.arena_bytes
    while True:
        wanted = replace(options, optimize=Optimize.SPEED, ram=Budget(budget, "--ram"))
        plan = compile_model(model, wanted).plan
        points.append(
            {
                "ram": budget,
                "arena_bytes": plan.arena_bytes,
                "cycles_estimate": plan.cycles,
                "added_cycles": plan.added_cycles,
                "streamed": [
                    [layer.operator.index for layer in step.layers]
                    for step in plan.steps
                    if step.stream is not None
                ],
            }
        )
        if plan.arena_bytes <= smallest.arena_bytes:
            break
        budget = max(int(plan.arena_bytes / _STEP), smallest.arena_bytes)
    return points
