# SPDX-License-Identifier: Apache-2.0
"""What one inference costs on an emulated board: time layer by layer, flash, RAM and stack.

The program that is measured is compiled exactly as the user's will be: nothing is added to the
model. QEMU's profiling plugin watches it from outside; docs/profile.md describes the method, the
timing models and their error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinygen import reference
from tinygen.emit import write_files
from tinygen.errors import BuildError, InputError, TargetError
from tinygen.footprint import Footprint, measure_footprint
from tinygen.graph import AnyArray
from tinygen.ops.layer import Layer
from tinygen.pipeline import Compilation
from tinygen.plan import Plan
from tinygen.run.build import build_image
from tinygen.run.plugin import (
    Inference,
    Watch,
    build_plugin,
    plugin_arguments,
    read_report,
)
from tinygen.run.qemu import QemuRunner
from tinygen.run.runner import Image
from tinygen.targets.boards import Board
from tinygen.targets.symbols import Symbol, read_symbols

Progress = Callable[[str], None]
"""Told what is being done, one phrase at a time."""

_WARM_UPS = 1
_TIMING_SOURCES = {
    "cortex-m0": "Cortex-M0 TRM, single-cycle multiplier",
    "cortex-m0plus": "Cortex-M0+ TRM, single-cycle multiplier",
    "cortex-m3": "Cortex-M3 TRM",
    "cortex-m4": "Cortex-M4 TRM",
    "cortex-m55": "an estimate: no manual gives the M55's timings",
}
"""Cores with a timing model (firmware/qemu-plugin/timing.c) and what it rests on."""


def _silent(text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class LayerProfile:
    """One step of the generated program.

    Attributes:
        name: the tensor it produces.
        op: its operators, joined by ``+``.
        operators: their numbers in the model.
        macs: multiply-accumulates.
        instructions: executed.
        cycles: estimated; None without a timing model of the core.
        kernel: what computes it; empty for a view, which takes no time.
        loads: memory accesses, reading; elements of a vector count one by one.
        stores: memory accesses, writing.
        misaligned_cycles: what M3 and M4 would add for loads from unaligned addresses, beyond
            ``cycles``.
    """

    name: str
    op: str
    operators: tuple[int, ...]
    macs: int
    instructions: int
    cycles: int | None
    kernel: str
    loads: int
    stores: int
    misaligned_cycles: int


@dataclass(frozen=True)
class Profile:
    """The cost of one inference.

    Attributes:
        board: name of the board.
        core: name of its core.
        timing: what the cycles rest on; empty if there are none.
        instructions: of the whole inference.
        cycles: of the whole inference; None without a timing model of the core.
        overhead_instructions: of the invoke function itself; part of ``instructions``.
        overhead_cycles: of the invoke function itself; part of ``cycles``.
        layers: the steps in order.
        footprint: flash and RAM.
        stack_peak: bytes of stack that the inference wrote.
        bit_exact: the outputs of the measured inference equal the reference.
    """

    board: str
    core: str
    timing: str
    instructions: int
    cycles: int | None
    overhead_instructions: int
    overhead_cycles: int | None
    layers: tuple[LayerProfile, ...]
    footprint: Footprint
    stack_peak: int
    bit_exact: bool


def profile(
    compilation: Compilation,
    board: Board,
    sample: Sequence[AnyArray],
    work_directory: Path,
    *,
    progress: Progress = _silent,
) -> Profile:
    """Builds the compilation, runs it on the board's emulator after a warm-up, and counts.

    Args:
        compilation: what to measure.
        board: an emulated board.
        sample: the inputs; time depends on them little or not at all.
        work_directory: build products go below it.
        progress: told what is being done.

    Raises:
        InputError: the board is not emulated by QEMU.
        MachineError: a compiler or QEMU is missing, or QEMU has no plugins.
        BudgetError: the program does not fit the board.
        TargetError: the program did not run as it should.
    """
    if board.emulator is None or board.emulator.kind != "qemu":
        raise InputError(
            f"board {board.name} is not emulated by QEMU, which does the counting",
            "`tinygen boards` lists the emulated boards; one of the same core counts the same",
        )
    name = compilation.name
    generated = work_directory / "generated"
    write_files(compilation.files, generated)
    progress(f"building for {board.name}")
    image = build_image(generated, name, board, work_directory / "build", trace=False)
    if image.map_file is None:
        raise BuildError(f"{image.elf}: linked without a map")
    progress("building the profiling plugin")
    plugin = build_plugin(work_directory / "plugin")
    timing = board.core.name if board.core.name in _TIMING_SOURCES else ""
    watch = watch_of(image, name, timing)
    progress(f"running on {board.name}")
    report = work_directory / "profile.json"
    inference, outputs = _run(image, plugin, watch, sample, report)
    expected = [value.tobytes() for value in reference.outputs(compilation.network, sample)]
    layers = _layers(compilation.plan, inference, bool(timing))
    parts = [inference.overhead, *inference.steps]
    return Profile(
        board=board.name,
        core=board.core.name,
        timing=_TIMING_SOURCES.get(timing, ""),
        instructions=sum(part.instructions for part in parts),
        cycles=sum(part.cycles for part in parts) if timing else None,
        overhead_instructions=inference.overhead.instructions,
        overhead_cycles=inference.overhead.cycles if timing else None,
        layers=layers,
        footprint=measure_footprint(
            image.elf, image.map_file, name, _model_objects(generated, work_directory / "build")
        ),
        stack_peak=inference.stack_bytes,
        bit_exact=outputs == expected,
    )


def watch_of(image: Image, name: str, timing: str) -> Watch:
    """What the plugin must know of a linked program.

    Raises:
        BuildError: the program lacks the symbols of the model or of the start-up code.
    """
    symbols = read_symbols(image.elf)

    def address(symbol: str) -> int:
        try:
            return symbols[symbol].address
        except KeyError:
            raise BuildError(f"{image.elf}: has no symbol {symbol}") from None

    return Watch(
        invoke=address(f"{name}_invoke"),
        steps=_step_addresses(symbols, name),
        stack=(address("tinygen_stack_limit"), address("tinygen_stack_top")),
        timing=timing,
    )


def _step_addresses(symbols: Mapping[str, Symbol], name: str) -> frozenset[int]:
    step = re.compile(re.escape(name) + r"_step_\d+")
    return frozenset(where.address for text, where in symbols.items() if step.fullmatch(text))


def _run(
    image: Image, plugin: Path, watch: Watch, sample: Sequence[AnyArray], report: Path
) -> tuple[Inference, list[bytes]]:
    inputs = [value.tobytes() for value in sample]
    with QemuRunner(arguments=plugin_arguments(plugin, watch, report)).start(image) as session:
        for _ in range(_WARM_UPS + 1):
            session.reset()
            outputs = session.run(inputs)
    inference = read_report(report)
    if inference.number != _WARM_UPS + 1:
        raise TargetError(
            f"the profiling plugin saw {inference.number} inferences of {_WARM_UPS + 1}"
        )
    return inference, outputs


def _model_objects(generated: Path, build: Path) -> list[Path]:
    """The objects of the generated sources, which are compiled first."""
    sources = sorted(path for path in generated.rglob("*") if path.suffix in (".c", ".S"))
    return [
        build / "objects" / f"{number:03d}_{source.stem}.o" for number, source in enumerate(sources)
    ]


def _layers(plan: Plan, inference: Inference, timed: bool) -> tuple[LayerProfile, ...]:
    called = sum(1 for step in plan.steps if step.binding.calls)
    if called != len(inference.steps):
        raise TargetError(
            f"the profiling plugin saw {len(inference.steps)} steps, the plan has {called}"
        )
    measured = iter(inference.steps)
    layers = []
    for step in plan.steps:
        counters = next(measured) if step.binding.calls else None
        layers.append(
            LayerProfile(
                name=plan.network.tensors[step.layers[-1].outputs[0]].name,
                op="+".join(_opcode(layer) for layer in step.layers),
                operators=tuple(layer.operator.index for layer in step.layers),
                macs=sum(layer.macs for layer in step.layers),
                instructions=counters.instructions if counters else 0,
                cycles=(counters.cycles if counters else 0) if timed else None,
                kernel=step.kernel if counters else "",
                loads=counters.loads if counters else 0,
                stores=counters.stores if counters else 0,
                misaligned_cycles=counters.misaligned_cycles if counters else 0,
            )
        )
    return tuple(layers)


def _opcode(layer: Layer) -> str:
    return layer.operator.custom_code or layer.operator.opcode


def profile_as_data(measured: Profile) -> dict[str, Any]:
    """The profile as plain data for JSON."""
    footprint = measured.footprint
    return {
        "board": measured.board,
        "core": measured.core,
        "cycle_model": measured.timing,
        "total": {"instructions": measured.instructions, "cycles": measured.cycles},
        "overhead": {
            "instructions": measured.overhead_instructions,
            "cycles": measured.overhead_cycles,
        },
        "bit_exact": measured.bit_exact,
        "layers": [asdict(layer) for layer in measured.layers],
        "memory": {**asdict(footprint), "stack_peak": measured.stack_peak},
    }
