# SPDX-License-Identifier: Apache-2.0
"""The operators: one file a family, gathered in one table.

To add an operator: write its Layer and lowering in its family's file, enter it below, describe a
kernel for it in ``tinygen.kernels``, and test it in ``tests/ops``.
"""

from __future__ import annotations

from collections.abc import Mapping

from tinygen.graph import DType
from tinygen.ops.binary import lower_add, lower_mul
from tinygen.ops.convolution import lower_conv2d, lower_depthwise_conv2d
from tinygen.ops.dispatch import Lowering, by_input_type
from tinygen.ops.fully_connected import lower_fully_connected
from tinygen.ops.movement import lower_concatenation, lower_reshape
from tinygen.ops.pad import lower_pad
from tinygen.ops.padding import lower_mirror_pad, lower_plain_pad
from tinygen.ops.pooling import lower_average_pool_2d, lower_max_pool_2d
from tinygen.ops.rearrange import (
    lower_batch_to_space_nd,
    lower_broadcast_to,
    lower_depth_to_space,
    lower_expand_dims,
    lower_fill,
    lower_pack,
    lower_reverse_v2,
    lower_shape,
    lower_slice,
    lower_space_to_batch_nd,
    lower_space_to_depth,
    lower_split,
    lower_split_v,
    lower_squeeze,
    lower_strided_slice,
    lower_transpose,
    lower_unpack,
    lower_zeros_like,
)
from tinygen.ops.reduction import lower_mean
from tinygen.ops.requantize import lower_dequantize, lower_quantize, lower_relu, lower_relu6
from tinygen.ops.softmax import lower_softmax

_PAD = by_input_type(
    lower_pad, dict.fromkeys((DType.FLOAT32, DType.INT16, DType.INT32), lower_plain_pad)
)

OPERATORS: Mapping[str, Lowering] = {
    "ADD": lower_add,
    "AVERAGE_POOL_2D": lower_average_pool_2d,
    "BATCH_TO_SPACE_ND": lower_batch_to_space_nd,
    "BROADCAST_TO": lower_broadcast_to,
    "CONCATENATION": lower_concatenation,
    "CONV_2D": lower_conv2d,
    "DEPTHWISE_CONV_2D": lower_depthwise_conv2d,
    "DEPTH_TO_SPACE": lower_depth_to_space,
    "DEQUANTIZE": lower_dequantize,
    "EXPAND_DIMS": lower_expand_dims,
    "FILL": lower_fill,
    "FULLY_CONNECTED": lower_fully_connected,
    "MAX_POOL_2D": lower_max_pool_2d,
    "MEAN": lower_mean,
    "MIRROR_PAD": lower_mirror_pad,
    "MUL": lower_mul,
    "PACK": lower_pack,
    "PAD": _PAD,
    "PADV2": _PAD,
    "QUANTIZE": lower_quantize,
    "RELU": lower_relu,
    "RELU6": lower_relu6,
    "RESHAPE": lower_reshape,
    "REVERSE_V2": lower_reverse_v2,
    "SHAPE": lower_shape,
    "SLICE": lower_slice,
    "SOFTMAX": lower_softmax,
    "SPACE_TO_BATCH_ND": lower_space_to_batch_nd,
    "SPACE_TO_DEPTH": lower_space_to_depth,
    "SPLIT": lower_split,
    "SPLIT_V": lower_split_v,
    "SQUEEZE": lower_squeeze,
    "STRIDED_SLICE": lower_strided_slice,
    "TRANSPOSE": lower_transpose,
    "UNPACK": lower_unpack,
    "ZEROS_LIKE": lower_zeros_like,
}
"""How each supported operator is lowered, by its TFLite name."""
