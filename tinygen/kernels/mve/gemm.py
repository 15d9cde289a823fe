# SPDX-License-Identifier: Apache-2.0
"""``mve/gemm_s8.inc``: which of its forms fits a window, its parameters, its packed weights."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinygen.ir.graph import AnyArray
from tinygen.kernels.binding import Assembly
from tinygen.kernels.mve.requantization import ChannelConstants
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import Int32Array

VECTOR = 16
"""Values in a vector."""
_MOST_UNROLLED = 40
"""Steps of a window that are unrolled at most."""
_MOST_SEGMENT_STEPS = 64
_CHUNK = 8
"""Steps in a turn of the loop over a long window."""
_REACH = 1016
"""Bytes within reach of one pointer."""
_MOST_IMMEDIATE = 4095


@dataclass(frozen=True)
class Window:
    """A window of the input as the product reads it: segments of contiguous values.

    ``pixel_bytes`` lie between windows, ``segment_bytes`` between segments. Several segments have a
    multiple of 16 values each. ``overread``: what lies behind a window may be read; if it may not,
    its values are a multiple of 4.
    """

    segments: int
    segment_values: int
    segment_bytes: int
    pixel_bytes: int
    overread: bool

    @property
    def values(self) -> int:
        """Taps of the filter."""
        return self.segments * self.segment_values


@dataclass(frozen=True)
class Tile:
    """How the product goes through a window."""

    pixels: int
    pixel_bytes: int
    segments: int
    steps: int
    segment_bytes: int
    loop: bool
    far: bool
    rest: int
    tail: int
    overread: bool

    @property
    def all_steps(self) -> int:
        """Whole vectors in a window."""
        return self.segments * self.steps + self.rest

    @property
    def eights(self) -> bool:
        """Whether windows of 8 values follow each other, so that a vector holds two."""
        return (self.pixels, self.pixel_bytes, self.all_steps, self.tail) == (4, 8, 0, 8)

    def block_cycles(self, channels: int) -> float:
        """Cycles of one block of pixels, estimated for a fitted requantization."""
        if self.eights and channels == 2:
            return 44
        # Loads and products alternate, two cycles a pair; each step waits once.
        step = channels + self.pixels * (1 + channels) + 2
        tail = step + (1 if self.overread else self.pixels)
        loop = 20 + 8 * self.segments if self.loop else self.segments
        return step * self.all_steps + bool(self.tail) * tail + 13 * channels + 4 + loop


def tile(window: Window, pixels: int) -> Tile | None:
    """The form of the product for a window and a number of pixels, or None if none fits."""
    if window.pixel_bytes % 4 != 0:
        return None
    if window.segments > 1:
        steps = window.segment_values // VECTOR
        loop = window.segments * steps > _MOST_UNROLLED or window.segment_bytes > _MOST_IMMEDIATE
        if steps > _MOST_SEGMENT_STEPS:
            return None
        shape = Tile(
            pixels,
            window.pixel_bytes,
            window.segments,
            steps,
            window.segment_bytes,
            loop,
            far=False,
            rest=0,
            tail=0,
            overread=window.overread,
        )
    else:
        steps, tail = divmod(window.segment_values, VECTOR)
        loop = steps > _MOST_UNROLLED
        turns, rest = divmod(steps, _CHUNK) if loop else (1, 0)
        shape = Tile(
            pixels,
            window.pixel_bytes,
            turns,
            _CHUNK if loop else steps,
            _CHUNK * VECTOR if loop else steps * VECTOR,
            loop,
            far=False,
            rest=rest,
            tail=tail,
            overread=window.overread,
        )
    reached = max(shape.steps, shape.rest + 1 if shape.loop else shape.steps + 1) * VECTOR
    if (pixels - 1) * shape.pixel_bytes + reached <= _REACH:
        return shape
    near = (pixels + 1) // 2
    if shape.pixel_bytes * near > 0xFFFF or pixels < 2:
        return None
    if (near - 1) * shape.pixel_bytes + reached <= _REACH:
        return _far(shape)
    return None


def _far(shape: Tile) -> Tile | None:
    """The same with two pointers, which only the looped form has registers for."""
    if shape.loop:
        return replace(shape, far=True)
    if shape.segments > 1:
        return replace(shape, far=True, loop=True)
    turns, rest = divmod(shape.steps, _CHUNK)
    if turns == 0:
        return None
    return replace(
        shape,
        far=True,
        loop=True,
        segments=turns,
        steps=_CHUNK,
        segment_bytes=_CHUNK * VECTOR,
        rest=rest,
    )


def assembly(
    shape: Tile, channels: int, output_channels: int, constants: ChannelConstants
) -> Assembly:
    """The function that computes ``channels`` (1 or 2) channels of a tile at a time."""
    by_bytes = int(channels == 1 or output_channels % 2 == 1)
    twin = struct(
        "tinygen_helium_gemm_shape",
        shape,
        channels=channels,
        output_bytes=output_channels,
        segment_values=shape.steps * VECTOR,
        rest_values=shape.rest * VECTOR + shape.tail,
        **dict(constants.parameters),
    )
    if shape.eights and not by_bytes:
        listing = "mve/gemm_k8_s8.inc"
        parameters: tuple[tuple[str, int], ...] = (("output_bytes", output_channels),)
    else:
        listing = "mve/gemm_s8.inc"
        parameters = (
            ("channels", channels),
            ("pixels", shape.pixels),
            ("pixel_bytes", shape.pixel_bytes),
            ("output_bytes", output_channels),
            ("segments", shape.segments),
            ("steps", shape.steps),
            ("segment_bytes", shape.segment_bytes),
            ("loop", int(shape.loop)),
            ("far", int(shape.far)),
            ("rest", shape.rest),
            ("tail", shape.tail),
            ("overread", int(shape.overread)),
            ("bytes", by_bytes),
        )
    return Assembly(
        listing,
        "tinygen_helium_gemm_function",
        "tinygen_gemm_c",
        (*parameters, *constants.parameters),
        twin,
    )


def _interleaved(filters: AnyArray) -> AnyArray:
    """Vectors of filters (channels, values), step by step, channels next to each other."""
    channels, values = filters.shape
    whole = values - values % VECTOR
    steps = filters[:, :whole].reshape(channels, -1, VECTOR).transpose(1, 0, 2)
    return np.concatenate([steps.reshape(-1), filters[:, whole:].reshape(-1)])


def pack_weights(filters: AnyArray) -> AnyArray:
    """Filters (channels, values), in the window's order, as the product reads them.

    Channels go in pairs; behind an end that is no whole vector there is room for the vector load.
    """
    channels, values = filters.shape
    groups = [_interleaved(filters[i : i + 2]) for i in range(0, channels, 2)]
    slack = -values % VECTOR
    return np.concatenate([*groups, np.zeros(slack, dtype=np.int8)]).astype(np.int8)


def pack_constants(constants: ChannelConstants) -> Int32Array:
    """Biases of a pair, then each channel's scale and last constant."""
    channels = len(constants.biases)
    groups = []
    for i in range(0, channels, 2):
        pair = slice(i, i + 2)
        others = np.stack([constants.scales[pair], constants.lasts[pair]], axis=1)
        groups.append(np.concatenate([constants.biases[pair], others.reshape(-1)]))
    packed: Int32Array = np.concatenate(groups).astype(np.int32)
    return packed
