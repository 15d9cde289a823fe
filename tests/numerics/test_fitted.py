# SPDX-License-Identifier: Apache-2.0
"""Fitted requantization against the definition, on whole ranges of accumulators."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from tinygen.numerics.fixed_point import (
    FRACTION_BITS,
    INT32_MAX,
    Int32Array,
    Int64Array,
    Requantization,
    Rounding,
)
from tinygen.requantize.fitted import (
    ExactForm,
    FittedRequantization,
    accumulator_bounds,
    exact_form,
    fit,
    largest_shift,
    thresholds,
)

EXTREME_MULTIPLIERS = (1 << 30, (1 << 30) + 1, INT32_MAX, INT32_MAX - 1, 3 << 29)


def int32(values: list[int]) -> Int32Array:
    """An int32 array."""
    return np.array(values, np.int32)


def int64(values: list[int]) -> Int64Array:
    """An int64 array."""
    return np.array(values, np.int64)


@dataclass(frozen=True)
class Kind:
    """A kind of output: its zero point and clamp."""

    zero_point: int
    clamp: tuple[int, int]


RELU = Kind(-128, (-128, 127))
RELU6 = Kind(-128, (-128, 90))
RELU_INSIDE = Kind(-20, (-20, 127))
RELU6_INSIDE = Kind(-20, (-20, 77))
LINEAR = Kind(-5, (-128, 127))
POSITIVE = (RELU, RELU6, RELU_INSIDE, RELU6_INSIDE)


def random_layer(
    rng: np.random.Generator, kind: Kind, channels: int, shifts: tuple[int, int]
) -> Requantization:
    """Random multipliers, one in five of them extreme."""
    multipliers = rng.integers(1 << 30, 1 << 31, channels)
    extreme = rng.random(channels) < 0.2
    multipliers[extreme] = rng.choice(EXTREME_MULTIPLIERS, int(extreme.sum()))
    return Requantization(
        multipliers=multipliers.astype(np.int32),
        shifts=rng.integers(*shifts, channels).astype(np.int32),
        zero_point=kind.zero_point,
        clamp_min=kind.clamp[0],
        clamp_max=kind.clamp[1],
    )


def rounding_once(rng: np.random.Generator, q: Requantization) -> Requantization:
    """The same with LiteRT's rounding and random further bits of the factors."""
    fractions = rng.integers(0, 1 << FRACTION_BITS, len(q.multipliers)).astype(np.int32)
    return replace(q, rounding=Rounding.SINGLE, fractions=fractions)


def random_bounds(
    rng: np.random.Generator, channels: int, most: int
) -> tuple[Int64Array, Int64Array]:
    """Random ranges of up to ``most`` accumulators on both sides of zero, some on one side."""
    low = -rng.integers(1, most, channels)
    high = rng.integers(1, most, channels)
    moved = rng.integers(-most, most, channels) * (rng.random(channels) < 0.2)
    return low + moved, high + moved


def ranges(low: Int64Array, high: Int64Array) -> Iterator[tuple[int, Int64Array]]:
    """Every accumulator of every channel."""
    for channel in range(len(low)):
        yield channel, np.arange(low[channel], high[channel] + 1)


def definition(q: Requantization, channel: int, accumulators: Int64Array) -> Int64Array:
    """The outputs of one channel."""
    single = Requantization(
        q.multipliers[channel : channel + 1],
        q.shifts[channel : channel + 1],
        q.zero_point,
        q.clamp_min,
        q.clamp_max,
        q.rounding,
        None if q.fractions is None else q.fractions[channel : channel + 1],
    )
    return single.apply(accumulators.astype(np.int32)[:, None])[:, 0].astype(np.int64)


def hardware(f: FittedRequantization, channel: int, accumulators: Int64Array) -> Int64Array:
    """One channel as the processor computes it, checking that nothing leaves 32 bits."""
    scaled = f.scales[channel] * (accumulators - f.origins[channel]) + f.nudges[channel]
    assert np.abs(scaled).max() < 1 << 31
    products = (scaled * int(f.multipliers[channel])) >> f.product_bits
    total = int(f.constants[channel]) + products
    assert np.abs(total).max() < 1 << 31
    result: Int64Array = (total >> f.shift) - f.offset
    return result


