# SPDX-License-Identifier: Apache-2.0
"""Finding a CMSIS-NN tree, and fetching the pinned release."""

from __future__ import annotations

import importlib.util
import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tinygen.errors import InputError, MachineError
from tinygen.kernels.cmsis_nn import fetch, find_tree, load_tree, require_tree
from tinygen.kernels.cmsis_nn.fetch import CONTENT_SHA256, content_digest
from tinygen.kernels.cmsis_nn.tree import RELEASE, cache_root

SMALL: Mapping[str, bytes] = {
    "Include/arm_nnfunctions.h": b"/* $Revision:    V.18.0.0 */\nvoid arm_one_s8(int8_t *data);\n",
    "Include/arm_nn_types.h": b"",
    "Include/arm_nn_math_types.h": b'/* once: #include "cmsis_compiler.h" */\n',
    "Source/F/arm_one_s8.c": b"""\
static void arm_inner(void) {}
/* void arm_commented(int x) */
void arm_one_s8(int8_t *data)
{
    arm_two_s8(data,
               1);
}
arm_cmsis_nn_status arm_two_s8(const int8_t *data,
                               int size)
{
    return 0;
}
""",
    "LICENSE": b"Apache License\n",
}


@pytest.fixture(autouse=True)
def _empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No tree in the environment, the cache or the installed packages."""
    monkeypatch.delenv("CMSIS_NN_ROOT", raising=False)
    monkeypatch.delenv("CMSIS_PATH", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)


def _written(root: Path, files: Mapping[str, bytes] = SMALL) -> Path:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def _archive(path: Path, files: Mapping[str, bytes]) -> str:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path.as_uri()


def test_functions_and_version_are_read_from_the_sources(tmp_path: Path) -> None:
    tree = load_tree(_written(tmp_path / "tree"))
    assert tree.version == "7.0.0"
    assert tree.core_include is None
    source = tmp_path / "tree" / "Source" / "F" / "arm_one_s8.c"
    assert dict(tree.sources) == {"arm_one_s8": source, "arm_two_s8": source}
    assert tree.mentions("arm_two_s8", "return 0")
    assert not tree.mentions("arm_two_s8", "arm_commented")
    assert not tree.mentions("arm_three_s8", "return 0")


def test_an_unknown_revision_is_named(tmp_path: Path) -> None:
    header = {"Include/arm_nnfunctions.h": b"/* $Revision: V.99.1.0 */"}
    root = _written(tmp_path / "tree", {**SMALL, **header})
    assert load_tree(root).version == "(arm_nnfunctions.h 99.1.0)"


def test_the_search_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_tree() is None
    with pytest.raises(MachineError, match="no CMSIS-NN sources") as missing:
        require_tree()
    assert "tinygen cmsis-nn fetch" in missing.value.hint

    package = tmp_path / "bakenn"
    vendor = _written(package / "backend" / "cmsis_nn" / "vendor" / "cmsis_nn")
    spec = importlib.util.spec_from_file_location(
        "bakenn", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    assert require_tree().root == vendor

    _written(cache_root())
    assert require_tree().root == cache_root()

    monkeypatch.setenv("CMSIS_NN_ROOT", str(_written(tmp_path / "variable")))
    assert require_tree().root == tmp_path / "variable"

    assert require_tree(_written(tmp_path / "asked")).root == tmp_path / "asked"


def test_a_path_that_is_no_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="is no CMSIS-NN source tree"):
        find_tree(tmp_path / "nowhere")
    monkeypatch.setenv("CMSIS_NN_ROOT", str(tmp_path / "nowhere"))
    with pytest.raises(MachineError, match=r"\$CMSIS_NN_ROOT: .* is no CMSIS-NN source tree"):
        find_tree()


def test_headers_of_cmsis_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needing = {"Include/arm_nn_math_types.h": b'#include "cmsis_compiler.h"\n'}
    root = _written(tmp_path / "tree", {**SMALL, **needing})
    with pytest.raises(MachineError, match="CMSIS-Core, which was not found") as missing:
        find_tree(root)
    assert "$CMSIS_PATH" in missing.value.hint
    core = tmp_path / "cmsis" / "CMSIS" / "Core" / "Include"
    _written(core, {"cmsis_compiler.h": b""})
    monkeypatch.setenv("CMSIS_PATH", str(tmp_path / "cmsis"))
    assert load_tree(root).core_include == core


def test_fetch_unpacks_checks_and_keeps(tmp_path: Path) -> None:
    others = {
        "top/README.md": b"not wanted",
        "top/Include/../../escape.h": b"not wanted",
        "top/Source/CMakeLists.txt": b"not wanted",
    }
    content = {f"top/{path}": data for path, data in SMALL.items()}
    url = _archive(tmp_path / "a.tar.gz", {**content, **others})
    tree = fetch(url, content_digest(SMALL))
    assert tree.root == cache_root()
    unpacked = [p for p in cache_root().rglob("*") if p.is_file()]
    assert {p.relative_to(cache_root()).as_posix(): p.read_bytes() for p in unpacked} == SMALL
    assert [p.name for p in cache_root().parent.iterdir()] == [RELEASE]

    (tmp_path / "a.tar.gz").unlink()
    assert fetch(url, "").root == cache_root(), "what is there is not downloaded again"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1] + b"?", "the SHA-256 of its contents is"),
        (None, "cannot download"),
    ],
)
def test_fetch_refuses(tmp_path: Path, damage: object, message: str) -> None:
    content = {f"top/{path}": data for path, data in SMALL.items()}
    if callable(damage):
        content["top/LICENSE"] = damage(content["top/LICENSE"])
    url = _archive(tmp_path / "a.tar.gz", content)
    if damage is None:
        (tmp_path / "a.tar.gz").unlink()
    with pytest.raises(MachineError, match=message):
        fetch(url, content_digest(SMALL))
    assert not cache_root().exists()


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>"])
def test_fetch_refuses_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(data)
    with pytest.raises(MachineError, match="is no archive of a release"):
        fetch((tmp_path / "a.tar.gz").as_uri(), content_digest(SMALL))
    assert not cache_root().exists()


def test_fetch_refuses_a_truncated_archive(tmp_path: Path) -> None:
    url = _archive(tmp_path / "a.tar.gz", {"top/LICENSE": os.urandom(100_000)})
    whole = (tmp_path / "a.tar.gz").read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MachineError):
        fetch(url, content_digest(SMALL))
    assert not cache_root().exists()


def test_the_pinned_digest_is_that_of_the_release() -> None:
    listed = os.environ.get("TINYGEN_CMSIS_NN_TREES", "").split(os.pathsep)
    roots = [Path(entry) for entry in listed if entry.endswith(RELEASE)]
    if not roots:
        pytest.skip(f"$TINYGEN_CMSIS_NN_TREES lists no folder of CMSIS-NN {RELEASE}")
    root = roots[0]
    paths = [p for part in ("Include", "Source") for p in (root / part).rglob("*.[ch]")]
    files = {p.relative_to(root).as_posix(): p.read_bytes() for p in [*paths, root / "LICENSE"]}
    assert content_digest(files) == CONTENT_SHA256
