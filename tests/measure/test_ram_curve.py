# SPDX-License-Identifier: Apache-2.0
"""The curve of RAM against cycles: every point can be built, and is drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np

from tests.conftest import shared_model
from tests.models.builder import ModelBuilder
from tests.ops.generators.signal import options
from tinygen.compilation import compile_model
from tinygen.hardware.cores import core
from tinygen.ir.data import plain
from tinygen.measure.ram_curve import ram_curve
from tinygen.planning.options import Budget, KernelChoice, Optimize, Options
from tinygen.reporting.ram_curve import curve_svg


def _state_and_stream() -> bytes:
    """Two convolutions that can be streamed, and an operator that keeps a state."""
    builder = ModelBuilder()
    x = builder.tensor((1, 24, 24, 2), scale=0.5)
    y = builder.tensor((1, 24, 24, 8), scale=0.5)
    z = builder.tensor((1, 24, 24, 1), scale=0.5)
    for source, sink, (depth, outputs) in ((x, y, (2, 8)), (y, z, (8, 1))):
        ones = np.ones((outputs, 3, 3, depth), np.int8)
        weights = builder.tensor(ones.shape, scale=0.1, data=ones)
        builder.operator(
            "CONV_2D", [source, weights], [sink], padding="SAME", stride_w=1, stride_h=1
        )
    one, kept = (builder.tensor((1, rows, 1, 8), scale=0.5) for rows in (1, 30))
    builder.custom("CIRCULAR_BUFFER", [one], [kept], custom_options=options(cycles_max=1))
    return builder.inputs(x, one).outputs(z, kept).build()


def test_what_is_kept_counts_to_every_budget() -> None:
    chosen = Options(core=core("cortex-m4"), kernels=KernelChoice.TINYGEN)
    points = ram_curve(compile_model(_state_and_stream(), chosen))
    assert len(points) > 1
    for point in points:
        plan = compile_model(
            _state_and_stream(), replace(chosen, ram=Budget(point.ram, "--ram"))
        ).plan
        assert plan.state_bytes > 0
        assert plan.arena_bytes + plan.state_bytes <= point.ram


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
