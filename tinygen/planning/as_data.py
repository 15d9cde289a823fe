# SPDX-License-Identifier: Apache-2.0
"""The Plan as plain data: written beside the C, drawn by reports, compared by people."""

from __future__ import annotations

from typing import Any

from tinygen.ir.data import plain
from tinygen.numerics.oracles import ORACLES
from tinygen.planning.memory.body import merged_parts, runs
from tinygen.planning.plan import Plan


def banks_as_data(plan: Plan) -> list[dict[str, Any]]:
    """The memories that the arena is spread over, each from an offset of it."""
    return [
        {
            "name": part.bank.name,
            "fast": part.bank.fast,
            "section": part.bank.section,
            "offset": part.base,
            "bytes": part.nbytes,
            "available": part.bank.nbytes,
        }
        for part in plan.banks
    ]


def _staged(plan: Plan, number: int) -> dict[str, Any]:
    """What a step copies into the arena; nothing if it copies none."""
    copies = [
        {"constant": c.constant, "offset": c.offset, "bytes": c.nbytes, "before_call": c.before}
        for c in plan.staged.get(number, ())
    ]
    return {"staged": copies} if copies else {}


def plan_as_data(plan: Plan) -> dict[str, Any]:
    """The Plan as plain data for JSON: what was decided, and why."""
    names = {index: tensor.name for index, tensor in plan.network.tensors.items()}
    events = [moment.step for moment in plan.moments]
    return {
        "name": plan.options.name,
        "core": plan.options.core.name,
        "kernels": plan.options.kernels.value,
        "optimize": plan.options.optimize.value,
        "weight_growth": plan.options.weight_growth,
        "numerics": plan.network.numerics.value,
        "oracle": ORACLES[plan.network.numerics],
        "model_sha256": plan.network.graph.sha256,
        "arena_bytes": plan.arena_bytes,
        "arena_lower_bound_bytes": plan.arena_lower_bound_bytes,
        "reordered": plan.reordered,
        "file_order_arena_bytes": plan.file_order_bytes,
        "state_bytes": plan.state_bytes,
        "weight_bytes": plan.weight_bytes,
        "macs": plan.network.macs,
        "rewrites": plain(plan.network.graph.rewrites),
        "tensors": [
            {
                "index": index,
                "name": names[index],
                "type": tensor.dtype.value,
                "shape": list(tensor.shape),
                "bytes": tensor.nbytes,
                "offset": plan.tensor_offsets.get(index),
                "state_offset": plan.state_offsets.get(index),
            }
            for index, tensor in plan.network.tensors.items()
        ],
        "steps": [
            {
                "index": number,
                "operators": [layer.operator.label for layer in step.layers],
                "kernel": step.kernel,
                "provider": step.provider.value,
                "fallback": step.fallback,
                "inputs": [names[i] for i in step.layers[0].inputs],
                "outputs": [names[i] for i in step.layers[-1].outputs],
                "macs": sum(layer.macs for layer in step.layers),
                "constant_bytes": step.constant_bytes,
                "scratch_bytes": step.binding.scratch_bytes,
                **_staged(plan, number),
                "notes": list(step.binding.notes),
                "considered": plain(step.considered),
            }
            for number, step in enumerate(plan.steps)
        ],
        **({"banks": banks_as_data(plan)} if plan.banks else {}),
        "events": events,
        "blocks": [
            {
                "key": block.key,
                "bytes": block.size,
                "offset": plan.block_offsets[block.key],
                "first_step": events[block.first] if events else 0,
                "last_step": events[block.last] if events else 0,
                "parts": [
                    {"offset": part.offset, "bytes": part.size, "events": list(runs(part.events))}
                    for part in merged_parts(block)
                ],
            }
            for block in plan.blocks
        ],
    }
