# SPDX-License-Identifier: Apache-2.0
"""The operator table says what is so."""

from __future__ import annotations

from tests.ops.measured_support import DOCUMENT, measure
from tinygen.ops.registry import CUSTOM_OPERATORS, OPERATORS
from tinygen.ops.table import markdown, operator_table


def test_table_and_document_are_what_is_measured() -> None:
    rows = measure()
    assert operator_table() == rows
    assert DOCUMENT.read_text(encoding="utf-8") == markdown(rows)


def test_table_has_every_operator() -> None:
    listed = {row.operator for row in operator_table()}
    assert listed == set(OPERATORS) | set(CUSTOM_OPERATORS)


def test_every_row_has_a_portable_kernel() -> None:
    without = [row for row in operator_table() if "portable" not in row.providers]
    # A view needs no kernel, but its descriptor stands for it.
    assert not without
