# SPDX-License-Identifier: Apache-2.0
"""Estimates of stalls: cases worked by hand, and that they decide among kernels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kernels.cmsis_nn_programs import networks
from tinygen.hardware.cores import core
from tinygen.kernels.binding import Binding
from tinygen.kernels.kernel import Bands, Kernel, Offer, cheapest, kernel
from tinygen.kernels.waits import CODE_BYTES, PASSES, Reads, Waits
from tinygen.ops.convolution import Conv2D

_M4 = core("cortex-m4")
_UNCACHED = Reads(miss_cycles=5, line_bytes=8)


def convolution() -> Conv2D:
    """A layer with some constants."""
    layer = networks("CONV_2D", [0])[0].layers[0]
    assert isinstance(layer, Conv2D)
    return layer


def constant_bytes(layer: Conv2D) -> int:
    """Weights, and of each channel a bias, a multiplier and a shift."""
    return layer.weights.nbytes + 3 * layer.bias.nbytes


@pytest.mark.parametrize(
    ("nbytes", "missed"),
    [
        (4096, 0),
        # One line more than there is room for: its set has three lines that drive each other out.
        (4096 + 16, 3 * 16),
        (4096 + 512, 3 * 512),
        # No set has room for its lines any more.
        (4096 + 2048, 4096 + 2048),
        (40_000, 40_000),
    ],
)
def test_lines_that_are_read_again(nbytes: int, missed: int) -> None:
    assert Reads(4, 16, cache_bytes=4096, ways=2).missed(nbytes) == missed


def test_constants_are_read_in_every_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = convolution()
    own = constant_bytes(layer)
    batch, height, width, _ = layer.output_shape
    free = Reads(0, 8)
    monkeypatch.setitem(PASSES, "k", 0.5)
    passes = max(1.0, 0.5 * batch * height * width)
    assert Waits(free, _UNCACHED).stalls("k", layer, 1000.0) == pytest.approx(passes * own / 8 * 5)
    assert Waits(free, _UNCACHED).stalls("k", layer, 1000.0, 800) == pytest.approx(
        passes * 800 / 8 * 5
    )
    # Where a cache holds them all, they are read once; not where code takes part of it.
    cached = replace(_UNCACHED, cache_bytes=own + CODE_BYTES - 1, ways=1)
    assert Waits(free, cached).stalls("k", layer, 1000.0) == pytest.approx(own / 8 * 5)
    assert Waits(free, cached, shared=True).stalls("k", layer, 1000.0) == pytest.approx(
        (own + (passes - 1) * 2) / 8 * 5
    )


def test_code_waits_the_less_the_larger_its_cache() -> None:
    free = Reads(0, 8)
    layer = networks("RELU", [0])[0].layers[0]

    def waited(code: Reads) -> float:
        return Waits(code, free).stalls("k", layer, 3000.0)

    # Three bytes a cycle, so 9000 bytes in 1125 lines of 8.
    assert waited(_UNCACHED) == pytest.approx(1125 * 5)
    assert waited(replace(_UNCACHED, cache_bytes=2048)) == pytest.approx(1125 * 5 * 0.08 / 4)
    # Of 5 cycles 8/3 are hidden, but for a branch in five lines.
    read_ahead = replace(_UNCACHED, prefetches=True)
    assert waited(read_ahead) == pytest.approx(1125 * (5 - 8 / 3 + 0.2 * 8 / 3))
    assert Waits(read_ahead, free).first_lines() == pytest.approx(
        CODE_BYTES / 8 * (5 - 8 / 3 + 0.2 * 8 / 3)
    )


def test_a_kernel_that_reads_less_is_taken_where_that_is_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def costing(name: str, cycles: float) -> Kernel:
        def offered(_bands: Bands) -> Offer:
            return Offer(cycles + 1, lambda: Binding(()))

        return kernel(name, Conv2D)(lambda _l, _c: Offer(cycles, lambda: Binding(()), offered))

    layer = convolution()
    monkeypatch.setitem(PASSES, "often", 2.0)
    monkeypatch.setitem(PASSES, "once", 0.0)
    kernels = [costing("often", 1000.0), costing("once", 1001.0)]
    waits = Waits(Reads(0, 8), _UNCACHED)
    for known, taken in ((None, "often"), (waits, "once")):
        best, _ = cheapest(kernels, layer, _M4, known)
        assert best is not None
        assert best[0].name == taken
    offer = kernels[1].offer(layer, _M4, waits)
    assert isinstance(offer, Offer)
    assert offer.by_bands is not None
    part = offer.by_bands(Bands((1,), 1))
    assert part is not None
    assert (offer.cycles, part.cycles) == (
        1001.0 + waits.stalls("once", layer, 1001.0),
        1002.0 + waits.stalls("once", layer, 1002.0),
    )
