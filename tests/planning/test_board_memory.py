# SPDX-License-Identifier: Apache-2.0
"""What boards and --bank leave for the arena."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.conftest import shared_model
from tinygen.cli.main import main
from tinygen.errors import InputError
from tinygen.hardware.boards import board
from tinygen.hardware.memories import Cache
from tinygen.kernels.waits import Reads, Waits
from tinygen.planning.board_memory import banks_of, chosen_banks, on_board, ram_budget
from tinygen.planning.options import Bank, Budget, Options


def test_banks_are_what_stack_and_variables_leave() -> None:
    assert banks_of(board("nucleo-f746zg")) == (
        Bank("sram", 256 * 1024 - 2048),
        Bank("dtcm", 64 * 1024 - 16384, fast=True, section=".dtcm"),
    )
    assert banks_of(board("nucleo-l476rg")) == (
        Bank("sram1", 96 * 1024 - 16384 - 2048),
        Bank("sram2", 32 * 1024, section=".sram2"),
    )


def test_one_region_is_one_array() -> None:
    assert chosen_banks(board("qemu-mps2-an386"), ()) == ()
    assert chosen_banks(board("host"), ()) == ()
    assert chosen_banks(None, ()) == ()


def test_given_banks_replace_those_of_the_board() -> None:
    target = board("nucleo-f746zg")
    slow, fast = chosen_banks(target, ["dtcm=8000,fast"])
    assert slow == banks_of(target)[0]
    assert fast == Bank("dtcm", 8000, fast=True, section=".dtcm")
    budget = ram_budget(target, (slow, fast))
    assert budget is not None
    assert budget.nbytes == slow.nbytes + 8000
    assert budget.source == "the RAM of nucleo-f746zg (sram 260,096 + dtcm 8,000)"


def test_a_board_gives_its_core_and_its_memories() -> None:
    """Options that say something of the memory themselves are kept."""
    target = board("nucleo-f746zg")
    options = on_board(target, Options("net"))
    assert (options.name, options.core, options.banks) == ("net", target.core, banks_of(target))
    assert options.ram == ram_budget(target, banks_of(target))
    assert on_board(target, Options(ram=Budget(9, "--ram"))).ram == Budget(9, "--ram")


def test_a_board_gives_what_its_flash_makes_wait() -> None:
    target = board("nucleo-f446re")
    (flash,) = target.flash
    fast = replace(flash, stall=0, prefetch=False, code_cache="", data_cache="")
    assert on_board(replace(target, flash=(fast,), cache=())).waits is None
    both = Cache("both", line_bytes=16, lines=512, ways=2)
    slow = replace(fast, stall=4, data_stall=3, read_bytes=8, prefetch=True)
    assert on_board(replace(target, flash=(slow,), cache=())).waits == Waits(
        Reads(4, 8, prefetches=True), Reads(3, 4)
    )
    cached = replace(slow, data_stall=None, code_cache="both", data_cache="both")
    assert on_board(replace(target, flash=(cached,), cache=(both,))).waits == Waits(
        Reads(4, 16, 8192, 2, prefetches=True), Reads(4, 16, 8192, 2), shared=True
    )
    separate = (replace(both, name="code", lines=64, ways=0), replace(both, name="data", lines=8))
    named = replace(cached, code_cache="code", data_cache="data")
    assert on_board(replace(target, flash=(named,), cache=separate)).waits == Waits(
        Reads(4, 16, 1024, 64, prefetches=True), Reads(4, 16, 128, 2)
    )


def test_given_banks_without_a_board() -> None:
    """Variables lie in the first that is not fast."""
    assert chosen_banks(None, ["tcm=64,fast", "a=1000", "b=2000"]) == (
        Bank("tcm", 64, fast=True, section=".tcm"),
        Bank("a", 1000),
        Bank("b", 2000, section=".b"),
    )


@pytest.mark.parametrize(
    ("board_name", "text", "complaint"),
    [
        (None, "dtcm", "not NAME=BYTES"),
        (None, "dtcm=64k", "not NAME=BYTES"),
        (None, "dtcm=64,slow", "not NAME=BYTES"),
        ("nucleo-f746zg", "ccm=64", "no RAM region 'ccm'"),
    ],
)
def test_faulty_banks(board_name: str | None, text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        chosen_banks(board(board_name) if board_name else None, [text])


def test_analysis_says_what_lies_where() -> None:
    arguments = ["analyze", str(shared_model("mlperf_kws.tflite")), "--board", "nucleo-f746zg"]
    result = CliRunner().invoke(main, [*arguments, "--bank", "dtcm=4096,fast", "--json"])
    assert result.exit_code == 0, result.output
    data = json.loads(result.output)
    fast, slow = data["banks"]
    assert (fast["name"], fast["fast"], fast["available"]) == ("dtcm", True, 4096)
    assert (slow["name"], slow["fast"]) == ("sram", False)
    assert fast["bytes"] + slow["bytes"] == data["arena_bytes"]
    assert "nucleo-f746zg" in data["boards"]
    blocks = [held["block"] for bank in (fast, slow) for held in bank["holds"]]
    assert len(blocks) == len(set(blocks)) > 10

    def heat(bank: dict[str, list[dict[str, int]]]) -> float:
        held = bank["holds"]
        return sum(h["moved_bytes"] for h in held) / sum(h["bytes"] for h in held)

    assert heat(fast) > heat(slow)
    shown = CliRunner().invoke(main, [*arguments, "--bank", "dtcm=4096,fast"])
    assert "(fast, 4,096 available)" in shown.output


def test_generate_for_a_board(tmp_path: Path) -> None:
    model = str(shared_model("mlperf_kws.tflite"))
    arguments = ["generate", model, "--name", "net", "--board", "nucleo-f746zg"]
    arguments += ["--bank", "dtcm=4096,fast", "--kernels", "tinygen", "-o", str(tmp_path / "net")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    header = (tmp_path / "net" / "net.h").read_text()
    assert '#define NET_TARGET "cortex-m7"' in header
    assert "#define NET_ARENA_SRAM_BYTES " in header
    code = (tmp_path / "net" / "net.c").read_text()
    assert '#define NET_ARENA_ATTRIBUTES __attribute__((section(".dtcm")))' in code
    assert "#define NET_ARENA_SRAM_ATTRIBUTES\n" in code
    plan = json.loads((tmp_path / "net" / "net_plan.json").read_text())
    assert [bank["section"] for bank in plan["banks"]] == [".dtcm", ""]


def test_a_board_must_execute_what_is_built_for_it() -> None:
    arguments = ["analyze", "m.tflite", "--board", "nucleo-f746zg", "--target", "cortex-m33"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "has a cortex-m7, which cannot run programs for cortex-m33" in result.output
