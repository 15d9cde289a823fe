# SPDX-License-Identifier: Apache-2.0
"""Whether a plan keeps the memory it was given; if not, what takes most and what would help."""

from __future__ import annotations

from tinygen.errors import BudgetError
from tinygen.planning.memory.banks import BankArena
from tinygen.planning.memory.body import Body
from tinygen.planning.options import Optimize
from tinygen.planning.plan import Plan
from tinygen.planning.timeline import kept_key, scratch_key, staged_key, tensor_key

_NAMED = 3


def block_names(plan: Plan) -> dict[str, str]:
    """Blocks as a person would call them, by key."""
    tensors = plan.network.tensors
    names = {tensor_key(index): f"the input {tensor.name!r}" for index, tensor in tensors.items()}
    for number, step in enumerate(plan.steps):
        for position, layer in enumerate(step.layers):
            of_layer = f"of {layer.operator.label}"
            names |= {tensor_key(index): f"the output {of_layer}" for index in layer.outputs}
            names[scratch_key(number, position)] = f"the scratch {of_layer}"
            names[kept_key(number, position)] = f"the sums kept {of_layer}"
            names[staged_key(number)] = f"the constants copied {of_layer}"
    return names


def contributors(plan: Plan, bank: BankArena | None = None) -> list[tuple[str, int]]:
    """The blocks needed at the worst event and their bytes there, the largest first; of one bank only
    if one is given.
    """
    blocks = [
        block for block in plan.blocks if bank is None or bank.holds(plan.block_offsets[block.key])
    ]

    def needed(event: int) -> int:
        return sum(block.needed(event) for block in blocks)

    worst = max({block.first for block in blocks}, key=needed, default=0)
    alive: list[tuple[Body, int]] = [(block, block.needed(worst)) for block in blocks]
    alive.sort(key=lambda entry: -entry[1])
    names = block_names(plan)
    return [(names[block.key], size) for block, size in alive if size]


def _ram_hint(plan: Plan) -> str:
    options = plan.options
    advice = []
    if not options.stream_input and any(
        layer.row_axes is not None and set(layer.inputs) & set(plan.network.inputs)
        for layer in plan.network.layers
    ):
        advice.append("deliver the input by rows (--stream-input)")
    if options.optimize is Optimize.SPEED and options.kernels.value == "cmsis-nn":
        advice.append("allow other kernels (--kernels auto)")
    advice.append("train the model with a smaller input or fewer channels where these tensors are")
    return f"To need less, {', or '.join(advice)}."


def _largest(plan: Plan, bank: BankArena | None = None) -> str:
    found = contributors(plan, bank)[:_NAMED]
    return ", ".join(f"{name} ({size:,} bytes)" for name, size in found)


def _check_banks(plan: Plan) -> None:
    for part in plan.banks:
        if part.excess:
            banks = ", ".join(f"{bank.name} {bank.nbytes:,}" for bank in plan.options.banks)
            raise BudgetError(
                f"{plan.network.graph.source}: the smallest plan found that is spread over the banks "
                f"({banks} bytes) needs {part.excess:,} bytes more in {part.bank.name}; most at the "
                f"peak there take {_largest(plan, part)}.",
                _ram_hint(plan),
            )


def check_ram(plan: Plan) -> None:
    """BudgetError if arena and state take more than the options allow, or a bank more than it has."""
    budget = plan.options.ram
    total = plan.arena_bytes + plan.state_bytes
    if budget is None or total <= budget.nbytes:
        _check_banks(plan)
        return
    largest = _largest(plan)
    kept = f" ({plan.state_bytes:,} of them state)" if plan.state_bytes else ""
    raise BudgetError(
        f"{plan.network.graph.source}: the smallest plan found needs {total:,} bytes of RAM{kept}, "
        f"more than the {budget.nbytes:,} of {budget.source}; most at its peak take {largest}.",
        _ram_hint(plan),
    )


def check_flash(plan: Plan, estimate: int) -> None:
    """BudgetError if code and constants are estimated to take more than the options allow."""
    budget = plan.options.flash
    if budget is None or estimate <= budget.nbytes:
        return
    layers = [
        (layer.operator.label, sum(c.values.nbytes for c in binding.constants))
        for step in plan.all_steps
        for layer, binding in zip(step.layers, step.bindings, strict=True)
    ]
    layers.sort(key=lambda entry: -entry[1])
    largest = ", ".join(f"constants of {name} ({size:,} bytes)" for name, size in layers[:_NAMED])
    advice = ["--weight-growth 1"] if plan.options.weight_growth > 1 else []
    if plan.options.optimize is not Optimize.SIZE:
        advice.append("--optimize size")
    hint = (
        f"Try {' and '.join(advice)}." if advice else "The weights alone decide: a smaller model."
    )
    raise BudgetError(
        f"{plan.network.graph.source}: the plan needs about {estimate:,} bytes of flash, more than the "
        f"{budget.nbytes:,} of {budget.source}; most take {largest}.",
        hint,
    )
