# SPDX-License-Identifier: Apache-2.0
"""Files that are no .tflite file, each with its own sentence and hint."""

from __future__ import annotations

import errno
import gzip
import io
import os
import zipfile
from pathlib import Path

import pytest

from tests.conftest import shared_model
from tests.models.builder import ModelBuilder
from tinygen.errors import InputError, ModelError
from tinygen.tflite.reader import read_model, read_model_bytes


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    return content.getvalue()


LFS_POINTER = b"""version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
"""
C_ARRAY = b"unsigned char model[] = {\n  0x1c, 0x00, 0x00, 0x00, 0x54, 0x46, 0x4c, 0x33,\n};\n"

WRONG_FILES = {
    "empty": ("m.tflite", b"", "is empty", "again"),
    "lfs": ("m.tflite", LFS_POINTER, "is a Git LFS pointer", "git lfs pull"),
    "hdf5": ("m.h5", b"\x89HDF\r\n\x1a\n" + bytes(64), r"HDF5 \(Keras \.h5\)", "tinygen quantize"),
    "keras": ("m.keras", zipped("metadata.json"), r"\.keras", "tinygen quantize"),
    "keras, renamed": (
        "m.tflite",
        zipped("metadata.json", "config.json", "model.weights.h5"),
        r"\.keras",
        "tinygen quantize",
    ),
    "zip": ("m.zip", zipped("model.tflite"), "zip archive", "Unpack"),
    "gzip": ("m.tflite.gz", gzip.compress(b"x"), "compressed with gzip", "gunzip"),
    "onnx": ("m.onnx", bytes(32), "is an ONNX model", "onnx2tf"),
    "onnx, renamed": ("m.tflite", b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:", "ONNX", "onnx2tf"),
    "SavedModel pb": ("saved_model.pb", b"\x08\x01\x12\xad\x02", "SavedModel", "tinygen quantize"),
    "frozen graph": ("graph.pb", b"\x0a\x10\x0a\x01x", r"TensorFlow graph", "tinygen quantize"),
    "web page": ("m.tflite", b"<!DOCTYPE html>\n<html></html>", "web page", "again"),
    "C array": ("model.cc", C_ARRAY, "C array", "the array was made from"),
    "text": ("m.tflite", b"404: Not Found", "is a text file", "itself"),
    "too short": ("m.tflite", b"\x1c\x00\x00", r"too short .*\(3 bytes\)", "again"),
    "other flatbuffer": (
        "m.tflite",
        b"\x1c\0\0\0TFL2" + bytes(64),
        "lacks the identifier",
        "Check",
    ),
    "header only": (
        "m.tflite",
        b"\x1c\0\0\0TFL3",
        r"damaged.*end of the file \(8 bytes\)",
        "again",
    ),
    "zeros": ("m.tflite", bytes(4096), "lacks the identifier 'TFL3'", "Check"),
}


@pytest.mark.parametrize("kind", WRONG_FILES)
def test_wrong_file_is_recognized(kind: str, tmp_path: Path) -> None:
    name, content, message, hint = WRONG_FILES[kind]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        read_model(path)
    assert caught.value.message.startswith(str(path))
    assert caught.value.message.endswith(".")
    assert hint in caught.value.hint


def test_real_hdf5_model() -> None:
    with pytest.raises(ModelError, match="HDF5"):
        read_model(shared_model("mlperf_ic_float.h5"))


def test_a_tflite_model_is_one_whatever_its_extension() -> None:
    assert read_model_bytes(ModelBuilder().build(), "m.onnx").source == "m.onnx"


def test_saved_model_directory(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01\x12")
    with pytest.raises(ModelError, match="is a TensorFlow SavedModel") as caught:
        read_model(tmp_path)
    assert "tinygen quantize" in caught.value.hint


def test_directory(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a directory") as caught:
        read_model(tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["missing.tflite", "missing/m.tflite", "nul\0.tflite"])
def test_missing_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not exist|cannot be read") as caught:
        read_model(tmp_path / name)
    assert caught.value.hint


def test_name_longer_than_the_system_allows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: File name too long"):
        read_model(tmp_path / ("m" * 1000))


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a regular file"):
        read_model(tmp_path / "pipe")


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(ModelBuilder().build())

    def refuse(_: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    # Removing the permission would not do: root may read every file.
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        read_model(path)
