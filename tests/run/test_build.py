# SPDX-License-Identifier: Apache-2.0
"""Building: what is compiled how, and what each failure says."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.run.programs import (
    AFFINE,
    AFFINE_INTERFACE,
    affine_variant,
    build_affine,
    input_bytes,
    need,
)
from tinygen.errors import BudgetError, BuildError, MachineError, TargetError
from tinygen.hardware.boards import board
from tinygen.run.build import build_image
from tinygen.run.runners import HostRunner


def test_the_build_id_follows_everything_that_is_built(tmp_path: Path) -> None:
    need("cc")
    host = board("host")
    same = [build_affine(host, tmp_path / str(k)).build_id for k in range(2)]
    assert same[0] == same[1]
    traced = build_affine(host, tmp_path / "traced", trace=True).build_id
    changed = affine_variant(tmp_path / "changed", {"factor = 3": "factor = 4"})
    other = build_affine(host, tmp_path / "other", source=changed).build_id
    assert len({same[0], traced, other}) == 3


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warning(compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need(compiler)
    monkeypatch.setenv("CC", compiler)
    for trace in (False, True):
        assert build_affine(board("host"), tmp_path, trace=trace).elf.is_file()


def test_what_the_compiler_refuses_is_shown(tmp_path: Path) -> None:
    need("cc")
    source = affine_variant(tmp_path / "bad", {"return 5;": "return five;"})
    with pytest.raises(BuildError, match=r"compiling .*affine\.c failed:\n.*error: .five. undecl"):
        build_affine(board("host"), tmp_path / "build", source=source)


def test_warnings_are_errors_but_not_in_cmsis_nn(tmp_path: Path) -> None:
    need("cc")
    doubtful = "int doubtful(long x);\nint doubtful(long x)\n{\n    int unused;\n    return x;\n}\n"
    source = affine_variant(tmp_path / "model", {})
    folder = source / "cmsis-nn" / "Source"
    folder.mkdir(parents=True)
    (folder / "doubtful.c").write_text(doubtful)
    build_affine(board("host"), tmp_path / "build", source=source)
    shutil.move(folder / "doubtful.c", source / "doubtful.c")
    with pytest.raises(BuildError, match=r"-Werror=conversion"):
        build_affine(board("host"), tmp_path / "build", source=source)


def test_a_missing_function_is_shown(tmp_path: Path) -> None:
    need("cc")
    source = affine_variant(tmp_path / "bad", {"affine_reset(void)\n{": "affine_forget(void)\n{"})
    with pytest.raises(BuildError, match=r"affine_forget|affine_reset"):
        build_affine(board("host"), tmp_path / "build", source=source)


def test_a_folder_that_was_not_generated(tmp_path: Path) -> None:
    need("cc")
    with pytest.raises(BuildError, match=r"affine\.h"):
        build_image(tmp_path, AFFINE_INTERFACE, board("host"), tmp_path / "build", trace=False)


@pytest.mark.qemu
def test_an_arena_larger_than_the_ram(tmp_path: Path) -> None:
    need("arm-none-eabi-gcc")
    source = affine_variant(tmp_path / "large", {"ARENA_BYTES 1504": "ARENA_BYTES 20000"})
    with pytest.raises(BudgetError, match=r"RAM region ram of board qemu-microbit") as failure:
        build_affine(board("qemu-microbit"), tmp_path / "build", source=source)
    # 20,000 for the arena, 2,048 for the stack, and what the test main itself uses.
    needed = int(failure.value.message.split("needs ")[1].split(" ")[0].replace(",", ""))
    assert 22_048 < needed < 25_000
    assert "16,384" in failure.value.message
    assert failure.value.exit_code == 2


@pytest.mark.qemu
def test_constants_larger_than_the_flash(tmp_path: Path) -> None:
    need("arm-none-eabi-gcc")
    source = affine_variant(
        tmp_path / "large",
        {
            "static int32_t sum;": "static int32_t sum;\nstatic const volatile int8_t table[300000];",
            "return 5;": "return table[(uint8_t)arena.bytes[0] * 1000];",
        },
    )
    with pytest.raises(BudgetError, match=r"flash region flash of board qemu-microbit.*262,144"):
        build_affine(board("qemu-microbit"), tmp_path / "build", source=source)


def test_missing_compilers_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MachineError, match="arm-none-eabi-gcc is not installed") as failure:
        build_affine(board("qemu-mps2-an386"), tmp_path)
    assert "install" in failure.value.hint
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(MachineError, match="a C compiler for this machine is not installed"):
        build_affine(board("host"), tmp_path)
    monkeypatch.setenv("CC", "my-cc")
    with pytest.raises(MachineError, match=r"my-cc named by \$CC"):
        build_affine(board("host"), tmp_path)


def test_a_compiler_without_c_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "arm-none-eabi-gcc"
    fake.write_text("#!/bin/sh\necho libc.a\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(MachineError, match=r"has no C library \(newlib\)"):
        build_affine(board("qemu-mps2-an386"), tmp_path / "build")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("wide[i] + b);", "wide[i + 400] + b);", "runtime error|AddressSanitizer"),
        ("sum += arena", "sum = INT32_MAX;\nsum += 127 + arena", "signed integer overflow"),
    ],
)
def test_sanitizers_catch_undefined_behaviour(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    need("gcc")
    source = affine_variant(tmp_path / "bad", {old: new})
    image = build_image(
        source, AFFINE_INTERFACE, board("host"), tmp_path / "build", trace=False, sanitize=True
    )
    with (
        HostRunner().start(image) as session,
        pytest.raises(TargetError, match="the program on this machine ended") as failure,
    ):
        session.run(input_bytes(np.full(500, 127, np.int8), 1))
    assert any(word in failure.value.hint for word in said.split("|"))


def test_sanitizers_find_nothing_in_the_test_main(tmp_path: Path) -> None:
    need("gcc")
    image = build_image(
        AFFINE, AFFINE_INTERFACE, board("host"), tmp_path, trace=True, sanitize=True
    )
    x = np.arange(500).astype(np.int8)
    with HostRunner().start(image) as session:
        session.run(input_bytes(x, 1))
        session.run_layer_digests(input_bytes(x, 1))
        assert len(session.run_layer_bytes(input_bytes(x, 1), 1)) == 1000
