# SPDX-License-Identifier: Apache-2.0
"""The C types of tensors' elements."""

from __future__ import annotations

from tinygen.graph import DType

CTYPES = {
    DType.FLOAT32: "float",
    DType.FLOAT64: "double",
    DType.INT4: "int8_t",
    DType.INT8: "int8_t",
    DType.INT16: "int16_t",
    DType.INT32: "int32_t",
    DType.INT64: "int64_t",
    DType.UINT8: "uint8_t",
    DType.UINT16: "uint16_t",
    DType.UINT32: "uint32_t",
    DType.UINT64: "uint64_t",
    DType.BOOL: "uint8_t",
}
"""The C type of one element in memory."""
