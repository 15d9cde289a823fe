# SPDX-License-Identifier: Apache-2.0
"""How a range is chosen from a histogram."""

from __future__ import annotations

import numpy as np
import pytest

from tinygen.quantization.calibration import (
    BINS,
    Histogram,
    entropy_range,
    mse_range,
    percentile_range,
)

NORMAL = np.random.default_rng(1).normal(size=200_000)


def histogram(values: np.ndarray) -> Histogram:
    low, high = float(values.min()), float(values.max())
    return Histogram(low, high, np.histogram(values, BINS, (low, high))[0])


def squared_error(values: np.ndarray, limits: tuple[float, float]) -> float:
    low, high = limits
    step = (high - low) / 255
    rounded = np.clip(np.rint((values - low) / step), 0, 255) * step + low
    return float(np.mean((values - rounded) ** 2))


def test_percentile_cuts_both_ends_equally() -> None:
    low, high = percentile_range(histogram(NORMAL), 99.0)
    expected = np.percentile(NORMAL, [0.5, 99.5])
    assert [low, high] == pytest.approx(expected, abs=0.01)
    assert percentile_range(histogram(NORMAL), 100.0) == (NORMAL.min(), NORMAL.max())


def test_zero_stays_in_the_range() -> None:
    for choose in (mse_range, entropy_range, lambda h: percentile_range(h, 99.0)):
        low, high = choose(histogram(np.abs(NORMAL) + 1))
        assert low == 0
        assert high > 1


def test_mse_beats_the_extremes_and_its_neighbours() -> None:
    values = np.concatenate([NORMAL, [30.0]])
    chosen = mse_range(histogram(values))
    best = squared_error(values, chosen)
    assert best < squared_error(values, (float(values.min()), 30.0))
    for factor in (0.8, 1.25):
        assert best <= squared_error(values, (chosen[0] * factor, chosen[1] * factor)) * 1.01


def test_entropy_ignores_a_lonely_extreme() -> None:
    low, high = entropy_range(histogram(np.concatenate([NORMAL, [30.0]])))
    assert 2 < high < 8
    assert -8 < low < -2


def test_entropy_keeps_an_even_distribution() -> None:
    low, high = entropy_range(histogram(np.random.default_rng(2).uniform(-1, 1, 100_000)))
    assert high > 0.9
    assert low < -0.9
