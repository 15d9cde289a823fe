# SPDX-License-Identifier: Apache-2.0
"""The arena: nothing alive overlaps, nothing beats the bound, small cases are optimal."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tinygen.planning.memory.arena import Arena
from tinygen.planning.memory.body import Body, Part, Sharing, block, forbidden, span


def random_blocks(rng: np.random.Generator, count: int, steps: int) -> list[Body]:
    blocks = []
    for number in range(count):
        first, last = sorted(int(step) for step in rng.integers(0, steps, 2))
        blocks.append(block(f"b{number}", int(rng.integers(1, 200)), first, last))
    return blocks


def overlaps(blocks: list[Body], offsets: Mapping[str, int]) -> list[tuple[str, str]]:
    return [
        (a.key, b.key)
        for a, b in itertools.combinations(blocks, 2)
        if a.events & b.events
        and offsets[a.key] < offsets[b.key] + b.size
        and offsets[b.key] < offsets[a.key] + a.size
    ]


def extent(blocks: Sequence[Body], offsets: Mapping[str, int]) -> int:
    return max(offsets[block.key] + block.size for block in blocks)


def first_fit(arena: Arena, order: Sequence[int]) -> int:
    """The bytes of the items placed in this order, each where it disturbs none before."""
    placed: dict[int, int] = {}
    for number in order:
        placed[number] = arena.lowest(number, placed)
    return max(at + arena.items[number].size for number, at in placed.items())


@pytest.mark.parametrize("seed", range(100))
def test_nothing_alive_overlaps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = random_blocks(rng, int(rng.integers(1, 25)), 12)
    arena = Arena(blocks)
    offsets = arena.pack().offsets
    assert overlaps(blocks, offsets) == []
    assert all(offsets[block.key] % block.alignment == 0 for block in blocks)
    assert extent(blocks, offsets) >= arena.lower_bound


@pytest.mark.parametrize("seed", range(30))
def test_small_cases_are_as_small_as_any_first_fit(seed: int) -> None:
    blocks = random_blocks(np.random.default_rng(1000 + seed), 6, 6)
    arena = Arena(blocks)
    best = min(first_fit(arena, order) for order in itertools.permutations(range(6)))
    assert arena.pack().extent == best


def test_packing_repeats() -> None:
    blocks = random_blocks(np.random.default_rng(7), 30, 20)
    assert Arena(blocks).pack() == Arena(list(blocks)).pack()


def test_checker_sees_an_overlap() -> None:
    blocks = [block("a", 8, 0, 1), block("b", 8, 1, 2)]
    assert overlaps(blocks, {"a": 0, "b": 4}) == [("a", "b")]


def test_nothing_to_pack() -> None:
    assert Arena([]).pack().offsets == {}
    assert Arena([]).lower_bound == 0


def test_an_output_may_lie_over_its_dying_input() -> None:
    blocks = [block("in", 100, 0, 1), block("out", 80, 1, 2)]
    arena = Arena(blocks, [Sharing("in", "out", 8)])
    offsets = arena.pack().offsets
    assert offsets["in"] - offsets["out"] >= 8
    assert extent(blocks, offsets) == arena.lower_bound == 108


def test_no_sharing_with_an_input_that_lives_on() -> None:
    blocks = [block("in", 100, 0, 2), block("out", 80, 1, 2)]
    arena = Arena(blocks, [Sharing("in", "out", 0)])
    assert arena.pack().extent == arena.lower_bound == 180


@pytest.mark.parametrize("seed", range(60))
def test_sharing_never_costs_and_keeps_its_lead(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = [4 * int(n) for n in rng.integers(1, 60, 10)]
    blocks = [block(f"t{i}", size, max(i - 1, 0), i) for i, size in enumerate(sizes)]
    leads = [4 * int(n) for n in rng.integers(0, 20, 10)]
    sharings = [Sharing(f"t{i}", f"t{i + 1}", leads[i]) for i in range(9)]
    shared = Arena(blocks, sharings)
    offsets = shared.pack().offsets
    for a, b in overlaps(blocks, offsets):
        reader, writer = sorted((a, b), key=lambda key: int(key[1:]))
        assert offsets[reader] - offsets[writer] >= leads[int(reader[1:])]
    assert shared.lower_bound <= extent(blocks, offsets)
    apart = Arena(blocks)
    assert extent(blocks, offsets) <= apart.pack().extent


def test_an_exact_sharing_allows_one_distance_only() -> None:
    blocks = [block("in", 100, 0, 1), block("out", 100, 1, 2)]
    sharing = Sharing("in", "out", 0, exact=True)
    offsets = Arena(blocks, [sharing]).pack().offsets
    assert offsets["in"] == offsets["out"]
    assert forbidden(blocks[0], blocks[1], [sharing]) == ((-100, 0), (0, 100))


def test_a_body_may_lie_over_parts_that_are_not_needed() -> None:
    rows = Body("rows", tuple(Part(100 * n, 100, span(0, n)) for n in range(4)))
    late = block("late", 120, 2, 3)
    assert forbidden(rows, late) == ((80, 400),)
    arena = Arena([rows, late])
    placement = arena.pack()
    assert placement.optimal
    assert placement.extent == extent([rows, late], placement.offsets) == 400
    assert placement.offsets["late"] - placement.offsets["rows"] <= 80


def test_bodies_that_shall_stand_together_do_where_they_may() -> None:
    bodies = [block("a", 40, 0, 0), block("b", 60, 1, 1), block("c", 50, 0, 1)]
    assert Arena(bodies, (), [("a", "b")]).pack().offsets["a"] == 0
    apart = Arena(bodies, (), [("a", "c")]).pack()
    assert apart.offsets["a"] != apart.offsets["c"]
