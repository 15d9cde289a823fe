# SPDX-License-Identifier: Apache-2.0
"""The same model and options give the bytes that were recorded: ``python -m tests.same_bytes``."""

from __future__ import annotations

import pytest

from tests.same_bytes import digests, models, recorded


@pytest.mark.parametrize("name", models())
def test_the_bytes_are_those_recorded(name: str) -> None:
    assert digests(name) == recorded()[name], (
        "other bytes than recorded: `python -m tests.same_bytes --write DIR` on both trees shows "
        "which; where they change on purpose, --record, and say so in the commit"
    )
