# SPDX-License-Identifier: Apache-2.0
"""Fourier transforms of real numbers and back, bit for bit those of kissfft in TFLM.

``kiss_fftr`` and ``kiss_fftri`` of fixed point with 16 or 32 bits, or of float32: radix 4 and 2
decimation in time (in fixed point each stage is scaled down by its radix), and the step between a
transform of half the length in complex numbers and the real one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygen.ir.graph import AnyArray, DType

Parts = tuple[NDArray[Any], NDArray[Any]]
"""Real and imaginary parts."""

_PI = 3.141592653589793
_BITS = {DType.INT16: 16, DType.INT32: 32}


@dataclass(frozen=True)
class Arithmetic:
    """Numbers of a type: sums that wrap, products that are rounded, and divisions of fixed point."""

    dtype: DType

    @property
    def fraction_bits(self) -> int:
        """Of fixed point; 0 for float32."""
        return _BITS.get(self.dtype, 1) - 1

    def load(self, x: AnyArray) -> NDArray[Any]:
        """Numbers to compute with."""
        return x.astype(np.int64 if self.fraction_bits else np.float32)

    def wrapped(self, x: NDArray[Any]) -> NDArray[Any]:
        """Reduced to the type's range."""
        return x.astype(self.dtype.numpy).astype(x.dtype)

    def _rounded(self, x: NDArray[Any]) -> NDArray[Any]:
        if not self.fraction_bits:
            return x
        half = 1 << (self.fraction_bits - 1)
        if self.dtype is DType.INT16:
            wide = (x.astype(np.int32).astype(np.int64) + half).astype(np.int32).astype(np.int64)
        else:
            wide = x + half
        return self.wrapped(wide >> self.fraction_bits)

    def divided(self, x: Parts, divisor: int) -> Parts:
        """By 2 or 4, as a multiplication; float32 is not divided."""
        if not self.fraction_bits:
            return x
        factor = ((1 << self.fraction_bits) - 1) // divisor
        return self._rounded(x[0] * factor), self._rounded(x[1] * factor)

    def product(self, a: Parts, b: Parts) -> Parts:
        """Of complex numbers."""
        return (
            self._rounded(a[0] * b[0] - a[1] * b[1]),
            self._rounded(a[0] * b[1] + a[1] * b[0]),
        )

    def sum(self, a: Parts, b: Parts, sign: int = 1) -> Parts:
        """Sum or difference of complex numbers."""
        if sign > 0:
            return self.wrapped(a[0] + b[0]), self.wrapped(a[1] + b[1])
        return self.wrapped(a[0] - b[0]), self.wrapped(a[1] - b[1])

    def half(self, x: NDArray[Any]) -> NDArray[Any]:
        """Half, rounded down in fixed point."""
        return x >> 1 if self.fraction_bits else x * np.float32(0.5)

    def twiddle(self, phase: float) -> tuple[float, float]:
        """Cosine and sine."""
        if not self.fraction_bits:
            return math.cos(phase), math.sin(phase)
        most = (1 << self.fraction_bits) - 1
        return math.floor(0.5 + most * math.cos(phase)), math.floor(0.5 + most * math.sin(phase))


@dataclass(frozen=True)
class Stage:
    """Butterflies of ``radix`` over blocks of radix · span numbers, twiddles ``stride`` apart."""

    radix: int
    span: int
    stride: int


