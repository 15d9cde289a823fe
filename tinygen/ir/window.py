# SPDX-License-Identifier: Apache-2.0
"""The sliding window of convolutions and pools: size, stride, dilation, padding, output extent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray


@dataclass(frozen=True)
class Axis:
    """A window along one axis. Units are elements of the input along that axis.

    Output position y reads inputs y * stride - pad + k * dilation for k in [0, size); those outside
    [0, input) are padding. ``pad`` is what comes before the first input.
    """

    input: int
    output: int
    size: int
    stride: int
    dilation: int
    pad: int

    @property
    def pad_after(self) -> int:
        """Padding read behind the last input by the last output position."""
        last = (self.output - 1) * self.stride - self.pad + (self.size - 1) * self.dilation
        return max(0, last - (self.input - 1))


@dataclass(frozen=True)
class Window:
    """A window over height and width."""

    height: Axis
    width: Axis

    def patches(self, image: AnyArray, padding: int) -> AnyArray:
        """The window's view of every output position.

        ``image`` is NHWC; the result is (N, out_h, out_w, size_h, size_w, C), with ``padding``
        where the window leaves the image.
        """
        rows, columns = self.height, self.width
        padded = np.pad(
            image,
            (
                (0, 0),
                (rows.pad, rows.pad_after),
                (columns.pad, columns.pad_after),
                (0, 0),
            ),
            constant_values=padding,
        )
        y = (
            np.arange(rows.output)[:, None] * rows.stride
            + np.arange(rows.size)[None, :] * rows.dilation
        )
        x = (
            np.arange(columns.output)[:, None] * columns.stride
            + np.arange(columns.size)[None, :] * columns.dilation
        )
        result: AnyArray = padded[:, y[:, None, :, None], x[None, :, None, :], :]
        return result
