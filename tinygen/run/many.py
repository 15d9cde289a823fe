# SPDX-License-Identifier: Apache-2.0
"""Many samples through one program: one start for all, going on after a crash, resuming a run."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tinygen.errors import InputError, TargetError
from tinygen.ir.progress import Progress
from tinygen.run.runner import Image, Runner

Outputs = tuple[bytes, ...]
"""Bytes of every output of one inference."""


@dataclass(frozen=True)
class Crash:
    """A sample whose inference did not end: its number, and what became of the target."""

    sample: int
    message: str
    hint: str


@dataclass(frozen=True)
class Ran:
    """What became of the samples: ``outputs`` of each, None where the target crashed, and why.

    ``seconds`` are the wall time of the inferences that were run now, transfers included; ``resumed``
    had been run before.
    """

    outputs: tuple[Outputs | None, ...]
    crashes: tuple[Crash, ...]
    seconds: float
    resumed: int


class Record:
    """A file of the outputs so far, so that a run that was cut short is resumed, not repeated.

    One JSON object a line: first what the run is of, then each sample's outputs. A last line that was
    cut short counts as not written. The file is made if it does not exist.

    Raises:
        InputError: the file is of another program or other samples, or cannot be written.
    """

    def __init__(self, path: Path, image: Image, samples: Sequence[Sequence[bytes]]) -> None:
        digest = hashlib.sha256()
        for sample in samples:
            for data in sample:
                digest.update(len(data).to_bytes(8, "little") + data)
        key = {
            "model_sha256": image.model_sha256,
            "build_id": image.build_id,
            "samples_sha256": digest.hexdigest(),
        }
        self._path = path
        self.outputs: dict[int, Outputs] = {}
        try:
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            entries = _readable(lines)
            if entries and entries[0] != key:
                raise InputError(
                    f"{path} is the record of another run: its model, build or samples differ",
                    "delete it, or record this run in another file",
                )
            for entry in entries[1:]:
                kept = tuple(base64.b64decode(text) for text in entry["outputs"])
                self.outputs[entry["sample"]] = kept
            # Written again: the rest of a line that was cut short must not join the next one.
            path.write_text("".join(json.dumps(entry) + "\n" for entry in entries or [key]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} cannot be used as the record of a run: {error}") from error

    def add(self, sample: int, outputs: Outputs) -> None:
        """Writes one sample's outputs down."""
        self.outputs[sample] = outputs
        entry = {"sample": sample, "outputs": [base64.b64encode(o).decode() for o in outputs]}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def _tell_bytes(progress: Progress, what: str, sent: int, total: int) -> None:
    progress(f"{what}: {sent:,} of {total:,} input bytes sent")


def _readable(lines: Sequence[str]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for number, line in enumerate(lines):
        try:
            entries.append(json.loads(line))
        except ValueError:
            if number != len(lines) - 1:
                raise
    return entries


def run_samples(
    runner: Runner,
    image: Image,
    samples: Sequence[Sequence[bytes]],
    *,
    keep_going: bool = False,
    record: Record | None = None,
    progress: Progress,
) -> Ran:
    """Runs every sample, a list of inputs each, in order.

    With ``keep_going``, a crash or hang restarts the program, which goes on with the next sample.
    ``record`` has outputs of an earlier run, which are not run again, and takes the new ones.

    Raises:
        TargetError: the target crashed and ``keep_going`` is not set, or it does not even start.
        MachineError: what runs the program is missing.
    """
    outputs: dict[int, Outputs] = dict(record.outputs) if record else {}
    resumed = len(outputs)
    crashes: list[Crash] = []
    left = [number for number in range(len(samples)) if number not in outputs]
    spent = 0.0
    while left:
        number = -1
        try:
            with runner.start(image) as session:
                # A board that was not restarted may keep a state of an earlier run.
                session.reset()
                while left:
                    number = left[0]
                    what = f"sample {number + 1} of {len(samples)} on {image.board.name}"
                    progress(what)
                    session.on_transfer = partial(_tell_bytes, progress, what)
                    started = time.monotonic()
                    outputs[number] = tuple(session.run(samples[number]))
                    spent += time.monotonic() - started
                    left.pop(0)
                    if record:
                        record.add(number, outputs[number])
        except TargetError as failure:
            if not keep_going or number < 0:
                raise
            crashes.append(Crash(number, failure.message, failure.hint))
            left.pop(0)
    found = tuple(outputs.get(number) for number in range(len(samples)))
    return Ran(found, tuple(crashes), spent, resumed)
