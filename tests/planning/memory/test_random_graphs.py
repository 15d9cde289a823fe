# SPDX-License-Identifier: Apache-2.0
"""Random image networks, planned in several ways, compiled and run on this machine.

However a network is streamed, its outputs are the reference's, with every byte that nothing needs any
more overwritten between any two events. What is needed when is taken from the checker's replay of the
plan, which shares no code with the planner.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.host_batch import WARNINGS, HostModel
from tests.models.image_graphs import ImageGraph
from tests.ops.comparison import random_inputs
from tests.run.programs import need
from tinygen.emit import render, write_files
from tinygen.hardware.cores import HOST, core
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.kernels.waits import Reads, Waits
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.checker import Action, PlanError, actions_of, check_plan
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.planning.plan import Plan, Ring
from tinygen.planning.schedule import chain_operator
from tinygen.tflite.reader import read_model_bytes

_BATCH = 20
_BATCHES = 15


def random_network(seed: int) -> Network:
    rng = np.random.default_rng(seed)
    return lower(
        rewrite(read_model_bytes(ImageGraph(rng, int(rng.integers(2, 9))).build(), f"{seed}"))
    )


def random_chains(network: Network, rng: np.random.Generator) -> tuple[range, ...]:
    """Runs of layers that can be streamed, cut at random."""
    chains = []
    start = 0
    for end in range(len(network.layers) + 1):
        able = end < len(network.layers) and chain_operator(network.layers[end]) is not None
        if not able or rng.random() < 0.2:
            if end > start:
                chains.append(range(start, end))
            start = end if able else end + 1
    return tuple(chains)


SLOW_FLASH = Waits(Reads(0, 4), Reads(100, 4))
"""Flash whose constants are worth copying wherever there is room."""


def plans_of(network: Network, name: str, seed: int) -> list[Plan]:
    """The default plan, that of least memory, one of random chains; of some, one with copies."""
    options = Options(name=f"{name}_a", core=core(HOST), kernels=KernelChoice.TINYGEN)
    chains = random_chains(network, np.random.default_rng(seed))
    slow = replace(options, name=f"{name}_d", waits=SLOW_FLASH)
    return [
        make_plan(network, options),
        make_plan(network, replace(options, name=f"{name}_b", optimize=Optimize.RAM)),
        make_plan(network, replace(options, name=f"{name}_c", chains=chains)),
        *([make_plan(network, slow)] if seed % 4 == 0 else []),
    ]


@dataclass
class Poison:
    """Overwrites what nothing needs, at every call of the trace."""

    plan: Plan
    arenas: Sequence[AnyArray]
    rng: np.random.Generator
    call: int = 0

    def __post_init__(self) -> None:
        actions = actions_of(self.plan)
        self.live = _live(actions, self.plan)
        self.done = _events_done(self.plan)
        assert self.done[-1] == len(actions)

    def everything(self) -> None:
        """Before the inputs are written."""
        self.call = 0
        for arena in self.arenas:
            arena[:] = self.rng.integers(0, 256, arena.size, dtype=np.uint8)

    def dead(self) -> None:
        """After an event."""
        live = self.live[self.done[self.call]]
        self.call += 1
        base = 0
        for arena in self.arenas:
            free = ~live[base : base + arena.size]
            arena[free] = self.rng.integers(0, 256, int(free.sum()), dtype=np.uint8)
            base += arena.size


def _events_done(plan: Plan) -> list[int]:
    """For every trace call, how many events have ended by then."""
    calls = []
    done = 0
    for number, step in enumerate(plan.steps):
        if step.stream is None:
            done += actions_of_step(plan, number)
            calls += [done] * sum(len(layer.outputs) for layer in step.layers)
            continue
        rows = [0] * len(step.layers)
        for event in step.stream.events:
            done += 1
            rows[event.operator] += event.rows
            layer = step.layers[event.operator]
            operator = chain_operator(layer)
            assert operator is not None
            if not layer.accumulates or rows[event.operator] == operator.axes[0].input:
                calls.append(done)
    return calls


def actions_of_step(plan: Plan, number: int) -> int:
    """Of a step that is not streamed: one, and one more for each call that copies come before."""
    if plan.steps[number].is_view:
        return 0
    return len({0, *(copy.before for copy in plan.staged.get(number, ()))})


def _live(actions: Sequence[Action], plan: Plan) -> list[AnyArray]:
    """Before every event, and after the last, which bytes will still be read."""
    live = np.zeros(plan.arena_bytes, dtype=bool)
    for index in plan.network.outputs:
        start = plan.tensor_offsets[index]
        live[start : start + plan.network.tensors[index].nbytes] = True
    result = [live.copy()]
    for action in reversed(actions):
        for piece in action.writes:
            live[piece.address : piece.address + piece.size] = False
        for address, size in action.scratch:
            live[address : address + size] = False
        for address, size, new in action.kept:
            live[address : address + size] = not new
        for piece in action.constants:
            live[piece.address : piece.address + piece.size] = True
        for piece in action.copies:
            live[piece.address : piece.address + piece.size] = False
        for piece in action.reads:
            live[piece.address : piece.address + piece.size] = True
        result.append(live.copy())
    return result[::-1]


_HOOK = """
#include <stddef.h>
#include <stdint.h>
void (*trace_hook)(void);
void tinygen_trace(int32_t layer, const void *data, uint32_t bytes);
void tinygen_trace(int32_t layer, const void *data, uint32_t bytes)
{
    (void)layer;
    (void)data;
    (void)bytes;
    if (trace_hook != NULL) {
        trace_hook();
    }
}
"""


def arrays(plan: Plan) -> list[tuple[str, int]]:
    """The arrays that a plan's arena consists of, and their bytes."""
    name = plan.options.name
    if len(plan.banks) < 2:
        return [(f"{name}_arena", plan.arena_bytes)]
    first, *others = plan.banks
    return [
        (f"{name}_arena", first.nbytes),
        *((f"{name}_arena_{part.bank.name}", part.nbytes) for part in others),
    ]


