# SPDX-License-Identifier: Apache-2.0
"""The arena: nothing alive overlaps, nothing beats the bound, small cases are optimal."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinygen.memory.arena import Arena, Sharing
from tinygen.memory.liveness import Block, Use, lifetimes


def random_blocks(rng: np.random.Generator, count: int, steps: int) -> list[Block]:
    blocks = []
    for number in range(count):
        first, last = sorted(int(step) for step in rng.integers(0, steps, 2))
        blocks.append(Block(f"b{number}", int(rng.integers(1, 200)), first, last))
    return blocks


def overlaps(blocks: list[Block], offsets: dict[str, int]) -> list[tuple[str, str]]:
    return [
        (a.key, b.key)
        for a, b in itertools.combinations(blocks, 2)
        if a.overlaps_in_time(b)
        and offsets[a.key] < offsets[b.key] + b.size
        and offsets[b.key] < offsets[a.key] + a.size
    ]


@pytest.mark.parametrize("seed", range(100))
def test_nothing_alive_overlaps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = random_blocks(rng, int(rng.integers(1, 25)), 12)
    arena = Arena(blocks)
    offsets = arena.pack()
    assert overlaps(blocks, offsets) == []
    assert all(offsets[block.key] % block.alignment == 0 for block in blocks)
    assert arena.extent(offsets) >= arena.lower_bound()


@pytest.mark.parametrize("seed", range(30))
def test_small_cases_are_as_small_as_any_first_fit(seed: int) -> None:
    blocks = random_blocks(np.random.default_rng(1000 + seed), 6, 6)
    arena = Arena(blocks)
    best = min(arena.extent(arena.first_fit(o)) for o in itertools.permutations(blocks))
    assert arena.extent(arena.pack()) == best


def test_packing_repeats() -> None:
    blocks = random_blocks(np.random.default_rng(7), 30, 20)
    assert Arena(blocks).pack() == Arena(list(blocks)).pack()


def test_checker_sees_an_overlap() -> None:
    blocks = [Block("a", 8, 0, 1), Block("b", 8, 1, 2)]
    assert overlaps(blocks, {"a": 0, "b": 4}) == [("a", "b")]


def test_nothing_to_pack() -> None:
    assert Arena([]).pack() == {}
    assert Arena([]).lower_bound() == 0


def test_an_output_may_lie_over_its_dying_input() -> None:
    blocks = [Block("in", 100, 0, 1), Block("out", 80, 1, 2)]
    arena = Arena(blocks, [Sharing("in", "out", 8)])
    offsets = arena.pack()
    assert offsets["in"] - offsets["out"] >= 8
    assert arena.extent(offsets) == arena.lower_bound() == 108


def test_no_sharing_with_an_input_that_lives_on() -> None:
    blocks = [Block("in", 100, 0, 2), Block("out", 80, 1, 2)]
    arena = Arena(blocks, [Sharing("in", "out", 0)])
    assert arena.extent(arena.pack()) == arena.lower_bound() == 180


@pytest.mark.parametrize("seed", range(60))
def test_sharing_never_costs_and_keeps_its_lead(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = [4 * int(n) for n in rng.integers(1, 60, 10)]
    blocks = [Block(f"t{i}", size, max(i - 1, 0), i) for i, size in enumerate(sizes)]
    leads = [4 * int(n) for n in rng.integers(0, 20, 10)]
    sharings = [Sharing(f"t{i}", f"t{i + 1}", leads[i]) for i in range(9)]
    shared = Arena(blocks, sharings)
    offsets = shared.pack()
    for a, b in overlaps(blocks, offsets):
        reader, writer = sorted((a, b), key=lambda key: int(key[1:]))
        assert offsets[reader] - offsets[writer] >= leads[int(reader[1:])]
    assert shared.lower_bound() <= shared.extent(offsets)
    apart = Arena(blocks)
    assert shared.extent(offsets) <= apart.extent(apart.pack())


def test_lifetimes_of_a_chain_with_a_skip() -> None:
    uses = [Use(("in",), ("a",)), Use(("a",), ("b",)), Use(("a", "b"), ("out",))]
    assert lifetimes(uses, ["in"], ["out"]) == {
        "in": (0, 0),
        "a": (0, 2),
        "b": (1, 2),
        "out": (2, 2),
    }


def test_an_output_computed_early_lives_to_the_end() -> None:
    uses = [Use(("in",), ("early",)), Use(("in",), ("late",))]
    assert lifetimes(uses, ["in"], ["early", "late"])["early"] == (0, 1)


def test_an_unused_input_keeps_its_place() -> None:
    assert lifetimes([Use(("a",), ("b",))], ["a", "unused"], ["b"])["unused"] == (0, 0)


def test_an_exact_sharing_allows_one_distance_only() -> None:
    blocks = [Block("in", 100, 0, 1), Block("out", 100, 1, 2)]
    arena = Arena(blocks, [Sharing("in", "out", 0, exact=True)])
    offsets = arena.pack()
    assert offsets["in"] == offsets["out"]
    before, after = blocks
    assert not arena.compatible(before, 8, after, 4)
    assert arena.compatible(before, 8, after, 108)
