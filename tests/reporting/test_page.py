# SPDX-License-Identifier: Apache-2.0
"""The report page and the memory map, from a real plan."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.conftest import DIGITS
from tinygen.compilation import compile_model
from tinygen.hardware.cores import core
from tinygen.planning.analysis import analyze
from tinygen.planning.as_data import plan_as_data
from tinygen.planning.options import KernelChoice, Options
from tinygen.reporting.memory_map import memory_map
from tinygen.reporting.page import report_page

SVG = "{http://www.w3.org/2000/svg}"


def test_the_memory_map_draws_every_block_inside_the_frame() -> None:
    options = Options(core=core("cortex-m4"), kernels=KernelChoice.TINYGEN)
    plan = plan_as_data(compile_model(DIGITS, options).plan)
    root = ET.fromstring(memory_map(plan))
    rectangles = root.findall(f"{SVG}rect")
    assert len(rectangles) == len(plan["blocks"])
    _, _, width, height = (float(n) for n in root.attrib["viewBox"].split())
    for rectangle in rectangles:
        x, y, w, h = (float(rectangle.attrib[k]) for k in ("x", "y", "width", "height"))
        assert x >= 0
        assert x + w <= width
        assert y >= 0
        assert y + h <= height
    assert f"peak {plan['arena_bytes']:,} bytes" in ET.tostring(root, encoding="unicode")


def test_the_page_is_self_contained_and_names_every_layer() -> None:
    options = Options(core=core("cortex-m4"), kernels=KernelChoice.TINYGEN, name="digits")
    compilation = compile_model(DIGITS, options)
    plan = plan_as_data(compilation.plan)
    verdict = {
        "bit_exact": False,
        "board": "b<oard",
        "samples": 3,
        "outputs_compared": 30,
        "mismatches": 7,
    }
    page = report_page(analyze(compilation.plan).to_dict(), plan, verdict, None)
    assert "NOT bit-exact on b&lt;oard: 7 of 30" in page
    for operator in analyze(compilation.plan).to_dict()["operators"]:
        assert operator["kernel"] in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in page
