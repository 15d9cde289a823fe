# SPDX-License-Identifier: Apache-2.0
"""One self-contained HTML page about a compilation: layers, memory over time, cost, verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jinja2

from tinygen.reporting.memory_map import memory_map
from tinygen.resources import VERSION, resource_root


def page_environment() -> jinja2.Environment:
    """What HTML pages are rendered with: escaping on, and no undefined value let through."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_root() / "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def report_page(
    analysis: Mapping[str, Any],
    plan: Mapping[str, Any],
    verdict: Mapping[str, Any] | None,
    profile: Mapping[str, Any] | None,
) -> str:
    """The page. All arguments are data as ``--json`` prints them; the last two may be missing.

    Bars compare the layers' cycles (instructions without a cycle model, MACs without a profile).
    """
    unit, costs = _costs(analysis, profile)
    largest = max([*costs, 1])
    rows = [
        {**operator, "cost": cost, "share": 100 * cost / largest}
        for operator, cost in zip(analysis["operators"], costs, strict=True)
    ]
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            version=VERSION,
            analysis=analysis,
            plan=plan,
            rows=rows,
            unit=unit,
            verdict=verdict,
            profile=profile,
            memory_map=memory_map(plan),
        )
    )


def _costs(analysis: Mapping[str, Any], profile: Mapping[str, Any] | None) -> tuple[str, list[int]]:
    """What the bars show, and its value for every operator."""
    operators = analysis["operators"]
    if profile is None or len(profile["layers"]) != len(operators):
        return "MACs", [operator["macs"] for operator in operators]
    unit = "instructions" if profile["total"]["cycles"] is None else "cycles"
    return unit, [layer[unit] for layer in profile["layers"]]
