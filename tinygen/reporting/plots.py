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
from xml.sax.saxutils import escape

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


def _svg(width: float, height: float, title: str, body: Sequence[str], css: str = "") -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'class="plot {css}" role="img">',
            f"<title>{escape(title)}</title>",
            *body,
            "</svg>",
        ]
    )


def _text(x: float, y: float, text: str, anchor: str = "start", css: str = "") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}">{escape(text)}</text>'
    )


def _rect(x: float, y: float, width: float, height: float, css: str, title: str = "") -> str:
    inner = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{css}">'
        f"{inner}</rect>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def bars(title: str, groups: Mapping[str, Sequence[Bar]]) -> str:
    """Horizontal bars, a block a group; each group has its own scale, so that it fills the width."""
    left, right, thick, gap, width = 170.0, 190.0, 15.0, 14.0, 760.0
    body = []
    y = 4.0
    for label, group in groups.items():
        largest = max((bar.value for bar in group), default=0) or 1
        height = len(group) * (thick + 3)
        body.append(_text(0, y + height / 2 + 4, label))
        for bar in group:
            long = max(bar.value / largest * (width - left - right), 1)
            css = f"s{bar.series % _SERIES}"
            body.append(_rect(left, y, long, thick, css, f"{label}: {bar.text}"))
            body.append(_text(left + long + 7, y + 12, bar.text, css="num"))
            y += thick + 3
        y += gap
    return _svg(width, y - gap + 4, title, body, "bars")


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
        body.append(_line(left, y(level), width - 12, y(level), "grid"))
        body.append(_text(left - 6, y(level) + 4, f"{level}", "end", "num"))
    body.append(_text(4, top - 4, "dB"))
    known = [
        (position, layer["accumulated_db"])
        for position, layer in enumerate(layers)
        if layer["accumulated_db"] is not None
    ]
    points = " ".join(f"{x(position):.1f},{y(value):.1f}" for position, value in known)
    body.append(f'<polyline points="{points}" class="line s0"/>')
    every = math.ceil(len(layers) / 40)
    for position, layer in enumerate(layers):
        if position % every == 0:
            body.append(_text(x(position), height - 12, str(layer["index"]), "middle", "num small"))
        if layer["own_db"] is None:
            continue
        bad = layer["index"] in worst
        label = f"layer {layer['index']}, {layer['operator']}: {layer['own_db']:.1f} dB by itself"
        body.append(
            f'<circle cx="{x(position):.1f}" cy="{y(layer["own_db"]):.1f}" r="{5 if bad else 4}" '
            f'class="{"warn" if bad else "s1"}"><title>{escape(label)}</title></circle>'
        )
    return _svg(width, height, title, body)


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
        _rect(left + i * step, y(count), step, base - y(count), "s0 area")
        for i, count in enumerate(counts[0])
        if count
    ]
    outline = " ".join(
        f"{left + (i + side) * step:.1f},{y(count):.1f}"
        for i, count in enumerate(counts[1])
        for side in (0, 1)
    )
    body.append(f'<polyline points="{outline}" class="line s{series % _SERIES}"/>')
    body.append(_line(left, base, width - left, base, "axis"))
    body.append(_text(left, height - 4, f"{data['low']:.3g}", css="num small"))
    body.append(_text(width - left, height - 4, f"{data['high']:.3g}", "end", "num small"))
    return _svg(width, height, title, body, "histogram")


def confusion(title: str, matrix: Sequence[Sequence[int]], series: int) -> str:
    """Labels down, predictions across; a cell is as strong as its share of the label's samples."""
    count = len(matrix)
    cell = max(7.0, min(30.0, 300.0 / count))
    left = top = 30.0
    body = [_text(left, 10, "predicted →", css="small"), *_confusion_axes(count, cell, left, top)]
    for row, numbers in enumerate(matrix):
        total = sum(numbers) or 1
        for column, number in enumerate(numbers):
            x, y = left + column * cell, top + row * cell
            label = f"{number} of {total} samples of class {row} were taken for {column}"
            css = f"s{series % _SERIES}" if row == column else "warn"
            body.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{cell - 1:.1f}" height="{cell - 1:.1f}" '
                f'class="{css}" fill-opacity="{_strength(number, total):.2f}">'
                f"<title>{escape(label)}</title></rect>"
            )
            if number and cell >= 18:
                css = "num strong" if number > total / 2 else "num"
                body.append(
                    _text(x + cell / 2 - 0.5, y + cell / 2 + 3.5, str(number), "middle", css)
                )
    size = left + count * cell + 2
    return _svg(size, top + count * cell + 2, title, body, "confusion")


def _strength(number: int, total: int) -> float:
    return 0.05 if not number else 0.2 + 0.8 * number / total


def _confusion_axes(count: int, cell: float, left: float, top: float) -> Iterator[str]:
    every = math.ceil(12 / cell)
    for k in range(0, count, every):
        middle = (k + 0.5) * cell
        yield _text(left + middle, top - 5, str(k), "middle", "num small")
        yield _text(left - 5, top + middle + 4, str(k), "end", "num small")
