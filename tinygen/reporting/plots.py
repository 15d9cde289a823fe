# SPDX-License-Identifier: Apache-2.0
"""Plots as SVG elements for a page: bars, noise by layer, histograms, confusion matrices.

Colours are the page's (``templates/style.css.j2``: classes ``s0``, ``s1``, … for series, ``axis`` and
``warn``), so that they follow its light and dark scheme. Text inherits the page's font and colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tinygen.reporting import svg

_SERIES = 5
"""Colours that the style sheet has."""

_NOISE_TOP_DB = 60.0
_NOISE_STEP_DB = 20


@dataclass(frozen=True)
class Bar:
    """One bar: its length, the text behind it, and the number of its series."""

    series: int
    value: float
    text: str


def bars(title: str, groups: Mapping[str, Sequence[Bar]]) -> str:
    """Horizontal bars, a block a group; each group has its own scale, so that it fills the width."""
    left, right, thick, gap, width = 170.0, 190.0, 15.0, 14.0, 760.0
    body = []
    y = 4.0
    for label, group in groups.items():
        largest = max((bar.value for bar in group), default=0) or 1
        height = len(group) * (thick + 3)
        body.append(svg.text(0, y + height / 2 + 4, label))
        for bar in group:
            long = max(bar.value / largest * (width - left - right), 1)
            css = f"s{bar.series % _SERIES}"
            body.append(svg.rect(left, y, long, thick, f"{label}: {bar.text}", css=css))
            body.append(svg.text(left + long + 7, y + 12, bar.text, css="num"))
            y += thick + 3
        y += gap
    return svg.picture(width, y - gap + 4, title, body, css="plot bars")


def noise(title: str, layers: Sequence[Mapping[str, Any]], worst: Sequence[int]) -> str:
    """Signal to noise by layer: accumulated as a line, each layer's own as dots, the worst marked."""
    width, height, left, top, bottom = 960.0, 250.0, 44.0, 16.0, 30.0
    step = (width - left - 12) / max(len(layers), 1)
    scale = (height - top - bottom) / _NOISE_TOP_DB

    def y(decibels: float) -> float:
        return height - bottom - min(max(decibels, 0.0), _NOISE_TOP_DB) * scale

    def x(position: int) -> float:
        return left + (position + 0.5) * step

    body = []
    for level in range(0, int(_NOISE_TOP_DB) + 1, _NOISE_STEP_DB):
        body.append(svg.line(left, y(level), width - 12, y(level), css="grid"))
        body.append(svg.text(left - 6, y(level) + 4, f"{level}", "end", css="num"))
    body.append(svg.text(4, top - 4, "dB"))
    known = [
        (x(position), y(layer["accumulated_db"]))
        for position, layer in enumerate(layers)
        if layer["accumulated_db"] is not None
    ]
    body.append(svg.polyline(known, css="line s0"))
    every = math.ceil(len(layers) / 40)
    for position, layer in enumerate(layers):
        if position % every == 0:
            body.append(
                svg.text(x(position), height - 12, str(layer["index"]), "middle", css="num small")
            )
        if layer["own_db"] is None:
            continue
        bad = layer["index"] in worst
        label = f"layer {layer['index']}, {layer['operator']}: {layer['own_db']:.1f} dB by itself"
        radius, css = (5, "warn") if bad else (4, "s1")
        body.append(svg.circle(x(position), y(layer["own_db"]), radius, label, css=css))
    return svg.picture(width, height, title, body, css="plot")


def histogram(title: str, data: Mapping[str, Any], series: int) -> str:
    """Float values as an area, quantized ones as an outline, over a logarithmic count."""
    width, height, left, bottom = 300.0, 130.0, 6.0, 18.0
    counts = [data["baseline"], data["quantized"]]
    largest = max(math.log1p(max(column)) for column in counts) or 1
    step = (width - 2 * left) / len(counts[0])
    base = height - bottom

    def y(count: int) -> float:
        return base - math.log1p(count) / largest * (base - 6)

    body = [
        svg.rect(left + i * step, y(count), step, base - y(count), css="s0 area")
        for i, count in enumerate(counts[0])
        if count
    ]
    outline = [
        (left + (i + side) * step, y(count)) for i, count in enumerate(counts[1]) for side in (0, 1)
    ]
    body.append(svg.polyline(outline, css=f"line s{series % _SERIES}"))
    body.append(svg.line(left, base, width - left, base, css="axis"))
    body.append(svg.text(left, height - 4, f"{data['low']:.3g}", css="num small"))
    body.append(svg.text(width - left, height - 4, f"{data['high']:.3g}", "end", css="num small"))
    return svg.picture(width, height, title, body, css="plot histogram")


def confusion(title: str, matrix: Sequence[Sequence[int]], series: int) -> str:
    """Labels down, predictions across; a cell is as strong as its share of the label's samples."""
    count = len(matrix)
    cell = max(7.0, min(30.0, 300.0 / count))
    left = top = 30.0
    body = [
        svg.text(left, 10, "predicted →", css="small"),
        *_confusion_axes(count, cell, left, top),
    ]
    for row, numbers in enumerate(matrix):
        total = sum(numbers) or 1
        for column, number in enumerate(numbers):
            x, y = left + column * cell, top + row * cell
            label = f"{number} of {total} samples of class {row} were taken for {column}"
            css = f"s{series % _SERIES}" if row == column else "warn"
            strength = f"{0.2 + 0.8 * number / total if number else 0.05:.2f}"
            body.append(svg.rect(x, y, cell - 1, cell - 1, label, css=css, fill_opacity=strength))
            if number and cell >= 18:
                css = "num strong" if number > total / 2 else "num"
                body.append(
                    svg.text(x + cell / 2 - 0.5, y + cell / 2 + 3.5, str(number), "middle", css=css)
                )
    size = left + count * cell + 2
    return svg.picture(size, top + count * cell + 2, title, body, css="plot confusion")


def _confusion_axes(count: int, cell: float, left: float, top: float) -> Iterator[str]:
    every = math.ceil(12 / cell)
    for k in range(0, count, every):
        middle = (k + 0.5) * cell
        yield svg.text(left + middle, top - 5, str(k), "middle", css="num small")
        yield svg.text(left - 5, top + middle + 4, str(k), "end", css="num small")
