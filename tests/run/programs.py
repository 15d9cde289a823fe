# SPDX-License-Identifier: Apache-2.0
"""The hand-written model ``affine``: building variants of it, and what it must answer."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.emit import Interface, Port
from tinygen.hardware.boards import Board
from tinygen.run.build import build_image
from tinygen.run.qemu import QEMU, qemu_path
from tinygen.run.runner import Image

AFFINE = Path(__file__).parent / "affine"
AFFINE_INTERFACE = Interface(
    "affine",
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    inputs=(Port("int8_t", 500), Port("int8_t", 1)),
    outputs=(Port("int8_t", 500), Port("int32_t", 1)),
)


def need(*tools: str) -> None:
    """Skips the test where a program is missing."""
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def need_tools_of(board: Board) -> None:
    """Skips the test where a board's compiler or emulator is missing."""
    if board.is_host:
        need("cc")
        return
    need("arm-none-eabi-gcc")
    assert board.emulator is not None
    if board.emulator.kind == "renode":
        need(os.environ.get("TINYGEN_RENODE", "renode"))
        return
    need(os.environ.get("TINYGEN_QEMU", QEMU))
    if board.emulator.machine not in _machines(qemu_path()):
        pytest.skip(f"{qemu_path()} has no machine {board.emulator.machine}")


@functools.cache
def _machines(qemu: str) -> frozenset[str]:
    shown = subprocess.run(
        [qemu, "-machine", "help"], capture_output=True, text=True, timeout=60, check=True
    )
    return frozenset(line.split()[0] for line in shown.stdout.splitlines() if line.strip())


def affine_variant(folder: Path, changes: Mapping[str, str]) -> Path:
    """A copy of the model with pieces of its text replaced; each must be there."""
    shutil.copytree(AFFINE, folder)
    for old, new in changes.items():
        files = [path for path in folder.iterdir() if old in path.read_text()]
        assert files, old
        for path in files:
            path.write_text(path.read_text().replace(old, new))
    return folder


def build_affine(
    board: Board, build_dir: Path, *, source: Path = AFFINE, trace: bool = False
) -> Image:
    """Builds the model or a variant of it."""
    return build_image(source, AFFINE_INTERFACE, board, build_dir, trace=trace)


@dataclass
class Expectation:
    """What the model answers, its running sum included."""

    total: int = 0

    def layers(self, x: npt.NDArray[np.int8], b: int) -> tuple[bytes, bytes, bytes]:
        """Bytes of the three layers."""
        tripled = 3 * x.astype(np.int16)
        shifted = tripled + np.int16(b)
        y = np.clip(shifted, -128, 127).astype(np.int8)
        return tripled.tobytes(), shifted.tobytes(), y.tobytes()

    def outputs(self, x: npt.NDArray[np.int8], b: int) -> list[bytes]:
        """Bytes of the two outputs of the next inference."""
        y = self.layers(x, b)[2]
        self.total += int(np.frombuffer(y, np.int8).sum())
        return [y, np.int32(self.total).tobytes()]


def random_x(generator: np.random.Generator) -> npt.NDArray[np.int8]:
    """A random first input."""
    return generator.integers(-128, 128, 500, np.int8)


def input_bytes(x: npt.NDArray[np.int8], b: int) -> Sequence[bytes]:
    """Both inputs as they go over the wire."""
    return x.tobytes(), np.int8(b).tobytes()


def nothing_to_check(grace: float) -> None:
    """A program that never ends."""
