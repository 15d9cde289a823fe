# SPDX-License-Identifier: Apache-2.0
"""Constants copied into dead bytes of the arena: where they pay, and what the checker finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.conftest import shared_model
from tinygen.compilation import compile_model
from tinygen.hardware.boards import board
from tinygen.planning.as_data import plan_as_data
from tinygen.planning.board_memory import on_board
from tinygen.planning.checker import PlanError, check_plan
from tinygen.planning.options import KernelChoice, Options
from tinygen.planning.plan import Plan, Staged

_OPTIONS = Options(kernels=KernelChoice.TINYGEN)


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Image classification for a board that waits for its flash."""
    options = on_board(board("nucleo-l4r5zi"), _OPTIONS)
    return compile_model(shared_model("mlperf_ic.tflite"), options).plan


def test_the_arena_is_no_larger_and_without_a_board_nothing_is_copied(plan: Plan) -> None:
    for target in ("qemu-mps2-an386", None):
        options = _OPTIONS if target is None else on_board(board(target), _OPTIONS)
        generic = compile_model(shared_model("mlperf_ic.tflite"), options)
        assert generic.plan.staged == {}
        assert not any("stage" in name for name in generic.files)
        assert plan.arena_bytes == generic.arena_bytes
    assert plan.staged


def test_the_plan_shows_what_is_copied(plan: Plan) -> None:
    data = plan_as_data(plan)
    for number, copies in plan.staged.items():
        shown = data["steps"][number]["staged"]
        assert [entry["bytes"] for entry in shown] == [copy.nbytes for copy in copies]
        (block,) = (b for b in data["blocks"] if b["key"] == f"constants of step {number}")
        assert (block["first_step"], block["last_step"]) == (number, number)
        assert block["offset"] == min(copy.offset for copy in copies)


def _with_copy(plan: Plan, number: int, at: int, changed: Staged) -> Plan:
    copies = list(plan.staged[number])
    copies[at] = changed
    return replace(plan, staged={**plan.staged, number: tuple(copies)})


def _spoilt(plan: Plan) -> Iterator[Plan]:
    """Every copy one byte short, after the call that reads it, and over what the step needs."""
    for number, copies in plan.staged.items():
        needed = plan.tensor_offsets[plan.steps[number].layer.inputs[0]]
        for at, copy in enumerate(copies):
            yield _with_copy(plan, number, at, replace(copy, nbytes=copy.nbytes - 1))
            yield _with_copy(plan, number, at, replace(copy, before=copy.before + 1))
            yield _with_copy(plan, number, at, replace(copy, offset=needed))
            yield _with_copy(
                plan, number, at, replace(copy, offset=plan.scratch_offsets[number, 0])
            )


def test_the_checker_finds_copies_that_are_late_short_or_in_the_way(plan: Plan) -> None:
    check_plan(plan)
    for spoilt in _spoilt(plan):
        with pytest.raises(PlanError):
            check_plan(spoilt)
