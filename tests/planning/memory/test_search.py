# SPDX-License-Identifier: Apache-2.0
"""What the exact search and the search for chains promise."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from tests.conftest import shared_model
from tinygen.errors import BudgetError
from tinygen.hardware.cores import core
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.make import make_plan
from tinygen.planning.memory.arena import Arena
from tinygen.planning.memory.body import Body, Part, Sharing
from tinygen.planning.options import Budget, KernelChoice, Optimize, Options
from tinygen.planning.plan import Plan
from tinygen.planning.streams.search import FREE_SLOWDOWN
from tinygen.tflite.reader import read_model

_EVENTS = 4
_UNIT = 4


def random_bodies(rng: np.random.Generator, count: int) -> list[Body]:
    """Small bodies of up to three parts, each needed at random events."""
    bodies = []
    for number in range(count):
        parts = []
        offset = 0
        for _ in range(int(rng.integers(1, 4))):
            size = _UNIT * int(rng.integers(1, 4))
            parts.append(Part(offset, size, int(rng.integers(1, 1 << _EVENTS))))
            offset += size
        bodies.append(Body(f"b{number}", tuple(parts)))
    return bodies


def disturbed(bodies: Sequence[Body], offsets: Sequence[int], sharing: Sharing | None) -> bool:
    """Whether some byte is needed twice at an event, said byte by byte."""
    for (m, a), (n, b) in itertools.combinations(enumerate(bodies), 2):
        shared = sharing is not None and {a.key, b.key} == {sharing.reader, sharing.writer}
        if shared and sharing is not None:
            reader, writer = (m, n) if a.key == sharing.reader else (n, m)
            distance = offsets[reader] - offsets[writer]
            common = a.events & b.events
            if common & (common - 1) == 0 and (
                distance == sharing.lead if sharing.exact else distance >= sharing.lead
            ):
                continue
        for event in range(_EVENTS):
            mine, others = (
                {
                    offsets[k] + part.offset + byte
                    for part in body.parts
                    if part.events >> event & 1
                    for byte in range(part.size)
                }
                for k, body in ((m, a), (n, b))
            )
            if mine & others:
                return True
    return False


def optimum(bodies: Sequence[Body], sharing: Sharing | None, known: int) -> int:
    """The least extent, by trying every placement below the one that is known."""
    best = known
    places = [range(0, known - body.size + 1, _UNIT) for body in bodies]
    for offsets in itertools.product(*places):
        extent = max(o + body.size for o, body in zip(offsets, bodies, strict=True))
        if extent < best and not disturbed(bodies, offsets, sharing):
            best = extent
    return best


@pytest.mark.parametrize("seed", range(40))
def test_small_arenas_are_the_optimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bodies = random_bodies(rng, int(rng.integers(2, 5)))
    sharing = None
    if rng.random() < 0.5:
        lead = _UNIT * int(rng.integers(0, 3))
        sharing = Sharing("b0", "b1", lead, exact=bool(rng.random() < 0.3))
    arena = Arena(bodies, [] if sharing is None else [sharing])
    placement = arena.pack()
    assert placement.optimal
    assert arena.lower_bound <= placement.extent
    assert not disturbed(bodies, [placement.offsets[b.key] for b in bodies], sharing)
    assert placement.extent == optimum(bodies, sharing, placement.extent)


def plan(name: str, **options: object) -> Plan:
    network = lower(rewrite(read_model(shared_model(f"{name}.tflite"))))
    chosen = Options("m", core("cortex-m4"), kernels=KernelChoice.TINYGEN, **options)  # type: ignore[arg-type]
    return make_plan(network, chosen)


@pytest.mark.parametrize(
    ("name", "pushed", "most"),
    [
        ("mlperf_kws", False, 6_600),
        ("mlperf_ic", False, 15_500),
        ("mlperf_vww", False, 29_500),
        ("person_detect", False, 16_000),
        ("mlperf_kws", True, 6_300),
        ("mlperf_ic", True, 13_000),
        ("mlperf_vww", True, 16_500),
    ],
)
def test_least_memory_of_real_models(name: str, pushed: bool, most: int) -> None:
    smallest = plan(name, optimize=Optimize.RAM, stream_input=pushed)
    assert smallest.arena_bytes <= most
    if not pushed:
        assert smallest.added_cycles <= 0.18


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("mlperf_ad", 768),
        ("micro_speech", 5_968),
        ("mlperf_kws", 9_000),
        ("mlperf_ic", 49_152),
        ("mlperf_vww", 55_296),
        ("person_detect", 55_296),
    ],
)
def test_memory_of_the_fastest_plans(name: str, most: int) -> None:
    assert plan(name).arena_bytes <= most


@pytest.mark.parametrize("name", ["mlperf_vww", "person_detect"])
def test_streams_that_cost_nothing_are_taken_unasked(name: str) -> None:
    default = plan(name)
    assert default.arena_bytes <= 37_248 < default.unstreamed_bytes
    assert default.cycles <= FREE_SLOWDOWN * default.unstreamed_cycles
    compact = plan(name, optimize=Optimize.SIZE)
    assert compact.arena_bytes == compact.unstreamed_bytes


@pytest.mark.parametrize("name", ["mlperf_kws", "mlperf_ic", "mlperf_ad"])
def test_streams_that_cost_something_are_not(name: str) -> None:
    default = plan(name)
    assert default.cycles == default.unstreamed_cycles


@pytest.mark.parametrize("name", ["mlperf_ic", "mlperf_vww"])
def test_a_budget_is_met_at_a_stated_cost(name: str) -> None:
    met = plan(name, ram=Budget(32_768, "--ram"))
    assert met.arena_bytes <= 32_768 < met.unstreamed_bytes
    assert 0 <= met.added_cycles < 0.1


def test_a_budget_that_cannot_be_met_names_the_largest() -> None:
    with pytest.raises(BudgetError, match=r"4,096 of --ram; most at its peak take .*, .*, the"):
        plan("mlperf_ic", ram=Budget(4_096, "--ram"))


def test_a_plan_repeats() -> None:
    one, two = (plan("mlperf_kws", optimize=Optimize.RAM) for _ in range(2))
    assert one.block_offsets == two.block_offsets
