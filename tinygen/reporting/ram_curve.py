# SPDX-License-Identifier: Apache-2.0
"""The curve of RAM against cycles: as SVG, and as a table with bars for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from rich.table import Table

from tinygen.reporting.console import plain_console

_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 30, 40, 50
_BAR = 40


def curve_svg(data: Mapping[str, Any]) -> str:
    """The SVG of an analysis with its ``ram_curve``: bytes across, cycles up."""
    points = data["ram_curve"]
    most = max(point["arena_bytes"] for point in points)
    costs = [point["added_cycles"] for point in points]
    low, high = min(0.0, *costs), max(0.01, *costs)

    def x(nbytes: float) -> float:
        return float(_LEFT + nbytes / most * (_WIDTH - _LEFT - _RIGHT))

    def y(cost: float) -> float:
        share = (cost - low) / (high - low)
        return float(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM))

    base = _HEIGHT - _BOTTOM
    line = " ".join(f"{x(p['arena_bytes']):.1f},{y(p['added_cycles']):.1f}" for p in points)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="11" role="img">',
        f"<title>RAM against cycles of {escape(str(data['model']))}</title>",
        f'<line x1="{_LEFT}" y1="{base}" x2="{_WIDTH - _RIGHT}" y2="{base}" stroke="#333"/>',
        f'<line x1="{_LEFT}" y1="{base}" x2="{_LEFT}" y2="{_TOP}" stroke="#333"/>',
        f'<polyline points="{line}" fill="none" stroke="#4c78a8" stroke-width="1.5"/>',
    ]
    for point in points:
        across, up = x(point["arena_bytes"]), y(point["added_cycles"])
        label = f"{point['arena_bytes']:,} bytes, {point['added_cycles']:+.1%}"
        parts.append(
            f'<circle cx="{across:.1f}" cy="{up:.1f}" r="3.5" fill="#4c78a8">'
            f"<title>--ram {point['ram']}: {label}</title></circle>"
        )
    for part in range(5):
        nbytes, cost = most * part / 4, low + (high - low) * part / 4
        parts.append(
            f'<text x="{x(nbytes):.1f}" y="{base + 16}" text-anchor="middle">{nbytes:,.0f}</text>'
        )
        parts.append(
            f'<text x="{_LEFT - 6}" y="{y(cost) + 4:.1f}" text-anchor="end">{cost:+.1%}</text>'
        )
    parts.append(
        f'<text x="{_LEFT}" y="{_TOP - 14}">estimated cycles beside the plan without streams, '
        f"by bytes of arena</text>"
    )
    return "\n".join([*parts, "</svg>"])


def print_curve(data: Mapping[str, Any]) -> None:
    """The points as a table, with bars of bytes."""
    points = data["ram_curve"]
    most = max(point["arena_bytes"] for point in points)
    table = Table(title="RAM against cycles (estimated)", title_justify="left")
    for heading in ("--ram", "arena", "cycles"):
        table.add_column(heading, justify="right")
    table.add_column("")
    table.add_column("streamed operators")
    for point in points:
        chains = (f"{c[0]}-{c[-1]}" if len(c) > 1 else str(c[0]) for c in point["streamed"])
        table.add_row(
            f"{point['ram']:,}",
            f"{point['arena_bytes']:,}",
            f"{point['added_cycles']:+.1%}",
            "█" * max(1, round(point["arena_bytes"] / most * _BAR)),
            ", ".join(chains) or "none",
        )
    plain_console().print(table)
