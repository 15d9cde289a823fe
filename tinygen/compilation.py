# SPDX-License-Identifier: Apache-2.0
"""The stages in a row: a model and options in, everything made from them out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tinygen.c_syntax import identifier
from tinygen.emit import GeneratedFiles, render
from tinygen.emit.cmsis_nn import Library
from tinygen.errors import InputError
from tinygen.ir.graph import Graph
from tinygen.ir.network import Network
from tinygen.kernels import cmsis_nn
from tinygen.kernels.kernel import Provider
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.analysis import flash_estimate
from tinygen.planning.budget import check_flash
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Options
from tinygen.planning.plan import Plan
from tinygen.tflite.reader import read_model, read_model_bytes

Model = Path | bytes | Graph
"""A .tflite file, its bytes, or what was read of one."""


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


def compile_model(model: Model, options: Options) -> Compilation:
    """Read, lower, plan and render a model; nothing is written."""
    read = _graph_of(model)
    name = _checked_name(options.name) if options.name else identifier(Path(read.source).stem)
    options = replace(options, name=name)
    graph = rewrite(read, options.numerics)
    network = lower(graph, options.numerics)
    tree = _cmsis_nn_tree(options)
    plan = make_plan(network, options, cmsis_nn.kernels(tree) if tree else ())
    check_flash(plan, flash_estimate(plan))
    ships_library = any(step.provider is Provider.CMSIS_NN for step in plan.all_steps)
    files = render(plan, Library(tree) if tree and ships_library else None)
    return Compilation(graph, plan.network, plan, files)


def _graph_of(model: Model) -> Graph:
    if isinstance(model, Graph):
        return model
    return read_model(model) if isinstance(model, Path) else read_model_bytes(model, "model")


def _cmsis_nn_tree(options: Options) -> cmsis_nn.CmsisNN | None:
    if options.kernels is KernelChoice.TINYGEN:
        return None
    if options.kernels is KernelChoice.CMSIS_NN or options.cmsis_nn is not None:
        return cmsis_nn.require_tree(options.cmsis_nn)
    return cmsis_nn.find_tree()


def _checked_name(name: str) -> str:
    if identifier(name) != name:
        raise InputError(
            f"the name {name!r} is no lower-case C identifier.", f"Try --name {identifier(name)}."
        )
    return name