@dataclass(frozen=True, eq=False)
class RealTransform:
    """A transform of 2 · ``points`` real numbers (a power of two), its tables and stages in order.

    ``order`` says which complex number of the input each place begins with; twiddles are pairs of
    cosine and sine. ``inverse``: from points + 1 complex numbers back to real ones.
    """

    arithmetic: Arithmetic
    inverse: bool
    points: int
    stages: tuple[Stage, ...]
    order: NDArray[np.uint16]
    twiddles: AnyArray
    split_twiddles: AnyArray

    def apply(self, values: AnyArray) -> AnyArray:
        """The transform of 2 · points real numbers, or of points + 1 pairs if inverse."""
        pairs = self.arithmetic.load(values).reshape(-1, 2)
        given = pairs[:, 0], pairs[:, 1]
        if self.inverse:
            joined = self._joined(given)
            real, imaginary = self._complex(joined)
            result = np.stack([real, imaginary], axis=1)
        else:
            result = self._split(self._complex(given))
        return np.ascontiguousarray(result).reshape(-1).astype(self.arithmetic.dtype.numpy)

    def _complex(self, given: Parts) -> Parts:
        real, imaginary = given[0][self.order], given[1][self.order]
        w = self.arithmetic.load(self.twiddles)
        for stage in self.stages:
            shape = (-1, stage.radix, stage.span)
            re, im = real.reshape(shape), imaginary.reshape(shape)
            k = np.arange(stage.span) * stage.stride
            parts = [
                self.arithmetic.divided((re[:, j], im[:, j]), stage.radix)
                for j in range(stage.radix)
            ]
            turned = [parts[0]] + [
                self.arithmetic.product(parts[j], (w[j * k, 0], w[j * k, 1]))
                for j in range(1, stage.radix)
            ]
            outputs = self._butterfly(turned)
            real = np.stack([part[0] for part in outputs], axis=1).reshape(-1)
            imaginary = np.stack([part[1] for part in outputs], axis=1).reshape(-1)
        return real, imaginary

    def _butterfly(self, x: list[Parts]) -> list[Parts]:
        add = self.arithmetic.sum
        if len(x) == 2:
            return [add(x[0], x[1]), add(x[0], x[1], -1)]
        even, odd = add(x[0], x[2]), add(x[0], x[2], -1)
        total, difference = add(x[1], x[3]), add(x[1], x[3], -1)
        quarter = difference[1], -difference[0]
        ahead, behind = add(odd, quarter), add(odd, quarter, -1)
        if self.inverse:
            ahead, behind = behind, ahead
        return [add(even, total), ahead, add(even, total, -1), behind]

    def _mixed(self, low: Parts, high: Parts) -> tuple[Parts, Parts]:
        """Sum, and turned difference, of numbers 1 to points / 2 and the conjugates from the end."""
        a = self.arithmetic
        k = np.arange(1, self.points // 2 + 1)
        first = a.divided((low[0][k], low[1][k]), 2)
        mirrored = high[0][self.points - k], a.wrapped(-high[1][self.points - k])
        second = a.divided(mirrored, 2)
        w = a.load(self.split_twiddles)
        return a.sum(first, second), a.product(a.sum(first, second, -1), (w[k - 1, 0], w[k - 1, 1]))

    def _split(self, x: Parts) -> NDArray[Any]:
        a, n = self.arithmetic, self.points
        output = np.zeros((n + 1, 2), dtype=x[0].dtype)
        first = a.divided((x[0][:1], x[1][:1]), 2)
        output[0, 0] = a.wrapped(first[0] + first[1])[0]
        output[n, 0] = a.wrapped(first[0] - first[1])[0]
        k = np.arange(1, n // 2 + 1)
        total, turned = self._mixed(x, x)
        output[k, 0] = a.half(total[0] + turned[0])
        output[k, 1] = a.half(total[1] + turned[1])
        output[n - k, 0] = a.half(total[0] - turned[0])
        output[n - k, 1] = a.half(turned[1] - total[1])
        return output

    def _joined(self, x: Parts) -> Parts:
        a, n = self.arithmetic, self.points
        real, imaginary = np.zeros(n, dtype=x[0].dtype), np.zeros(n, dtype=x[0].dtype)
        ends = a.wrapped(x[0][:1] + x[0][n:]), a.wrapped(x[0][:1] - x[0][n:])
        first = a.divided(ends, 2)
        real[0], imaginary[0] = first[0][0], first[1][0]
        k = np.arange(1, n // 2 + 1)
        total, turned = self._mixed(x, x)
        sums, differences = a.sum(total, turned), a.sum(total, turned, -1)
        real[k], imaginary[k] = sums
        real[n - k], imaginary[n - k] = differences[0], a.wrapped(-differences[1])
        return real, imaginary


def real_transform(
    length: int, dtype: DType = DType.INT16, *, inverse: bool = False
) -> RealTransform:
    """The transform of ``length`` real numbers, a power of two from 4 on, or its inverse."""
    arithmetic = Arithmetic(dtype)
    points = length // 2
    radices: list[int] = []
    rest = points
    while rest > 1:
        radices.append(4 if rest % 4 == 0 else 2)
        rest //= radices[-1]
    stages = []
    stride, span = 1, points
    for radix in radices:
        span //= radix
        stages.append(Stage(radix, span, stride))
        stride *= radix

    def order(first: int, step: int, remaining: list[int]) -> list[int]:
        if not remaining:
            return [first]
        radix, *others = remaining
        return [
            place for j in range(radix) for place in order(first + j * step, step * radix, others)
        ]

    sign = -1 if inverse else 1
    twiddles = [arithmetic.twiddle(sign * -2 * _PI * i / points) for i in range(points)]
    split = [arithmetic.twiddle(sign * -_PI * ((i + 1) / points + 0.5)) for i in range(points // 2)]
    return RealTransform(
        arithmetic=arithmetic,
        inverse=inverse,
        points=points,
        stages=tuple(reversed(stages)),
        order=np.array(order(0, 1, radices), dtype=np.uint16),
        twiddles=np.array(twiddles, dtype=dtype.numpy),
        split_twiddles=np.array(split, dtype=dtype.numpy),
    )
