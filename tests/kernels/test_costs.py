# SPDX-License-Identifier: Apache-2.0
"""The numbers that estimates are made of, and how far the estimates are from profiles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.costs import fit, median_error, recorded
from tinygen import kernels
from tinygen.kernels.costs import TABLES

FOLDER = Path(kernels.__file__).parent


@pytest.fixture
def _tables() -> Iterator[None]:
    """Puts the numbers back."""
    before = {table: dict(numbers) for table, numbers in TABLES.items()}
    yield
    TABLES.update(before)


@pytest.mark.parametrize("table", TABLES)
def test_numbers_are_those_that_the_module_reads(table: str) -> None:
    folder, module, *_ = table.split(".")
    text = (FOLDER / folder / f"{module}.py").read_text(encoding="utf-8")
    numbers = set(TABLES[table])
    assert f'Costs("{table}")' in text
    if table == f"{folder}.{module}":
        assert set(re.findall(r"_COSTS\.(\w+)", text)) <= numbers
    # A name may also be looked up, or put together from a prefix.
    unread = {
        name
        for name in numbers
        if not re.search(rf'\.{name}\b|"{name}"|"{name.split("_")[0]}_{{', text)
    }
    assert not unread


@pytest.mark.usefixtures("_tables")
def test_fitting_finds_numbers_again() -> None:
    """Cycles that are exactly as estimated; then the numbers are changed."""
    found = [
        replace(sample, cycles=round(sample.cycles * (1 + sample.error)))
        for sample in recorded("digits", "cortex-m3")
    ]
    for table, numbers in TABLES.items():
        for name in numbers:
            # Seeded by its name: a number that is added leaves the others' changes as they are.
            generator = np.random.default_rng([1, *f"{table} {name}".encode()])
            numbers[name] *= generator.uniform(0.5, 2.0)
    before = [sample.error for sample in found]
    fit(found)
    assert median_error(before) > 0.2
    assert median_error([sample.error for sample in found]) < 0.02


@pytest.mark.parametrize(
    ("core", "median", "most"),
    [
        ("cortex-m0", 0.46, 0.70),
        ("cortex-m0plus", 0.03, 0.25),
        ("cortex-m3", 0.15, 0.50),
        ("cortex-m4", 0.05, 0.15),
        ("cortex-m7", 0.03, 0.25),
        ("cortex-m33", 0.03, 0.2),
        ("cortex-m55", 0.07, 0.40),
    ],
)
def test_estimates_are_near_the_profiles(core: str, median: float, most: float) -> None:
    """Half of the layers are no further off than ``median``, nine in ten no further than ``most``."""
    found = sorted(
        abs(sample.error) for sample in recorded("^(digits|mlperf_kws|mlperf_ad)$", core)
    )
    if len(found) < 60:
        pytest.skip("not all profiled models are there")
    assert median_error(found) <= median
    assert found[len(found) * 9 // 10] <= most
