# SPDX-License-Identifier: Apache-2.0
"""Network + Options → Plan: steps, kernels and why, arena offsets.

Everything that the generated C depends on is data in the Plan; ``emit`` decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinygen.errors import InputError
from tinygen.ir.network import Network
from tinygen.kernels.control_flow import bind_control_flow
from tinygen.kernels.kernel import Kernel, Provider
from tinygen.ops.control_flow import ControlFlow
from tinygen.planning.arrange import arrange
from tinygen.planning.budget import check_ram
from tinygen.planning.checker import check_plan
from tinygen.planning.choose import choose, grow
from tinygen.planning.options import Bank, Optimize, Options
from tinygen.planning.plan import Plan, RoutinePlan, Step, aligned
from tinygen.planning.staging import stage


def make_plan(network: Network, options: Options, cmsis_nn: Sequence[Kernel] = ()) -> Plan:
    """Choose a kernel for every layer and a place for every tensor.

    ``cmsis_nn`` are the kernels of the CMSIS-NN tree that was found, if any.
    """
    if options.stream_input:
        _check_delivered(network)
    steps = tuple(
        _control_flow(layer, options, cmsis_nn)
        if isinstance(layer, ControlFlow)
        else choose(layer, options, cmsis_nn, network)
        for layer in network.layers
    )
    steps = grow(steps, network, options)
    options = replace(options, banks=_banks_beside_state(network, options))
    ordinary = sum(step.cycles for step in steps)
    arranged = arrange(steps, network, _ram_beside_state(network, options))
    staging = stage(arranged.steps, arranged.layout, options)
    steps, layout = staging.steps, staging.layout
    plan = Plan(
        network=arranged.network,
        options=options,
        steps=steps,
        tensor_offsets=layout.tensor_offsets(),
        state_offsets=_state_offsets(network),
        scratch_offsets=layout.scratch_offsets(steps),
        kept_offsets=layout.kept_offsets(steps),
        arena_bytes=layout.placement.extent,
        arena_lower_bound_bytes=layout.lower_bound,
        moments=layout.timeline.moments,
        blocks=layout.timeline.bodies,
        block_offsets=layout.placement.offsets,
        banks=layout.banks,
        staged=staging.staged,
        unstreamed_bytes=arranged.unstreamed_bytes,
        file_order_bytes=arranged.file_order_bytes,
        unstreamed_cycles=ordinary - staging.saved_cycles,
    )
    check_plan(plan)
    check_ram(plan)
    return plan


def _check_delivered(network: Network) -> None:
    """InputError unless the first input can come row by row, and is then gone."""
    source = network.graph.source
    if not network.inputs:
        raise InputError(
            f"{source} has no input that could be delivered by rows.", "Leave out --stream-input."
        )
    index = network.inputs[0]
    if (*network.inputs, *network.outputs).count(index) > 1:
        raise InputError(
            f"{source} lists the input {network.port(index).name!r} again among its inputs or outputs, "
            "so it must stay in memory and cannot be delivered by rows.",
            "Leave out --stream-input.",
        )


def _control_flow(layer: ControlFlow, options: Options, cmsis_nn: Sequence[Kernel]) -> Step:
    """A step that runs other plans, one at a time in the same scratch memory; none is streamed."""
    if options.optimize is Optimize.RAM:
        options = replace(options, optimize=Optimize.SPEED)
    options = replace(options, ram=None, flash=None, stream_input=False, chains=(), banks=())
    routines = tuple(
        RoutinePlan(routine, make_plan(routine.network, options, cmsis_nn))
        for routine in layer.routines
    )
    binding = bind_control_flow(layer, max(inner.plan.arena_bytes for inner in routines))
    return Step((layer,), "control_flow", Provider.TINYGEN, binding, routines=routines)


def _state_bytes(network: Network) -> int:
    """What the model keeps between inferences takes."""
    return sum(aligned(network.tensors[index].nbytes) for index in network.states)


def _ram_beside_state(network: Network, options: Options) -> Options:
    """The options with the budget of the arena alone."""
    if options.ram is None:
        return options
    left = max(0, options.ram.nbytes - _state_bytes(network))
    return replace(options, ram=replace(options.ram, nbytes=left))


def _banks_beside_state(network: Network, options: Options) -> tuple[Bank, ...]:
    """The banks, where variables lie less what the model keeps between inferences."""
    state = _state_bytes(network)
    return tuple(
        bank if bank.section else replace(bank, nbytes=max(0, bank.nbytes - state))
        for bank in options.banks
    )


def _state_offsets(network: Network) -> dict[int, int]:
    """Where each kept tensor is in the memory that survives an inference."""
    offsets = {}
    end = 0
    for index in network.states:
        offsets[index] = end
        end += aligned(network.tensors[index].nbytes)
    return offsets
