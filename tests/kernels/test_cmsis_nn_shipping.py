# SPDX-License-Identifier: Apache-2.0
"""What is shipped of CMSIS-NN: enough, no more, free of warnings, and shared by several models."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import shared_model
from tests.kernels.cmsis_nn_programs import networks, plan_all, suitable, tree_at, tree_roots
from tinygen.emit import GeneratedFiles, render, write_files
from tinygen.hardware.cores import core
from tinygen.ir.network import Network
from tinygen.kernels import cmsis_nn
from tinygen.passes.lowering import lower
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Options
from tinygen.planning.plan import Plan
from tinygen.tflite.reader import read_model

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wundef", "-Werror")

OPCODES = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "AVERAGE_POOL_2D")
"""Operators that every tree has a kernel for."""

TREES = pytest.mark.parametrize("root", tree_roots(), ids=str)


def _compiler(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def _parts(tree: cmsis_nn.CmsisNN, core_name: str, opcodes: Sequence[str]) -> list[Network]:
    return [
        suitable(tree, core(core_name), networks(opcode, range(20)))[0][0] for opcode in opcodes
    ]


def _plan(tree: cmsis_nn.CmsisNN, core_name: str, opcodes: Sequence[str] = OPCODES) -> Plan:
    return plan_all(tree, core(core_name), _parts(tree, core_name, opcodes))


def _files(tree: cmsis_nn.CmsisNN, plan: Plan) -> GeneratedFiles:
    return render(plan, tree)


def _includes(folder: Path) -> list[str]:
    return [f"-I{folder}", *sorted({f"-I{header.parent}" for header in folder.rglob("*.h")})]


@TREES
def test_only_what_is_needed_is_shipped(root: Path | None) -> None:
    tree = tree_at(root)
    files = _files(tree, _plan(tree, "cortex-m4", ["MAX_POOL_2D"]))
    sources = [path for path in files if path.startswith("cmsis-nn/") and path.endswith(".c")]
    assert sources == ["cmsis-nn/Source/PoolingFunctions/arm_max_pool_s8.c"]
    shipped = files[sources[0]]
    original = tree.sources["arm_max_pool_s8"].read_bytes()
    assert shipped.endswith(original)
    assert b"#pragma weak arm_max_pool_s8\n" in shipped[: -len(original)]
    assert any(re.fullmatch(r"cmsis-nn/LICENSE(\.txt)?", path) for path in files)


@TREES
def test_the_same_plan_ships_the_same_bytes(root: Path | None) -> None:
    tree = tree_at(root)
    again = cmsis_nn.load_tree(tree.root)
    first, second = (_files(t, _plan(t, "cortex-m55")) for t in (tree, again))
    assert first == second
    assert not any(str(tree.root).encode() in content for content in first.values())


@TREES
@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        ("gcc", ()),
        ("clang", ()),
        ("arm-none-eabi-gcc", core("cortex-m0").gcc_flags),
        ("arm-none-eabi-gcc", core("cortex-m33").gcc_flags),
        ("arm-none-eabi-gcc", core("cortex-m55").gcc_flags),
    ],
    ids=["gcc", "clang", "m0", "m33", "m55"],
)
def test_the_models_own_files_compile_without_warnings(
    root: Path | None, compiler: str, flags: Sequence[str], tmp_path: Path
) -> None:
    driver = _compiler(compiler)
    tree = tree_at(root)
    core_name = "cortex-m55" if "-mcpu=cortex-m55" in flags else "cortex-m4"
    write_files(_files(tree, _plan(tree, core_name)), tmp_path / "m")
    for source in sorted((tmp_path / "m").glob("*.c")):
        command = [driver, *flags, *WARNINGS, *_includes(tmp_path / "m"), "-O1"]
        subprocess.run([*command, "-c", str(source), "-o", str(tmp_path / "o")], check=True)


@TREES
@pytest.mark.parametrize("archived", [False, True], ids=["objects", "libraries"])
@pytest.mark.parametrize(
    "core_name",
    [
        pytest.param("cortex-m3", marks=pytest.mark.nightly),
        "cortex-m4",
        pytest.param("cortex-m55", marks=pytest.mark.nightly),
    ],
)
def test_two_models_link_into_one_program(
    root: Path | None, core_name: str, archived: bool, tmp_path: Path
) -> None:
    driver, archiver = _compiler("arm-none-eabi-gcc"), _compiler("arm-none-eabi-ar")
    tree = tree_at(root)
    linked: list[str] = []
    for name, opcodes in (("one", OPCODES[:3]), ("two", OPCODES[::-1])):
        parts = _parts(tree, core_name, opcodes)
        plan = plan_all(tree, core(core_name), parts, name)
        folder = tmp_path / name
        write_files(_files(tree, plan), folder)
        objects = []
        for source in sorted(folder.rglob("*.c")):
            objects.append(str(tmp_path / f"{name}_{source.stem}.o"))
            command = [driver, *core(core_name).gcc_flags, "-w", "-O1", *_includes(folder)]
            subprocess.run([*command, "-c", str(source), "-o", objects[-1]], check=True)
        if archived:
            archive = str(tmp_path / f"lib{name}.a")
            subprocess.run([archiver, "rcs", archive, *objects], check=True)
            objects = [archive]
        linked += objects
    main = tmp_path / "main.c"
    main.write_text(
        "int one_invoke(void);\nint two_invoke(void);\n"
        "int main(void) { return one_invoke() + two_invoke(); }\n"
    )
    program = str(tmp_path / "program.elf")
    flags = [*core(core_name).gcc_flags, "--specs=nosys.specs", "-w"]
    subprocess.run([driver, *flags, str(main), *linked, "-o", program], check=True)
    symbols = subprocess.run(
        [_compiler("arm-none-eabi-nm"), program], capture_output=True, text=True, check=True
    ).stdout
    defined = re.findall(r" [TW] (arm_\w+)", symbols)
    assert len(defined) == len(set(defined))
    # A function left undefined and weak would be called at address 0.
    assert not re.findall(r" w (arm_\w+)", symbols)
    assert {"arm_convolve_wrapper_s8", "arm_avgpool_s8", "arm_fully_connected_s8"} <= set(defined)


@TREES
def test_keyword_spotting_calls_cmsis_nn_in_the_memory_it_needs(root: Path | None) -> None:
    network = lower(read_model(shared_model("mlperf_kws.tflite")))
    tree = tree_at(root)
    options = Options(name="kws", core=core("cortex-m4"), kernels=KernelChoice.CMSIS_NN)
    plan = make_plan(network, options, cmsis_nn.kernels(tree))
    source = _files(tree, plan)["kws.c"].decode()
    for function in (
        "arm_convolve_wrapper_s8",
        "arm_depthwise_conv_wrapper_s8",
        "arm_avgpool_s8",
        "arm_fully_connected_s8",
    ):
        assert f"{function}(" in source
    assert plan.arena_bytes <= 16_256
