# SPDX-License-Identifier: Apache-2.0
"""Programs for Cortex-M without their assembly: as TINYGEN_NO_ASSEMBLY, and on any other processor."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import QUANTIZED_MODELS, shared_model
from tests.emit.test_generated_program import generate, include_flags
from tests.kernels.host_batch import WARNINGS, HostModel
from tests.models.graphs import random_graph
from tests.models.image_graphs import ImageGraph
from tests.run.programs import need, need_tools_of
from tinygen.compilation import Compilation
from tinygen.emit.assembly import assembly_by_symbol, assembly_symbol
from tinygen.hardware.boards import Board, board
from tinygen.hardware.cores import core
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.kernels.binding import Assembly
from tinygen.planning.options import KernelChoice, Optimize
from tinygen.run.build import build_image
from tinygen.run.runners import runner_for

_MODELS = (*QUANTIZED_MODELS, "audio_preprocessor_int8", "mlperf_ic_float", "mnist_lstm_int8")
_CORES = ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m55")
_NEWLIB = "/usr/lib/arm-none-eabi/include"


def _without_assembly(directory: Path, model: Path, core_name: str) -> Compilation:
    """Generate a program whose switch is set in its own header, not by the compiler's command line."""
    compilation = generate(
        directory, model, name="m", core=core(core_name), kernels=KernelChoice.TINYGEN
    )
    switches = directory / "kernels" / "config.h"
    switches.write_text("#define TINYGEN_NO_ASSEMBLY\n" + switches.read_text())
    return compilation


def _assert_bit_exact(compilation: Compilation, target: Board, work: Path) -> None:
    image = build_image(
        work / "generated",
        compilation.interface,
        target,
        work / "build",
        trace=False,
        sanitize=target.is_host,
    )
    samples = reference.random_inputs(compilation.network, 2, seed=7)
    extremes = [np.full_like(value, value.min()) for value in samples[0]]
    states: dict[int, AnyArray] = {}
    with runner_for(target).start(image) as session:
        for sample in [*samples, extremes]:
            outputs = session.run([value.tobytes() for value in sample])
            expected = reference.outputs(compilation.network, sample, states)
            assert outputs == [value.tobytes() for value in expected]


@pytest.mark.parametrize("core_name", _CORES)
@pytest.mark.parametrize("name", _MODELS)
def test_real_models_under_the_sanitizers(name: str, core_name: str, tmp_path: Path) -> None:
    """Every file of the program, assembly included, as this machine's compiler takes it."""
    need("cc")
    model = shared_model(f"{name}.tflite")
    compilation = generate(
        tmp_path / "generated", model, name="m", core=core(core_name), kernels=KernelChoice.TINYGEN
    )
    _assert_bit_exact(compilation, board("host"), tmp_path)


@pytest.mark.parametrize("core_name", _CORES)
@pytest.mark.parametrize("seed", range(3))
def test_random_models_under_the_sanitizers(seed: int, core_name: str, tmp_path: Path) -> None:
    need("cc")
    images = ImageGraph(np.random.default_rng(seed), 8).build()
    for number, content in enumerate((random_graph(seed), images)):
        work = tmp_path / str(number)
        work.mkdir()
        (work / "m.tflite").write_bytes(content)
        compilation = _without_assembly(work / "generated", work / "m.tflite", core_name)
        _assert_bit_exact(compilation, board("host"), work)


@pytest.mark.qemu
@pytest.mark.parametrize("board_name", ["qemu-mps2-an386", "qemu-mps3-an547"])
def test_on_the_core_itself(board_name: str, tmp_path: Path) -> None:
    """Where the C has the core's own instructions as intrinsics."""
    target = board(board_name)
    need_tools_of(target)
    model = shared_model("mlperf_kws.tflite")
    compilation = _without_assembly(tmp_path / "generated", model, target.core.name)
    _assert_bit_exact(compilation, target, tmp_path)


@pytest.mark.parametrize("compiler", [("gcc", "-O0"), ("gcc", "-Os"), ("clang", "-O2")])
@pytest.mark.parametrize("core_name", _CORES)
def test_other_compilers(core_name: str, compiler: tuple[str, str], tmp_path: Path) -> None:
    """With the switch on the command line, into one library."""
    need(compiler[0])
    compilation = generate(
        tmp_path,
        shared_model("mlperf_kws.tflite"),
        name="m",
        core=core(core_name),
        kernels=KernelChoice.TINYGEN,
        optimize=Optimize.SIZE if "-Os" in compiler else Optimize.SPEED,
    )
    library = tmp_path / "m.so"
    command = [*compiler, "-std=c99", "-shared", "-fPIC", *WARNINGS, "-DTINYGEN_NO_ASSEMBLY"]
    sources = [*map(str, sorted(tmp_path.rglob("*.[cS]")))]
    subprocess.run([*command, *include_flags(tmp_path), *sources, "-o", str(library)], check=True)
    model = HostModel(compilation.network, "m", ctypes.CDLL(str(library)))
    (sample,) = reference.random_inputs(compilation.network, 1, seed=8)
    for expected, actual in zip(
        reference.outputs(compilation.network, sample), model.run(sample), strict=True
    ):
        assert np.array_equal(expected, actual)


@pytest.mark.parametrize("switch", [(), ("-DTINYGEN_NO_ASSEMBLY",)], ids=["assembly", "c"])
@pytest.mark.parametrize("core_name", _CORES)
@pytest.mark.parametrize("name", ["mlperf_ad", "mlperf_kws", "mlperf_ic"])
def test_clang_for_arm_compiles_either(
    name: str, core_name: str, switch: tuple[str, ...], tmp_path: Path
) -> None:
    need("clang")
    target = core(core_name)
    model = shared_model(f"{name}.tflite")
    generate(tmp_path, model, name="m", core=target, kernels=KernelChoice.TINYGEN)
    command = ["clang", "--target=arm-none-eabi", *target.gcc_flags, "-O2", *WARNINGS, *switch]
    command += ["-isystem", _NEWLIB, *include_flags(tmp_path)]
    for source in sorted(tmp_path.rglob("*.[cS]")):
        done = subprocess.run(
            [*command, "-c", str(source), "-o", str(tmp_path / "object.o")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_a_symbol_says_listing_and_parameters() -> None:
    plain = Assembly("dsp/gemm.inc", "type", "twin", (("steps", 0), ("unroll", 16)))
    assert assembly_symbol("kws", plain) == "kws_dsp_gemm_0_16"
    assert assembly_symbol("kws", Assembly("dsp/a.inc", "type", "twin")) == "kws_dsp_a"
    negative = Assembly("dsp/gemm.inc", "type", "twin", (("low", -128),))
    long = Assembly("dsp/gemm.inc", "type", "twin", (("base", 1 << 40), ("cut", 1 << 31)))
    symbols = {assembly_symbol("kws", each) for each in (negative, long)}
    assert len(symbols) == 2
    assert all(len(each) == len("kws_dsp_gemm_") + 8 for each in symbols)


def test_a_symbol_stands_for_one_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If digests met, the generated program would use one loop for two layers: refused instead."""
    compilation = generate(tmp_path, shared_model("mlperf_kws.tflite"), core=core("cortex-m4"))
    assert len(assembly_by_symbol(compilation.plan)) > 3
    monkeypatch.setattr("tinygen.emit.assembly.assembly_symbol", lambda name, _: name)
    with pytest.raises(ValueError, match="is both"):
        assembly_by_symbol(compilation.plan)
