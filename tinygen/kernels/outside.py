# SPDX-License-Identifier: Apache-2.0
"""Channels that a kernel does not do in its stream of packed weights, but one by one."""

from __future__ import annotations

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.kernels.binding import Constant
from tinygen.kernels.structs import Value
from tinygen.numerics.fixed_point import Requantization, wrap_int32
from tinygen.requantize.channels import per_channel
from tinygen.requantize.fitted import BoolArray


def outside(missing: BoolArray, channels: int) -> AnyArray:
    """The channels that are not in the stream: those missing there, and those behind its end."""
    return np.concatenate([np.flatnonzero(missing), np.arange(len(missing), channels)])


def one_by_one(
    chosen: AnyArray, weights: AnyArray, folded_bias: AnyArray, q: Requantization
) -> dict[str, Value]:
    """What the C needs to compute some channels by themselves: their numbers, and all of theirs.

    ``weights`` are those of all channels, in the order in which the C multiplies them.
    """
    return {
        "count": len(chosen),
        "channels": Constant("channels", chosen.astype(np.uint16), alignment=2),
        "weights": np.ascontiguousarray(weights[chosen]),
        "bias": wrap_int32(folded_bias[chosen]),
        "requantization": per_channel(q, chosen),
    }
