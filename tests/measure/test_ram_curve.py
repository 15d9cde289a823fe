# SPDX-License-Identifier: Apache-2.0
"""The curve of RAM against cycles: every point can be built, and is drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

from tests.conftest import shared_model
from tinygen.compilation import compile_model
from tinygen.hardware.cores import core
from tinygen.ir.data import plain
from tinygen.measure.ram_curve import ram_curve
from tinygen.planning.options import Budget, KernelChoice, Optimize, Options
from tinygen.reporting.ram_curve import curve_svg


def test_every_point_can_be_built_and_is_drawn() -> None:
    model = shared_model("mlperf_kws.tflite")
    options = Options(core=core("cortex-m4"), kernels=KernelChoice.TINYGEN)
    points = ram_curve(compile_model(model, options))
    arenas = [point.arena_bytes for point in points]
    assert len(points) > 1
    assert arenas == sorted(arenas, reverse=True)
    smallest = compile_model(model, replace(options, optimize=Optimize.RAM)).plan
    assert arenas[-1] <= smallest.arena_bytes
    for point in (points[1], points[-1]):
        built = compile_model(model, replace(options, ram=Budget(point.ram, "--ram"))).plan
        assert built.arena_bytes == point.arena_bytes
    drawn = ET.fromstring(curve_svg({"model": "m", "ram_curve": plain(points)}))
    assert len(drawn.findall("{http://www.w3.org/2000/svg}circle")) == len(points)
