# SPDX-License-Identifier: Apache-2.0
"""Fourier transform of real int16 numbers, bit for bit kissfft's 16-bit fixed point.

``kiss_fftr`` of ``FIXED_POINT=16``: radix 4 and 2 decimation in time, each stage scaled down by its
radix, then the split of the transform of half the length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinygen.graph import AnyArray

Int64Array = NDArray[np.int64]

_PI = 3.141592653589793


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
    cosine and sine in Q0.15.
    """

    points: int
    stages: tuple[Stage, ...]
    order: NDArray[np.uint16]
    twiddles: NDArray[np.int16]
    split_twiddles: NDArray[np.int16]

    def apply(self, values: AnyArray) -> NDArray[np.int16]:
        """The points + 1 complex numbers, as pairs, of 2 · points int16 values."""
        pairs = values.astype(np.int64).reshape(-1, 2)[self.order]
        real, imaginary = pairs[:, 0].copy(), pairs[:, 1].copy()
        w = self.twiddles.astype(np.int64)
        for stage in self.stages:
            shape = (-1, stage.radix, stage.span)
            re, im = real.reshape(shape), imaginary.reshape(shape)
            k = np.arange(stage.span) * stage.stride
            parts = [_divided(re[:, j], im[:, j], stage.radix) for j in range(stage.radix)]
            turned = [parts[0]] + [
                _product(*parts[j], w[j * k, 0], w[j * k, 1]) for j in range(1, stage.radix)
            ]
            outputs = _butterfly(turned)
            real = np.stack([part[0] for part in outputs], axis=1).reshape(-1)
            imaginary = np.stack([part[1] for part in outputs], axis=1).reshape(-1)
        return self._split(real, imaginary)

    def _split(self, real: Int64Array, imaginary: Int64Array) -> NDArray[np.int16]:
        n = self.points
        output = np.zeros((n + 1, 2), dtype=np.int64)
        first_real, first_imaginary = _divided(real[:1], imaginary[:1], 2)
        output[0, 0] = (first_real + first_imaginary)[0]
        output[n, 0] = (first_real - first_imaginary)[0]
        k = np.arange(1, n // 2 + 1)
        low = _divided(real[k], imaginary[k], 2)
        high = _divided(real[n - k], _wrapped(-imaginary[n - k]), 2)
        total = _wrapped(low[0] + high[0]), _wrapped(low[1] + high[1])
        difference = _wrapped(low[0] - high[0]), _wrapped(low[1] - high[1])
        w = self.split_twiddles.astype(np.int64)
        turned = _product(*difference, w[k - 1, 0], w[k - 1, 1])
        output[k, 0] = (total[0] + turned[0]) >> 1
        output[k, 1] = (total[1] + turned[1]) >> 1
        output[n - k, 0] = (total[0] - turned[0]) >> 1
        output[n - k, 1] = (turned[1] - total[1]) >> 1
        return output.reshape(-1).astype(np.int16)


def _wrapped(x: Int64Array) -> Int64Array:
    return x.astype(np.int16).astype(np.int64)


def _rounded(x: Int64Array) -> Int64Array:
    wide = x.astype(np.int32).astype(np.int64) + (1 << 14)
    return _wrapped(wide.astype(np.int32).astype(np.int64) >> 15)


def _divided(re: Int64Array, im: Int64Array, divisor: int) -> tuple[Int64Array, Int64Array]:
    factor = 32767 // divisor
    return _rounded(re * factor), _rounded(im * factor)


def _product(
    re: Int64Array, im: Int64Array, cosine: Int64Array, sine: Int64Array
) -> tuple[Int64Array, Int64Array]:
    return _rounded(re * cosine - im * sine), _rounded(re * sine + im * cosine)


def _butterfly(
    x: list[tuple[Int64Array, Int64Array]],
) -> list[tuple[Int64Array, Int64Array]]:
    def add(
        a: tuple[Int64Array, Int64Array], b: tuple[Int64Array, Int64Array], sign: int = 1
    ) -> tuple[Int64Array, Int64Array]:
        return _wrapped(a[0] + sign * b[0]), _wrapped(a[1] + sign * b[1])

    if len(x) == 2:
        return [add(x[0], x[1]), add(x[0], x[1], -1)]
    even, odd = add(x[0], x[2]), add(x[0], x[2], -1)
    total, difference = add(x[1], x[3]), add(x[1], x[3], -1)
    quarter = difference[1], -difference[0]
    return [add(even, total), add(odd, quarter), add(even, total, -1), add(odd, quarter, -1)]


def _twiddle(phase: float) -> tuple[int, int]:
    return math.floor(0.5 + 32767 * math.cos(phase)), math.floor(0.5 + 32767 * math.sin(phase))


def real_transform(length: int) -> RealTransform:
    """The transform of ``length`` real numbers, a power of two from 4 on."""
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

    twiddles = [_twiddle(-2 * _PI * i / points) for i in range(points)]
    split = [_twiddle(-_PI * ((i + 1) / points + 0.5)) for i in range(points // 2)]
    return RealTransform(
        points=points,
        stages=tuple(reversed(stages)),
        order=np.array(order(0, 1, radices), dtype=np.uint16),
        twiddles=np.array(twiddles, dtype=np.int16),
        split_twiddles=np.array(split, dtype=np.int16),
    )
