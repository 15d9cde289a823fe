# SPDX-License-Identifier: Apache-2.0
"""How many bytes an inference moves to and from everything in the arena: what is worth fast memory.

An estimate for comparing bodies, not a measurement: it takes a kernel to load one activation for every
multiply-accumulate, from its scratch memory if it has any. Registers save all kernels about the same
part of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinygen.ir.layer import Layer
from tinygen.ir.network import Network
from tinygen.kernels.binding import Binding
from tinygen.planning.plan import Step
from tinygen.planning.timeline import kept_key, scratch_key, tensor_key


def _layer_traffic(network: Network, layer: Layer, binding: Binding) -> tuple[dict[int, int], int]:
    """Bytes by tensor, and bytes of scratch or kept memory."""
    moved = {index: network.tensors[index].nbytes for index in (*layer.inputs, *layer.outputs)}
    extra = binding.scratch_bytes + binding.kept_bytes
    if not layer.macs or not layer.inputs:
        return moved, 2 * extra
    source = max(layer.inputs, key=lambda index: network.tensors[index].nbytes)
    tensor = network.tensors[source]
    loaded = layer.macs * (tensor.nbytes // tensor.elements)
    if extra:
        return moved, extra + loaded
    moved[source] = max(moved[source], loaded)
    return moved, 0


def traffic(network: Network, steps: Sequence[Step], root: Mapping[int, int]) -> dict[str, int]:
    """Bytes an inference, by body (``tinygen.planning.timeline`` names them).

    ``root`` gives the tensor whose memory each tensor uses.
    """
    moved: dict[str, int] = {}

    def count(key: str, size: int) -> None:
        moved[key] = moved.get(key, 0) + size

    for number, step in enumerate(steps):
        if step.is_view:
            continue
        for position, (layer, binding) in enumerate(zip(step.layers, step.bindings, strict=True)):
            tensors, extra = _layer_traffic(network, layer, binding)
            for index, size in tensors.items():
                count(tensor_key(root[index]), size)
            count(scratch_key(number, position), extra if binding.scratch_bytes else 0)
            count(kept_key(number, position), extra if binding.kept_bytes else 0)
        for inner in step.routines:
            plan = inner.plan
            own = {index: index for index in plan.network.tensors}
            count(scratch_key(number), sum(traffic(plan.network, plan.steps, own).values()))
    return moved
