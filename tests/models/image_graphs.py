# SPDX-License-Identifier: Apache-2.0
"""Random image networks: branches, residuals, concatenations; strides, paddings, kernels up to 7.

Every operator is one of those that can be streamed, or CONCATENATION and RESHAPE, which end a chain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.models.builder import ModelBuilder

_WINDOWS = (1, 1, 2, 3, 3, 3, 5, 7)
_ACTIVATIONS = ("NONE", "RELU", "RELU6")
_ZERO_POINT = -3
_SCALE = 0.05
_LEAST_EXTENT = 3


class ImageGraph:
    """Grows a network operator by operator; ``build`` gives the file."""

    def __init__(self, rng: np.random.Generator, operators: int) -> None:
        self.rng = rng
        self.builder = ModelBuilder()
        self.shapes: dict[int, tuple[int, int, int]] = {}
        self.unread: set[int] = set()
        shape = (self._pick(6, 15), self._pick(4, 10), self._pick(1, 5))
        self.input = self._image(shape)
        growers: list[Callable[[], None]] = [
            self._convolution,
            self._convolution,
            self._depthwise,
            self._pool,
            self._residual,
            self._join,
            self._activation,
        ]
        while len(self.shapes) <= operators:
            growers[int(rng.integers(len(growers)))]()
        if rng.random() < 0.4:
            self._global_pool()

    def _pick(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high))

    def _image(self, shape: tuple[int, int, int]) -> int:
        index = self.builder.tensor((1, *shape), "INT8", scale=_SCALE, zero_point=_ZERO_POINT)
        self.shapes[index] = shape
        self.unread.add(index)
        return index

    def _source(self) -> int:
        """Mostly the newest tensor, sometimes an older one: a branch."""
        known = list(self.shapes)
        index = known[-1] if self.rng.random() < 0.7 else known[self._pick(0, len(known))]
        self.unread.discard(index)
        return index

    def _window(self, shape: tuple[int, int, int]) -> tuple[tuple[int, int], str, int, int, int]:
        """Size, padding, stride and output extents that fit."""
        while True:
            size = (int(self.rng.choice(_WINDOWS)), int(self.rng.choice(_WINDOWS)))
            stride = int(self.rng.choice([1, 1, 1, 2, 2, 3]))
            padding = "SAME" if self.rng.random() < 0.7 else "VALID"
            extents = [
                -(-n // stride) if padding == "SAME" else (n - k + stride) // stride
                for n, k in zip(shape[:2], size, strict=True)
            ]
            if min(extents) >= _LEAST_EXTENT or (min(extents) >= 1 and min(shape[:2]) <= 3):
                return size, padding, stride, extents[0], extents[1]

    def _weighted(self, source: int, channels: int, *, depthwise: bool, step: int = 0) -> int:
        shape = self.shapes[source]
        if step:
            size, padding, stride = (step, step), "SAME", 1
            rows, columns = shape[:2]
        else:
            size, padding, stride, rows, columns = self._window(shape)
        rng = self.rng
        dimensions = (1, *size, channels) if depthwise else (channels, *size, shape[2])
        scales = rng.uniform(0.002, 0.02, channels)
        weights = self.builder.tensor(
            dimensions,
            "INT8",
            scale=scales,
            axis=3 if depthwise else 0,
            data=rng.integers(-127, 128, dimensions).astype(np.int8),
        )
        bias = self.builder.tensor(
            (channels,),
            "INT32",
            scale=scales * _SCALE,
            data=rng.integers(-400, 400, channels).astype(np.int32),
        )
        target = self._image((rows, columns, channels))
        options: dict[str, Any] = {"depth_multiplier": channels // shape[2]} if depthwise else {}
        self.builder.operator(
            "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
            [source, weights, bias],
            [target],
            padding=padding,
            stride_w=stride,
            stride_h=stride,
            fused_activation_function=str(rng.choice(_ACTIVATIONS)),
            **options,
        )
        return target

    def _convolution(self) -> None:
        self._weighted(self._source(), self._pick(1, 9), depthwise=False)

    def _depthwise(self) -> None:
        source = self._source()
        multiplier = 2 if self.rng.random() < 0.2 else 1
        self._weighted(source, self.shapes[source][2] * multiplier, depthwise=True)

    def _pool(self) -> None:
        source = self._source()
        size, padding, stride, rows, columns = self._window(self.shapes[source])
        target = self._image((rows, columns, self.shapes[source][2]))
        self.builder.operator(
            str(self.rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"])),
            [source],
            [target],
            padding=padding,
            stride_w=stride,
            stride_h=stride,
            filter_height=size[0],
            filter_width=size[1],
            fused_activation_function="NONE",
        )

    def _add(self, a: int, b: int) -> None:
        self.unread -= {a, b}
        target = self._image(self.shapes[a])
        self.builder.operator("ADD", [a, b], [target], fused_activation_function="RELU")

    def _residual(self) -> None:
        """Two convolutions and their input, added."""
        source = self._source()
        middle = self._weighted(source, self._pick(1, 7), depthwise=False, step=3)
        step = int(self.rng.choice([1, 3, 5]))
        main = self._weighted(middle, self.shapes[source][2], depthwise=False, step=step)
        self._add(main, source)

    def _join(self) -> None:
        """Two tensors of the same extents, added if their channels agree, else side by side."""
        known = list(self.shapes)
        pairs = [
            (a, b)
            for a in known
            for b in known
            if a < b and self.shapes[a][:2] == self.shapes[b][:2]
        ]
        if not pairs:
            return
        a, b = pairs[self._pick(0, len(pairs))]
        if self.shapes[a] == self.shapes[b] and self.rng.random() < 0.7:
            self._add(a, b)
            return
        self.unread -= {a, b}
        rows, columns, channels = self.shapes[a]
        target = self._image((rows, columns, channels + self.shapes[b][2]))
        self.builder.operator(
            "CONCATENATION", [a, b], [target], axis=3, fused_activation_function="NONE"
        )

    def _activation(self) -> None:
        source = self._source()
        target = self._image(self.shapes[source])
        self.builder.operator(str(self.rng.choice(["RELU", "RELU6"])), [source], [target])

    def _global_pool(self) -> None:
        source = list(self.shapes)[-1]
        rows, columns, channels = self.shapes[source]
        self.unread.discard(source)
        target = self._image((1, 1, channels))
        self.builder.operator(
            "AVERAGE_POOL_2D",
            [source],
            [target],
            padding="VALID",
            stride_w=1,
            stride_h=1,
            filter_height=rows,
            filter_width=columns,
            fused_activation_function="NONE",
        )

    def build(self) -> bytes:
        """The model; what nothing reads is its output."""
        self.unread.discard(self.input)
        return self.builder.inputs(self.input).outputs(*sorted(self.unread)).build()
