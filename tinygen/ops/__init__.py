# SPDX-License-Identifier: Apache-2.0
"""The operators: one file a family, gathered in one table.

To add an operator: write its Layer and lowering in its family's file, enter it below, describe a
kernel for it in ``tinygen.kernels``, and test it in ``tests/ops``.
"""

from __future__ import annotations

from collections.abc import Mapping

from tinygen.ir.graph import DType, Operator
from tinygen.ops.accumulate import lower_add_n, lower_cumsum
from tinygen.ops.arithmetic import (
    lower_extremum,
    lower_float_arithmetic,
    lower_floor_division,
    lower_int32_arithmetic,
)
from tinygen.ops.binary import lower_add, lower_mul
from tinygen.ops.cast import lower_cast
from tinygen.ops.circular_buffer import lower_circular_buffer
from tinygen.ops.comparison import lower_comparison, lower_logical, lower_select_v2
from tinygen.ops.control_flow import lower_if, lower_while
from tinygen.ops.convolution import lower_conv2d, lower_depthwise_conv2d
from tinygen.ops.custom import is_registered, lower_custom
from tinygen.ops.dispatch import Lowering, by_input_type
from tinygen.ops.fully_connected import lower_fully_connected
from tinygen.ops.gather import (
    lower_embedding_lookup,
    lower_gather,
    lower_gather_nd,
    lower_resize_nearest_neighbor,
)
from tinygen.ops.lookup import lower_int16_sigmoid, lower_lookup
from tinygen.ops.lstm import lower_lstm
from tinygen.ops.lstm_float import lower_float_lstm
from tinygen.ops.matmul import lower_batch_matmul
from tinygen.ops.movement import lower_concatenation, lower_reshape
from tinygen.ops.pad import lower_pad
from tinygen.ops.padding import lower_mirror_pad, lower_plain_pad
from tinygen.ops.pooling import lower_average_pool_2d, lower_max_pool_2d
from tinygen.ops.quantized_arithmetic import (
    lower_int8_div,
    lower_int16_mul,
    lower_prelu,
    lower_quantized_sum,
    lower_squared_difference,
)
from tinygen.ops.rearrange import (
    lower_broadcast_to,
    lower_dynamic_update_slice,
    lower_pack,
    lower_reverse_v2,
    lower_slice,
    lower_split,
    lower_split_v,
    lower_strided_slice,
    lower_transpose,
    lower_unpack,
)
from tinygen.ops.reduce import (
    lower_arg_extremum,
    lower_reduce_all,
    lower_reduce_extremum,
    lower_sum,
)
from tinygen.ops.reduction import lower_mean
from tinygen.ops.requantize import lower_dequantize, lower_quantize, lower_relu, lower_relu6
from tinygen.ops.resize import lower_resize_bilinear
from tinygen.ops.rows import lower_float_rows
from tinygen.ops.rows_int8 import lower_l2_normalization_int8, lower_log_softmax_int8
from tinygen.ops.shapes import (
    lower_broadcast_args,
    lower_expand_dims,
    lower_fill,
    lower_shape,
    lower_squeeze,
    lower_zeros_like,
)
from tinygen.ops.signal import (
    lower_energy,
    lower_fft_auto_scale,
    lower_filter_bank,
    lower_filter_bank_log,
    lower_filter_bank_square_root,
    lower_irfft,
    lower_pcan,
    lower_rfft,
    lower_spectral_subtraction,
    lower_window,
)
from tinygen.ops.signal_frames import lower_delay, lower_framer, lower_overlap_add, lower_stacker
from tinygen.ops.softmax import lower_softmax
from tinygen.ops.softmax_int16 import lower_softmax_int16
from tinygen.ops.space_blocks import (
    lower_batch_to_space_nd,
    lower_depth_to_space,
    lower_space_to_batch_nd,
    lower_space_to_depth,
)
from tinygen.ops.svdf import lower_svdf
from tinygen.ops.transpose_conv import lower_transpose_conv
from tinygen.ops.unary import (
    lower_float_leaky_relu,
    lower_float_relu,
    lower_float_unary,
    lower_int16_unary,
    lower_logical_not,
)
from tinygen.ops.variables import DECLARATIONS, lower_assign_variable, lower_read_variable
from tinygen.ops.wide import lower_float_convolution, lower_int16_convolution
from tinygen.ops.wide_pooling import lower_wide_pool

