# SPDX-License-Identifier: Apache-2.0
"""Many small models compiled into one shared library for this machine, and called from Python."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinygen.emit import render, write_files
from tinygen.hardware.cores import HOST, core
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Optimize, Options

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wundef", "-Werror")


@dataclass(frozen=True, eq=False)
class HostModel:
    """A model in a loaded library."""

    network: Network
    name: str
    library: ctypes.CDLL

    def _pointer(self, function: str) -> int:
        accessor = getattr(self.library, f"{self.name}_{function}")
        accessor.restype = ctypes.c_void_p
        return int(accessor())

    def run(self, inputs: Sequence[AnyArray]) -> list[AnyArray]:
        """Compute one inference."""
        for number, value in enumerate(inputs):
            pointer = self._pointer(f"input_{number}")
            ctypes.memmove(pointer, np.ascontiguousarray(value).tobytes(), value.nbytes)
        assert getattr(self.library, f"{self.name}_invoke")() == 0
        outputs = []
        for number, index in enumerate(self.network.outputs):
            tensor = self.network.port(index)
            content = ctypes.string_at(self._pointer(f"output_{number}"), tensor.nbytes)
            dtype = tensor.dtype.numpy
            assert dtype is not None
            outputs.append(np.frombuffer(content, dtype).reshape(tensor.shape))
        return outputs


def build(
    networks: Sequence[Network],
    directory: Path,
    *,
    optimize: Optimize,
    flags: Sequence[str],
    compiler: str,
    core_name: str = HOST,
) -> list[HostModel]:
    """Generate C for every network and compile it all as one translation unit.

    With the name of a core the plans are that core's, and C takes the place of their assembly.
    """
    sources = []
    names = [f"m{number:03d}" for number in range(len(networks))]
    for name, network in zip(names, networks, strict=True):
        options = Options(
            name=name, core=core(core_name), kernels=KernelChoice.TINYGEN, optimize=optimize
        )
        write_files(render(make_plan(network, options)), directory / name)
        sources += [f'#include "{name}/{name}.c"', f'#include "{name}/{name}_weights.c"']
    unit = directory / "all.c"
    unit.write_text("\n".join(sources) + "\n", encoding="utf-8")
    library = directory / "all.so"
    command = [compiler, "-std=c99", "-shared", "-fPIC", *WARNINGS, *flags]
    done = subprocess.run(
        [*command, str(unit), "-o", str(library)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[:4000]
    loaded = ctypes.CDLL(str(library))
    return [HostModel(network, name, loaded) for name, network in zip(names, networks, strict=True)]
