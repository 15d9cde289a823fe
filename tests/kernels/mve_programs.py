# SPDX-License-Identifier: Apache-2.0
"""Many layers in one program, all on Helium kernels, compared with the reference.

On an emulated Cortex-M55 the assembly runs; on this machine the C functions that stand beside it.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np

from tests.kernels.cmsis_nn_programs import side_by_side
from tests.kernels.host_batch import WARNINGS, HostModel
from tests.ops.comparison import describe, random_inputs
from tinygen.emit import interface, render, write_files
from tinygen.hardware.boards import board
from tinygen.hardware.cores import core
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.kernels import libraries
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.planning.plan import Plan
from tinygen.run.build import build_image
from tinygen.run.runners import runner_for

CORE = core("cortex-m55")
BOARD = "qemu-mps3-an547"
NAME = "layers"
KERNELS = libraries.library("mve")


def refusals(network: Network) -> list[str]:
    """Why no Helium kernel does a single-layer network; empty if one does."""
    answers = [kernel.offer(network.layers[0], CORE) for kernel in KERNELS]
    if any(isinstance(answer, Offer) for answer in answers):
        return []
    return [a.reason for a in answers if isinstance(a, Refusal)] or ["none"]


def plan_all(parts: Sequence[Network], optimize: Optimize = Optimize.SPEED) -> Plan:
    """A plan in which Helium kernels do every part."""
    options = Options(name=NAME, core=CORE, kernels=KernelChoice.TINYGEN, optimize=optimize)
    with mock.patch.object(libraries, "own_kernels", return_value=KERNELS):
        return make_plan(side_by_side(parts), options)


def _compare(
    parts: Sequence[Network], samples: Sequence[Sequence[AnyArray]], actual: Sequence[bytes]
) -> list[str]:
    expected = [
        output
        for part, sample in zip(parts, samples, strict=True)
        for output in reference.outputs(part, sample)
    ]
    return [
        describe(part)
        for part, want, got in zip(parts, expected, actual, strict=True)
        if want.tobytes() != got
    ]


def _samples(parts: Sequence[Network], seed: int) -> list[list[AnyArray]]:
    rng = np.random.default_rng(seed)
    return [random_inputs(part, rng) for part in parts]


def mismatches_on_target(
    parts: Sequence[Network], work: Path, optimize: Optimize = Optimize.SPEED
) -> list[str]:
    """Run all parts in one program on the emulated core; name those that differ."""
    plan = plan_all(parts, optimize)
    write_files(render(plan), work / "generated")
    target = board(BOARD)
    image = build_image(work / "generated", interface(plan), target, work / "build", trace=False)
    samples = _samples(parts, len(parts))
    with runner_for(target).start(image) as session:
        actual = session.run([value.tobytes() for sample in samples for value in sample])
    return _compare(parts, samples, actual)


def mismatches_on_host(parts: Sequence[Network], work: Path) -> list[str]:
    """Run the C twins of all parts on this machine, sanitized; name those that differ."""
    plan = plan_all(parts)
    write_files(render(plan), work / "generated")
    library = work / "layers.so"
    sources = [work / "generated" / f"{NAME}.c", work / "generated" / f"{NAME}_weights.c"]
    done = subprocess.run(
        [
            *("gcc", "-std=c99", "-O1", "-shared", "-fPIC", *WARNINGS),
            *("-fsanitize=undefined", "-fno-sanitize-recover=all"),
            *map(str, sources),
            *("-o", str(library)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:4000]
    model = HostModel(plan.network, NAME, ctypes.CDLL(str(library)))
    samples = _samples(parts, len(parts))
    outputs = model.run([value for sample in samples for value in sample])
    return _compare(parts, samples, [value.tobytes() for value in outputs])
