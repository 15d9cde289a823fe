# SPDX-License-Identifier: Apache-2.0
"""Reads a .tflite file into a ``Graph``, without TensorFlow and without the flatbuffers package.

Reads what TensorFlow Lite Micro reads (``micro_allocator.cc``) and does not judge whether an
operator can be compiled. Whatever is wrong with the file ends in a ``ModelError``; what the
``Graph`` cannot express (sparse or blockwise quantized tensors) in an ``UnsupportedError``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tinygen.errors import InputError, ModelError, UnsupportedError
from tinygen.ir.graph import ABSENT, Graph, Operator, OptionValue, Signature, Subgraph
from tinygen.tflite.file_kind import reject_directory, reject_other_kinds
from tinygen.tflite.flatbuffer import FlatBuffer, Table
from tinygen.tflite.options import OPTIONS_UNIONS, options_tables, read_options
from tinygen.tflite.schema import enum_named
from tinygen.tflite.tensors import Buffers, read_tensor

_COMPRESSION = "COMPRESSION_METADATA"
"""Metadata of models whose constants are look-up tables (compression.h of tflite-micro)."""


def read_model(path: Path) -> Graph:
    """Read a .tflite file.

    Raises:
        InputError: there is no such file, or it cannot be read.
        ModelError: it is no sound TFLite model.
        UnsupportedError: it stores tensors in a way the ``Graph`` cannot express.
    """
    try:
        if path.is_dir():
            reject_directory(path)
        if not path.exists():
            raise InputError(f"{path} does not exist.", "Check the path of the model.")
        if not path.is_file():  # reading a pipe or a device might never end
            raise InputError(f"{path} is not a regular file.", "Save the model to a file first.")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InputError(
            f"{path} cannot be read: {reason}.", "Check the path and its permissions."
        ) from error
    return read_model_bytes(data, str(path))


def read_model_bytes(data: bytes, source: str) -> Graph:
    """Read the bytes of a .tflite file; ``source`` names them in messages.

    Raises:
        ModelError: they are no sound TFLite model.
        UnsupportedError: tensors are stored in a way the ``Graph`` cannot express.
    """
    reject_other_kinds(data, source)
    buffer = FlatBuffer(data, source)
    model = buffer.root("Model", "the root table")
    buffers = Buffers(buffer, model.tables("buffers", "buffer"))
    metadata = {
        table.string("name"): _metadata(table, buffers)
        for table in model.tables("metadata", "metadata")
    }
    if _COMPRESSION in metadata:
        raise UnsupportedError(
            f"{source} has tensors compressed for TensorFlow Lite Micro, which is not supported.",
            "Use the model from before it was compressed.",
        )
    codes = [_operator_code(code) for code in model.tables("operator_codes", "operator code")]
    subgraphs = tuple(
        _subgraph(table, codes, buffers) for table in model.tables("subgraphs", "subgraph")
    )
    if not subgraphs:
        raise ModelError(
            f"{source} contains no subgraph, so there is nothing to run.",
            "Check that this is the .tflite file you mean.",
        )
    return Graph(
        subgraphs=subgraphs,
        signatures=tuple(
            _signature(table, subgraphs) for table in model.tables("signature_defs", "signature")
        ),
        metadata=metadata,
        description=model.string("description"),
        source=source,
        sha256=hashlib.sha256(data).hexdigest(),
        file_bytes=len(data),
    )


def _metadata(table: Table, buffers: Buffers) -> bytes:
    content = buffers.content(table.integer("buffer"), table.label)
    table.buffer.charge(content.size, table.label)
    return content.tobytes()


def _operator_code(table: Table) -> tuple[str, str, int]:
    """TFLite's name of the operator, its custom code and its version."""
    # Codes up to 127 are in the old byte field too, or only there; so the larger one is right.
    code = max(
        table.integer("builtin_code"),
        table.integer("deprecated_builtin_code"),
    )
    if code < 0:
        table.fail(f"has the number {code}")
    names = enum_named("BuiltinOperator").names
    if code not in names:
        raise UnsupportedError(
            f"{table.buffer.source} uses built-in operator {code}, which is newer than this "
            f"reader's schema (it ends at {max(names)}).",
            "Convert the model with an older converter.",
        )
    return names[code], table.string("custom_code"), table.integer("version")


