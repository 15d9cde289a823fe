# SPDX-License-Identifier: Apache-2.0
"""The generated C as a program: no warnings, no undefined behaviour, several models in one."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import DIGITS, QUANTIZED_MODELS, shared_model
from tests.run.programs import need
from tinygen.compilation import Compilation, compile_model
from tinygen.emit import write_files
from tinygen.hardware.boards import board
from tinygen.hardware.cores import core
from tinygen.ir import reference
from tinygen.kernels import cmsis_nn
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.run.build import build_image
from tinygen.run.runners import runner_for

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wundef", "-Werror")


def include_flags(directory: Path) -> list[str]:
    """``-IDIR`` and the folders of its headers, as a user is told to give."""
    folders = {directory, *(path.parent for path in directory.rglob("*.h"))}
    return [f"-I{folder}" for folder in sorted(folders)]


def generate(directory: Path, model: Path, name: str = "", **options: object) -> Compilation:
    chosen = Options(**{"core": core("host"), "name": name, **options})  # type: ignore[arg-type]
    compilation = compile_model(model, chosen)
    write_files(compilation.files, directory)
    return compilation


@pytest.mark.parametrize(
    "optimize",
    [Optimize.SPEED, pytest.param(Optimize.SIZE, marks=pytest.mark.nightly)],
    ids=lambda o: o.value,
)
@pytest.mark.parametrize("compiler", ["gcc", "clang", "arm-none-eabi-gcc"])
@pytest.mark.parametrize("name", QUANTIZED_MODELS)
def test_no_warnings(name: str, compiler: str, optimize: Optimize, tmp_path: Path) -> None:
    need(compiler)
    cross = compiler.startswith("arm")
    target = core("cortex-m4") if cross else core("host")
    generate(
        tmp_path,
        shared_model(f"{name}.tflite"),
        core=target,
        kernels=KernelChoice.TINYGEN,
        optimize=optimize,
    )
    for source in sorted([*tmp_path.rglob("*.c"), *tmp_path.rglob("*.S")]):
        command = [compiler, *target.gcc_flags, *WARNINGS, "-O2", *include_flags(tmp_path)]
        command += ["-c", str(source), "-o", str(tmp_path / "object.o")]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("kernels", [KernelChoice.TINYGEN, KernelChoice.CMSIS_NN])
@pytest.mark.parametrize("name", QUANTIZED_MODELS)
def test_clean_under_the_sanitizers(name: str, kernels: KernelChoice, tmp_path: Path) -> None:
    need("cc")
    if kernels is KernelChoice.CMSIS_NN and cmsis_nn.find_tree() is None:
        pytest.skip("no CMSIS-NN sources are there")
    compilation = generate(tmp_path / "generated", shared_model(f"{name}.tflite"), kernels=kernels)
    target = board("host")
    image = build_image(
        tmp_path / "generated",
        compilation.interface,
        target,
        tmp_path / "build",
        trace=False,
        sanitize=True,
    )
    samples = reference.random_inputs(compilation.network, 2, seed=4)
    extremes = [np.full_like(value, 127) for value in samples[0]]
    with runner_for(target).start(image) as session:
        for sample in [*samples, extremes]:
            outputs = session.run([value.tobytes() for value in sample])
            expected = reference.outputs(compilation.network, sample)
            assert outputs == [value.tobytes() for value in expected]


@pytest.mark.parametrize("kernels", [KernelChoice.TINYGEN, KernelChoice.CMSIS_NN])
def test_two_models_link_into_one_program(kernels: KernelChoice, tmp_path: Path) -> None:
    need("cc")
    if kernels is KernelChoice.CMSIS_NN and cmsis_nn.find_tree() is None:
        pytest.skip("no CMSIS-NN sources are there")
    first = generate(tmp_path / "first", DIGITS, name="first", kernels=kernels)
    second = generate(tmp_path / "second", DIGITS, name="second", kernels=kernels)
    sources = [*(tmp_path / "first").rglob("*.c"), *(tmp_path / "second").rglob("*.c")]
    library = tmp_path / "both.so"
    subprocess.run(
        [
            *("cc", "-std=c99", "-O1", "-shared", "-fPIC"),
            *include_flags(tmp_path / "first"),
            *include_flags(tmp_path / "second"),
            *map(str, sorted(sources)),
            "-o",
            str(library),
        ],
        check=True,
    )
    loaded = ctypes.CDLL(str(library))
    for compilation, seed in ((first, 1), (second, 2), (first, 3)):
        (sample,) = reference.random_inputs(compilation.network, 1, seed)
        name = compilation.name
        address = getattr(loaded, f"{name}_input_0")
        address.restype = ctypes.c_void_p
        ctypes.memmove(address(), sample[0].tobytes(), sample[0].nbytes)
        assert getattr(loaded, f"{name}_invoke")() == 0
        result = getattr(loaded, f"{name}_output_0")
        result.restype = ctypes.c_void_p
        assert (
            ctypes.string_at(result(), 10)
            == reference.outputs(compilation.network, sample)[0].tobytes()
        )


def test_the_arena_can_be_the_applications(tmp_path: Path) -> None:
    need("cc")
    generate(tmp_path / "m", DIGITS, name="m")
    (tmp_path / "main.c").write_text(
        '#include "m.h"\n'
        "_Alignas(16) uint8_t m_arena[M_ARENA_BYTES];\n"
        "int main(void) { return (uint8_t *)m_input_0() >= m_arena\n"
        "    && (uint8_t *)m_input_0() < m_arena + M_ARENA_BYTES ? m_invoke() : 1; }\n"
    )
    program = tmp_path / "program"
    sources = [str(tmp_path / "main.c"), *map(str, sorted((tmp_path / "m").rglob("*.c")))]
    command = ["cc", "-std=c11", "-DM_ARENA_EXTERNAL", *include_flags(tmp_path / "m"), *sources]
    subprocess.run([*command, "-o", str(program)], check=True)
    assert subprocess.run([str(program)], check=False).returncode == 0
