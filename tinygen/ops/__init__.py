# SPDX-License-Identifier: Apache-2.0
"""The operators: one file a family, gathered in one table.

To add an operator: write its Layer and lowering in its family's file, enter it below, describe a
kernel for it in ``tinygen.kernels``, and test it in ``tests/ops``.
"""

from __future__ import annotations

from collections.abc import Mapping

from tinygen.graph import DType
from tinygen.ops.arithmetic import (
    lower_comparison,
    lower_extremum,
    lower_float_arithmetic,
    lower_floor_division,
    lower_int8_div,
    lower_int16_mul,
    lower_int32_arithmetic,
    lower_logical,
    lower_prelu,
    lower_quantized_sum,
    lower_select_v2,
    lower_squared_difference,
)
from tinygen.ops.binary import lower_add, lower_mul
from tinygen.ops.convolution import lower_conv2d, lower_depthwise_conv2d
from tinygen.ops.dispatch import Lowering, by_input_type
from tinygen.ops.fully_connected import lower_fully_connected
from tinygen.ops.lookup import lower_int16_sigmoid, lower_lookup
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
from tinygen.ops.unary import (
    lower_float_leaky_relu,
    lower_float_relu,
    lower_float_unary,
    lower_int16_unary,
    lower_logical_not,
)

_PAD = by_input_type(
    lower_pad, dict.fromkeys((DType.FLOAT32, DType.INT16, DType.INT32), lower_plain_pad)
)

_FLOAT32, _INT8, _INT16, _INT32 = DType.FLOAT32, DType.INT8, DType.INT16, DType.INT32

OPERATORS: Mapping[str, Lowering] = {
    "ABS": by_input_type(lower_lookup, {_FLOAT32: lower_float_unary, _INT16: lower_int16_unary}),
    "ADD": by_input_type(
        lower_add,
        {
            _FLOAT32: lower_float_arithmetic,
            _INT32: lower_int32_arithmetic,
            _INT16: lower_quantized_sum,
        },
    ),
    "AVERAGE_POOL_2D": lower_average_pool_2d,
    "BATCH_TO_SPACE_ND": lower_batch_to_space_nd,
    "BROADCAST_TO": lower_broadcast_to,
    "CEIL": lower_float_unary,
    "CONCATENATION": lower_concatenation,
    "CONV_2D": lower_conv2d,
    "COS": lower_float_unary,
    "DEPTHWISE_CONV_2D": lower_depthwise_conv2d,
    "DEPTH_TO_SPACE": lower_depth_to_space,
    "DEQUANTIZE": lower_dequantize,
    "DIV": by_input_type(
        lower_int8_div, {_FLOAT32: lower_float_arithmetic, _INT32: lower_int32_arithmetic}
    ),
    "ELU": by_input_type(lower_lookup, {_FLOAT32: lower_float_unary}),
    "EQUAL": lower_comparison,
    "EXP": lower_float_unary,
    "EXPAND_DIMS": lower_expand_dims,
    "FILL": lower_fill,
    "FLOOR": lower_float_unary,
    "FLOOR_DIV": lower_floor_division,
    "FLOOR_MOD": lower_floor_division,
    "FULLY_CONNECTED": lower_fully_connected,
    "GREATER": lower_comparison,
    "GREATER_EQUAL": lower_comparison,
    "HARD_SWISH": by_input_type(lower_lookup, {_FLOAT32: lower_float_unary}),
    "LEAKY_RELU": by_input_type(
        lower_lookup, {_FLOAT32: lower_float_leaky_relu, _INT16: lower_int16_unary}
    ),
    "LESS": lower_comparison,
    "LESS_EQUAL": lower_comparison,
    "LOG": lower_float_unary,
    "LOGICAL_AND": lower_logical,
    "LOGICAL_NOT": lower_logical_not,
    "LOGICAL_OR": lower_logical,
    "LOGISTIC": by_input_type(
        lower_lookup, {_FLOAT32: lower_float_unary, _INT16: lower_int16_sigmoid}
    ),
    "MAXIMUM": lower_extremum,
    "MAX_POOL_2D": lower_max_pool_2d,
    "MEAN": lower_mean,
    "MINIMUM": lower_extremum,
    "MIRROR_PAD": lower_mirror_pad,
    "MUL": by_input_type(
        lower_mul,
        {_FLOAT32: lower_float_arithmetic, _INT32: lower_int32_arithmetic, _INT16: lower_int16_mul},
    ),
    "NEG": lower_float_unary,
    "NOT_EQUAL": lower_comparison,
    "PACK": lower_pack,
    "PAD": _PAD,
    "PADV2": _PAD,
    "PRELU": lower_prelu,
    "QUANTIZE": lower_quantize,
    "RELU": by_input_type(lower_relu, {_FLOAT32: lower_float_relu, _INT16: lower_int16_unary}),
    "RELU6": by_input_type(lower_relu6, {_FLOAT32: lower_float_relu, _INT16: lower_int16_unary}),
    "RESHAPE": lower_reshape,
    "REVERSE_V2": lower_reverse_v2,
    "ROUND": lower_float_unary,
    "RSQRT": by_input_type(lower_lookup, {_FLOAT32: lower_float_unary}),
    "SELECT_V2": lower_select_v2,
    "SHAPE": lower_shape,
    "SIN": lower_float_unary,
    "SLICE": lower_slice,
    "SOFTMAX": lower_softmax,
    "SPACE_TO_BATCH_ND": lower_space_to_batch_nd,
    "SPACE_TO_DEPTH": lower_space_to_depth,
    "SPLIT": lower_split,
    "SPLIT_V": lower_split_v,
    "SQRT": lower_float_unary,
    "SQUARE": lower_float_unary,
    "SQUARED_DIFFERENCE": lower_squared_difference,
    "SQUEEZE": lower_squeeze,
    "STRIDED_SLICE": lower_strided_slice,
    "SUB": by_input_type(
        lower_quantized_sum, {_FLOAT32: lower_float_arithmetic, _INT32: lower_int32_arithmetic}
    ),
    "TANH": by_input_type(lower_lookup, {_FLOAT32: lower_float_unary, _INT16: lower_int16_sigmoid}),
    "TRANSPOSE": lower_transpose,
    "UNPACK": lower_unpack,
    "ZEROS_LIKE": lower_zeros_like,
}
"""How each supported operator is lowered, by its TFLite name."""
