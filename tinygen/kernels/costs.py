# SPDX-License-Identifier: Apache-2.0
"""The cycles that kernels' estimates are made of: ``costs.toml``, one table a module of kernels.

They were fitted to profiles; ``python -m benchmarks.costs`` fits them anew.
"""

from __future__ import annotations

from pathlib import Path

from tinygen.hardware.tables import load_toml

COSTS_FILE = Path(__file__).parent / "costs.toml"
TABLES: dict[str, dict[str, float]] = dict(load_toml(COSTS_FILE, "file of costs"))


class Costs:
    """A table's numbers, as attributes or by name."""

    def __init__(self, table: str) -> None:
        self._table = table

    def __getitem__(self, name: str) -> float:
        return TABLES[self._table][name]

    def __getattr__(self, name: str) -> float:
        return self[name]
