# SPDX-License-Identifier: Apache-2.0
"""One interface to everything that can run a built program."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tinygen.hardware.boards import Board
from tinygen.run.session import Session


@dataclass(frozen=True)
class Image:
    """A linked program and who it must say it is; ``map_file`` is None for the host.

    ``model_sha256`` is the hexadecimal digest of the .tflite file it was generated from, ``build_id``
    that of everything it was built from. ``traced``: layers can be observed. ``model_objects`` are the
    object files of the generated sources.
    """

    elf: Path
    map_file: Path | None
    board: Board
    model_sha256: str
    build_id: str
    traced: bool
    model_objects: tuple[Path, ...] = ()


class Runner(Protocol):
    """Starts a program and opens a conversation with it."""

    def start(self, image: Image) -> AbstractContextManager[Session]:
        """Runs the image until the context ends.

        Raises:
            MachineError: what runs it is not installed.
            TargetError: it does not start, does not answer, or is not the image.
        """
