# SPDX-License-Identifier: Apache-2.0
"""The arena: nothing alive overlaps, nothing beats the bound, small cases are optimal."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinygen.memory.arena import extent, first_fit, lower_bound, pack
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
    offsets = pack(blocks)
    assert overlaps(blocks, offsets) == []
    assert all(offsets[block.key] % block.alignment == 0 for block in blocks)
    assert extent(blocks, offsets) >= lower_bound(blocks)


@pytest.mark.parametrize("seed", range(30))
def test_small_cases_are_as_small_as_any_first_fit(seed: int) -> None:
    blocks = random_blocks(np.random.default_rng(1000 + seed), 6, 6)
    best = min(extent(blocks, first_fit(order)) for order in itertools.permutations(blocks))
    assert extent(blocks, pack(blocks)) == best


def test_packing_repeats() -> None:
    blocks = random_blocks(np.random.default_rng(7), 30, 20)
    assert pack(blocks) == pack(list(blocks))


def test_checker_sees_an_overlap() -> None:
    blocks = [Block("a", 8, 0, 1), Block("b", 8, 1, 2)]
    assert overlaps(blocks, {"a": 0, "b": 4}) == [("a", "b")]


def test_nothing_to_pack() -> None:
    assert pack([]) == {}
    assert lower_bound([]) == 0


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
