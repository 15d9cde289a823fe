# SPDX-License-Identifier: Apache-2.0
"""Elements of SVG as text. Lengths are given to a tenth; ``style`` are further attributes.

``css`` is the attribute ``class``; an underscore stands for a hyphen (``fill_opacity``).
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

PLAIN = {"font_family": "sans-serif", "font_size": "11"}
"""Style of a picture that stands in no page."""


def picture(
    width: float, height: float, title: str, parts: Iterable[str], **style: str | float
) -> str:
    """The whole: one self-contained element."""
    attributes = _attributes({"viewBox": f"0 0 {width:.0f} {height:.0f}", **style, "role": "img"})
    head = f'<svg xmlns="http://www.w3.org/2000/svg"{attributes}>'
    return "\n".join([head, f"<title>{escape(title)}</title>", *parts, "</svg>"])


def text(x: float, y: float, content: str, anchor: str = "start", **style: str | float) -> str:
    """Text that starts, ends or has its middle at a point of its base line."""
    attributes = _attributes({"x": x, "y": y, "text_anchor": anchor, **style})
    return f"<text{attributes}>{escape(content)}</text>"


def rect(
    x: float, y: float, width: float, height: float, title: str = "", **style: str | float
) -> str:
    """A rectangle that says its title when pointed at."""
    return _titled("rect", title, {"x": x, "y": y, "width": width, "height": height, **style})


def circle(x: float, y: float, radius: float, title: str, **style: str | float) -> str:
    """A disc that says its title when pointed at."""
    return _titled("circle", title, {"cx": x, "cy": y, "r": radius, **style})


def line(x1: float, y1: float, x2: float, y2: float, **style: str | float) -> str:
    """A straight line."""
    return f"<line{_attributes({'x1': x1, 'y1': y1, 'x2': x2, 'y2': y2, **style})}/>"


def polyline(points: Iterable[tuple[float, float]], **style: str | float) -> str:
    """A line through points."""
    listed = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f"<polyline{_attributes({'points': listed, **style})}/>"


def _titled(name: str, title: str, attributes: dict[str, str | float]) -> str:
    return f"<{name}{_attributes(attributes)}><title>{escape(title)}</title></{name}>"


def _attributes(values: dict[str, str | float]) -> str:
    return "".join(
        f" {'class' if name == 'css' else name.replace('_', '-')}="
        + quoteattr(value if isinstance(value, str) else f"{value:.1f}")
        for name, value in values.items()
    )