def check(f: FittedRequantization, q: Requantization) -> None:
    """Every accumulator of every fitted channel."""
    for channel, accumulators in ranges(f.low, f.high):
        if f.fitted[channel]:
            got = np.clip(hardware(f, channel, accumulators), q.clamp_min, q.clamp_max)
            assert np.array_equal(got, definition(q, channel, accumulators)), channel


@pytest.mark.parametrize("kind", POSITIVE)
@pytest.mark.parametrize("scale", [1, 16, 256])
def test_every_accumulator_of_positive_outputs(kind: Kind, scale: int) -> None:
    rng = np.random.default_rng(scale)
    q = random_layer(rng, kind, 60, (-12, -6))
    low, high = random_bounds(rng, 60, 1 << 17)
    scales = np.full(60, scale)
    shift = largest_shift(q, scales, np.ones(60, np.bool_))
    f = fit(q, low, high, shift=shift, scales=scale)
    assert f.fitted.all()
    check(f, q)


@pytest.mark.parametrize("shift", [0, 2, 4, 7])
def test_shift_smaller_than_it_could_be(shift: int) -> None:
    rng = np.random.default_rng(7)
    q = random_layer(rng, RELU, 60, (-12, -8))
    low, high = random_bounds(rng, 60, 1 << 17)
    f = fit(q, low, high, shift=shift)
    assert f.fitted.sum() >= 54
    check(f, q)


def test_scales_of_their_own() -> None:
    rng = np.random.default_rng(8)
    q = random_layer(rng, RELU, 80, (-14, -1))
    low, high = random_bounds(rng, 80, 1 << 15)
    scales = np.int64(1) << np.clip(q.shifts.astype(np.int64) + 14, 0, 13)
    f = fit(q, low, high, shift=largest_shift(q, scales, np.ones(80, np.bool_)), scales=scales)
    assert f.fitted.all()
    check(f, q)


def test_shift_too_large_is_not_fitted() -> None:
    q = Requantization(int32([1 << 30]), int32([-3]), -128, -128, 127)
    assert not fit(q, int64([-4000]), int64([4000]), shift=5).fitted.any()


def test_linear_outputs_are_refused_or_right() -> None:
    rng = np.random.default_rng(9)
    q = random_layer(rng, LINEAR, 60, (-9, -5))
    low, high = random_bounds(rng, 60, 1 << 16)
    f = fit(q, low, high, shift=4)
    assert not f.fitted.all()
    check(f, q)


def test_linear_output_with_a_single_rounding() -> None:
    rng = np.random.default_rng(10)
    q = random_layer(rng, LINEAR, 60, (-12, -6))
    q = rounding_once(rng, q)
    low, high = random_bounds(rng, 60, 1 << 17)
    f = fit(q, low, high, shift=5)
    assert f.fitted.all()
    check(f, q)


def test_doubled_products_of_helium() -> None:
    rng = np.random.default_rng(11)
    q = random_layer(rng, RELU, 60, (-12, -7))
    low, high = random_bounds(rng, 60, 1 << 17)
    f = fit(q, low, high, shift=7, product_bits=31)
    assert f.fitted.sum() >= 54
    check(f, q)


def test_offset_moves_the_output() -> None:
    rng = np.random.default_rng(12)
    q = random_layer(rng, RELU6_INSIDE, 30, (-10, -7))
    low, high = random_bounds(rng, 30, 1 << 16)
    f = fit(q, low, high, shift=6, offset=255 - q.clamp_max)
    assert f.fitted.all()
    check(f, q)
    highest = np.clip(hardware(f, 0, f.high[:1]) + f.offset, 0, 255)
    assert highest - f.offset == q.apply(f.high[None].astype(np.int32))[0, 0]


def test_origins_bring_far_accumulators_near() -> None:
    rng = np.random.default_rng(13)
    q = random_layer(rng, RELU, 20, (-22, -20))
    origins = rng.integers(1 << 27, 1 << 28, 20)
    low, high = origins - 30000, origins + 30000
    assert not fit(q, low, high, shift=8, scales=256).fitted.any()
    f = fit(q, low, high, shift=8, scales=256, origins=origins)
    assert f.fitted.all()
    check(f, q)


def test_constant_outputs() -> None:
    multipliers = int32([0, 1 << 30, 1 << 30, INT32_MAX])
    shifts = int32([0, -31, -30, -8])
    low, high = int64([-9999, -9999, 5000, -9999]), int64([9999, 9999, 5000, -5000])
    q = Requantization(multipliers, shifts, -128, -128, 127)
    f = fit(q, low, high, shift=4)
    assert f.fitted.all()
    check(f, q)


