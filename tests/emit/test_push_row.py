# SPDX-License-Identifier: Apache-2.0
"""Models that get their input row by row: the generated function, on this machine and in QEMU."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import shared_model
from tests.kernels.host_batch import WARNINGS
from tests.run.programs import need, need_tools_of
from tinygen.compilation import Compilation, compile_model
from tinygen.emit import write_files
from tinygen.hardware.boards import board
from tinygen.hardware.cores import core
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.measure.verify import verify
from tinygen.planning.options import KernelChoice, Optimize, Options

_M4 = "qemu-mps2-an386"


def _compiled(name: str, core_name: str) -> Compilation:
    options = Options(
        core=core(core_name),
        name="net",
        kernels=KernelChoice.TINYGEN,
        optimize=Optimize.RAM,
        stream_input=True,
    )
    return compile_model(shared_model(f"{name}.tflite"), options)


class _Library:
    """The model, compiled for this machine."""

    def __init__(self, compilation: Compilation, directory: Path) -> None:
        write_files(compilation.files, directory)
        unit = directory / "all.c"
        unit.write_text('#include "net.c"\n#include "net_weights.c"\n', encoding="utf-8")
        library = directory / "net.so"
        flags = ["-std=c99", "-O1", "-shared", "-fPIC", *WARNINGS]
        sanitizers = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]
        subprocess.run(["gcc", *flags, *sanitizers, str(unit), "-o", str(library)], check=True)
        self.loaded = ctypes.CDLL(str(library))
        for accessor in ("net_input_0", "net_output_0"):
            getattr(self.loaded, accessor).restype = ctypes.c_void_p
        (output,) = compilation.network.outputs
        self.output_bytes = compilation.network.tensors[output].nbytes

    def push(self, row: bytes, *, in_place: bool) -> int:
        """Push one row: out of a buffer of ours, or written where it goes."""
        if not in_place:
            return int(self.loaded.net_push_row(row))
        place = self.loaded.net_input_0()
        ctypes.memmove(place, row, len(row))
        return int(self.loaded.net_push_row(ctypes.c_void_p(place)))

    def infer(self, image: AnyArray, *, in_place: bool) -> bytes:
        """Push all rows of an image; gives the output."""
        rows = [image[0, y].tobytes() for y in range(image.shape[1])]
        results = [self.push(row, in_place=in_place) for row in rows]
        assert results == [0] * (len(rows) - 1) + [1]
        return ctypes.string_at(self.loaded.net_output_0(), self.output_bytes)


@pytest.mark.parametrize("name", ["mlperf_ic", "mlperf_kws"])
def test_rows_copied_or_in_place(name: str, tmp_path: Path) -> None:
    need("gcc")
    compilation = _compiled(name, "host")
    model = _Library(compilation, tmp_path)
    shape = compilation.network.tensors[compilation.network.inputs[0]].shape
    for seed, in_place in enumerate((False, True)):
        (sample,) = reference.random_inputs(compilation.network, 1, seed)
        expected = reference.outputs(compilation.network, sample)[0].tobytes()
        assert model.infer(sample[0].reshape(shape), in_place=in_place) == expected
        # An inference that was given up leaves nothing behind.
        for y in range(shape[1] // 2):
            assert model.push(sample[0][0, y].tobytes(), in_place=in_place) == 0
        model.loaded.net_reset()


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("name", "arena_bytes"),
    [("mlperf_ic", 13_000), ("mlperf_vww", 16_500), ("mlperf_kws", 6_300)],
)
def test_on_an_emulated_core(name: str, arena_bytes: int, tmp_path: Path) -> None:
    need_tools_of(board(_M4))
    compilation = _compiled(name, "cortex-m4")
    assert compilation.plan.arena_bytes <= arena_bytes
    samples = reference.random_inputs(compilation.network, 1, seed=2)
    samples.append([np.full_like(value, 127) for value in samples[0]])
    verdict = verify(compilation, board(_M4), samples, tmp_path, layers=True)
    assert verdict.bit_exact
