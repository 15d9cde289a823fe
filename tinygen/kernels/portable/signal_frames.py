# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the signal operators that keep samples."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tinygen.ir.graph import DType
from tinygen.kernels.binding import Binding, Call, TensorArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.signal_frames import Delay, Framer, Frames, OverlapAdd, Stacker

_COSTS = Costs("portable.signal_frames")
_TYPES: Mapping[str, type[Frames]] = {
    "framer": Framer,
    "delay": Delay,
    "stacker": Stacker,
    "overlap_add": OverlapAdd,
}


def _bind(name: str, layer: Frames) -> Binding:
    suffix = "f32" if layer.dtype is DType.FLOAT32 else "s16"
    values, *states = layer.inputs
    outputs = layer.outputs[: len(layer.outputs) - len(states)]
    call = Call(
        f"tinygen_{name}_{suffix}",
        (
            struct(f"tinygen_{name}_params", layer, **layer.sizes),
            TensorArgument(values),
            *(TensorArgument(index, writable=True) for index in states),
            TensorArgument(outputs[0], writable=True),
            *(TensorArgument(index, writable=True, ctype="uint8_t") for index in outputs[1:]),
        ),
    )
    return Binding(calls=(call,), headers=("portable/signal_frames.h",))


def _offer(name: str, layer: Frames) -> Offer:
    cycles = layer.streams * max(layer.sizes.values()) * _COSTS.per_sample
    return Offer(cycles, lambda: _bind(name, layer))


KERNELS = tuple(
    portable(name, layer_type)(partial(_offer, name)) for name, layer_type in _TYPES.items()
)
