# SPDX-License-Identifier: Apache-2.0
"""The arena over time as SVG: blocks as rectangles, steps across, bytes up, the peak marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

_WIDTH = 960
_HEIGHT = 420
_LEFT = 80
_RIGHT = 20
_TOP = 30
_BOTTOM = 40
_COLOURS = ("#4c78a8", "#72b7b2", "#54a24b", "#eeca3b", "#f58518", "#e45756", "#b279a2", "#9d755d")
_SCRATCH_COLOUR = "#bab0ac"


def memory_map(plan: Mapping[str, Any]) -> str:
    """The SVG of a plan given as data (``plan_as_data``); one self-contained element."""
    blocks = plan["blocks"]
    steps = max(len(plan["steps"]), 1)
    top_bytes = max(plan["arena_bytes"], 1)
    names = {f"tensor {tensor['index']}": tensor["name"] for tensor in plan["tensors"]}
    column = (_WIDTH - _LEFT - _RIGHT) / steps
    scale = (_HEIGHT - _TOP - _BOTTOM) / top_bytes
    base = _HEIGHT - _BOTTOM

    def y(offset: int) -> float:
        return float(base - offset * scale)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="11" role="img">',
        f"<title>Arena of {escape(plan['name'])}: {plan['arena_bytes']:,} bytes</title>",
    ]
    for number, block in enumerate(blocks):
        scratch = block["key"] not in names
        colour = _SCRATCH_COLOUR if scratch else _COLOURS[number % len(_COLOURS)]
        left = _LEFT + block["first_step"] * column
        width = (block["last_step"] - block["first_step"] + 1) * column
        label = (
            f"{names.get(block['key'], block['key'])}: {block['bytes']:,} bytes at "
            f"{block['offset']:,}, steps {block['first_step']} to {block['last_step']}"
        )
        parts.append(
            f'<rect x="{left:.1f}" y="{y(block["offset"] + block["bytes"]):.1f}" '
            f'width="{width:.1f}" height="{max(block["bytes"] * scale, 0.5):.1f}" '
            f'fill="{colour}" fill-opacity="0.75" stroke="currentColor" stroke-width="0.5">'
            f"<title>{escape(label)}</title></rect>"
        )
    parts += _axes(plan, steps, column, base, y(plan["arena_bytes"]))
    bound = plan["arena_lower_bound_bytes"]
    if bound < plan["arena_bytes"]:
        parts.append(_level(y(bound), f"lower bound {bound:,}", "#888"))
    parts.append(_level(y(plan["arena_bytes"]), f"peak {plan['arena_bytes']:,} bytes", "#c00"))
    return "\n".join([*parts, "</svg>"])


def _level(height: float, text: str, colour: str) -> str:
    right = _WIDTH - _RIGHT
    return (
        f'<line x1="{_LEFT}" y1="{height:.1f}" x2="{right}" y2="{height:.1f}" stroke="{colour}" '
        f'stroke-dasharray="4 3"/><text x="{right}" y="{height - 4:.1f}" text-anchor="end" '
        f'fill="{colour}">{escape(text)}</text>'
    )


def _axes(plan: Mapping[str, Any], steps: int, column: float, base: float, top: float) -> list[str]:
    parts = [
        f'<line x1="{_LEFT}" y1="{base}" x2="{_WIDTH - _RIGHT}" y2="{base}" stroke="currentColor"/>',
        f'<line x1="{_LEFT}" y1="{base}" x2="{_LEFT}" y2="{top:.1f}" stroke="currentColor"/>',
        f'<text x="{_LEFT - 6}" y="{base}" text-anchor="end">0</text>',
        f'<text x="{_LEFT - 6}" y="{top + 4:.1f}" text-anchor="end">{plan["arena_bytes"]:,}</text>',
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 6}" text-anchor="middle">step</text>',
    ]
    every = max(1, steps // 20)
    for step in range(0, steps, every):
        x = _LEFT + (step + 0.5) * column
        parts.append(f'<text x="{x:.1f}" y="{base + 14}" text-anchor="middle">{step}</text>')
    return parts
