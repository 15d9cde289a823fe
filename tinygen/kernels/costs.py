# SPDX-License-Identifier: Apache-2.0
"""The cycles that kernels' estimates are made of: ``costs.toml``, one table a module of kernels.

They were fitted to profiles on a few cores. ``factors.toml`` has, for the others, what a kernel's
estimate is to be multiplied by, a table a core. ``python -m benchmarks.costs`` fits both anew.
"""

from __future__ import annotations

from pathlib import Path

from tinygen.hardware.tables import load_toml

COSTS_FILE = Path(__file__).parent / "costs.toml"
FACTORS_FILE = COSTS_FILE.with_name("factors.toml")
TABLES: dict[str, dict[str, float]] = dict(load_toml(COSTS_FILE, "file of costs"))
FACTORS: dict[str, dict[str, float]] = dict(load_toml(FACTORS_FILE, "file of factors"))


class Costs:
    """A table's numbers, as attributes or by name."""

    def __init__(self, table: str) -> None:
        self._table = table

    def __getitem__(self, name: str) -> float:
        return TABLES[self._table][name]

    def __getattr__(self, name: str) -> float:
        return self[name]


def factor(core: str, kernel: str) -> float:
    """What a kernel's estimate is multiplied by on a core: its own, or its library's (``dsp``)."""
    known = FACTORS.get(core.partition("+")[0], {})
    return known.get(kernel, known.get(kernel.partition(".")[0], 1.0))
