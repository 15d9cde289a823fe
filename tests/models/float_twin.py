# SPDX-License-Identifier: Apache-2.0
"""The float32 network that an int8 model stands for: its graph, with constants as real numbers."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.models.builder import SchemaObject, packed

_TYPES = {schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}


def float_twin(model: bytes, rename: str = "") -> bytes:
    """Every quantized tensor becomes float32; constants keep the values they stand for.

    Args:
        model: a full-integer .tflite file.
        rename: put before every tensor's name, so that names tell nothing.
    """
    twin = schema.ModelT.InitFromPackedBuf(model, 0)
    (subgraph,) = twin.subgraphs
    for tensor in subgraph.tensors:
        tensor.name = rename.encode() + tensor.name
        quantization = tensor.quantization
        if quantization is None or quantization.scale is None or tensor.type not in _TYPES:
            continue
        buffer = twin.buffers[tensor.buffer]
        if buffer.data is not None and len(buffer.data):
            twin.buffers.append(schema.BufferT(data=_real_bytes(tensor, buffer)))
            tensor.buffer = len(twin.buffers) - 1
        tensor.type = schema.TensorType.FLOAT32
        tensor.quantization = None
    return packed(twin)


def _real_bytes(
    tensor: SchemaObject, buffer: SchemaObject
) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    raw = np.asarray(buffer.data, np.uint8).tobytes()
    values = np.frombuffer(raw, _TYPES[tensor.type]).reshape(tensor.shape).astype(np.float64)
    along = [1] * values.ndim
    if len(tensor.quantization.scale) > 1:
        along[tensor.quantization.quantizedDimension] = -1
    scale = np.asarray(tensor.quantization.scale, np.float64).reshape(along)
    zero_point = np.asarray(tensor.quantization.zeroPoint, np.float64).reshape(along)
    real = ((values - zero_point) * scale).astype(np.float32)
    return np.frombuffer(real.tobytes(), np.uint8)
