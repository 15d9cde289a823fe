# SPDX-License-Identifier: Apache-2.0
"""The lines of integer arithmetic that several operators share."""

from __future__ import annotations

import numpy as np

from tinygen.explanation.explanation import Line, Number
from tinygen.numerics import fixed_point as fp


def shifted_right(value: int, bits: int) -> str:
    """A division by 2**bits, halves away from zero, as an expression."""
    magnitude = f"(({abs(value)} + 2**{bits - 1}) >> {bits})"
    return f"-{magnitude}" if value < 0 else magnitude


def wrapped(name: str, formula: str, exact: int) -> Line:
    """A value of 32 bits; where the exact one does not fit, the formula says how it wraps."""
    if fp.INT32_MIN <= exact <= fp.INT32_MAX:
        return Line(name, formula, exact)
    rest = int(fp.wrap_int32(np.array(exact % 2**32, dtype=np.int64)))
    return Line(name, f"({formula} + 2**31) % 2**32 - 2**31", rest)


def scaled(name: str, value: int, multiplier: int, shift: int) -> list[Line]:
    """``value`` × multiplier × 2**(shift - 31) with gemmlowp's two roundings.

    The high half of the doubled product is the nearest integer, halves up; the right shift rounds
    halves away from zero.
    """
    lines = []
    if shift > 0:
        lines.append(wrapped(f"{name}, shifted", f"{value} * 2**{shift}", value << shift))
        value = int(lines[-1].value)
    high = int(
        fp.saturating_rounding_doubling_high_mul(np.array(value, dtype=np.int32), multiplier)
    )
    lines.append(Line(f"{name} × multiplier", f"({value} * {multiplier} + 2**30) >> 31", high))
    if shift < 0:
        result = int(
            fp.multiply_by_quantized_multiplier(np.array(value, dtype=np.int32), multiplier, shift)
        )
        lines.append(Line(f"{name}, scaled", shifted_right(high, -shift), result))
    return lines


def clamped(value: int, zero_point: int, clamp: tuple[int, int], name: str = "output") -> Line:
    """The zero point added, and the range of the type or activation kept to."""
    low, high = clamp
    return Line(
        name,
        f"min(max({value} + {zero_point}, {low}), {high})",
        min(max(value + zero_point, low), high),
    )


def requantized(accumulator: int, folded: fp.Requantization, channel: int = 0) -> list[Line]:
    """From an accumulator to the output element."""
    at = channel if folded.multipliers.size > 1 else 0
    multiplier, shift = int(folded.multipliers[at]), int(folded.shifts[at])
    if folded.fractions is None:
        lines = scaled("accumulator", accumulator, multiplier, shift)
    else:
        fraction = int(folded.fractions[at])
        bits = 31 + fp.FRACTION_BITS - shift
        whole = f"({abs(accumulator)} * ({multiplier} * 2**{fp.FRACTION_BITS} + {fraction})"
        text = f"({whole} + 2**{bits - 1}) >> {bits})"
        exact = fp.multiply_rounding_once(
            np.array([accumulator], dtype=np.int32),
            folded.multipliers[at : at + 1],
            folded.fractions[at : at + 1],
            folded.shifts[at : at + 1],
        )
        sign = "-" if accumulator < 0 else ""
        lines = [Line("accumulator, scaled", sign + text, int(exact[0]))]
    clamp = folded.clamp_min, folded.clamp_max
    return [*lines, clamped(int(lines[-1].value), folded.zero_point, clamp)]


def folded_parameters(
    folded: fp.Requantization, real: float, channel: int = 0
) -> dict[str, Number]:
    """The numbers of a requantization by name; ``real`` is the factor that they stand for."""
    at = channel if folded.multipliers.size > 1 else 0
    return {
        "real_multiplier": real,
        "multiplier": int(folded.multipliers[at]),
        "shift": int(folded.shifts[at]),
        "output_zero_point": folded.zero_point,
        "clamp_min": folded.clamp_min,
        "clamp_max": folded.clamp_max,
    }
