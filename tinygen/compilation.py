# SPDX-License-Identifier: Apache-2.0
"""The stages in a row: a model and options in, everything made from them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tinygen.c_syntax import identifier
from tinygen.emit import GeneratedFiles, Interface, interface, render, write_files
from tinygen.errors import InputError
from tinygen.ir.custom import CustomOperator
from tinygen.ir.data import Result
from tinygen.ir.graph import Graph, Numerics
from tinygen.ir.network import Network
from tinygen.ir.signatures import left_out, of_signature
from tinygen.kernels import cmsis_nn
from tinygen.kernels.kernel import Provider
from tinygen.ops.custom import known
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.analysis import PlannedLayer, analyze, flash_estimate, planned_layers
from tinygen.planning.as_data import banks_as_data, plan_as_data
from tinygen.planning.budget import check_flash
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Options
from tinygen.planning.plan import Plan
from tinygen.reporting.console import in_html, print_analysis
from tinygen.reporting.memory_map import memory_map
from tinygen.tflite.reader import read_model, read_model_bytes

Model = Path | bytes | Graph
"""A .tflite file, its bytes, or what was read of one."""


@dataclass(frozen=True, eq=False, repr=False)
class Compilation(Result):
    """Every stage's result for one model; the network has its layers in the order of the plan."""

    graph: Graph
    network: Network
    plan: Plan
    files: GeneratedFiles

    def __repr__(self) -> str:
        return f"<{self.name} for {self.plan.options.core.name}: arena {self.arena_bytes:,} bytes>"

    @property
    def name(self) -> str:
        """The prefix of the generated symbols."""
        return self.plan.options.name

    @property
    def interface(self) -> Interface:
        """What the generated program offers: its symbols, inputs and outputs."""
        return interface(self.plan)

    @property
    def arena_bytes(self) -> int:
        """Bytes of the arena, in all memories that it is spread over."""
        return self.plan.arena_bytes

    @property
    def flash_estimate(self) -> int:
        """Bytes of constants, and a rough figure for code; ``profile`` measures them."""
        return flash_estimate(self.plan)

    @property
    def layers(self) -> tuple[PlannedLayer, ...]:
        """The layers in the order in which they run, each with its kernel."""
        return planned_layers(self.plan)

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """Which operators did not get the kernels that were asked for, and why."""
        if self.plan.options.kernels is not KernelChoice.CMSIS_NN:
            return ()
        return tuple(
            f"{step.layer.operator.label}: {step.kernel}, because {step.fallback}"
            for step in self.plan.all_steps
            if step.fallback and not step.is_view
        )

    @property
    def left_out(self) -> tuple[str, ...]:
        """What of the model is not compiled: its other signatures."""
        return left_out(self.graph)

    def write(self, directory: Path | str, *, force: bool = False) -> Path:
        """Write the files into a directory, beside those of other models, and give it.

        Raises:
            InputError: it holds files of somebody else, or others of the same names, and ``force`` is
                not set.
        """
        write_files(self.files, Path(directory), model=self.name, force=force)
        return Path(directory)

    def to_dict(self) -> dict[str, Any]:
        """What ``tinygen generate --json`` prints, but for the directory."""
        plan = self.plan
        return {
            "files": list(self.files),
            "name": self.name,
            "arena_bytes": plan.arena_bytes,
            "banks": banks_as_data(plan),
            "weight_bytes": plan.weight_bytes,
            "unstreamed_arena_bytes": plan.unstreamed_bytes,
            "file_order_arena_bytes": plan.file_order_bytes,
            "added_cycles": plan.added_cycles,
            "fallbacks": list(self.fallbacks),
            "unbounded_loops": list(plan.unbounded_loops),
            "left_out": list(self.left_out),
        }

    def _repr_html_(self) -> str:
        layers = in_html(print_analysis, analyze(self.plan).to_dict())
        return layers + memory_map(plan_as_data(self.plan))


def compile_model(model: Model, options: Options) -> Compilation:
    """Read, lower, plan and render a model; nothing is written."""
    network = lowered(model, options.numerics, options.custom, options.signature)
    graph = network.graph
    name = _checked_name(options.name) if options.name else identifier(Path(graph.source).stem)
    plan = planned(network, replace(options, name=name))
    check_flash(plan, flash_estimate(plan))
    ships_library = any(step.provider is Provider.CMSIS_NN for step in plan.all_steps)
    files = render(plan, _cmsis_nn_tree(options) if ships_library else None)
    return Compilation(graph, plan.network, plan, files)


def planned(network: Network, options: Options) -> Plan:
    """The plan of a lowered model, with CMSIS-NN's kernels if they are there and wanted."""
    tree = _cmsis_nn_tree(options)
    return make_plan(network, options, cmsis_nn.kernels(tree) if tree else ())


def lowered(
    model: Model,
    numerics: Numerics,
    custom: Sequence[CustomOperator] = (),
    signature: str = "",
) -> Network:
    """Read, rewrite and lower a model, or its ``signature``; it may have the ``custom`` operators."""
    if isinstance(model, Path):
        model = read_model(model)
    elif isinstance(model, bytes):
        model = read_model_bytes(model, "model")
    with known(custom):
        return lower(rewrite(of_signature(model, signature), numerics), numerics)


def _cmsis_nn_tree(options: Options) -> cmsis_nn.CmsisNN | None:
    if options.kernels is KernelChoice.TINYGEN:
        return None
    if options.kernels is KernelChoice.CMSIS_NN or options.cmsis_nn is not None:
        return cmsis_nn.require_tree(options.cmsis_nn)
    return cmsis_nn.find_tree()


def _checked_name(name: str) -> str:
    if identifier(name) != name:
        raise InputError(
            f"the name {name!r} is no lower-case C identifier, or that of a header or keyword.",
            f"Try --name {identifier(name)}.",
        )
    return name
