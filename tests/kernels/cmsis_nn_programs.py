# SPDX-License-Identifier: Apache-2.0
"""Many random layers in one program, each on CMSIS-NN's kernel, compared with the reference.

The trees to test are those that ``$TINYGEN_CMSIS_NN_TREES`` lists (folders separated as in $PATH),
else the one that tinygen would use.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.ops.comparison import describe, random_inputs
from tests.ops.generators import random_model
from tinygen.emit import interface, render, write_files
from tinygen.errors import InputError
from tinygen.hardware.boards import board
from tinygen.hardware.cores import Core
from tinygen.ir import reference
from tinygen.ir.graph import Tensor
from tinygen.ir.layer import Layer
from tinygen.ir.network import Network
from tinygen.kernels import cmsis_nn
from tinygen.kernels.kernel import Offer, Provider, Refusal
from tinygen.passes.lowering import lower
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Options
from tinygen.planning.plan import Plan
from tinygen.run.build import build_image
from tinygen.run.runners import runner_for
from tinygen.tflite.reader import read_model_bytes

OPCODES = (
    "ADD",
    "AVERAGE_POOL_2D",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "MAX_POOL_2D",
    "MUL",
    "PAD",
    "SOFTMAX",
)
"""The operators that CMSIS-NN has kernels for."""


def tree_roots() -> list[Path | None]:
    """The trees to test; None stands for the one that tinygen finds."""
    listed = os.environ.get("TINYGEN_CMSIS_NN_TREES", "")
    return [Path(entry) for entry in listed.split(os.pathsep) if entry] or [None]


def tree_at(root: Path | None) -> cmsis_nn.CmsisNN:
    """The tree; skips the test if tinygen was to find one and there is none."""
    tree = cmsis_nn.find_tree(root)
    if tree is None:
        pytest.skip("no CMSIS-NN on this machine: pip install bakenn==1.0.0")
    return tree


def networks(opcode: str, seeds: Sequence[int]) -> list[Network]:
    """The operator's random models of these seeds that tinygen accepts."""
    found = []
    for seed in seeds:
        try:
            graph = read_model_bytes(random_model(opcode, seed), f"{opcode} {seed}")
            found.append(lower(graph))
        except InputError:
            continue
    return found


def suitable(
    tree: cmsis_nn.CmsisNN, core: Core, candidates: Sequence[Network]
) -> tuple[list[Network], list[str]]:
    """Those single-layer networks that a CMSIS-NN kernel does, and why the others were rejected."""
    kernels = cmsis_nn.kernels(tree)
    accepted: list[Network] = []
    reasons: list[str] = []
    for network in candidates:
        answers = [kernel.offer(network.layers[0], core) for kernel in kernels]
        if any(isinstance(answer, Offer) for answer in answers):
            accepted.append(network)
        else:
            reasons += [answer.reason for answer in answers if isinstance(answer, Refusal)]
    return accepted, reasons


def side_by_side(parts: Sequence[Network]) -> Network:
    """One network of all the parts, which share nothing."""
    tensors: dict[int, Tensor] = {}
    layers: list[Layer] = []
    inputs: list[int] = []
    outputs: list[int] = []
    for number, part in enumerate(parts):
        new = {old: len(tensors) + k for k, old in enumerate(part.tensors)}
        tensors.update({new[old]: replace(t, index=new[old]) for old, t in part.tensors.items()})
        layers.extend(
            replace(
                layer,
                operator=replace(layer.operator, index=number),
                inputs=tuple(new[i] for i in layer.inputs),
                outputs=tuple(new[i] for i in layer.outputs),
            )
            for layer in part.layers
        )
        inputs.extend(new[i] for i in part.inputs)
        outputs.extend(new[i] for i in part.outputs)
    return replace(
        parts[0],
        layers=tuple(layers),
        tensors=tensors,
        inputs=tuple(inputs),
        outputs=tuple(outputs),
    )


def plan_all(
    tree: cmsis_nn.CmsisNN, core: Core, parts: Sequence[Network], name: str = "layers"
) -> Plan:
    """A plan in which CMSIS-NN does every part."""
    plan = make_plan(
        side_by_side(parts),
        Options(name=name, core=core, kernels=KernelChoice.CMSIS_NN),
        cmsis_nn.kernels(tree),
    )
    assert all(step.provider is Provider.CMSIS_NN for step in plan.steps)
    return plan


def mismatches(
    tree: cmsis_nn.CmsisNN, board_name: str, parts: Sequence[Network], work: Path
) -> list[str]:
    """Run all parts in one program on the board; name those whose output is not the reference's."""
    target = board(board_name)
    plan = plan_all(tree, target.core, parts)
    write_files(render(plan, tree), work / "generated")
    image = build_image(work / "generated", interface(plan), target, work / "build", trace=False)
    rng = np.random.default_rng(len(parts))
    samples = [random_inputs(part, rng) for part in parts]
    expected = [
        output
        for part, sample in zip(parts, samples, strict=True)
        for output in reference.outputs(part, sample)
    ]
    with runner_for(target).start(image) as session:
        actual = session.run([value.tobytes() for sample in samples for value in sample])
    return [
        describe(part)
        for part, want, got in zip(parts, expected, actual, strict=True)
        if want.tobytes() != got
    ]