_PAD = by_input_type(
    lower_pad, dict.fromkeys((DType.FLOAT32, DType.INT16, DType.INT32), lower_plain_pad)
)

_FLOAT32, _INT8, _INT16, _INT32 = DType.FLOAT32, DType.INT8, DType.INT16, DType.INT32

_WIDE = {_FLOAT32: lower_float_convolution, _INT16: lower_int16_convolution}
_WIDE_POOL = {_FLOAT32: lower_wide_pool, _INT16: lower_wide_pool}

_ARITHMETIC = {_FLOAT32: lower_float_arithmetic, _INT32: lower_int32_arithmetic}
_ADD = by_input_type(lower_add, {**_ARITHMETIC, _INT16: lower_quantized_sum})
_SUB = by_input_type(lower_quantized_sum, _ARITHMETIC)
_MUL = by_input_type(lower_mul, {**_ARITHMETIC, _INT16: lower_int16_mul})
_DIV = by_input_type(lower_int8_div, _ARITHMETIC)
_LEAKY_RELU = by_input_type(
    lower_lookup, {_FLOAT32: lower_float_leaky_relu, _INT16: lower_int16_unary}
)

_SOFTMAX = by_input_type(lower_softmax, {_FLOAT32: lower_float_rows, _INT16: lower_softmax_int16})

_SIGMOIDS = {_FLOAT32: lower_float_unary, _INT16: lower_int16_sigmoid}
_LOGISTIC = by_input_type(lower_lookup, _SIGMOIDS)
_TANH = by_input_type(lower_lookup, _SIGMOIDS)

OPERATORS: Mapping[str, Lowering] = {
    "ABS": by_input_type(lower_lookup, {_FLOAT32: lower_float_unary, _INT16: lower_int16_unary}),
    "ADD": _ADD,
    "ADD_N": lower_add_n,
    "ARG_MAX": lower_arg_extremum,
    "ARG_MIN": lower_arg_extremum,
    "ASSIGN_VARIABLE": lower_assign_variable,
    "AVERAGE_POOL_2D": by_input_type(lower_average_pool_2d, _WIDE_POOL),
    "BATCH_MATMUL": lower_batch_matmul,
    "BATCH_TO_SPACE_ND": lower_batch_to_space_nd,
    "BROADCAST_ARGS": lower_broadcast_args,
    "BROADCAST_TO": lower_broadcast_to,
    "CAST": lower_cast,
    "CEIL": lower_float_unary,
    "CONCATENATION": lower_concatenation,
    "CONV_2D": by_input_type(lower_conv2d, _WIDE),
    "COS": lower_float_unary,
    "CUMSUM": lower_cumsum,
    "DEPTHWISE_CONV_2D": by_input_type(lower_depthwise_conv2d, _WIDE),
    "DEPTH_TO_SPACE": lower_depth_to_space,
    "DEQUANTIZE": lower_dequantize,
    "DIV": _DIV,
    "DYNAMIC_UPDATE_SLICE": lower_dynamic_update_slice,
    "ELU": by_input_type(lower_lookup, {_FLOAT32: lower_float_unary}),
    "EMBEDDING_LOOKUP": lower_embedding_lookup,
    "EQUAL": lower_comparison,
    "EXP": lower_float_unary,
    "EXPAND_DIMS": lower_expand_dims,
    "FILL": lower_fill,
    "FLOOR": lower_float_unary,
    "FLOOR_DIV": lower_floor_division,
    "FLOOR_MOD": lower_floor_division,
    "FULLY_CONNECTED": by_input_type(lower_fully_connected, _WIDE),
    "GATHER": lower_gather,
    "GATHER_ND": lower_gather_nd,
    "GREATER": lower_comparison,
    "GREATER_EQUAL": lower_comparison,
    "HARD_SWISH": by_input_type(lower_lookup, {_FLOAT32: lower_float_unary}),
    "IF": lower_if,
    "L2_NORMALIZATION": by_input_type(lower_l2_normalization_int8, {_FLOAT32: lower_float_rows}),
    "L2_POOL_2D": lower_wide_pool,
    "LEAKY_RELU": _LEAKY_RELU,
    "LESS": lower_comparison,
    "LESS_EQUAL": lower_comparison,
    "LOG": lower_float_unary,
    "LOGICAL_AND": lower_logical,
    "LOGICAL_NOT": lower_logical_not,
    "LOGICAL_OR": lower_logical,
    "LOGISTIC": _LOGISTIC,
    "LOG_SOFTMAX": by_input_type(lower_log_softmax_int8, {_FLOAT32: lower_float_rows}),
    "MAXIMUM": lower_extremum,
    "MAX_POOL_2D": by_input_type(lower_max_pool_2d, _WIDE_POOL),
    "MEAN": by_input_type(lower_mean, {_FLOAT32: lower_sum, _INT16: lower_sum}),
    "MINIMUM": lower_extremum,
    "MIRROR_PAD": lower_mirror_pad,
    "MUL": _MUL,
    "NEG": lower_float_unary,
    "NOT_EQUAL": lower_comparison,
    "PACK": lower_pack,
    "PAD": _PAD,
    "PADV2": _PAD,
    "PRELU": lower_prelu,
    "QUANTIZE": lower_quantize,
    "READ_VARIABLE": lower_read_variable,
    "REDUCE_ALL": lower_reduce_all,
    "REDUCE_MAX": lower_reduce_extremum,
    "REDUCE_MIN": lower_reduce_extremum,
    "RELU": by_input_type(lower_relu, {_FLOAT32: lower_float_relu, _INT16: lower_int16_unary}),
    "RELU6": by_input_type(lower_relu6, {_FLOAT32: lower_float_relu, _INT16: lower_int16_unary}),
    "RESHAPE": lower_reshape,
    "RESIZE_BILINEAR": lower_resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": lower_resize_nearest_neighbor,
    "REVERSE_V2": lower_reverse_v2,
    "ROUND": lower_float_unary,
    "RSQRT": by_input_type(lower_lookup, {_FLOAT32: lower_float_unary}),
    "SELECT_V2": lower_select_v2,
    "SHAPE": lower_shape,
    "SIN": lower_float_unary,
    "SLICE": lower_slice,
    "SOFTMAX": _SOFTMAX,
    "SPACE_TO_BATCH_ND": lower_space_to_batch_nd,
    "SPACE_TO_DEPTH": lower_space_to_depth,
    "SPLIT": lower_split,
    "SPLIT_V": lower_split_v,
    "SQRT": lower_float_unary,
    "SQUARE": lower_float_unary,
    "SQUARED_DIFFERENCE": lower_squared_difference,
    "SQUEEZE": lower_squeeze,
    "STRIDED_SLICE": lower_strided_slice,
    "SUB": _SUB,
    "SUM": lower_sum,
    "SVDF": lower_svdf,
    "TANH": _TANH,
    "TRANSPOSE": lower_transpose,
    "TRANSPOSE_CONV": lower_transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": by_input_type(lower_lstm, {_FLOAT32: lower_float_lstm}),
    "UNPACK": lower_unpack,
    "WHILE": lower_while,
    "ZEROS_LIKE": lower_zeros_like,
}
"""How each supported operator is lowered, by its TFLite name."""

