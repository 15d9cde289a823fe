# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the signal operators that keep samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinygen.ir.graph import DType
from tinygen.ir.layer import Layer
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import Binding, Call, Struct, TensorArgument
from tinygen.kernels.portable.base import PortableKernel
from tinygen.ops.signal_frames import Delay, Framer, Frames, OverlapAdd, Stacker

_CYCLES_PER_SAMPLE = 6.0

_NAMES: Mapping[type[Layer], str] = {
    Framer: "framer",
    Delay: "delay",
    Stacker: "stacker",
    OverlapAdd: "overlap_add",
}


def _bind(layer: Frames) -> Binding:
    name = _NAMES[type(layer)]
    streams = () if isinstance(layer, Stacker) else (("streams", layer.streams),)
    parameters = Struct(f"tinygen_{name}_params", (*streams, *layer.sizes.items()))
    suffix = "f32" if layer.dtype is DType.FLOAT32 else "s16"
    values, *states = layer.inputs
    outputs = layer.outputs[: len(layer.outputs) - len(states)]
    call = Call(
        f"tinygen_{name}_{suffix}",
        (
            parameters,
            TensorArgument(values),
            *(TensorArgument(index, writable=True) for index in states),
            TensorArgument(outputs[0], writable=True),
            *(TensorArgument(index, writable=True, ctype="uint8_t") for index in outputs[1:]),
        ),
    )
    return Binding(calls=(call,), headers=("portable/signal_frames.h",))


def _cycles(layer: Frames) -> float:
    return layer.streams * max(layer.sizes.values()) * _CYCLES_PER_SAMPLE


KERNELS: Sequence[Kernel] = (
    PortableKernel("framer", Framer, _bind, _cycles),
    PortableKernel("delay", Delay, _bind, _cycles),
    PortableKernel("stacker", Stacker, _bind, _cycles),
    PortableKernel("overlap_add", OverlapAdd, _bind, _cycles),
)
