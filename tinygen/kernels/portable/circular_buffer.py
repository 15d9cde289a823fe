# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of CIRCULAR_BUFFER."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import Binding, Call, Struct, TensorArgument
from tinygen.kernels.portable.base import PortableKernel
from tinygen.ops.circular_buffer import CircularBuffer


def _bind(layer: CircularBuffer) -> Binding:
    parameters = Struct(
        "tinygen_circular_buffer_params",
        (("slots", layer.slots), ("depth", layer.depth), ("period", layer.period)),
    )
    new, kept, left = layer.inputs
    call = Call(
        "tinygen_circular_buffer_ends_s8" if layer.may_end else "tinygen_circular_buffer_s8",
        (
            parameters,
            TensorArgument(new),
            TensorArgument(kept, writable=True),
            TensorArgument(left, writable=True),
            TensorArgument(layer.outputs[0], writable=True),
        ),
        ends=layer.may_end,
    )
    return Binding(calls=(call,), headers=("portable/circular_buffer.h",))


KERNELS: Sequence[Kernel] = (
    PortableKernel(
        "circular_buffer", CircularBuffer, _bind, lambda layer: 2.0 * layer.slots * layer.depth
    ),
)
