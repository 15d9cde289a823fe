# SPDX-License-Identifier: Apache-2.0
"""A folder in which a compilation is built for a board: write, build, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinygen.compilation import Compilation
from tinygen.hardware.boards import Board
from tinygen.run.build import build_image
from tinygen.run.runner import Image


@dataclass(frozen=True, eq=False)
class Workspace:
    """``generated`` below the folder has the C files, ``build`` the program, ``build-trace`` the traced
    one.
    """

    compilation: Compilation
    board: Board
    folder: Path

    def image(self, *, trace: bool = False) -> Image:
        """The program; with ``trace``, one whose layers can be observed."""
        generated = self.compilation.write(self.folder / "generated")
        build = self.folder / ("build-trace" if trace else "build")
        return build_image(generated, self.compilation.interface, self.board, build, trace=trace)
