# SPDX-License-Identifier: Apache-2.0
"""What one inference costs on a board: time layer by layer, flash, RAM and stack.

The program that is measured is compiled exactly as the user's will be: nothing is added to the
model. QEMU's profiling plugin watches it from outside; docs/profile.md describes this and the other
methods, the timing models and their error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tinygen.compilation import Compilation
from tinygen.errors import InputError
from tinygen.hardware.boards import Board
from tinygen.hardware.twin import emulated_twin
from tinygen.ir.data import Result
from tinygen.ir.graph import AnyArray, Rewrite
from tinygen.ir.layer import Layer
from tinygen.ir.progress import Progress, silent
from tinygen.measure import counts as counting
from tinygen.measure.footprint import Footprint, measure_footprint
from tinygen.measure.plugin import Stalls, build_plugin, supports_plugins
from tinygen.planning.plan import Plan
from tinygen.reporting.console import in_html
from tinygen.reporting.profile_table import print_profile
from tinygen.run.qemu import qemu_path
from tinygen.run.workspace import Workspace


@dataclass(frozen=True)
class Time:
    """What takes time, and how much.

    ``cycles`` are ``core_cycles`` and ``stalls``, in which the core waits for memory. They are
    estimated, None without a timing model of the core; or measured on a real board, which cannot
    tell the two apart and counts no ``instructions``. ``microseconds`` are by a real board's clock;
    ``microjoules`` what its chip takes, where the board's file says how much that is.
    """

    instructions: int | None
    cycles: int | None
    core_cycles: int | None = None
    stalls: Stalls | None = None
    microseconds: float | None = None
    microjoules: float | None = None


@dataclass(frozen=True, kw_only=True)
class LayerProfile(Time):
    """One step of the generated program, or one operator of a step that is streamed.

    ``name`` is that of the tensor it produces, ``op`` its operators joined by ``+``, ``operators``
    their numbers in the model. ``kernel`` is empty for a view, which takes no time. ``loads`` and
    ``stores`` are memory accesses as QEMU makes them; ``misaligned_cycles`` what M3 and M4 would add
    for loads from unaligned addresses, beyond ``cycles``.
    """

    name: str
    op: str
    operators: tuple[int, ...]
    macs: int
    kernel: str
    loads: int | None
    stores: int | None
    misaligned_cycles: int | None


@dataclass(frozen=True)
class Profile(Result):
    """The cost of one inference.

    ``method`` is what counted: ``plugin``, on an emulated board; ``emulated``, the same in place of a
    real one; ``icount`` (QEMU's clock) or a board's counter. ``cycle_model`` is what the cycles rest
    on, empty if there are none. ``overhead``, of the invoke function itself, is part of ``total``.
    ``bit_exact``: the outputs of the measured inference equal the reference. ``layers`` are the steps
    in order, ``memory`` flash and RAM; ``rewrites`` say what became of operators of the file that have
    no layer of their own.
    """

    model: str
    board: str
    core: str
    method: str
    cycle_model: str
    total: Time
    overhead: Time
    bit_exact: bool
    layers: tuple[LayerProfile, ...]
    memory: Footprint
    rewrites: tuple[Rewrite, ...] = ()

    @property
    def instructions(self) -> int | None:
        """Of the whole inference."""
        return self.total.instructions

    @property
    def cycles(self) -> int | None:
        """Of the whole inference."""
        return self.total.cycles

    def _repr_html_(self) -> str:
        return in_html(print_profile, self.to_dict())


def profile(
    compilation: Compilation,
    board: Board,
    sample: Sequence[AnyArray],
    work_directory: Path,
    *,
    port: str = "",
    progress: Progress = silent,
) -> Profile:
    """Builds the compilation, runs it after a warm-up, and counts.

    What is counted is the first inference after a reset that goes through all layers; its time depends
    on the ``sample`` little or not at all. On an emulated board QEMU's plugin counts or, if QEMU was
    built without plugins, its virtual clock does; at a serial ``port``, a real board's cycle counter.

    A real board without a port is emulated too, by its twin: docs/profile.md.

    Raises:
        InputError: the board is no real one, and not emulated by QEMU either.
        MachineError: a compiler or QEMU is missing.
        BudgetError: the program does not fit the board.
        TargetError: the program did not run as it should.
    """
    real = board.emulator is None and not board.is_host
    machine = emulated_twin(board) if real and not port else board
    emulated = machine.emulator is not None and machine.emulator.kind == "qemu"
    if not emulated and not port:
        raise InputError(
            f"board {board.name} is not emulated by QEMU, which does the counting",
            "choose a real board, or one that QEMU emulates: `tinygen boards` lists them",
        )
    inferences, outputs = counting.first_whole_inference(compilation.network, sample)
    work = Workspace(compilation, machine, work_directory)
    progress(f"building for {board.name}")
    image = work.image()
    if not port and supports_plugins(qemu_path()):
        progress("building the profiling plugin")
        plugin = build_plugin()
        progress(f"running on {board.name}")
        counts = counting.count_by_plugin(
            compilation.plan, image, plugin, sample, inferences, work_directory
        )
        if machine is not board:
            counts = replace(counts, method="emulated")
    else:
        progress("building with layer traces")
        traced = work.image(trace=True)
        progress(f"running on {board.name}")
        counts = counting.count_by_clock(compilation.plan, image, traced, sample, inferences, port)
    expected = [value.tobytes() for value in outputs]
    footprint = measure_footprint(image, compilation.interface)
    return _summary(compilation.plan, board, counts, footprint, counts.outputs == expected)


def _summary(
    plan: Plan, board: Board, counts: counting.Counts, footprint: Footprint, bit_exact: bool
) -> Profile:
    parts = (*(part for step in counts.steps for part in step), counts.overhead)
    return Profile(
        model=plan.network.graph.source,
        board=board.name,
        core=board.core.name,
        method=counts.method,
        cycle_model=counts.cycle_model,
        total=_time(parts, board),
        overhead=_time([counts.overhead], board),
        bit_exact=bit_exact,
        layers=tuple(_layers(plan, counts, board)),
        memory=replace(footprint, stack_peak=counts.stack_peak),
        rewrites=plan.network.graph.rewrites,
    )


def _time(parts: Sequence[counting.Part], board: Board) -> Time:
    """Of all parts together, on a board."""
    cycles = _sum([part.cycles for part in parts])
    stalls = [part.stalls for part in parts if part.stalls is not None]
    time = Time(_sum([part.instructions for part in parts]), cycles)
    if cycles is None:
        return time
    if len(stalls) == len(parts):
        waited = sum(stalls, Stalls())
        time = replace(time, core_cycles=cycles - waited.total, stalls=waited)
    if board.emulator is None:
        time = replace(time, microseconds=cycles / board.clock_hz * 1e6)
    if board.power is not None:
        time = replace(time, microjoules=board.power.microjoules(cycles))
    return time


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _layers(plan: Plan, counts: counting.Counts, board: Board) -> Iterator[LayerProfile]:
    measured = iter(counts.steps)
    # A view has no code; what cannot be told of the other steps cannot be told of it either.
    view = counting.nothing_like(counts.overhead)
    for step in plan.steps:
        if step.stream is not None:
            parts = zip(step.layers, step.stream.kernels, next(measured), strict=True)
            for layer, kernel, part in parts:
                yield _layer_profile(plan, board, [layer], kernel, part)
        elif step.is_view:
            yield _layer_profile(plan, board, step.layers, "", view)
        else:
            (part,) = next(measured)
            yield _layer_profile(plan, board, step.layers, step.kernel, part)


def _layer_profile(
    plan: Plan, board: Board, layers: Sequence[Layer], kernel: str, part: counting.Part
) -> LayerProfile:
    return LayerProfile(
        **vars(_time([part], board)),
        name=plan.network.tensors[layers[-1].outputs[0]].name,
        op="+".join(layer.operator.name for layer in layers),
        operators=tuple(part.index for layer in layers for part in layer.operator.parts),
        macs=sum(layer.macs for layer in layers),
        kernel=kernel,
        loads=part.loads,
        stores=part.stores,
        misaligned_cycles=part.misaligned_cycles,
    )
