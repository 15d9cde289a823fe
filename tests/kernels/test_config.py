# SPDX-License-Identifier: Apache-2.0
"""``firmware/kernels/config.h`` lists every switch of a generated program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tinygen.resources import resource_root

_ROOT = resource_root()
_CONFIG = _ROOT / "firmware" / "kernels" / "config.h"
_CONDITION = re.compile(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b(.*(?:\\\n.*)*)", re.MULTILINE)
_SWITCH = re.compile(r"\bTINYGEN_\w+\b(?<!_H)|<MODEL>_\w+\b(?<!_H)")
_SOURCES = [
    path
    for pattern in ("firmware/kernels/**/*.h", "firmware/kernels/**/*.inc", "templates/*.[ch].j2")
    for path in sorted(_ROOT.glob(pattern))
    if path != _CONFIG
]


def _text(path: Path) -> str:
    return path.read_text().replace("{{ prefix }}", "<MODEL>").replace("{{ arena.macro }}", "ARENA")


def _switches(path: Path) -> set[str]:
    """What the preprocessor decides by, apart from include guards."""
    return {
        name for condition in _CONDITION.findall(_text(path)) for name in _SWITCH.findall(condition)
    }


def _listed() -> set[str]:
    """The switches that are documented, at the top of the file or where they are defined."""
    text = _CONFIG.read_text()
    at_top = re.findall(r"^ \* - `(\S+)`:", text, re.MULTILINE)
    below = re.findall(r"\*/\n(?:#if.*\n)?#define (\w+) ", text)
    return {*at_top, *below}


def test_every_switch_is_listed() -> None:
    used = set[str]().union(*map(_switches, _SOURCES))
    assert {"TINYGEN_NO_ASSEMBLY", "TINYGEN_SIMD", "<MODEL>_ARENA_EXTERNAL"} <= used
    assert used - _listed() == set()


def test_every_listed_switch_is_used() -> None:
    words = {word for path in _SOURCES for word in re.findall(r"[\w<>]+", _text(path))}
    assert _listed() - words == set()


@pytest.mark.parametrize("name", re.findall(r"#define (TINYGEN_\w+) ", _CONFIG.read_text()))
def test_a_default_stands_in_one_place(name: str) -> None:
    kernels = [path for path in _SOURCES if path.suffix in (".h", ".inc")]
    assert [path for path in kernels if re.search(rf"#define {name}\b", path.read_text())] == []
