# SPDX-License-Identifier: Apache-2.0
"""Releases of tflite-micro against the reference of ``--numerics tflm``: which operators differ.

Each release is installed into an environment of its own below the user's cache, and runs the same
random models of every operator and integer type. Float operators are left out: docs/operators.md states
their distance.

    python -m benchmarks.tflm_releases [--models N] [RELEASE ...]

writes ``results/tflm-releases.md``: for every release the models that differ of those it runs.
"""

from __future__ import annotations

import argparse
import collections
import functools
import pickle
import platform
import subprocess
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.operators import RESULTS
from tests.ops.comparison import random_inputs
from tests.ops.generators import GENERATORS, random_model
from tests.ops.generators.typed import CASES, LITERT, typed_model
from tinygen.errors import InputError
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.passes.lowering import lower
from tinygen.passes.packed_weights import unpack_weights
from tinygen.resources import user_cache
from tinygen.tflite.reader import read_model_bytes

RELEASES = (
    "0.dev20240618201315",
    "0.dev20241219182046",
    "0.dev20250207030249",
    "0.dev20250416192232",
    "0.dev20251110172539",
    "0.dev20260203175027",
    "0.dev20260811145345",
    "0.dev20261012203412",
    "0.dev20261014211602",
    "0.dev20261023182759",
)
"""From June 2024 on, and both sides of where multipliers became double (12 and 14 October 2026)."""

_FIRST_FOR_NUMPY_2 = "0.dev20250501"

_RUNNER = """
import os, pickle, sys
import numpy as np
from tflite_micro.python.tflite_micro import runtime

def answer(model, inputs, outputs):
    try:
        interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 22)
        for index, value in enumerate(inputs):
            interpreter.set_input(np.array(value, order="C"), index)
        interpreter.invoke()
        return [np.array(interpreter.get_output(index)) for index in range(outputs)]
    except Exception:
        return None

asked = pickle.load(open(sys.argv[1], "rb"))
answers = open(sys.argv[2], "ab")
done = 0
while done < len(asked):
    reader, writer = os.pipe()
    if os.fork() == 0:
        for one in asked[done:]:
            pickle.dump(answer(*one), answers)
            answers.flush()
            os.write(writer, b".")
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as finished:
        done += len(finished.read())
    if done < len(asked):
        pickle.dump(None, answers)
        answers.flush()
        done += 1
"""
"""What each release's interpreter runs. Some abort the process on a model that they do not like, so a
child answers, and another goes on behind what ended it."""


@dataclass(frozen=True)
class _Case:
    """A model with inputs, and what our reference computes of them."""

    name: str
    model: bytes
    inputs: list[AnyArray]
    outputs: list[AnyArray]


def _cases(models: int) -> Iterator[_Case]:
    makers: list[tuple[str, str, Callable[[int], bytes]]] = [
        (f"{opcode} {dtype}", opcode, functools.partial(typed_model, opcode, dtype))
        for opcode, dtype in CASES
        if dtype != "FLOAT32"
    ]
    makers += [(f"{o} INT8", o, functools.partial(random_model, o)) for o in GENERATORS]
    for name, opcode, make in makers:
        if opcode in LITERT or opcode == "CIRCULAR_BUFFER":  # which ends runs without outputs
            continue
        for seed in range(models):
            model = make(seed)
            try:
                network = lower(unpack_weights(read_model_bytes(model, name)))
            except InputError:
                continue
            inputs = random_inputs(network, np.random.default_rng(seed))
            yield _Case(name, model, inputs, list(reference.outputs(network, inputs)))


def _python(release: str) -> Path:
    """The interpreter of an environment that has the release."""
    folder = user_cache() / "tflm-releases" / release
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True)
        wanted = [f"tflite-micro=={release}"]
        if release < _FIRST_FOR_NUMPY_2:
            wanted.append("numpy<2")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
        (folder / "installed").touch()
    return python


def _unpickled(path: Path) -> Iterator[list[AnyArray] | None]:
    with path.open("rb") as stream:
        while stream.peek(1):
            yield pickle.load(stream)  # noqa: S301 - our own


def _differing(release: str, cases: Sequence[_Case], folder: Path) -> dict[str, tuple[int, int]]:
    """For every operator and type how many models differ, of how many that the release runs."""
    asked, answered = folder / "models", folder / release
    asked.write_bytes(
        pickle.dumps([(case.model, case.inputs, len(case.outputs)) for case in cases])
    )
    command = [str(_python(release)), "-c", _RUNNER, str(asked), str(answered)]
    subprocess.run(command, check=True, capture_output=True)
    answers = list(_unpickled(answered))
    counts: dict[str, tuple[int, int]] = {}
    for case, results in zip(cases, answers, strict=True):
        if results is None:
            continue
        pairs = zip(case.outputs, results, strict=True)
        differs = any(not np.array_equal(ours, theirs) for ours, theirs in pairs)
        wrong, run = counts.get(case.name, (0, 0))
        counts[case.name] = wrong + differs, run + 1
    return counts


def main() -> None:
    """Compare, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=100, help="of each operator and type")
    parser.add_argument("releases", nargs="*", default=RELEASES)
    asked = parser.parse_args()
    cases = list(_cases(asked.models))
    names = collections.Counter(case.name for case in cases)
    lines = [
        f"# Releases of tflite-micro against `--numerics tflm`: {len(cases):,} random models of "
        f"{len(names)} operators and integer types",
        "",
        f"`python -m benchmarks.tflm_releases --models {asked.models}`. What a release refuses "
        "is not counted.",
        "",
        "| release | models run | models that differ | of these operators (differing / run) |",
        "| --- | ---: | ---: | --- |",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for release in asked.releases:
            try:
                counts = _differing(release, cases, Path(folder))
            except subprocess.CalledProcessError:
                version = ".".join(platform.python_version_tuple()[:2])
                lines.append(
                    f"| {release} | 0 | | (its wheel cannot be loaded by Python {version}) |"
                )
                continue
            wrong = {name: pair for name, pair in counts.items() if pair[0]}
            listed = ", ".join(f"{name} {a} / {b}" for name, (a, b) in sorted(wrong.items()))
            run = sum(pair[1] for pair in counts.values())
            differ = sum(pair[0] for pair in counts.values())
            lines.append(f"| {release} | {run:,} | {differ} | {listed or 'none'} |")
            print(lines[-1], flush=True)
    (RESULTS / "tflm-releases.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
