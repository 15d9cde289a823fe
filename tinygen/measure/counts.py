# SPDX-License-Identifier: Apache-2.0
"""Ways to count what an inference takes, step by step: QEMU's plugin, or the target's own clock."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from tinygen.emit import Interface, interface
from tinygen.errors import BuildError, InputError, TargetError
from tinygen.hardware.elf import Symbol, read_symbols
from tinygen.hardware.memories import memories_argument
from tinygen.hardware.timing import Timing
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.ir.layer import computed
from tinygen.ir.network import Network
from tinygen.measure.plugin import Counters, Stalls, Watch, plugin_arguments, read_report
from tinygen.planning.plan import Plan, Step
from tinygen.run.qemu import QemuRunner
from tinygen.run.runner import Image, Runner
from tinygen.run.runners import runner_for
from tinygen.run.session import Counter, Times

_WARM_UPS = 1
_MOST_INFERENCES = 10_000


@dataclass(frozen=True)
class Part:
    """What one step, or the invoke function itself, takes; None where the method cannot tell.

    ``stalls`` are part of ``cycles``.
    """

    instructions: int | None
    cycles: int | None
    stalls: Stalls | None = None
    loads: int | None = None
    stores: int | None = None
    misaligned_cycles: int | None = None


def nothing_like(part: Part) -> Part:
    """What a part without code takes: 0 of all that is known of another."""
    return Part(
        **{name: None if value is None else type(value)() for name, value in vars(part).items()}
    )


@dataclass(frozen=True)
class Counts:
    """What a method found: the parts of the steps that have code, and what is between them.

    A step has one part, or one an operator if it is streamed.
    """

    method: str
    cycle_model: str
    steps: tuple[tuple[Part, ...], ...]
    overhead: Part
    stack_peak: int | None
    outputs: list[bytes]


def first_whole_inference(
    network: Network, sample: Sequence[AnyArray]
) -> tuple[int, list[AnyArray]]:
    """Which inference after a reset is the first that no layer ends early, and its outputs.

    All of them have the same inputs. 1 of most models; a CIRCULAR_BUFFER lets some go by.

    Raises:
        InputError: none of the first ones goes through all layers.
    """
    states: dict[int, AnyArray] = {}
    for number in range(1, _MOST_INFERENCES + 1):
        values = reference.run(network, sample, states)
        if sum(1 for _ in computed(network.layers, values)) == len(network.layers):
            return number, [values[index] for index in network.outputs]
    raise InputError(
        f"{network.graph.source}: none of the first {_MOST_INFERENCES:,} inferences goes through all "
        "operators, so there is nothing whole to measure"
    )


def count_by_plugin(
    plan: Plan,
    image: Image,
    plugin: Path,
    sample: Sequence[AnyArray],
    inferences: int,
    work_directory: Path,
) -> Counts:
    """Runs the program of a model under QEMU's plugin, which writes into ``work_directory``.

    What is counted is inference number ``inferences`` after a reset.

    Raises:
        BuildError: the program lacks the model's symbols.
        TargetError: the program did not run as it should.
    """
    timing = image.board.core.timing
    watch = watch_of(image, interface(plan), timing)
    report = work_directory / "profile.json"
    runner = QemuRunner(arguments=plugin_arguments(plugin, watch, report))
    outputs, _ = _infer(runner, image, sample, inferences)
    inference = read_report(report)
    expected = (_WARM_UPS + 1) * inferences
    if inference.number != expected:
        raise TargetError(f"the profiling plugin saw {inference.number} inferences of {expected}")

    def part(counters: Counters) -> Part:
        return Part(
            counters.instructions,
            counters.cycles + counters.stalls.total if timing else None,
            counters.stalls if timing else None,
            counters.loads,
            counters.stores,
            counters.misaligned_cycles,
        )

    waiting = "its memories' waits" if watch.memories else "zero wait states"
    return Counts(
        "plugin",
        f"{timing.source}; {waiting}" if timing else "",
        tuple(
            tuple(part(counters) for counters in step)
            for step in _by_step(plan, inference.steps, read_symbols(image.elf))
        ),
        part(inference.overhead),
        inference.stack_bytes,
        outputs,
    )


def _by_step(
    plan: Plan, counted: Sequence[Counters], symbols: Mapping[str, Symbol]
) -> Iterator[list[Counters]]:
    """The counters of the parts of every step that has code, from those of all calls.

    The operators of a stream take turns: what each took is added up.

    Raises:
        TargetError: some parts did not run, or one ran too often.
    """
    called = defaultdict(list)
    for counters in counted:
        called[counters.address].append(counters)
    for step, functions in zip(plan.steps, interface(plan).steps, strict=True):
        parts = []
        for function in functions:
            calls = called[symbols[function].address]
            if not calls or (step.stream is None and len(calls) > 1):
                raise TargetError(f"{function} ran {len(calls)} times in an inference")
            parts.append(reduce(operator.add, calls))
        if parts:
            yield parts


def count_by_clock(
    plan: Plan,
    image: Image,
    traced: Image,
    sample: Sequence[AnyArray],
    inferences: int,
    port: str = "",
) -> Counts:
    """Times by the target's own clock: the whole of the image, the layers of the traced one.

    What is timed is inference number ``inferences`` after a reset.
    Without a ``port``, in QEMU with ``-icount shift=0``, whose clock advances by a nanosecond an
    instruction. One tick of SysTick is then 30 to 60 instructions.

    Raises:
        TargetError: the program did not run as it should, or nothing counts there.
    """
    board = image.board
    runner = runner_for(board, port=port) if port else QemuRunner(arguments=("-icount", "shift=0"))
    outputs, whole = _infer(runner, image, sample, inferences)
    _, layers = _infer(runner, traced, sample, inferences)
    if whole.counter is Counter.NONE:
        raise TargetError(f"board {board.name} has nothing that counts its cycles")

    def part(ticks: int) -> Part:
        if port:
            return Part(None, ticks)
        return Part(round(ticks * 1_000_000_000 / board.clock_hz), None)

    steps = [
        [layers.layers[layer.operator.index] for layer in step.layers] for step in _with_code(plan)
    ]
    return Counts(
        whole.counter.name if port else "icount",
        f"measured by {whole.counter.name}" if port else "",
        tuple(
            tuple(part(ticks) for ticks in (step if plan_step.stream else [sum(step)]))
            for plan_step, step in zip(_with_code(plan), steps, strict=True)
        ),
        part(whole.inference - sum(map(sum, steps))),
        None,
        outputs,
    )


def _with_code(plan: Plan) -> list[Step]:
    return [step for step in plan.steps if not step.is_view]


def _infer(
    runner: Runner, image: Image, sample: Sequence[AnyArray], inferences: int
) -> tuple[list[bytes], Times]:
    """The last of so many inferences after a reset: its outputs, and its time by the target's clock."""
    inputs = [value.tobytes() for value in sample]
    with runner.start(image) as session:
        for _ in range(_WARM_UPS + 1):
            session.reset()
            for _ in range(inferences):
                outputs = session.run(inputs)
        return outputs, session.times()


def watch_of(image: Image, program: Interface, timing: Timing | None) -> Watch:
    """What the plugin must know of a linked program.

    Raises:
        BuildError: the program lacks the symbols of the model or of the start-up code.
    """
    symbols = read_symbols(image.elf)
    place = image.board

    def address(symbol: str) -> int:
        try:
            return symbols[symbol].address
        except KeyError:
            raise BuildError(f"{image.elf}: has no symbol {symbol}") from None

    return Watch(
        invoke=address(program.invoke),
        steps={address(function) for step in program.steps for function in step},
        stack=(address("tinygen_stack_limit"), address("tinygen_stack_top")),
        timing=timing,
        memories=memories_argument(place.cache, place.flash, place.ram),
    )
