# SPDX-License-Identifier: Apache-2.0
"""Finds a CMSIS-NN source tree on this machine, and knows what is in it.

Any release from 4.0.0 on will do, whole or in part: kernels ask the tree what it has. Looked for in
this order: the path that was asked for, ``$CMSIS_NN_ROOT``, the cache that ``tinygen cmsis-nn fetch``
fills, the installed wheel ``bakenn`` (which carries 4.0.0's int8 convolution, depthwise, fully
connected and pooling sources, and the CMSIS-Core headers that 4.0.0 needs).
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tinygen.errors import InputError, MachineError
from tinygen.resources import user_cache

RELEASE = "7.0.0"
"""The upstream release that ``tinygen cmsis-nn fetch`` brings."""

_RELEASE_OF_HEADER = {
    "11.2.0": "4.0.0",
    "11.3.0": "4.1.0",
    "12.4.0": "5.0.0",
    "16.0.0": "6.0.0",
    "18.0.0": "7.0.0",
}
"""CMSIS-NN's sources do not name their release, but each has its revision of arm_nnfunctions.h."""

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_DEFINITION = re.compile(r"^(?!static|__STATIC)[A-Za-z_][\w *]*\b(arm_\w+)\s*\(", re.MULTILINE)
_CORE_HEADER = "cmsis_compiler.h"
_HINT = (
    "`tinygen cmsis-nn fetch` downloads it; or name a CMSIS-NN tree with --cmsis-nn PATH or "
    "$CMSIS_NN_ROOT; or `pip install bakenn==1.0.0`, which carries CMSIS-NN 4.0.0."
)
_CORE_HINT = (
    "Set $CMSIS_PATH to a CMSIS 5 or 6 tree, or `pip install bakenn==1.0.0`, which carries these "
    "headers; CMSIS-NN 4.1.0 and newer do not need them."
)


def without_comments(text: str) -> str:
    """C source with each comment replaced by a space."""
    return _COMMENT.sub(" ", text)


@dataclass(frozen=True)
class CmsisNN:
    """A CMSIS-NN source tree.

    Attributes:
        root: the folder that holds ``Include`` and ``Source``.
        version: its release, or the revision of its main header where that is no release's.
        core_include: folder of CMSIS-Core's headers, for a tree that includes them (4.0.0).
    """

    root: Path
    version: str
    core_include: Path | None = None

    @property
    def include(self) -> Path:
        """The folder of the public headers."""
        return self.root / "Include"

    @cached_property
    def code(self) -> Mapping[Path, str]:
        """Every C source and its text without comments."""
        return {
            path: without_comments(path.read_text(encoding="utf-8", errors="replace"))
            for path in sorted((self.root / "Source").rglob("*.c"))
        }

    @cached_property
    def sources(self) -> Mapping[str, Path]:
        """The C source that defines each function, by the function's name."""
        return {
            function: path
            for path, code in self.code.items()
            for function in _DEFINITION.findall(code)
        }

    def header(self, name: str) -> str:
        """A public header's text without comments."""
        text = (self.include / name).read_text(encoding="utf-8", errors="replace")
        return without_comments(text)

    def mentions(self, function: str, text: str) -> bool:
        """Whether the source that defines ``function`` has ``text`` in its code.

        This is how a kernel learns what this release's function can do, where the prototype does
        not show it.
        """
        path = self.sources.get(function)
        return path is not None and text in self.code[path]


def _revision(include: Path) -> str:
    text = (include / "arm_nnfunctions.h").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"\$Revision:\s*V\.?\s*([\d.]+)", text)
    return found[1] if found else ""


def _version(include: Path) -> str:
    revision = _revision(include)
    return _RELEASE_OF_HEADER.get(revision) or f"(arm_nnfunctions.h {revision or 'unknown'})"


def _bakenn() -> Path | None:
    """The folder of CMSIS sources in the installed wheel ``bakenn``, which is not imported."""
    spec = importlib.util.find_spec("bakenn")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        vendor = Path(location) / "backend" / "cmsis_nn" / "vendor"
        if vendor.is_dir():
            return vendor
    return None


def _core_candidates(root: Path) -> Iterator[Path]:
    yield root.parent / "cmsis_core" / "Include"
    yield root.parent / "Core" / "Include"
    cmsis = os.environ.get("CMSIS_PATH")
    if cmsis:
        yield Path(cmsis) / "CMSIS" / "Core" / "Include"
        yield Path(cmsis) / "Core" / "Include"
    bakenn = _bakenn()
    if bakenn:
        yield bakenn / "cmsis_core" / "Include"


def _core_include(root: Path) -> Path | None:
    """CMSIS-Core's headers, if the tree includes them."""
    types = root / "Include" / "arm_nn_math_types.h"
    if _CORE_HEADER not in without_comments(types.read_text(encoding="utf-8", errors="replace")):
        return None
    for folder in _core_candidates(root):
        if (folder / _CORE_HEADER).is_file():
            return folder
    raise MachineError(
        f"the CMSIS-NN tree {root} needs {_CORE_HEADER} of CMSIS-Core, which was not found.",
        _CORE_HINT,
    )


def _is_tree(root: Path) -> bool:
    headers = ("arm_nnfunctions.h", "arm_nn_types.h", "arm_nn_math_types.h")
    return (
        all((root / "Include" / name).is_file() for name in headers) and (root / "Source").is_dir()
    )


def load_tree(root: Path) -> CmsisNN:
    """The CMSIS-NN tree at ``root``.

    Raises:
        InputError: there is none.
        MachineError: it needs CMSIS-Core's headers, which are not on this machine.
    """
    if not _is_tree(root):
        raise InputError(
            f"{root} is no CMSIS-NN source tree: it lacks Include/arm_nnfunctions.h or Source/.",
            "Name the folder of https://github.com/ARM-software/CMSIS-NN that holds both.",
        )
    return CmsisNN(root, _version(root / "Include"), _core_include(root))


def cache_root() -> Path:
    """Where ``tinygen cmsis-nn fetch`` puts its release: below the user's cache."""
    return user_cache() / "cmsis-nn" / RELEASE


def find_tree(path: Path | None = None) -> CmsisNN | None:
    """The CMSIS-NN tree to use, or None if this machine has none.

    Args:
        path: the one the user asked for; else the places that the module names are searched.

    Raises:
        InputError: ``path`` is no CMSIS-NN tree.
        MachineError: ``$CMSIS_NN_ROOT`` is none, or CMSIS-Core's headers are missing.
    """
    if path is not None:
        return load_tree(path)
    variable = os.environ.get("CMSIS_NN_ROOT")
    if variable:
        try:
            return load_tree(Path(variable))
        except InputError as error:
            raise MachineError(f"$CMSIS_NN_ROOT: {error.message}", error.hint) from error
    if _is_tree(cache_root()):
        return load_tree(cache_root())
    return packaged_tree()


def packaged_tree() -> CmsisNN | None:
    """The CMSIS-NN tree of the installed wheel ``bakenn``, or None if there is no such wheel."""
    bakenn = _bakenn()
    if bakenn is None or not _is_tree(bakenn / "cmsis_nn"):
        return None
    return load_tree(bakenn / "cmsis_nn")


def require_tree(path: Path | None = None) -> CmsisNN:
    """As ``find_tree``, but MachineError if this machine has no CMSIS-NN."""
    tree = find_tree(path)
    if tree is None:
        raise MachineError("no CMSIS-NN sources were found on this machine.", _HINT)
    return tree
