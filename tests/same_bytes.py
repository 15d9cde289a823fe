# SPDX-License-Identifier: Apache-2.0
"""The safety net of refactoring: the same model and options give the same bytes.

For every model one digest of all that it compiles to, over cores, ``--optimize`` and ``--kernels``:
of the C files, and of the plans that are written beside them. ``same_bytes.json`` holds those that were
recorded.

    python -m tests.same_bytes             # which models give other bytes than recorded
    python -m tests.same_bytes --record    # take what there is now; say in the commit why
    python -m tests.same_bytes --write DIR [--only PREFIX]   # every file, to compare two trees
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import itertools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tests.conftest import SHARED_MODELS
from tests.models.graphs import random_graph
from tests.models.image_graphs import ImageGraph
from tests.ops.generators import GENERATORS, random_model
from tests.ops.generators.typed import CASES, typed_model
from tinygen.compilation import compile_model
from tinygen.errors import TinygenError
from tinygen.hardware.cores import core
from tinygen.planning.options import KernelChoice, Optimize, Options

RECORDED = Path(__file__).parent / "same_bytes.json"
_ROOT = Path(__file__).resolve().parent.parent
_STUDY = SHARED_MODELS.parent / "operator-study"
_GRAPHS = 12

Combination = tuple[str, Optimize, KernelChoice]

_CORES = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m55")
_OTHER_CORES = ("cortex-m0plus", "cortex-m7", "cortex-m33", "cortex-m85", "host")

_EVERY: Sequence[Combination] = (
    *itertools.product(_CORES, Optimize, (KernelChoice.TINYGEN,)),
    *itertools.product(_OTHER_CORES, (Optimize.SPEED,), (KernelChoice.TINYGEN,)),
    *itertools.product(_CORES, (Optimize.SPEED,), (KernelChoice.CMSIS_NN,)),
)
"""What real models are compiled for."""

_SOME: Sequence[Combination] = (
    *itertools.product(
        _CORES,
        (Optimize.SPEED, Optimize.SIZE),
        (KernelChoice.TINYGEN,),
    ),
    ("cortex-m4", Optimize.RAM, KernelChoice.TINYGEN),
    ("cortex-m4", Optimize.SPEED, KernelChoice.CMSIS_NN),
)
"""What the many small ones are compiled for."""


def models() -> Mapping[str, tuple[Callable[[], bytes], Sequence[Combination]]]:
    """Every model by name: how to get its file, and what it is compiled for."""
    found: dict[str, tuple[Callable[[], bytes], Sequence[Combination]]] = {}
    digits = _ROOT / "examples" / "digits" / "digits.tflite"
    for path in (digits, *sorted(SHARED_MODELS.glob("*.tflite"))):
        found[f"model/{path.stem}"] = (path.read_bytes, _EVERY)
    for path in sorted(_STUDY.glob("*.tflite")):
        found[f"study/{path.stem}"] = (path.read_bytes, _SOME)
    for seed in range(_GRAPHS):
        found[f"graph/{seed}"] = (functools.partial(random_graph, seed), _SOME)
        found[f"image/{seed}"] = (functools.partial(_image_graph, seed), _SOME)
    for opcode in GENERATORS:
        for seed in range(2):
            name = f"operator/{opcode}/{seed}"
            found[name] = (functools.partial(random_model, opcode, seed), _SOME)
    for opcode, dtype in CASES:
        name = f"typed/{opcode}/{dtype}"
        found[name] = (functools.partial(typed_model, opcode, dtype, 0), _SOME)
    return found


def _image_graph(seed: int) -> bytes:
    return ImageGraph(np.random.default_rng(seed), 8).build()


def files_of(
    model: bytes, combinations: Sequence[Combination]
) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """The files of each combination, by its name; a refusal stands as a file of its own."""
    with tempfile.TemporaryDirectory(prefix="tinygen-") as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(model)
        for core_name, optimize, kernels in combinations:
            options = Options(core=core(core_name), optimize=optimize, kernels=kernels)
            name = f"{core_name} {optimize.value} {kernels.value}"
            try:
                yield name, compile_model(path, options).files
            except TinygenError as error:
                yield name, {"refused": type(error).__name__.encode()}


def digests(name: str) -> dict[str, str]:
    """``c`` and ``plan``: a digest of all C files and of all plans of a model."""
    read, combinations = models()[name]
    hashes = {"c": hashlib.sha256(), "plan": hashlib.sha256()}
    for combination, files in files_of(read(), combinations):
        for file, content in sorted(files.items()):
            kind = "plan" if file.endswith(".json") else "c"
            hashes[kind].update(f"{combination} {file} {len(content)}\n".encode() + content)
    return {kind: value.hexdigest()[:12] for kind, value in hashes.items()}


def recorded() -> Mapping[str, Mapping[str, str]]:
    """The digests of the models as they were recorded."""
    found: Mapping[str, Mapping[str, str]] = json.loads(RECORDED.read_text())
    return found


def _main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--only", default="", help="models whose name begins so")
    parser.add_argument("--every", type=int, default=1, help="every so many models only")
    options = parser.parse_args()
    names = [name for name in models() if name.startswith(options.only)][:: options.every]
    if options.write:
        for name in names:
            read, combinations = models()[name]
            for combination, files in files_of(read(), combinations):
                for file, content in files.items():
                    path = options.write / name / combination.replace(" ", "-") / file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
        return
    known = recorded() if RECORDED.exists() else {}
    now = {name: digests(name) for name in names}
    different = 0
    for name in names:
        kinds = [kind for kind in ("c", "plan") if known.get(name, {}).get(kind) != now[name][kind]]
        different += bool(kinds)
        if kinds:
            print(f"{name}: {', '.join(kinds)}")
    print(f"{len(names)} models, {different} differ")
    if options.record:
        merged = {**known, **now}
        lines = (f'"{name}": {json.dumps(merged[name])}' for name in sorted(merged))
        RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    elif different:
        raise SystemExit(1)


if __name__ == "__main__":
    _main()
