# SPDX-License-Identifier: Apache-2.0
"""CONV_2D with a 3x3 filter and stride 1 by exact integer Winograd: ``dsp/winograd.h``.

The transforms are Lavin & Gray's (arXiv:1509.09308) with rows of G scaled to integers, and those of
the output's to match; what is proven of a layer before the kernel takes it:

* transformed inputs and weights are int16: from the signs of the input transform for any input, and
  from the layer's weights themselves;
* sums are the convolution's times ``scale`` modulo 2**32, because everything until then is integer
  additions and multiplications; the odd part of the scale has an inverse modulo 2**32, and what is
  left, ``kept`` times the sum, is int32 for every accumulator that the layer can reach;
* requantization equals its definition there (``numerics.fitted``).

Weights grow (tile + 2)**2 · 2 / 9 times, so plans take the kernel only where they are allowed to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygen.kernels.binding import Assembly, Binding, Call, Overlap, Raw, ScratchArgument
from tinygen.kernels.costs import Costs
from tinygen.kernels.dsp.base import dsp
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.operands import in_and_out
from tinygen.kernels.structs import struct
from tinygen.numerics.fixed_point import Int32Array, Int64Array, wrap_int32
from tinygen.ops.convolution import Conv2D, Int8Array
from tinygen.requantize.channels import folded_bias, per_channel
from tinygen.requantize.choose import Scaling, fitted, two_roundings
from tinygen.requantize.fitted import accumulator_bounds, largest_shift

_UNROLLS = (8, 4, 2)
"""Steps of one turn of the multiplication's loop."""
_FITTED_SHIFT = 10
"""The right shift that fits nearly every channel of nearly every layer, so that all share code."""
_EXACT_SHIFT = 10
"""The same for the two roundings."""

_COSTS = Costs("dsp.winograd")

_INT16 = (-(1 << 15), (1 << 15) - 1)


@dataclass(frozen=True)
class _Form:
    """F(tile x tile, 3x3) in integers.

    Matrices are (frequencies, 3), (frequencies, frequencies) and (tile, frequencies) along an axis.
    Inputs have ``offset`` added before they are transformed.
    """

    tile: int
    scale: int
    kept: int
    offset: int
    filters: tuple[tuple[int, ...], ...]
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    transform_cycles: float
    """For one channel of a tile."""
    finish_cycles: float
    """For one channel of a tile."""

    @property
    def frequencies(self) -> int:
        """Values that a tile is transformed to."""
        return (self.tile + 2) ** 2


F2 = _Form(
    tile=2,
    scale=4,
    kept=4,
    offset=0,
    filters=((2, 0, 0), (1, 1, 1), (1, -1, 1), (0, 0, 2)),
    inputs=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
    outputs=((1, 1, 1, 0), (0, 1, -1, -1)),
    transform_cycles=48.0,
    finish_cycles=75.0,
)
F4 = _Form(
    tile=4,
    scale=576,
    kept=64,
    offset=128,
    filters=((2, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 8)),
    inputs=(
        (4, 0, -5, 0, 1, 0),
        (0, -4, -4, 1, 1, 0),
        (0, 4, -4, -1, 1, 0),
        (0, -2, -1, 2, 1, 0),
        (0, 2, -1, -2, 1, 0),
        (0, 4, 0, -5, 0, 1),
    ),
    outputs=((3, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 3)),
    transform_cycles=330.0,
    finish_cycles=310.0,
)


def transformed_weights(form: _Form, weights: Int8Array) -> Int64Array:
    """(out channels, frequencies, in channels) of weights (out channels, 3, 3, in channels)."""
    g = np.array(form.filters, np.int64)
    both = np.einsum("iy,jx,oyxc->oijc", g, g, weights.astype(np.int64), optimize=True)
    result: Int64Array = both.reshape(len(weights), form.frequencies, -1)
    return result


def input_range(form: _Form) -> tuple[int, int]:
    """The least and greatest transformed input, over all int8 inputs."""
    b = np.array(form.inputs, np.int64)
    both = np.einsum("iy,jx->ijyx", b, b).reshape(form.frequencies, -1)
    positive, negative = np.maximum(both, 0).sum(axis=1), np.maximum(-both, 0).sum(axis=1)
    least, most = form.offset - 128, form.offset + 127
    return (
        int((positive * least - negative * most).min()),
        int((positive * most - negative * least).max()),
    )


def _scaling(form: _Form, layer: Conv2D) -> Scaling | None:
    """The fitted requantization, or the two roundings, or None if neither does every channel."""
    low, high = accumulator_bounds(layer.weights, layer.bias, layer.input_zero_point)
    if max(int(np.abs(low).max()), int(np.abs(high).max())) * form.kept >= 1 << 31:
        return None
    q = per_channel(layer.requantization, len(low))
    kept = np.full(len(low), form.kept, np.int64)
    shift = min(_FITTED_SHIFT, largest_shift(q, kept, np.ones(len(low), np.bool_)))
    if shift >= 1:
        found = fitted(q, low, high, shift, scales=kept)
        if not found.missing.any():
            return found
    exact = two_roundings(q, low, high, _EXACT_SHIFT)
    return None if exact.missing.any() else exact


