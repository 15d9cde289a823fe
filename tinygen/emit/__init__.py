# SPDX-License-Identifier: Apache-2.0
"""Plan → C files: ``render`` makes their text, ``writer`` puts them on disk whole or not at all."""

from tinygen.emit.interface import Interface, Port, interface
from tinygen.emit.render import GeneratedFiles, render
from tinygen.emit.writer import write_files, write_text

__all__ = [
    "GeneratedFiles",
    "Interface",
    "Port",
    "interface",
    "render",
    "write_files",
    "write_text",
]
