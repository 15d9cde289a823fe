# SPDX-License-Identifier: Apache-2.0
"""The fitted forms of the Helium kernels against the definition, accumulator by accumulator."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.mve_layers import random_layer
from tinygen.kernels.mve.requantization import Form, channel_constants, refusal
from tinygen.numerics.fixed_point import Requantization, Rounding
from tinygen.ops.convolution import Conv2D
from tinygen.requantize.fitted_mve import fit_vector
from tinygen.requantize.fitted_sum import fit_sum

_REACH = 1 << 16


def _requantization(
    rng: np.random.Generator, channels: int, zero_point: int, spread: int, least_shift: int = 3
) -> Requantization:
    return Requantization(
        multipliers=rng.integers(1 << 30, 1 << 31, channels).astype(np.int32),
        shifts=(-least_shift - rng.integers(0, spread + 1, channels)).astype(np.int32),
        zero_point=zero_point,
        clamp_min=max(zero_point, -128),
        clamp_max=127,
    )


def _ends(channels: int, reach: int = _REACH) -> tuple[np.ndarray, np.ndarray]:
    return np.full(channels, -reach, np.int64), np.full(channels, reach, np.int64)


@pytest.mark.parametrize("seed", range(8))
def test_fit_equals_the_definition_for_every_accumulator(seed: int) -> None:
    rng = np.random.default_rng(seed)
    q = _requantization(rng, 8, int(rng.integers(-128, 100)), spread=seed % 6)
    found = fit_vector(q, *_ends(8))
    assert found is not None
    accumulators = np.arange(-_REACH, _REACH + 1)[:, None] + np.zeros(8, np.int64)
    got = np.clip(found.apply(accumulators), q.clamp_min, q.clamp_max)
    assert np.array_equal(got, q.apply(accumulators.astype(np.int32)))


def test_rectified_outputs_nearly_always_have_a_fit() -> None:
    rng = np.random.default_rng(1)
    q = _requantization(rng, 300, -128, spread=3, least_shift=7)
    without = 0
    for channel in range(300):
        one = Requantization(
            q.multipliers[channel : channel + 1],
            np.minimum(q.shifts[channel : channel + 1], -7),
            q.zero_point,
            q.clamp_min,
            q.clamp_max,
        )
        without += fit_vector(one, *_ends(1, 1 << 20)) is None
    assert without < 6


def test_signed_outputs_have_no_fit() -> None:
    # Halves away from zero: no staircase of constant slope follows both signs.
    q = Requantization(np.array([1500000000], np.int32), np.array([-8], np.int32), 0, -128, 127)
    assert fit_vector(q, *_ends(1)) is None


def test_a_channel_that_never_changes_does_not_spoil_the_others() -> None:
    q = Requantization(
        np.array([1500000000, 1200000000, 0], np.int32),
        np.array([-8, -31, 0], np.int32),
        -128,
        -128,
        127,
    )
    low = np.array([-_REACH, 1 << 30, -5], np.int64)
    high = np.array([_REACH, 1 << 30, 5], np.int64)
    found = fit_vector(q, low, high)
    assert found is not None
    assert found.shift == 5
    for points in (low, high):
        got = np.clip(found.apply(points), -128, 127)
        assert np.array_equal(got, q.apply(points.astype(np.int32)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rounding": Rounding.SINGLE}, "rounds twice"),
        ({"shifts": np.array([1], np.int32)}, "multipliers of 1 or more"),
        ({"clamp_min": 5, "clamp_max": 4}, "empty activation range"),
    ],
)
def test_refusals_say_why(changes: dict[str, object], reason: str) -> None:
    fields: dict[str, object] = {
        "multipliers": np.array([1 << 30], np.int32),
        "shifts": np.array([-3], np.int32),
        "zero_point": 0,
        "clamp_min": -128,
        "clamp_max": 127,
    }
    assert reason in (refusal(Requantization(**{**fields, **changes})) or "")  # type: ignore[arg-type]


def _aligned_equals_definition(layer: Conv2D, rng: np.random.Generator) -> bool:
    """Whether the layer is requantized in the aligned form, which then is compared."""
    q = layer.requantization
    weights = layer.weights.reshape(layer.weights.shape[0], -1)
    found = channel_constants(weights, layer.bias, layer.input_zero_point, q, aligns=True)
    if found.form is not Form.ALIGNED:
        return False
    inputs = rng.choice([-128, 127], (2000, weights.shape[1])).astype(np.int64)
    sums = inputs @ weights.T.astype(np.int64) + found.biases
    high = (2 * sums * found.lasts + (1 << 31)) >> 32
    half = 1 << (found.shift - 9 if found.shift > 8 else found.shift - 1)
    scaled = (high + (high >> 63)) * found.scales + found.addend
    assert np.abs(scaled).max() < 1 << 31
    got = np.clip((scaled + half) >> found.shift, q.clamp_min, q.clamp_max)
    assert np.array_equal(got, q.apply(sums.astype(np.int32)))
    return True


def test_aligned_form_is_the_definition() -> None:
    rng = np.random.default_rng(0)
    compared = 0
    for seed in range(60):
        layer = random_layer("convolution", seed).layers[0]
        assert isinstance(layer, Conv2D)
        if refusal(layer.requantization) is None:
            compared += _aligned_equals_definition(layer, rng)
    assert compared > 10


def test_a_sum_that_is_no_plane_has_no_fit() -> None:
    values = np.arange(-128, 128, dtype=np.int64)
    outputs = np.clip((values[:, None] + values[None, :]) // 4, -128, 127)
    found = fit_sum(outputs, (0.25, 0.25), 0.0, (-128, 127), 24)
    assert found is not None
    assert found.lhs == found.rhs
    outputs[100, 100] += 1
    assert fit_sum(outputs, (0.25, 0.25), 0.0, (-128, 127), 24) is None
