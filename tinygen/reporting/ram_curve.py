# SPDX-License-Identifier: Apache-2.0
"""The curve of RAM against cycles: as SVG, and as a table with bars for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinygen.reporting import svg
from tinygen.reporting.console import plain_console, table_of

_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 30, 40, 50
_BAR = 40
_COLOUR = "#4c78a8"


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
    places = [(x(p["arena_bytes"]), y(p["added_cycles"])) for p in points]
    parts = [
        svg.line(_LEFT, base, _WIDTH - _RIGHT, base, stroke="#333"),
        svg.line(_LEFT, base, _LEFT, _TOP, stroke="#333"),
        svg.polyline(places, fill="none", stroke=_COLOUR, stroke_width="1.5"),
    ]
    for point, place in zip(points, places, strict=True):
        label = f"{point['arena_bytes']:,} bytes, {point['added_cycles']:+.1%}"
        parts.append(svg.circle(*place, 3.5, f"--ram {point['ram']}: {label}", fill=_COLOUR))
    for part in range(5):
        nbytes, cost = most * part / 4, low + (high - low) * part / 4
        parts.append(svg.text(x(nbytes), base + 16, f"{nbytes:,.0f}", "middle"))
        parts.append(svg.text(_LEFT - 6, y(cost) + 4, f"{cost:+.1%}", "end"))
    note = "estimated cycles beside the plan without streams, by bytes of arena"
    parts.append(svg.text(_LEFT, _TOP - 14, note))
    title = f"RAM against cycles of {data['model']}"
    return svg.picture(_WIDTH, _HEIGHT, title, parts, **svg.PLAIN)


def print_curve(data: Mapping[str, Any]) -> None:
    """The points as a table, with bars of bytes."""
    points = data["ram_curve"]
    most = max(point["arena_bytes"] for point in points)
    headings = (">--ram", ">arena", ">cycles", "", "streamed operators")
    table = table_of(*headings, title="RAM against cycles (estimated)")
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
