# SPDX-License-Identifier: Apache-2.0
"""The benchmark of scheduled listings, on a listing of the same form."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.listings import marked, results
from tests.run.programs import need

# A loop's body of 3 cycles, then what is left of the last pass without the loop's branch.
LISTING = """
.syntax unified
.thumb
1:
        // Instructions:    4
        // Expected cycles: 3
        // ----- cycle (expected) ------>
        // |------------------------|----
        ldr.w r2, [r0, #4]              // e.......
        add.w r3, r3, r2                // .*......
        str.w r3, [r1], #4              // .*......
        bne.w 1b                        // ..*..... // @slothy:branch
        // ldr.w r2, [r0, #4]           // *.......

        // Instructions:    3
        // Expected cycles: 4
        mul r3, r4, r5                  // *.......
        add.w r6, r3, r2                // ..*.....
        // gap                          // ........
        nop
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "examples" / "opt" / "armv7m"
    folder.mkdir(parents=True)
    (folder / "sum_opt_m7.s").write_text(LISTING)
    (folder / "sum_opt_a55.s").write_text(LISTING)
    return tmp_path


def test_blocks_of_a_listing(checkout: Path) -> None:
    text, (loop, rest) = marked(checkout / "examples" / "opt" / "armv7m" / "sum_opt_m7.s")
    assert (loop.core, loop.expected, loop.loops, loop.positions) == (
        *("cortex-m7", 3, True),
        (0, 1, 1, 2),
    )
    # Two of three instructions are there: the cycles drawn count.
    assert (rest.name, rest.expected, rest.loops) == ("sum_opt_m7.s:1", 3, False)
    assert text.index("begin_0") < text.index("ldr.w") < text.index("end_0") < text.index("mul")
    assert text.index("add.w r6") < text.index("end_1") < text.index("nop")


def test_the_last_block_may_end_the_listing(checkout: Path) -> None:
    path = checkout / "examples" / "opt" / "armv7m" / "sum_opt_m7.s"
    whole = marked(path)[1]
    path.write_text(LISTING.rpartition("        // gap")[0])
    assert marked(path)[1] == whole


def test_cycles_of_both_models(checkout: Path) -> None:
    need("cc", "arm-none-eabi-gcc")
    loop, rest = results(checkout)
    assert loop.texts[0] == "ldr.w r2, [r0, #4]"
    # The load pairs with nothing it feeds: two cycles; the product is there after two.
    assert loop.total == 2
    assert loop.error == pytest.approx(-1 / 3)
    assert (rest.total, rest.cycles) == (3, (0, 2))
