# SPDX-License-Identifier: Apache-2.0
"""Pages in headless Chromium: what it draws, and where."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinygen.ir.graph import AnyArray

_PROBE = """<script>addEventListener("load", () => {
const boxes = [...document.querySelectorAll("svg")].map(svg => {
  const box = svg.getBoundingClientRect();
  return {title: svg.querySelector("title").textContent,
          box: [box.left, box.top + scrollY, box.width, box.height].map(Math.round)};
});
document.body.setAttribute("data-plots", JSON.stringify(boxes)); });</script></body>"""


@dataclass(frozen=True, eq=False)
class Plot:
    """One SVG of a page: its title, and the pixels it covers, (height, width, RGB)."""

    title: str
    pixels: AnyArray


def plots_of(
    page: Path, directory: Path, width: int, height: int, dark: bool = False
) -> list[Plot]:
    """Draw a page without a display and without a network; every SVG cut out of the picture."""
    boxes = _boxes(page, directory, width, height)
    picture = directory / "page.png"
    _chromium(f"--screenshot={picture}", page, directory, width, height, dark)
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape == (height, width, 3)
    found = []
    for title, (left, top, wide, high) in boxes:
        assert wide > 0, f"{title} is not shown"
        assert high > 0, f"{title} is not shown"
        assert top + high <= height, f"{title} is below the {height} rows of the picture"
        found.append(Plot(title, pixels[top : top + high, left : left + wide]))
    return found


def _boxes(
    page: Path, directory: Path, width: int, height: int
) -> list[tuple[str, tuple[int, int, int, int]]]:
    """Where each SVG is: from a copy of the page with a script that measures."""
    probed = directory / "probed.html"
    text = page.read_text(encoding="utf-8")
    assert text.count("</body>") == 1
    probed.write_text(text.replace("</body>", _PROBE), encoding="utf-8")
    document = _chromium("--dump-dom", probed, directory, width, height, False)
    match = re.search(r'data-plots="([^"]*)"', document)
    assert match is not None, "the page did not load"
    entries = json.loads(unescape(match[1]))
    return [(entry["title"], tuple(entry["box"])) for entry in entries]


def _chromium(action: str, page: Path, directory: Path, width: int, height: int, dark: bool) -> str:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed (make test installs it)")
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    ran = subprocess.run(
        [
            program,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            f"--user-data-dir={directory / 'profile'}",
            f"--window-size={width},{height}",
            action,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
        env=environment,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
