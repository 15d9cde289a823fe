# SPDX-License-Identifier: Apache-2.0
"""Every file that a comment, a docstring or a page of documentation cites exists."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_ELSEWHERE = {
    "generated": "_plan.json my_model.h tinygen_cmsis_nn.h",
    "the reader's": "nucleo-f401re.toml",
    "TensorFlow's": "add.h mul.h fixedpoint.h lstm_eval.h strided_slice_logic.h l2normalization.h "
    "log_softmax.h softmax.h pooling.h padding.h flexbuffers.h compression.h",
    "CMSIS's": "arm_nn_types.h arm_nnfunctions.h cmsis_compiler.h",
    "QEMU's": "hw/arm/b-l475e-iot01a.c hw/arm/microbit.c hw/arm/mps2.c hw/arm/mps2-tz.c "
    "hw/arm/stm32f405_soc.c hw/arm/olimex-stm32-h405.c hw/arm/stm32f100_soc.c",
    "flash tools'": "doc/man/st-flash.md docs/command_reference.md utils/uf2families.json",
}
"""Cited files that are no part of the repository, by whose they are."""

_CITED = re.compile(
    r"(?<![\w.*{}<>$/-])(?:[\w.-]+/)*[\w-]+\.(?:md|py|h|inc|c|S|toml|j2|json|txt|fbs)\b"
    r"(?![\w*{(-]|\.\w)"
)
_PLACEHOLDER = re.compile(r"(?:^|/)[A-Z]+[/._](?!md$)")
_C_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|^\s*@[^\n]*", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([\w./-]*)(?:#([\w-]+))?\)")


def _tracked() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    return [file for file in done.stdout.split() if (_ROOT / file).exists()]


def _python_prose(source: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield str(node.value.value)


def _prose(file: str) -> Iterator[str]:
    """The comments and docstrings of a source; all of a page of documentation."""
    kind = PurePosixPath(file).suffix
    source = (_ROOT / file).read_text() if kind in _KINDS else ""
    if kind == ".py":
        yield from _python_prose(source)
    elif kind == ".toml":
        yield from re.findall(r"#[^\n]*", source)
    elif kind == ".md":
        yield source
    else:
        yield from _C_COMMENT.findall(source)


_KINDS = (".py", ".toml", ".md", ".c", ".h", ".inc", ".S")
_FILES = _tracked()
_PROSE = {file: "\n".join(_prose(file)) for file in _FILES}
_NAMES = {
    "/".join(parts[start:])
    for parts in (PurePosixPath(file).parts for file in _FILES)
    for start in range(len(parts))
}
"""Every file, by its path from each folder above it."""


@pytest.mark.parametrize("kind", _KINDS)
def test_cited_files_exist(kind: str) -> None:
    elsewhere = set(" ".join(_ELSEWHERE.values()).split())
    missing = [
        (file, cited)
        for file in _FILES
        if file.endswith(kind)
        for cited in _CITED.findall(_PROSE[file])
        if re.sub(r"^(\.{1,2}/)+", "", cited) not in _NAMES | elsewhere
        and not _PLACEHOLDER.search(cited)
    ]
    assert missing == []


def test_what_is_elsewhere_is_cited() -> None:
    cited = {name for prose in _PROSE.values() for name in _CITED.findall(prose)}
    assert set(" ".join(_ELSEWHERE.values()).split()) - cited == set()


def _headings(page: Path) -> set[str]:
    """The anchors of a page, by GitHub's rule."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("file", [file for file in _FILES if file.endswith(".md")])
def test_links_lead_somewhere(file: str) -> None:
    page = _ROOT / file
    for path, anchor in _LINK.findall(_PROSE[file]):
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in _headings(target), f"{path}#{anchor}"
