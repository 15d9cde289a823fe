# SPDX-License-Identifier: Apache-2.0
"""The model as read: Graph, Subgraph, Tensor, Operator, Quantization.

Frozen dataclasses without behaviour beyond look-ups, and without a trace of the file format:
``tflite_reader`` fills them, ``passes`` rewrite them, ``lowering`` consumes them.
Tensors are named by their index in their subgraph, as in the file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygen.ir.data import Result

AnyArray = NDArray[Any]

ABSENT = -1
"""Index of an optional operator input that is not there."""


class Numerics(Enum):
    """Whose arithmetic is reproduced bit for bit.

    ``TFLM`` is TensorFlow Lite Micro's reference kernels (CMSIS-NN computes the same). ``LITERT`` is
    LiteRT's built-in reference kernels, which round once in FULLY_CONNECTED and rescale in RELU6.
    """

    TFLM = "tflm"
    LITERT = "litert"


class DType(Enum):
    """Element type of a tensor; the value is TFLite's name of it."""

    FLOAT32 = "FLOAT32"
    FLOAT16 = "FLOAT16"
    FLOAT64 = "FLOAT64"
    BFLOAT16 = "BFLOAT16"
    INT2 = "INT2"
    INT4 = "INT4"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    UINT4 = "UINT4"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    BOOL = "BOOL"
    STRING = "STRING"
    COMPLEX64 = "COMPLEX64"
    COMPLEX128 = "COMPLEX128"
    RESOURCE = "RESOURCE"
    VARIANT = "VARIANT"

    @property
    def numpy(self) -> np.dtype[np.generic] | None:
        """The NumPy type of one element in memory, or None for types without fixed-size elements.

        INT4 and INT2 elements are unpacked, one an ``int8``; BFLOAT16 keeps its bits in ``uint16``.
        """
        name = _NUMPY_NAMES.get(self)
        return None if name is None else np.dtype(name)

    @property
    def bits(self) -> int:
        """Size of one element in the file, in bits; 0 for types without fixed-size elements."""
        packed = {DType.INT2: 2, DType.INT4: 4, DType.UINT4: 4}
        if self in packed:
            return packed[self]
        dtype = self.numpy
        return 0 if dtype is None else 8 * dtype.itemsize

    @property
    def ctype(self) -> str:
        """The C type of one element in memory; empty for types that nothing computes with."""
        return _CTYPES.get(self, "")


_CTYPES = {
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

_NUMPY_NAMES = {
    DType.FLOAT32: "float32",
    DType.FLOAT16: "float16",
    DType.FLOAT64: "float64",
    DType.BFLOAT16: "uint16",
    DType.INT2: "int8",
    DType.INT4: "int8",
    DType.INT8: "int8",
    DType.INT16: "int16",
    DType.INT32: "int32",
    DType.INT64: "int64",
    DType.UINT4: "uint8",
    DType.UINT8: "uint8",
    DType.UINT16: "uint16",
    DType.UINT32: "uint32",
    DType.UINT64: "uint64",
    DType.BOOL: "bool",
    DType.COMPLEX64: "complex64",
    DType.COMPLEX128: "complex128",
}


@dataclass(frozen=True)
class Quantization:
    """Affine quantization: real value = (q - zero point) × scale.

    ``scales`` and ``zero_points`` have one entry (per tensor) or one an index of dimension ``axis``
    (per axis). Scales are float32 values held as Python floats; the reader does not judge them.
    ``zero_points`` may be shorter than ``scales`` in a file; the reader repeats the first (0 if
    there is none), as TFLM does.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0

    @property
    def per_axis(self) -> bool:
        """Whether there is more than one scale."""
        return len(self.scales) > 1


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of a subgraph.

    ``shape`` is the static shape (``()`` for a scalar); ``open_dimensions`` are those the file leaves
    open (-1 in its ``shape_signature``); ``shape`` has 1 there. ``data`` is the constant's value,
    shaped and unpacked, or None for a tensor computed at run time.
    """

    index: int
    name: str
    dtype: DType
    shape: tuple[int, ...]
    quantization: Quantization | None = None
    data: AnyArray | None = None
    is_variable: bool = False
    open_dimensions: tuple[int, ...] = ()

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor in memory at run time, INT4 and INT2 unpacked."""
        dtype = self.dtype.numpy
        return 0 if dtype is None else self.elements * dtype.itemsize

    @property
    def is_constant(self) -> bool:
        """Whether the value is known at compile time."""
        return self.data is not None


OptionValue = int | float | bool | str | bytes | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True)
class Operator:
    """One operator: what it is, which tensors it reads and writes, its options.

    ``opcode`` is TFLite's name (``CONV_2D``), or ``CUSTOM`` with ``custom_code`` set. ``options``
    holds every field of the operator's options table under its schema name (``stride_w``), enums by
    their schema name (``"SAME"``), defaults filled in; for a custom operator the raw bytes are under
    ``"custom_options"``. ``inputs`` may contain ``ABSENT``.
    """

    index: int
    opcode: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    custom_code: str = ""
    version: int = 1
    intermediates: tuple[int, ...] = ()
    file_opcode: str = ""
    """What the file calls the operator, where a pass has made another of it."""
    absorbed: tuple[Operator, ...] = ()
    """Operators of the file that a pass has merged into this one."""

    @property
    def parts(self) -> tuple[Operator, ...]:
        """The operators of the file that this one computes, itself among them, in their order."""
        return tuple(sorted((self, *self.absorbed), key=lambda operator: operator.index))

    @property
    def name(self) -> str:
        """What tables call the operator: ``CONV_2D``, ``PAD+CONV_2D+RELU``, a custom code."""
        return "+".join(part.custom_code or part.file_opcode or part.opcode for part in self.parts)

    @property
    def label(self) -> str:
        """How messages name the operator: ``operator 3 (CONV_2D)``."""
        name = f"CUSTOM {self.custom_code!r}" if self.custom_code else self.name
        return f"operator {self.index} ({name})"


@dataclass(frozen=True)
class Subgraph:
    """Operators in execution order over a list of tensors."""

    name: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """A named entry point: which subgraph, and its inputs and outputs by name."""

    key: str
    subgraph: int
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


@dataclass(frozen=True)
class Rewrite(Result):
    """What a pass did to an operator of the file: ``removed: changes nothing``."""

    stage: str
    operator: Operator
    change: str

    def to_dict(self) -> dict[str, Any]:
        """Pass, operator and change in words."""
        return {"pass": self.stage, "operator": self.operator.label, "change": self.change}


@dataclass(frozen=True)
class Graph:
    """A whole model. Subgraph 0 is the one that runs; others are called by control flow."""

    subgraphs: tuple[Subgraph, ...]
    signatures: tuple[Signature, ...] = ()
    metadata: Mapping[str, bytes] = field(default_factory=dict)
    description: str = ""
    source: str = "<memory>"
    """Where the model came from, for messages: a path."""
    sha256: str = ""
    """Digest of the file's bytes, in hexadecimal."""
    file_bytes: int = 0
    rewrites: tuple[Rewrite, ...] = ()
    """What the passes did, in order."""

    @property
    def main(self) -> Subgraph:
        """The subgraph that ``invoke`` runs."""
        return self.subgraphs[0]
