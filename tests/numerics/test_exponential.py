# SPDX-License-Identifier: Apache-2.0
"""Fixed-point functions are near the real ones; their bits are tested through SOFTMAX."""

from __future__ import annotations

import numpy as np

from tinygen.numerics.exponential import exp_on_negative_values, one_over_one_plus_x
from tinygen.numerics.fixed_point import INT32_MAX


def test_exponential_of_negative_values() -> None:
    steps = -np.geomspace(1, 2**31 - 1, 1000).astype(np.int32)
    exponentials = exp_on_negative_values(steps, 5) / 2.0**31
    assert np.max(np.abs(exponentials - np.exp(steps / 2.0**26))) < 1e-6


def test_exponential_of_zero_is_the_largest_fraction() -> None:
    assert exp_on_negative_values(np.zeros(1, np.int32), 5).tolist() == [INT32_MAX]


def test_reciprocal() -> None:
    fractions = np.linspace(0, INT32_MAX, 1000).astype(np.int32)
    reciprocals = one_over_one_plus_x(fractions) / 2.0**31
    assert np.max(np.abs(reciprocals - 1 / (1 + fractions / 2.0**31))) < 1e-8