def build(plans: Sequence[Plan], directory: Path) -> ctypes.CDLL:
    """All plans in one library, their arenas to be reached from outside."""
    lines = [_HOOK]
    for plan in plans:
        name = plan.options.name
        write_files(render(plan), directory / name)
        lines += [f"#define {array.upper()}_EXTERNAL" for array, _ in arrays(plan)]
        lines += [f'#include "{name}/{name}.c"', f'#include "{name}/{name}_weights.c"']
        lines += [
            f"uint8_t {array}[{array.upper()}_BYTES] __attribute__((aligned(16)));"
            for array, _ in arrays(plan)
        ]
    unit = directory / "all.c"
    unit.write_text("\n".join(lines) + "\n", encoding="utf-8")
    library = directory / "all.so"
    flags = ["-std=c99", "-O1", "-shared", "-fPIC", "-DTINYGEN_TRACE", *WARNINGS]
    command = ["gcc", *flags, str(unit), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    return ctypes.CDLL(str(library))


def run_poisoned(library: ctypes.CDLL, plan: Plan, samples: Sequence[Sequence[AnyArray]]) -> None:
    """Every sample gives the reference's outputs, whatever stands in bytes that nothing needs."""
    name = plan.options.name
    model = HostModel(plan.network, name, library)
    arenas = [
        np.ctypeslib.as_array((ctypes.c_uint8 * size).in_dll(library, array))
        for array, size in arrays(plan)
    ]
    poison = Poison(plan, arenas, np.random.default_rng(5))
    hook_type = ctypes.CFUNCTYPE(None)
    hook = hook_type(poison.dead)
    slot = ctypes.c_void_p.in_dll(library, "trace_hook")
    for sample in samples:
        poison.everything()
        slot.value = ctypes.cast(hook, ctypes.c_void_p).value
        actual = model.run(sample)
        slot.value = None
        assert poison.call == len(poison.done), name
        for expected, got in zip(reference.outputs(plan.network, sample), actual, strict=True):
            assert np.array_equal(expected, got), name


@pytest.mark.parametrize("batch", range(_BATCHES))
def test_random_graphs_in_poisoned_arenas(batch: int, tmp_path: Path) -> None:
    need("gcc")
    seeds = range(batch * _BATCH, (batch + 1) * _BATCH)
    networks = [random_network(seed) for seed in seeds]
    plans = [
        plans_of(network, f"g{seed:03d}", seed)
        for network, seed in zip(networks, seeds, strict=True)
    ]
    library = build([plan for group in plans for plan in group], tmp_path)
    for network, group in zip(networks, plans, strict=True):
        samples = [random_inputs(network, np.random.default_rng(n)) for n in range(2)]
        for plan in group:
            run_poisoned(library, plan, samples)


def classic_arenas(plan: Plan) -> list[int]:
    """Arenas of greedy planners by size, by start, by duration: no sharing, whole tensors."""
    last = len(plan.steps) - 1
    source = {s.layer.outputs[0]: s.layer.inputs[0] for s in plan.steps if s.is_view}

    def root(index: int) -> int:
        return root(source[index]) if index in source else index

    spans = {root(index): [0, 0] for index in plan.network.inputs}
    for number, step in enumerate(plan.steps):
        for layer in step.layers:
            for index in (*layer.inputs, *layer.outputs):
                spans.setdefault(root(index), [number, number])[1] = number
    for index in plan.network.outputs:
        spans[root(index)][1] = last
    blocks = [
        (-(-plan.network.tensors[index].nbytes // 4) * 4, first, end)
        for index, (first, end) in spans.items()
    ]
    blocks += [
        (-(-step.binding.scratch_bytes // 4) * 4, number, number)
        for number, step in enumerate(plan.steps)
        if step.binding.scratch_bytes
    ]
    orders = [
        sorted(blocks, key=lambda b: (-b[0], b[1])),
        sorted(blocks, key=lambda b: (b[1], -b[0])),
        sorted(blocks, key=lambda b: (b[1] - b[2], -b[0])),
    ]
    return [_greedy(order) for order in orders]


def _greedy(order: Sequence[tuple[int, int, int]]) -> int:
    placed: list[tuple[int, int, int, int]] = []
    for size, first, last in order:
        offset = 0
        for start, length, begin, end in sorted(placed):
            if begin <= last and first <= end and offset < start + length and start < offset + size:
                offset = start + length
        placed.append((offset, size, first, last))
    return max(offset + size for offset, size, _, _ in placed)


@pytest.mark.parametrize("batch", range(_BATCHES))
def test_arenas_of_random_graphs(batch: int) -> None:
    """Never above the classic planners; less with streams; every ring has no row too many."""
    for seed in range(batch * _BATCH, (batch + 1) * _BATCH):
        default, smallest, chained = plans_of(random_network(seed), "g", seed)[:3]
        assert default.arena_bytes <= min(classic_arenas(default)), seed
        assert smallest.arena_bytes <= default.arena_bytes, seed
        for plan in (default, smallest, chained):
            assert plan.arena_lower_bound_bytes <= plan.arena_bytes, seed
        for plan in (smallest, chained):
            for shortened in shortened_rings(plan):
                with pytest.raises(PlanError):
                    check_plan(shortened)


def shortened_rings(plan: Plan) -> Iterator[Plan]:
    """The plan with each of its rings a row shorter."""
    for number, step in enumerate(plan.steps):
        if step.stream is None:
            continue
        for tensor, ring in step.stream.rings.items():
            if ring.rows == 1:
                continue
            rings = {**step.stream.rings, tensor: Ring(tensor, ring.rows - 1, ring.phase)}
            changed = replace(step, stream=replace(step.stream, rings=rings))
            yield replace(plan, steps=(*plan.steps[:number], changed, *plan.steps[number + 1 :]))
