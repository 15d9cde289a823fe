# SPDX-License-Identifier: Apache-2.0
"""Portable kernel of CIRCULAR_BUFFER."""

from __future__ import annotations

from tinygen.kernels.binding import Binding, Call, TensorArgument
from tinygen.kernels.kernel import Offer
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.circular_buffer import CircularBuffer


@portable("circular_buffer", CircularBuffer)
def circular_buffer(layer: CircularBuffer) -> Offer:
    """Moves the slots on by one; may end the inference."""

    def bind() -> Binding:
        new, kept, left = layer.inputs
        call = Call(
            "tinygen_circular_buffer_ends_s8" if layer.may_end else "tinygen_circular_buffer_s8",
            (
                struct("tinygen_circular_buffer_params", layer),
                TensorArgument(new),
                TensorArgument(kept, writable=True),
                TensorArgument(left, writable=True),
                TensorArgument(layer.outputs[0], writable=True),
            ),
            ends=layer.may_end,
        )
        return Binding(calls=(call,), headers=("portable/circular_buffer.h",))

    return Offer(2.0 * layer.slots * layer.depth, bind)


KERNELS = (circular_buffer,)
