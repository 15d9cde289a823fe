# SPDX-License-Identifier: Apache-2.0
"""Constants that a step copies into dead bytes of the arena, because flash is slow to read again.

A kernel that reads its constants for every few pixels waits for flash each time, if no cache holds
them. Copied once an inference to bytes that nothing needs at the step's event, they are waited for
once. What is copied where is decided when everything else has its place, so the arena never grows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tinygen.kernels.binding import ARENA_ALIGNMENT, Constant
from tinygen.kernels.waits import Waits
from tinygen.planning.layout import Layout
from tinygen.planning.memory.body import block, rounded_up
from tinygen.planning.options import Options
from tinygen.planning.plan import Staged, Step
from tinygen.planning.timeline import staged_key

_LEAST_GAIN = 200.0
"""Cycles that a copy must save: the call that copies, and the error of the estimate."""


@dataclass(frozen=True, eq=False)
class Staging:
    """The steps and their layout with what is copied: by step, in the order of the copies."""

    steps: tuple[Step, ...]
    layout: Layout
    staged: Mapping[int, tuple[Staged, ...]] = field(default_factory=dict)
    saved_cycles: float = 0.0


def stage(steps: Sequence[Step], layout: Layout, options: Options) -> Staging:
    """Copies for all steps for which they pay, in the gaps of a finished layout."""
    if options.waits is None:
        return Staging(tuple(steps), layout)
    changed = list(steps)
    staged: dict[int, tuple[Staged, ...]] = {}
    saved = 0.0
    for number, step in enumerate(steps):
        if step.stream is not None or step.routines or not step.binding.calls:
            continue
        gain = _gain(step, options.waits)
        start = _gap(layout, number, _bytes(step.binding.constants))
        if gain < _LEAST_GAIN or start is None:
            continue
        saved += gain
        changed[number] = replace(step, cycles=step.cycles - gain)
        staged[number] = tuple(_copies(step.binding.constants, start))
    return Staging(tuple(changed), _with_bodies(layout, staged), staged, saved)


def _gain(step: Step, waits: Waits) -> float:
    return waits.saved_by_copy(step.kernel, step.layer, step.constant_bytes)


def _bytes(constants: Sequence[Constant]) -> int:
    """What constants take one behind the other."""
    return sum(rounded_up(constant.values.nbytes, ARENA_ALIGNMENT) for constant in constants)


def _copies(constants: Sequence[Constant], start: int) -> Iterator[Staged]:
    for constant in constants:
        yield Staged(constant.name, start, constant.values.nbytes)
        start += rounded_up(constant.values.nbytes, ARENA_ALIGNMENT)


def _gap(layout: Layout, number: int, nbytes: int) -> int | None:
    """The lowest offset of so many bytes that nothing needs at a step's event, all in one bank."""
    return next((at for at, size in _gaps(layout, number) if size >= nbytes), None)


def _gaps(layout: Layout, number: int) -> Iterator[tuple[int, int]]:
    """Offsets and sizes of what nothing needs at a step's event."""
    event = _event(layout, number)
    offsets = layout.placement.offsets
    taken = sorted(
        (offsets[body.key] + part.offset, offsets[body.key] + part.offset + part.size)
        for body in layout.timeline.bodies
        for part in body.parts
        if part.events >> event & 1
    )
    ends = [bank.base + bank.nbytes for bank in layout.banks] or [layout.placement.extent]
    start = 0
    for end in ends:
        for low, high in [*(pair for pair in taken if start <= pair[0] < end), (end, end)]:
            if low > start:
                yield start, low - start
            start = max(start, rounded_up(high, ARENA_ALIGNMENT))


def _event(layout: Layout, number: int) -> int:
    return next(e for e, moment in enumerate(layout.timeline.moments) if moment.step == number)


def _with_bodies(layout: Layout, staged: Mapping[int, tuple[Staged, ...]]) -> Layout:
    """The layout with the copies as bodies, each needed at its step's event."""
    bodies = []
    offsets = dict(layout.placement.offsets)
    for number, copies in staged.items():
        event = _event(layout, number)
        start = min(copy.offset for copy in copies)
        end = max(copy.offset + copy.nbytes for copy in copies)
        size = rounded_up(end - start, ARENA_ALIGNMENT)
        bodies.append(block(staged_key(number), size, event, event))
        offsets[staged_key(number)] = start
    return replace(
        layout,
        timeline=replace(layout.timeline, bodies=(*layout.timeline.bodies, *bodies)),
        placement=replace(layout.placement, offsets=offsets),
    )