def _subgraph(table: Table, codes: Sequence[tuple[str, str, int]], buffers: Buffers) -> Subgraph:
    tensor_tables = table.tables("tensors", f"{table.label}, tensor")
    operators = tuple(
        _operator(operator, index, codes, len(tensor_tables))
        for index, operator in enumerate(table.tables("operators", f"{table.label}, operator"))
    )
    inputs = _tensor_indices(table, "inputs", len(tensor_tables))
    computed = set(inputs)
    for operator in operators:
        computed.update(operator.outputs, operator.intermediates)
    return Subgraph(
        name=table.string("name"),
        tensors=tuple(
            read_tensor(tensor, index, buffers, computed=index in computed)
            for index, tensor in enumerate(tensor_tables)
        ),
        operators=operators,
        inputs=inputs,
        outputs=_tensor_indices(table, "outputs", len(tensor_tables)),
    )


def _tensor_indices(
    table: Table, field: str, tensors: int, *, may_be_absent: bool = False
) -> tuple[int, ...]:
    indices: tuple[int, ...] = tuple(table.array(field).tolist())
    for index in indices:
        if not 0 <= index < tensors and not (may_be_absent and index == ABSENT):
            table.fail(f"refers to tensor {index} of {tensors}")
    return indices


def _operator(
    table: Table, index: int, codes: Sequence[tuple[str, str, int]], tensors: int
) -> Operator:
    code_index = table.integer("opcode_index")
    if code_index >= len(codes):
        table.fail(f"refers to operator code {code_index} of {len(codes)}")
    opcode, custom_code, version = codes[code_index]
    is_custom = opcode == "CUSTOM"
    return Operator(
        index=index,
        opcode=opcode,
        inputs=_tensor_indices(table, "inputs", tensors, may_be_absent=True),
        outputs=_tensor_indices(table, "outputs", tensors),
        options=(
            {"custom_options": _custom_options(table)}
            if is_custom
            else _builtin_options(table, opcode)
        ),
        custom_code=custom_code if is_custom else "",
        version=version,
        intermediates=_tensor_indices(table, "intermediates", tensors, may_be_absent=True),
    )


def _custom_options(table: Table) -> bytes:
    """The raw bytes of a custom operator's options, in the flatbuffer or behind it."""
    offset = table.integer("large_custom_options_offset")
    if offset <= 1:  # 0 and 1 both mean "not behind the flatbuffer", as for Buffer.offset
        return table.array("custom_options").tobytes()
    size = table.integer("large_custom_options_size")
    table.buffer.check(offset, size, f"the options of {table.label}")
    table.buffer.charge(size, table.label)
    return table.buffer.data[offset : offset + size]


def _builtin_options(table: Table, opcode: str) -> Mapping[str, OptionValue]:
    """The options of a built-in operator; a table meant for another operator is as good as none.

    That is how TensorFlow Lite reads it (``builtin_options_as_…`` gives null).
    """
    name = options_tables().get(opcode)
    if name is None:
        return {}
    options = None
    for field, union in OPTIONS_UNIONS.items():
        if enum_named(union).names.get(table.integer(f"{field}_type")) == name:
            options = table.table(field, f"{table.label} ({opcode})", name)
    return read_options(name, options)


def _signature(table: Table, subgraphs: Sequence[Subgraph]) -> Signature:
    subgraph = table.integer("subgraph_index")
    if subgraph >= len(subgraphs):
        table.fail(f"refers to subgraph {subgraph} of {len(subgraphs)}")
    tensors = len(subgraphs[subgraph].tensors)
    return Signature(
        key=table.string("signature_key"),
        subgraph=subgraph,
        inputs=_tensor_map(table, "inputs", "input", tensors),
        outputs=_tensor_map(table, "outputs", "output", tensors),
    )


def _tensor_map(table: Table, field: str, what: str, tensors: int) -> dict[str, int]:
    indices = {}
    for entry in table.tables(field, f"{table.label}, {what}"):
        index = entry.integer("tensor_index")
        if index >= tensors:
            entry.fail(f"refers to tensor {index} of {tensors}")
        indices[entry.string("name")] = index
    return indices
