# SPDX-License-Identifier: Apache-2.0
"""The benchmark's pairing of layers, its totals and its tables."""

from __future__ import annotations

import pytest
from rich.console import Console

from benchmarks.compare import compare_profiles, pair_layers
from benchmarks.data import Comparison
from benchmarks.tables import markdown, terminal
from tinygen.measure.footprint import Footprint
from tinygen.measure.profile import LayerProfile, Profile, Time


def layer(*operators: int, instructions: int = 10, cycles: int | None = 20) -> LayerProfile:
    return LayerProfile(
        name="t",
        op="+".join(f"OP{number}" for number in operators),
        operators=operators,
        macs=5 * len(operators),
        instructions=instructions,
        cycles=cycles,
        kernel="k",
        loads=0,
        stores=0,
        misaligned_cycles=0,
    )


def whole(*layers: LayerProfile, timed: bool = True) -> Profile:
    return Profile(
        model="m",
        board="b",
        core="c",
        method="plugin",
        cycle_model="t" if timed else "",
        total=Time(
            sum(part.instructions or 0 for part in layers) + 1,
            sum(part.cycles or 0 for part in layers) + 2 if timed else None,
        ),
        overhead=Time(1, 2 if timed else None),
        bit_exact=True,
        layers=layers,
        memory=Footprint(100, 200, 300, 40, 50),
    )


def numbers(
    pairs: list[tuple[list[LayerProfile], list[LayerProfile]]],
) -> list[tuple[list[tuple[int, ...]], list[tuple[int, ...]]]]:
    return [([a.operators for a in left], [b.operators for b in right]) for left, right in pairs]


def test_same_layers_pair_one_to_one() -> None:
    pairs = pair_layers([layer(0), layer(1)], [layer(0), layer(1)])
    assert numbers(pairs) == [([(0,)], [(0,)]), ([(1,)], [(1,)])]


def test_fused_layers_pair_with_all_they_cover() -> None:
    pairs = pair_layers([layer(0), layer(1, 2), layer(3)], [layer(0), layer(1), layer(2, 3)])
    assert numbers(pairs) == [([(0,)], [(0,)]), ([(1, 2), (3,)], [(1,), (2, 3)])]


def test_order_of_branches_does_not_matter() -> None:
    pairs = pair_layers([layer(1), layer(0), layer(2)], [layer(0), layer(1), layer(2)])
    assert numbers(pairs) == [([(k,)], [(k,)]) for k in range(3)]


def test_different_models_do_not_pair() -> None:
    with pytest.raises(ValueError, match="not of the same model"):
        pair_layers([layer(0)], [layer(0), layer(1)])


@pytest.fixture
def comparison() -> Comparison:
    ours = whole(layer(0, 1, instructions=30, cycles=40), layer(2, instructions=0, cycles=0))
    theirs = whole(layer(0), layer(1, cycles=100), layer(2))
    return compare_profiles("net", ours, theirs)


def test_sums(comparison: Comparison) -> None:
    first, second = comparison.rows
    assert (first.op, first.macs) == ("OP0+OP1", 10)
    assert (first.tinygen.instructions, first.cmsis_nn.instructions) == (30, 20)
    assert first.speedup == 120 / 40
    assert second.speedup is None
    assert (comparison.total.tinygen.cycles, comparison.total.cmsis_nn.cycles) == (42, 142)
    assert (comparison.tinygen.flash, comparison.tinygen.ram) == (300, 340)


def test_speedup_without_cycles_is_of_instructions() -> None:
    ours = whole(layer(0, cycles=None), timed=False)
    theirs = whole(layer(0, instructions=30, cycles=None), timed=False)
    (row,) = compare_profiles("net", ours, theirs).rows
    assert (row.tinygen.cycles, row.speedup) == (None, 3.0)


def test_tables(comparison: Comparison) -> None:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(terminal(comparison))
    assert "0 OP0+OP1" in capture.get()
    text = markdown({"board": "b"}, [comparison])
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert "| 0 OP0+OP1 | 10 | 40 | 4.00 | 120 | 12.00 | 3.00 | 30 | 20 | k |" in tables
    assert "| tinygen | 100 | 200 | 340 | 50 |" in tables
