# SPDX-License-Identifier: Apache-2.0
"""The arena over time as SVG: blocks as rectangles, steps across, bytes up, the peak marked.

A streamed step is as wide as its events need to be seen; the rows of its rings come and go within it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from tinygen.reporting import svg

_WIDTH = 960
_HEIGHT = 420
_LEFT = 80
_RIGHT = 20
_TOP = 30
_BOTTOM = 40
_COLOURS = ("#4c78a8", "#72b7b2", "#54a24b", "#eeca3b", "#f58518", "#e45756", "#b279a2", "#9d755d")
_SCRATCH_COLOUR = "#bab0ac"
_OUTLINE = {"stroke": "#333", "stroke_width": "0.3"}


def memory_map(plan: Mapping[str, Any]) -> str:
    """The SVG of a plan given as data (NAME_plan.json); one self-contained element."""
    blocks = plan["blocks"]
    edges = _event_edges(plan)
    top_bytes = max(plan["arena_bytes"], 1)
    names = {f"tensor {tensor['index']}": tensor["name"] for tensor in plan["tensors"]}
    scale = (_HEIGHT - _TOP - _BOTTOM) / top_bytes
    base = _HEIGHT - _BOTTOM

    def y(offset: int) -> float:
        return float(base - offset * scale)

    parts = []
    for number, block in enumerate(blocks):
        scratch = block["key"] not in names
        colour = _SCRATCH_COLOUR if scratch else _COLOURS[number % len(_COLOURS)]
        label = (
            f"{names.get(block['key'], block['key'])}: {block['bytes']:,} bytes at "
            f"{block['offset']:,}, steps {block['first_step']} to {block['last_step']}"
        )
        for part in block["parts"]:
            top = y(block["offset"] + part["offset"] + part["bytes"])
            for first, end in part["events"]:
                width, height = edges[end] - edges[first], max(part["bytes"] * scale, 0.5)
                style = {"fill": colour, "fill_opacity": "0.75"} | _OUTLINE
                parts.append(svg.rect(edges[first], top, width, height, label, **style))
    parts += _axes(plan, edges, base, y(plan["arena_bytes"]))
    banks = plan.get("banks", ())
    for bank in banks if len(banks) > 1 else ():
        parts.append(_level(y(bank["offset"]), f"{bank['name']} from here up", "#060"))
    bound = plan["arena_lower_bound_bytes"]
    if bound < plan["arena_bytes"]:
        parts.append(_level(y(bound), f"lower bound {bound:,}", "#888"))
    parts.append(_level(y(plan["arena_bytes"]), f"peak {plan['arena_bytes']:,} bytes", "#c00"))
    title = f"Arena of {plan['name']}: {plan['arena_bytes']:,} bytes"
    return svg.picture(_WIDTH, _HEIGHT, title, parts, **svg.PLAIN)


def _level(height: float, text: str, colour: str) -> str:
    right = _WIDTH - _RIGHT
    dashes = svg.line(_LEFT, height, right, height, stroke=colour, stroke_dasharray="4 3")
    return dashes + svg.text(right, height - 4, text, "end", fill=colour)


def _axes(plan: Mapping[str, Any], edges: Sequence[float], base: float, top: float) -> list[str]:
    parts = [
        svg.line(_LEFT, base, _WIDTH - _RIGHT, base, stroke="currentColor"),
        svg.line(_LEFT, base, _LEFT, top, stroke="currentColor"),
        svg.text(_LEFT - 6, base, "0", "end"),
        svg.text(_LEFT - 6, top + 4, f"{plan['arena_bytes']:,}", "end"),
        svg.text(_WIDTH / 2, _HEIGHT - 6, "step", "middle"),
    ]
    centres: dict[int, list[float]] = {}
    for event, step in enumerate(plan["events"]):
        centres.setdefault(step, []).append((edges[event] + edges[event + 1]) / 2)
    every = max(1, len(centres) // 20)
    for step in list(centres)[::every]:
        x = sum(centres[step]) / len(centres[step])
        parts.append(svg.text(x, base + 14, str(step), "middle"))
    return parts


def _event_edges(plan: Mapping[str, Any]) -> list[float]:
    """Where each event begins, and where the last ends: half the width at least is ordinary steps'."""
    events = plan["events"]
    streamed = [events.count(step) > 1 for step in events]
    ordinary = streamed.count(False)
    wide = max(1.0, streamed.count(True) / ordinary) if ordinary else 1.0
    weights = [1.0 if part else wide for part in streamed] or [1.0]
    unit = (_WIDTH - _LEFT - _RIGHT) / max(sum(weights), 1.0)
    return [_LEFT + unit * weight for weight in accumulate(weights, initial=0.0)]