CUSTOM_OPERATORS: Mapping[str, Lowering] = {
    "CIRCULAR_BUFFER": lower_circular_buffer,
    "SignalDelay": lower_delay,
    "SignalEnergy": lower_energy,
    "SignalFftAutoScale": lower_fft_auto_scale,
    "SignalFilterBank": lower_filter_bank,
    "SignalFilterBankLog": lower_filter_bank_log,
    "SignalFilterBankSpectralSubtraction": lower_spectral_subtraction,
    "SignalFilterBankSquareRoot": lower_filter_bank_square_root,
    "SignalFramer": lower_framer,
    "SignalIrfft": lower_irfft,
    "SignalOverlapAdd": lower_overlap_add,
    "SignalPCAN": lower_pcan,
    "SignalRfft": lower_rfft,
    "SignalStacker": lower_stacker,
    "SignalWindow": lower_window,
}
"""How each supported custom operator is lowered, by its custom code."""


def is_supported(operator: Operator) -> bool:
    """Whether the operator can be compiled, its options and types aside."""
    if operator.opcode == "CUSTOM":
        return operator.custom_code in CUSTOM_OPERATORS or is_registered(operator.custom_code)
    return operator.opcode in OPERATORS or operator.opcode in DECLARATIONS


def lowering_of(operator: Operator) -> Lowering:
    """How a supported operator is lowered."""
    if operator.opcode == "CUSTOM":
        return (
            lower_custom
            if is_registered(operator.custom_code)
            else CUSTOM_OPERATORS[operator.custom_code]
        )
    return OPERATORS[operator.opcode]