def test_clamp_of_a_single_value() -> None:
    q = Requantization(int32([1 << 30]), int32([-4]), -128, 60, 60)
    f = fit(q, int64([-500]), int64([500]), shift=3)
    assert f.fitted.all()
    check(f, q)


def test_accumulators_that_would_wrap_are_not_fitted() -> None:
    q = Requantization(int32([1 << 30] * 3), int32([4, -8, -8]), -128, -128, 127)
    low = int64([-(1 << 27), 0, -(1 << 24)])
    high = int64([1 << 27, 1 << 31, 1 << 24])
    assert not fit(q, low, high, shift=0, scales=int64([1, 1, 256])).fitted.any()


@pytest.mark.parametrize("kind", [RELU, LINEAR, RELU6_INSIDE])
@pytest.mark.parametrize("rounding", list(Rounding))
def test_thresholds_are_where_the_definition_changes(kind: Kind, rounding: Rounding) -> None:
    rng = np.random.default_rng(14)
    q = random_layer(rng, kind, 40, (-12, 3))
    if rounding is Rounding.SINGLE:
        q = rounding_once(rng, q)
    low, high = random_bounds(rng, 40, 1 << 15)
    steps, usable = thresholds(q, low, high)
    assert usable.all()
    outputs = np.arange(q.clamp_min + 1, q.clamp_max + 1)
    for channel, accumulators in ranges(low, high):
        got = definition(q, channel, accumulators)
        expected = low[channel] + np.searchsorted(got, outputs)
        assert np.array_equal(steps[channel], expected)


def exact_outputs(form: ExactForm, channel: int, accumulators: Int64Array) -> Int64Array:
    """One channel as the processor computes it, checking that nothing leaves 32 bits."""
    multiplier, factor = int(form.multipliers[channel]), int(form.factors[channel])
    high = accumulators + ((accumulators * multiplier + (1 << 31)) >> 32)
    total = (high + (high >> 63)) * factor + form.constant
    assert np.abs(total).max() < 1 << 31
    result: Int64Array = total >> form.shift
    return result


@pytest.mark.parametrize("kind", [*POSITIVE, LINEAR])
def test_exact_form_on_every_accumulator(kind: Kind) -> None:
    rng = np.random.default_rng(15)
    q = random_layer(rng, kind, 60, (-14, 1))
    low, high = random_bounds(rng, 60, 1 << 17)
    form = exact_form(q, low, high)
    assert np.array_equal(form.valid, q.shifts < 0)
    for channel, accumulators in ranges(low, high):
        if form.valid[channel]:
            got = np.clip(exact_outputs(form, channel, accumulators), q.clamp_min, q.clamp_max)
            assert np.array_equal(got, definition(q, channel, accumulators)), channel


def test_exact_form_is_not_spoilt_by_one_extreme_shift() -> None:
    q = Requantization(int32([1 << 30] * 4), int32([-5, -6, -7, -31]), 3, -128, 127)
    bounds = int64([100_000] * 4)
    form = exact_form(q, -bounds, bounds)
    assert form.valid.tolist() == [True, True, True, False]
    assert form.shift == 7


def test_accumulator_bounds_are_reached() -> None:
    rng = np.random.default_rng(16)
    for zero_point in (-128, -7, 127):
        weights = rng.integers(-128, 128, (5, 2, 3), np.int8)
        bias = rng.integers(-1000, 1000, 5).astype(np.int32)
        low, high = accumulator_bounds(weights, bias, zero_point)
        taps = weights.reshape(5, -1).astype(np.int64)
        for channel in range(5):
            most = np.where(taps[channel] > 0, 127, -128) - zero_point
            least = np.where(taps[channel] > 0, -128, 127) - zero_point
            assert high[channel] == bias[channel] + taps[channel] @ most
            assert low[channel] == bias[channel] + taps[channel] @ least


def test_a_large_model_takes_well_under_a_second() -> None:
    rng = np.random.default_rng(17)
    channels = 2700
    q = random_layer(rng, RELU, channels, (-9, -6))
    low, high = random_bounds(rng, channels, 1 << 19)
    start = time.process_time()
    f = fit(q, low, high, shift=4)
    assert time.process_time() - start < 1.0
    assert f.fitted.sum() >= 0.99 * channels
    assert f.note.startswith(f"requantization: {f.fitted.sum()} of 2700 channels fitted, proven")