def _constants(form: _Form, layer: Conv2D, q: Scaling) -> Int32Array:
    """(channels, 3): what is added to a channel's sums, and its two constants."""
    zero_point = layer.input_zero_point + form.offset
    starts = form.scale * folded_bias(layer.weights, layer.bias, zero_point)
    starts += q.nudges * (form.scale // form.kept)
    return wrap_int32(np.concatenate([starts[:, None], q.words], axis=1))


def _stream(weights: Int64Array, constants: Int32Array) -> Int32Array:
    """The stream of ``dsp/winograd.h``."""
    channels, frequencies, depth = weights.shape
    quads = channels // 4
    # Channels k and k + 2 are the halves of a word.
    groups = weights.astype("<i2").reshape(quads, 4, frequencies, depth // 4, 2, 2)
    lanes = np.ascontiguousarray(groups.transpose(0, 2, 3, 5, 1, 4))
    words = lanes.reshape(quads, -1).view("<i4")
    both = np.concatenate([words, constants.reshape(quads, 12)], axis=1)
    return both.astype(np.int32).reshape(-1)


def _unroll(depth: int) -> int:
    return next(unroll for unroll in _UNROLLS if depth // 2 % unroll == 0)


def _offer(form: _Form, layer: Conv2D) -> Offer | Refusal:
    if any(
        (axis.size, axis.stride, axis.dilation) != (3, 1, 1)
        for axis in (layer.window.height, layer.window.width)
    ):
        return Refusal("is for 3x3 filters, stride 1, without dilation")
    if layer.groups > 1:
        return Refusal(f"has {layer.groups} groups of channels")
    channels, depth = layer.output_shape[3], layer.input_shape[3]
    if depth % 4 != 0 or channels % 4 != 0:
        return Refusal("is for multiples of four channels")
    least, most = input_range(form)
    weights = transformed_weights(form, layer.weights)
    if min(least, int(weights.min())) < _INT16[0] or max(most, int(weights.max())) > _INT16[1]:
        return Refusal("transformed inputs or weights are not int16")
    q = _scaling(form, layer)
    if q is None:
        return Refusal("accumulators are too large, or a channel's requantization is not proven")
    return Offer(
        _cycles(form, layer, q),
        lambda: _bind(form, layer, weights, q),
        constant_bytes=channels * (2 * form.frequencies * depth + 12),
    )


def _cycles(form: _Form, layer: Conv2D, q: Scaling) -> float:
    batches, rows, columns, channels = layer.output_shape
    depth = layer.input_shape[3]
    pairs = batches * -(-rows // form.tile) * -(-columns // (2 * form.tile))
    turns = depth // 2 // _unroll(depth)
    frequency = 8 * depth + 18 + (5 + 5 * turns) * (turns > 1)
    finish = form.finish_cycles
    if q.two_roundings:
        finish += form.tile**2 * _COSTS.two_roundings
    quad = form.frequencies * frequency + 8 * finish + _COSTS.quad
    return pairs * (channels / 4 * quad + 2 * depth * form.transform_cycles + _COSTS.pair)


def _bind(form: _Form, layer: Conv2D, weights: Int64Array, q: Scaling) -> Binding:
    parameters = struct(
        "tinygen_winograd_params",
        layer,
        transform=Raw(f"tinygen_winograd{form.tile}_input"),
        multiply=_multiply(layer.input_shape[3]),
        finish=_finish(form, q),
        stream=_stream(weights, _constants(form, layer, q)),
        target=struct(
            "tinygen_winograd_target",
            q,
            pixel=layer.output_shape[3],
            row=layer.output_shape[2] * layer.output_shape[3],
        ),
        tile=form.tile,
        padding=layer.input_zero_point,
    )
    arguments = (parameters, *in_and_out(layer), ScratchArgument("uint32_t"))
    return Binding(
        calls=(Call("tinygen_winograd_conv2d", arguments),),
        headers=(f"dsp/winograd_f{form.tile}.h",),
        scratch_bytes=_scratch_bytes(form, layer),
        overlaps=_overlaps(form, layer),
        notes=(q.note,),
    )


def _scratch_bytes(form: _Form, layer: Conv2D) -> int:
    depth = layer.input_shape[3]
    patch = (form.tile + 2) * (2 * form.tile + 2) * depth
    return 4 * form.frequencies * depth + max(32 * form.frequencies, patch)


def _overlaps(form: _Form, layer: Conv2D) -> tuple[Overlap, ...]:
    """A row of tiles may be written where no input is that it or later ones need."""
    if layer.input_shape[0] != 1:
        return ()
    rows = layer.window.height
    input_row = layer.input_shape[2] * layer.input_shape[3]
    output_row = layer.output_shape[2] * layer.output_shape[3]
    lead = max(
        min(y + form.tile, rows.output) * output_row - max(0, y - rows.pad) * input_row
        for y in range(0, rows.output, form.tile)
    )
    return (Overlap(layer.inputs[0], layer.outputs[0], lead),)


def _multiply(depth: int) -> Assembly:
    unroll = _unroll(depth)
    return Assembly(
        "dsp/winograd_multiply.inc",
        "tinygen_winograd_multiply_function",
        "tinygen_winograd_multiply",
        (("unroll", unroll), ("single", int(depth // 2 == unroll))),
    )


def _finish(form: _Form, q: Scaling) -> Assembly:
    return Assembly(
        f"dsp/winograd_f{form.tile}_finish.inc",
        "tinygen_winograd_output_function",
        f"tinygen_winograd{form.tile}_finish",
        (
            ("finish", int(q.two_roundings)),
            ("shift", q.shift),
            ("cut", int(q.cut != 0)),
        ),
    )


@dsp("conv2d_winograd_f2", Conv2D, grows=True)
def conv2d_f2(layer: Conv2D) -> Offer | Refusal:
    """Two by two outputs a tile."""
    return _offer(F2, layer)


@dsp("conv2d_winograd_f4", Conv2D, grows=True)
def conv2d_f4(layer: Conv2D) -> Offer | Refusal:
    """Four by four outputs a tile."""
    return _offer(F4, layer)


KERNELS = (conv2d_f2, conv2d_f4)
