# SPDX-License-Identifier: Apache-2.0
"""Our kernels, in the order that decides equal costs: by library, file and place in the file."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from tinygen.kernels.kernel import Kernel

_LIBRARIES = ("mve", "dsp", "thumb", "portable")


@cache
def library(name: str) -> tuple[Kernel, ...]:
    """The ``KERNELS`` of every file of a package beside this one."""
    package = import_module(f"tinygen.kernels.{name}")
    files = sorted(file.name for file in iter_modules(package.__path__))
    modules = [import_module(f"{package.__name__}.{file}") for file in files]
    return tuple(kernel for module in modules for kernel in getattr(module, "KERNELS", ()))


def own_kernels() -> tuple[Kernel, ...]:
    """Every kernel of ours."""
    return tuple(kernel for name in _LIBRARIES for kernel in library(name))
