# SPDX-License-Identifier: Apache-2.0
"""Several memories: what fits is found, what is accessed most is in the fast one, no end is crossed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import shared_model
from tests.kernels.host_batch import HostModel
from tests.ops.comparison import random_inputs
from tests.ops.generators.control_flow import random_if, random_while
from tests.planning.memory.test_random_graphs import build, random_network, run_poisoned
from tests.run.programs import need
from tinygen.errors import BudgetError
from tinygen.hardware.cores import HOST, core
from tinygen.ir import reference
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.checker import PlanError, check_plan
from tinygen.planning.make import make_plan
from tinygen.planning.memory.arena import Arena
from tinygen.planning.memory.banks import Spread, spread
from tinygen.planning.memory.body import Body, Sharing, block
from tinygen.planning.options import Bank, Budget, KernelChoice, Optimize, Options
from tinygen.planning.plan import Plan
from tinygen.tflite.reader import read_model, read_model_bytes

_ANY_SIZE = 1 << 20


def banks(fast: int, slow: int) -> tuple[Bank, Bank]:
    return Bank("slow", slow), Bank("fast", fast, fast=True, section=".fast")


def homes(found: Spread, bodies: Sequence[Body]) -> dict[str, str]:
    """The bank of each body; every body is in one, and no two that live at a time share a byte."""
    result = {}
    for body in bodies:
        at = found.placement.offsets[body.key]
        (home,) = [
            part.bank.name
            for part in found.banks
            if part.base <= at and at + body.size <= part.base + part.nbytes
        ]
        result[body.key] = home
    for a, b in itertools.combinations(bodies, 2):
        apart = (
            found.placement.offsets[a.key] + a.size <= found.placement.offsets[b.key]
            or found.placement.offsets[b.key] + b.size <= found.placement.offsets[a.key]
        )
        assert apart or not a.events & b.events
    return result


def test_all_in_the_fast_bank_if_it_fits() -> None:
    bodies = [block("a", 40, 0, 1), block("b", 60, 1, 2)]
    found = spread(Arena(bodies), {}, banks(100, 1000))
    assert [(part.bank.name, part.base, part.nbytes) for part in found.banks] == [("fast", 0, 100)]


def test_what_is_accessed_most_for_its_size_is_in_the_fast_bank() -> None:
    bodies = [block("cold", 80, 0, 2), block("hot", 20, 0, 2), block("warm", 40, 0, 2)]
    moved = {"cold": 100, "hot": 1000, "warm": 99}
    found = spread(Arena(bodies), moved, banks(64, 1000))
    assert homes(found, bodies) == {"cold": "slow", "hot": "fast", "warm": "fast"}


def test_fits_together_though_in_no_bank_alone() -> None:
    bodies = [block("a", 60, 0, 2), block("b", 60, 1, 2)]
    found = spread(Arena(bodies), {"a": 1, "b": 1}, banks(60, 64))
    assert set(homes(found, bodies).values()) == {"fast", "slow"}
    assert not any(part.excess for part in found.banks)


def test_a_bank_of_no_bytes_is_left_out() -> None:
    found = spread(Arena([block("a", 60, 0, 2)]), {"a": 9}, banks(0, 60))
    assert [(part.bank.name, part.base, part.nbytes) for part in found.banks] == [("slow", 0, 60)]


def test_what_does_not_fit_is_said() -> None:
    found = spread(Arena([block("a", 60, 0, 2), block("b", 64, 1, 2)]), {}, banks(60, 60))
    assert sum(part.excess for part in found.banks) == 4


def test_a_budget_for_all_banks_together_comes_before_speed() -> None:
    """Spread, 20 + 100 bytes are used; in the slow bank alone, 100."""
    bodies = [block("a", 20, 0, 0), block("b", 100, 1, 1)]
    moved = {"a": 1000, "b": 1}
    assert spread(Arena(bodies), moved, banks(20, 200)).placement.extent == 120
    assert spread(Arena(bodies), moved, banks(20, 200), most=110).placement.extent == 100


def test_an_output_over_its_dying_input_in_either_bank() -> None:
    bodies = [block("in", 64, 0, 1), block("out", 64, 1, 2), block("hot", 64, 0, 2)]
    sharings = [Sharing("in", "out", 0)]
    found = spread(Arena(bodies, sharings), {"hot": 1}, banks(64, 64))
    assert not any(part.excess for part in found.banks)


def best_by_trying_all(
    bodies: Sequence[Body], moved: Mapping[str, int], fast: int, slow: int
) -> int | None:
    """Least traffic of the slow bank of all ways that fit."""
    best = None
    for chosen in itertools.product((True, False), repeat=len(bodies)):
        inside = [body for body, yes in zip(bodies, chosen, strict=True) if yes]
        outside = [body for body, yes in zip(bodies, chosen, strict=True) if not yes]
        cost = sum(moved[body.key] for body in outside)
        if (best is None or cost < best) and (
            Arena(inside).pack().extent <= fast and Arena(outside).pack().extent <= slow
        ):
            best = cost
    return best


@pytest.mark.parametrize("seed", range(12))
def test_small_cases_are_as_good_as_any(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bodies = []
    for number in range(7):
        first, last = sorted(int(step) for step in rng.integers(0, 6, 2))
        bodies.append(block(f"b{number}", 4 * int(rng.integers(1, 20)), first, last))
    moved = {body.key: int(rng.integers(1, 1000)) for body in bodies}
    whole = Arena(bodies).pack().extent
    fast, slow = int(whole * rng.uniform(0.3, 0.6)), int(whole * rng.uniform(0.6, 0.9))
    found = spread(Arena(bodies), moved, banks(fast, slow))
    expected = best_by_trying_all(bodies, moved, fast, slow)
    where = homes(found, bodies)
    if expected is None:
        assert any(part.excess for part in found.banks)
        return
    assert not any(part.excess for part in found.banks)
    assert sum(moved[key] for key, bank in where.items() if bank == "slow") == expected


@pytest.mark.parametrize("seed", range(10))
def test_the_fast_bank_is_used_and_not_overfilled(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bodies = []
    for number in range(60):
        first = int(rng.integers(0, 40))
        last = first + int(rng.integers(0, 6))
        bodies.append(block(f"b{number}", 4 * int(rng.integers(1, 100)), first, last))
    moved = {body.key: int(rng.integers(1, 1000)) for body in bodies}
    fast = Arena(bodies).pack(0.1).extent // 2
    found = spread(Arena(bodies), moved, banks(fast, _ANY_SIZE), effort=0.1)
    assert [part.bank.name for part in found.banks] == ["fast", "slow"]
    assert found.banks[0].nbytes <= fast
    where = homes(found, bodies)
    inside = sum(moved[key] for key, bank in where.items() if bank == "fast")
    assert inside > sum(moved.values()) / 2


def spread_plans(seed: int) -> list[Plan]:
    """A random network without and with streams, each in two banks that hold it only together."""
    network = random_network(seed)
    options = Options(f"b{seed:03d}_a", core(HOST), KernelChoice.TINYGEN)
    found = []
    for chosen in (options, replace(options, name=f"b{seed:03d}_b", optimize=Optimize.RAM)):
        whole = make_plan(network, chosen)
        largest = max(body.size for body in whole.blocks)
        most = max(largest, whole.arena_bytes - 4)
        for fast in (whole.arena_bytes // 2, whole.arena_bytes // 4):
            try:
                found.append(make_plan(network, replace(chosen, banks=banks(fast, most))))
                break
            except BudgetError:
                continue
    return found


@pytest.mark.parametrize("batch", range(15))
def test_random_graphs_in_poisoned_banks(batch: int, tmp_path: Path) -> None:
    need("gcc")
    plans = [plan for seed in range(batch * 5, batch * 5 + 5) for plan in spread_plans(seed)]
    split = [plan for plan in plans if len(plan.banks) == 2]
    assert len(split) >= 5
    library = build(plans, tmp_path)
    for plan in plans:
        for number in range(2):
            sample = random_inputs(plan.network, np.random.default_rng(number))
            run_poisoned(library, plan, [sample])


def test_subgraphs_in_the_second_bank(tmp_path: Path) -> None:
    """What IF and WHILE run lies in the scratch memory of their step, wherever that is."""
    need("gcc")
    plans = []
    for seed in range(12):
        generator = random_if if seed % 2 else random_while
        model = generator(np.random.default_rng(seed), "INT8")
        network = lower(rewrite(read_model_bytes(model, f"{seed}")))
        options = Options(f"c{seed:02d}", core(HOST), KernelChoice.TINYGEN)
        whole = make_plan(network, options)
        scratch = max(step.binding.scratch_bytes for step in whole.steps)
        plan = make_plan(network, replace(options, banks=banks(scratch - 4, _ANY_SIZE)))
        second = plan.banks[-1]
        if second.base and any(second.holds(at) for at in plan.scratch_offsets.values()):
            plans.append(plan)
    assert len(plans) >= 2
    library = build(plans, tmp_path)
    for plan in plans:
        model_of = HostModel(plan.network, plan.options.name, library)
        for number in range(4):
            sample = random_inputs(plan.network, np.random.default_rng(number))
            expected = reference.outputs(plan.network, sample)
            for wanted, got in zip(expected, model_of.run(sample), strict=True):
                assert np.array_equal(wanted, got), plan.options.name


def test_the_checker_sees_a_tensor_across_the_end_of_a_bank() -> None:
    plan = next(plan for plan in spread_plans(0) if len(plan.banks) == 2)
    first, second = plan.banks
    shifted = (
        replace(first, nbytes=first.nbytes + 4),
        replace(second, base=second.base + 4, nbytes=second.nbytes - 4),
    )
    with pytest.raises(PlanError, match="bank"):
        check_plan(replace(plan, banks=shifted))


def plan_of(name: str, **options: object) -> Plan:
    network = lower(rewrite(read_model(shared_model(f"{name}.tflite"))))
    chosen = Options("m", core("cortex-m4"), kernels=KernelChoice.TINYGEN, **options)  # type: ignore[arg-type]
    return make_plan(network, chosen)


def test_a_model_that_no_bank_holds_alone_needs_no_streams() -> None:
    plan = plan_of("mlperf_ic", banks=banks(16_384, 20_480))
    assert plan.arena_bytes > 20_480
    assert {part.bank.name for part in plan.banks} == {"fast", "slow"}
    assert all(step.stream is None for step in plan.steps)


def test_streams_where_two_banks_are_too_small_without() -> None:
    plan = plan_of("mlperf_ic", banks=banks(8_192, 12_288))
    assert any(step.stream is not None for step in plan.steps)
    assert all(part.nbytes <= part.bank.nbytes for part in plan.banks)


def test_a_refusal_names_the_banks() -> None:
    expected = (
        r"\(slow 20,480, fast 16,384 bytes\) needs 7,168 bytes more in slow; most at the peak"
    )
    with pytest.raises(BudgetError, match=expected):
        plan_of("mlperf_vww", banks=banks(16_384, 20_480))


def test_a_budget_counts_all_banks() -> None:
    plan = plan_of("mlperf_ic", banks=banks(8_192, _ANY_SIZE), ram=Budget(24_000, "--ram"))
    assert len(plan.banks) == 2
    assert sum(part.nbytes for part in plan.banks) == plan.arena_bytes <= 24_000


def test_a_spread_plan_repeats() -> None:
    one, two = (plan_of("mlperf_kws", banks=banks(4_096, 8_192)) for _ in range(2))
    assert one.block_offsets == two.block_offsets
    assert one.banks == two.banks
