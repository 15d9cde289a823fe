# SPDX-License-Identifier: Apache-2.0
"""The listings in docs/kernels.md are those of the kernels."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_BLOCKS = re.findall(
    r"```asm\n@ (\S+)\n(.*?)```", (_ROOT / "docs" / "kernels.md").read_text(), re.DOTALL
)


@pytest.mark.parametrize(("file", "listing"), _BLOCKS, ids=[file for file, _ in _BLOCKS])
def test_lines_stand_in_the_file_in_this_order(file: str, listing: str) -> None:
    lines = iter((_ROOT / file).read_text().splitlines())
    for line in listing.splitlines():
        assert any(line.strip() == candidate.strip() for candidate in lines), line


def test_every_flavour_of_assembly_is_shown() -> None:
    assert {Path(file).parent.name for file, _ in _BLOCKS} == {"dsp", "mve", "thumb"}
