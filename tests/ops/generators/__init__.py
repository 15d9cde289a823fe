# SPDX-License-Identifier: Apache-2.0
"""Random single-operator models: ``GENERATORS[opcode](rng)`` gives a .tflite file.

The reference is compared with TFLM on them, and the C kernels with the reference. Values are as
extreme as TFLM allows; what TFLM's C++ leaves undefined (an accumulator beyond int32) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tests.ops.generators.elementwise import (
    random_add,
    random_dequantize,
    random_mul,
    random_quantize,
    random_relu,
    random_relu6,
    random_softmax,
)
from tests.ops.generators.shapes import (
    random_average_pool_2d,
    random_concatenation,
    random_max_pool_2d,
    random_mean,
    random_pad,
    random_padv2,
    random_reshape,
)
from tests.ops.generators.weighted import (
    random_conv2d,
    random_depthwise_conv2d,
    random_fully_connected,
)

Generator = Callable[[np.random.Generator], bytes]

GENERATORS: Mapping[str, Generator] = {
    "ADD": random_add,
    "AVERAGE_POOL_2D": random_average_pool_2d,
    "CONCATENATION": random_concatenation,
    "CONV_2D": random_conv2d,
    "DEPTHWISE_CONV_2D": random_depthwise_conv2d,
    "DEQUANTIZE": random_dequantize,
    "FULLY_CONNECTED": random_fully_connected,
    "MAX_POOL_2D": random_max_pool_2d,
    "MEAN": random_mean,
    "MUL": random_mul,
    "PAD": random_pad,
    "PADV2": random_padv2,
    "QUANTIZE": random_quantize,
    "RELU": random_relu,
    "RELU6": random_relu6,
    "RESHAPE": random_reshape,
    "SOFTMAX": random_softmax,
}
"""A generator for every operator in ``tinygen.ops.OPERATORS``."""


def random_model(opcode: str, seed: int) -> bytes:
    """The operator's model number ``seed``."""
    return GENERATORS[opcode](np.random.default_rng([seed, *opcode.encode()]))
