# SPDX-License-Identifier: Apache-2.0
"""Short names of element types, and how the names of C functions end for each."""

from __future__ import annotations

from tinygen.ir.graph import DType

F32, I8, I16, I32, I64, U8, BOOL = (
    DType.FLOAT32,
    DType.INT8,
    DType.INT16,
    DType.INT32,
    DType.INT64,
    DType.UINT8,
    DType.BOOL,
)
SUFFIXES = {F32: "f32", I8: "s8", I16: "s16", I32: "s32", I64: "s64", BOOL: "b8"}
