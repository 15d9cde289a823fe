# SPDX-License-Identifier: Apache-2.0
"""Generated files are on the disk whole or not at all, and never over somebody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygen.emit.writer import MANIFEST, write_files
from tinygen.errors import InputError, MachineError


def tree(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_writes_all_files_and_a_manifest(tmp_path: Path) -> None:
    write_files({"m.c": b"c", "kernels/k.h": b"h"}, tmp_path / "deep" / "out")
    assert set(tree(tmp_path / "deep" / "out")) == {"m.c", "kernels/k.h", MANIFEST}


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    write_files({"old.c": b"1", "both.c": b"1"}, tmp_path / "out")
    write_files({"both.c": b"2"}, tmp_path / "out")
    assert set(tree(tmp_path / "out")) == {"both.c", MANIFEST}
    assert (tmp_path / "out" / "both.c").read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_several_models_share_a_directory(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_files({"a.c": b"1", "a_old.S": b"1", "kernels/k.h": b"h"}, out, model="a")
    write_files({"b.c": b"2", "kernels/k.h": b"h", "kernels/b.h": b"h"}, out, model="b")
    write_files({"a.c": b"3", "kernels/k.h": b"h"}, out, model="a")
    assert set(tree(out)) == {"a.c", "b.c", "kernels/k.h", "kernels/b.h", MANIFEST}
    assert (out / "a.c").read_bytes() == b"3"
    write_files({"b.c": b"4"}, out, model="b")
    assert set(tree(out)) == {"a.c", "b.c", "kernels/k.h", MANIFEST}


def test_another_model_s_file_is_not_replaced_by_a_different_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_files({"a.c": b"1", "kernels/k.h": b"old"}, out, model="a")
    before = tree(out)
    with pytest.raises(InputError, match=r"the model 'a', whose kernels/k\.h is another file"):
        write_files({"b.c": b"2", "kernels/k.h": b"new"}, out, model="b")
    assert tree(out) == before
    write_files({"b.c": b"2", "kernels/k.h": b"new"}, out, model="b", force=True)
    assert (out / "kernels/k.h").read_bytes() == b"new"


def test_foreign_files_stop_it_and_survive_force(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "main.c").write_text("mine")
    with pytest.raises(InputError, match=r"main\.c"):
        write_files({"m.c": b"c"}, out)
    assert set(tree(out)) == {"main.c"}
    write_files({"m.c": b"c"}, out, force=True)
    assert set(tree(out)) == {"main.c", "m.c", MANIFEST}
    assert (out / "main.c").read_text() == "mine"


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="not a directory"):
        write_files({"m.c": b"c"}, tmp_path / "out")


def test_a_refusing_disk_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="cannot write"):
        write_files({"m.c": b"c", "m.c/below": b"impossible"}, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
