# SPDX-License-Identifier: Apache-2.0
"""The stages in a row: a model file and a request in, everything made from them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygen.c_syntax import identifier
from tinygen.emit import GeneratedFiles, render
from tinygen.emit.cmsis_nn import Library
from tinygen.errors import InputError
from tinygen.hardware.cores import Core
from tinygen.ir.graph import Graph, Numerics
from tinygen.ir.network import Network
from tinygen.kernels import cmsis_nn
from tinygen.kernels.kernel import Kernel, Provider
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.analysis import flash_estimate
from tinygen.planning.budget import check_flash
from tinygen.planning.growth import DEFAULT_WEIGHT_GROWTH
from tinygen.planning.make import make_plan
from tinygen.planning.options import Bank, Budget, KernelChoice, Optimize, Options
from tinygen.planning.plan import Plan
from tinygen.tflite.reader import read_model


@dataclass(frozen=True)
class Request:
    """What the user asked for, beside the model: the options of ``tinygen generate``.

    ``name`` prefixes every symbol; the model file's name is taken if it is empty. ``cmsis_nn`` is a
    CMSIS-NN tree to use instead of the one that is found. Constants may grow to ``weight_growth`` times
    the model's where that saves cycles. ``ram`` and ``flash`` are what the plan may take;
    ``stream_input`` has the application deliver the input row by row. ``banks`` are the memories that
    the arena may be spread over.
    """

    core: Core
    name: str = ""
    kernels: KernelChoice = KernelChoice.AUTO
    optimize: Optimize = Optimize.SPEED
    numerics: Numerics = Numerics.TFLM
    cmsis_nn: Path | None = None
    weight_growth: float = DEFAULT_WEIGHT_GROWTH
    ram: Budget | None = None
    flash: Budget | None = None
    stream_input: bool = False
    banks: tuple[Bank, ...] = ()


@dataclass(frozen=True, eq=False)
class Compilation:
    """Every stage's result for one model; the network has its layers in the order of the plan."""

    graph: Graph
    network: Network
    plan: Plan
    files: GeneratedFiles

    @property
    def name(self) -> str:
        """The prefix of the generated symbols."""
        return self.plan.options.name


def compile_model(model: Path, request: Request) -> Compilation:
    """Read, lower, plan and render a model; nothing is written."""
    graph = rewrite(read_model(model), request.numerics)
    network = lower(graph, request.numerics)
    tree = _cmsis_nn_tree(request)
    kernels: Sequence[Kernel] = cmsis_nn.kernels(tree) if tree else ()
    options = Options(
        name=_checked_name(request.name) if request.name else identifier(model.stem),
        core=request.core,
        kernels=request.kernels,
        optimize=request.optimize,
        weight_growth=request.weight_growth,
        ram=request.ram,
        flash=request.flash,
        stream_input=request.stream_input,
        banks=request.banks,
    )
    plan = make_plan(network, options, kernels)
    check_flash(plan, flash_estimate(plan))
    ships_library = any(step.provider is Provider.CMSIS_NN for step in plan.all_steps)
    files = render(plan, Library(tree) if tree and ships_library else None)
    return Compilation(graph, plan.network, plan, files)


def _cmsis_nn_tree(request: Request) -> cmsis_nn.CmsisNN | None:
    if request.kernels is KernelChoice.TINYGEN:
        return None
    if request.kernels is KernelChoice.CMSIS_NN or request.cmsis_nn is not None:
        return cmsis_nn.require_tree(request.cmsis_nn)
    return cmsis_nn.find_tree()


def _checked_name(name: str) -> str:
    if identifier(name) != name:
        raise InputError(
            f"the name {name!r} is no lower-case C identifier.", f"Try --name {identifier(name)}."
        )
    return name
