# SPDX-License-Identifier: Apache-2.0
"""Which kernels there are, what they answer, and which of equal ones is taken."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.kernels.choice import named, refusal
from tests.kernels.cmsis_nn_programs import networks
from tests.row_layers import random_row_layers
from tinygen.hardware.cores import Core, Feature, core
from tinygen.ir.layer import Layer
from tinygen.kernels.bands import ways
from tinygen.kernels.binding import Binding
from tinygen.kernels.costs import FACTORS
from tinygen.kernels.kernel import Bands, Kernel, Offer, cheapest, kernel
from tinygen.kernels.libraries import library, own_kernels
from tinygen.ops.pooling import MaxPool2D

_M4 = core("cortex-m4")


def _layer(opcode: str) -> Layer:
    return networks(opcode, [0])[0].layers[0]


def _costing(name: str, cycles: float) -> Kernel:
    return kernel(name, MaxPool2D)(lambda _layer, _core: Offer(cycles, lambda: Binding(())))


def test_kernels_are_named_after_their_library() -> None:
    for name in ("portable", "dsp", "mve", "thumb"):
        assert {kernel.name.partition(".")[0] for kernel in library(name)} == {name}
    assert max(Counter(kernel.name for kernel in own_kernels()).values()) == 1


def test_a_kernel_says_nothing_to_layers_of_other_types() -> None:
    (pool,) = named("portable.max_pool2d_s8")
    assert pool.offer(_layer("RELU"), _M4) is None


@pytest.mark.parametrize(
    ("needs", "lacks", "reason"),
    [
        ({Feature.MVE}, set(), "cortex-m4 lacks the vector extension"),
        (set(), {Feature.DSP}, "is for cores without 16-bit SIMD, which cortex-m4 is not"),
        ({Feature.DSP}, {Feature.MVE}, None),
    ],
)
def test_features_are_checked_before(
    needs: set[Feature], lacks: set[Feature], reason: str | None
) -> None:
    made = replace(_costing("test", 1.0), needs=frozenset(needs), lacks=frozenset(lacks))
    assert refusal(made, _layer("MAX_POOL_2D"), _M4) == reason


def test_among_equal_costs_the_first_is_taken() -> None:
    kernels = [_costing("a", 2.0), _costing("b", 1.0), _costing("c", 1.0)]
    best, considered = cheapest(kernels, _layer("MAX_POOL_2D"), _M4)
    assert best is not None
    assert best[0].name == "b"
    assert [candidate.cycles for candidate in considered] == [2.0, 1.0, 1.0]


def test_on_another_core_estimates_are_multiplied(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_layer: MaxPool2D, _core: Core) -> Offer:
        return Offer(10.0, lambda: Binding(()), lambda _bands: Offer(12.0, lambda: Binding(())))

    def cycles(name: str, target: str) -> list[float]:
        offer = kernel(name, MaxPool2D)(ask).offer(_layer("MAX_POOL_2D"), core(target))
        assert isinstance(offer, Offer)
        assert offer.by_bands is not None
        part = offer.by_bands(Bands((1,), 1))
        assert part is not None
        return [offer.cycles, part.cycles]

    monkeypatch.setitem(FACTORS, "cortex-m7", {"dsp": 0.5, "dsp.measured": 0.75})
    assert cycles("dsp.measured", "cortex-m7") == [7.5, 9.0]
    assert cycles("dsp.other", "cortex-m7+nofp") == [5.0, 6.0]
    assert cycles("thumb.other", "cortex-m7") == [10.0, 12.0]
    assert cycles("dsp.measured", "cortex-m4") == [10.0, 12.0]


def test_elementwise_layers_are_done_a_row_a_call_by_any_kernel() -> None:
    (convert,) = named("portable.convert")
    image = random_row_layers("QUANTIZE", 1)[0].layers[0]
    offers = ways(convert, image, _M4)
    assert offers is not None
    height = (image.row_axes or ())[0].output
    assert isinstance(offers(Bands((height,), 1)), Offer)
    assert offers(Bands((height,), 2)) is None


def test_a_kernel_of_whole_layers_has_no_bands() -> None:
    assert ways(_costing("whole", 1.0), _layer("MAX_POOL_2D"), _M4) is None
