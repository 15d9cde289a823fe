# SPDX-License-Identifier: Apache-2.0
"""Recognizes what was handed over instead of a .tflite file, and says what to do about it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

from tinygen.errors import ModelError

_FILE_IDENTIFIER = b"TFL3"
_HEADER_BYTES = 8  # root offset and file identifier
_LOOK_AHEAD = 4096
_CONVERT_HINT = (
    "Convert it to an int8 .tflite first: tinygen quantize MODEL --data DATA.npz -o OUT.tflite"
)
_ONNX_HINT = (
    "Convert it to TensorFlow first (for example with onnx2tf), then quantize it to an int8 .tflite"
)
_DOWNLOAD_HINT = "Download or export the .tflite file again."
_PROTOBUF_BYTES_FIELD_2 = 0x12
_ONNX_FIRST_IR_VERSION = 3
_LONGEST_ONNX_PRODUCER = 64


def reject_directory(path: Path) -> NoReturn:
    """Raise the ``ModelError`` that fits a directory."""
    if (path / "saved_model.pb").exists():
        raise ModelError(f"{path} is a TensorFlow SavedModel, not a .tflite file.", _CONVERT_HINT)
    raise ModelError(f"{path} is a directory, not a .tflite file.", "Name the file inside it.")


def reject_other_kinds(data: bytes, source: str) -> None:
    """Raise a ``ModelError`` unless the bytes start like a TFLite flatbuffer.

    Args:
        data: the file's content.
        source: its name, for messages and for its extension.
    """
    if data[4:_HEADER_BYTES] == _FILE_IDENTIFIER:
        return
    if not data:
        raise ModelError(f"{source} is empty.", _DOWNLOAD_HINT)
    what, hint = _kind(data, Path(source).suffix.lower())
    raise ModelError(f"{source} {what}.", hint)


def _kind(data: bytes, suffix: str) -> tuple[str, str]:
    """What the file is, as the rest of a sentence, and a hint."""
    head = data[:_LOOK_AHEAD]
    return (
        _by_magic(data, head, suffix)
        or _by_structure(head, suffix)
        or _text(head)
        or _by_length(data)
        or (
            f"is not a TFLite model: it lacks the identifier {_FILE_IDENTIFIER.decode()!r} at byte 4",
            "Check that this is the .tflite file you mean.",
        )
    )


def _by_magic(data: bytes, head: bytes, suffix: str) -> tuple[str, str] | None:
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the model itself", "Fetch the real file: git lfs pull"
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "is an HDF5 (Keras .h5) model, not a .tflite file", _CONVERT_HINT
    if head.startswith(b"PK\x03\x04"):
        if suffix == ".keras" or (b"metadata.json" in head and b"config.json" in data):
            return "is a Keras (.keras) model, not a .tflite file", _CONVERT_HINT
        return "is a zip archive, not a .tflite file", "Unpack it and name the .tflite file inside."
    if head.startswith(b"\x1f\x8b"):
        return "is compressed with gzip", "Unpack it first: gunzip, or tar -xzf for a .tar.gz"
    return None


def _by_structure(head: bytes, suffix: str) -> tuple[str, str] | None:
    """Protobuf files, which have no magic number: ONNX models and SavedModels."""
    if suffix == ".onnx" or _looks_like_onnx(head):
        return "is an ONNX model, not a .tflite file", _ONNX_HINT
    # SavedModel: field 1 (schema version) is 1, then field 2 (a meta graph).
    if suffix == ".pb" or head.startswith(b"\x08\x01\x12"):
        return "is a TensorFlow graph (SavedModel .pb), not a .tflite file", _CONVERT_HINT
    return None


def _looks_like_onnx(head: bytes) -> bool:
    """ModelProto starts with field 1, the IR version, and field 2, the producer's name."""
    if len(head) < 5 or head[0] != 0x08 or head[2] != _PROTOBUF_BYTES_FIELD_2:
        return False
    version, length = head[1], head[3]
    producer = head[4 : 4 + length]
    return (
        _ONNX_FIRST_IR_VERSION <= version < 0x80
        and 0 < length <= _LONGEST_ONNX_PRODUCER
        and len(producer) == length
        and re.fullmatch(rb"[\x20-\x7e]+", producer) is not None
    )


def _text(head: bytes) -> tuple[str, str] | None:
    stripped = head.lstrip()
    if stripped[:1] == b"<":
        return "is a web page or XML, not a .tflite file", _DOWNLOAD_HINT
    if stripped and all(byte in b"\t\n\r\f" or byte >= 0x20 for byte in head):
        try:
            head.decode("ascii")
        except UnicodeDecodeError:
            return None
        if re.search(rb"(0x[0-9a-fA-F]{2}\s*,\s*){4}", head):
            return (
                "is a C array of a model, not a .tflite file",
                "Use the .tflite file the array was made from.",
            )
        return "is a text file, not a .tflite file", "Name the .tflite file itself."
    return None


def _by_length(data: bytes) -> tuple[str, str] | None:
    if len(data) < _HEADER_BYTES:
        return f"is too short to be a TFLite model ({len(data)} bytes)", _DOWNLOAD_HINT
    return None
