# SPDX-License-Identifier: Apache-2.0
"""Random models of TFLM's signal operators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from flatbuffers import flexbuffers  # type: ignore[import-untyped]

from tests.models.builder import ModelBuilder
from tests.ops.generators import common
from tests.ops.generators.common import Rng, TypedGenerator
from tinygen.ir.graph import AnyArray

_TENSOR_TYPES = {"FLOAT32": 0, "INT32": 2, "INT16": 7}


def options(**entries: Any) -> bytes:
    """A FlexBuffers map."""
    return bytes(flexbuffers.Dumps(entries))


def _outer(rng: Rng) -> tuple[int, ...]:
    return tuple(int(rng.integers(1, 4)) for _ in range(int(rng.integers(0, 3))))


def random_framer(rng: Rng, dtype: str) -> bytes:
    """Frames as long as a step or longer, some steps a call."""
    step, frames = int(rng.integers(1, 9)), int(rng.integers(1, 4))
    size = step + int(rng.integers(0, 12))
    outer = _outer(rng)
    builder = ModelBuilder()
    x = builder.tensor((*outer, step * frames), dtype)
    y, valid = builder.tensor((*outer, frames, size), dtype), builder.tensor((), "BOOL")
    # Without a prefill the first frames are not complete, and TFLM leaves them unwritten.
    packed = options(frame_size=size, frame_step=step, prefill=True)
    builder.custom("SignalFramer", [x], [y, valid], custom_options=packed)
    return builder.inputs(x).outputs(y, valid).build()


def random_delay(rng: Rng, dtype: str) -> bytes:
    """A delay shorter or longer than a frame."""
    shape = (*_outer(rng), int(rng.integers(1, 12)))
    builder = ModelBuilder()
    x, y = builder.tensor(shape, dtype), builder.tensor(shape, dtype)
    packed = options(delay_length=int(rng.integers(1, 25)))
    builder.custom("SignalDelay", [x], [y], custom_options=packed)
    return builder.inputs(x).outputs(y).build()


def random_stacker(rng: Rng, dtype: str) -> bytes:
    """A stack that is full from the first frame on, moved by one frame."""
    channels, left = int(rng.integers(1, 9)), int(rng.integers(0, 5))
    stacked = channels * (left + 1)
    builder = ModelBuilder()
    x, y = builder.tensor((channels,), dtype), builder.tensor((stacked,), dtype)
    valid = builder.tensor((), "BOOL")
    packed = options(
        num_channels=channels,
        stacker_left_context=left,
        stacker_right_context=0,
        stacker_step=1,
    )
    builder.custom("SignalStacker", [x], [y, valid], custom_options=packed)
    return builder.inputs(x).outputs(y, valid).build()


def random_overlap_add(rng: Rng, dtype: str) -> bytes:
    """Frames that overlap by any part."""
    size, frames, outer = int(rng.integers(1, 14)), int(rng.integers(1, 4)), _outer(rng)
    step = int(rng.integers(1, size + 1))
    builder = ModelBuilder()
    x = builder.tensor((*outer, frames, size), dtype)
    y = builder.tensor((*outer, frames * step), dtype)
    packed = options(T=_TENSOR_TYPES[dtype], frame_step=step)
    builder.custom("SignalOverlapAdd", [x], [y], custom_options=packed)
    return builder.inputs(x).outputs(y).build()


def random_window(rng: Rng, dtype: str) -> bytes:
    """A window over one or several frames."""
    size = int(rng.integers(1, 40))
    shape = (*_outer(rng), size)
    builder = ModelBuilder()
    x, y = builder.tensor(shape, dtype), builder.tensor(shape, dtype)
    w = builder.tensor((size,), dtype, data=common.values(rng, (size,), dtype))
    packed = options(shift=int(rng.integers(0, 17)))
    builder.custom("SignalWindow", [x, w], [y], custom_options=packed)
    return builder.inputs(x).outputs(y).build()


def random_fft_auto_scale(rng: Rng, dtype: str) -> bytes:
    """Any number of samples."""
    shape = (int(rng.integers(1, 60)),)
    builder = ModelBuilder()
    x, y, bits = builder.tensor(shape, dtype), builder.tensor(shape, dtype), 0
    bits = builder.tensor((), "INT32")
    builder.custom("SignalFftAutoScale", [x], [y, bits])
    return builder.inputs(x).outputs(y, bits).build()


def random_rfft(rng: Rng, dtype: str) -> bytes:
    """A power of two from 4 to 512, of as many numbers or fewer."""
    length = 1 << int(rng.integers(2, 10))
    given = length if common.chance(rng, 0.5) else int(rng.integers(1, length + 1))
    builder = ModelBuilder()
    x, y = builder.tensor((given,), dtype), builder.tensor((length + 2,), dtype)
    packed = options(T=_TENSOR_TYPES[dtype], fft_length=length)
    builder.custom("SignalRfft", [x], [y], custom_options=packed)
    return builder.inputs(x).outputs(y).build()


def random_irfft(rng: Rng, dtype: str) -> bytes:
    """The way back, of any spectrum."""
    length = 1 << int(rng.integers(2, 10))
    builder = ModelBuilder()
    x, y = builder.tensor((length + 2,), dtype), builder.tensor((length,), dtype)
    packed = options(T=_TENSOR_TYPES[dtype], fft_length=length)
    builder.custom("SignalIrfft", [x], [y], custom_options=packed)
    return builder.inputs(x).outputs(y).build()


def random_energy(rng: Rng, dtype: str) -> bytes:
    """All of a spectrum; what is outside of the range TFLM leaves unwritten."""
    count = int(rng.integers(1, 40))
    builder = ModelBuilder()
    x, y = builder.tensor((2 * count,), dtype), builder.tensor((count,), "UINT32")
    packed = options(start_index=0, end_index=count)
    builder.custom("SignalEnergy", [x], [y], custom_options=packed)
    return builder.inputs(x).outputs(y).build()


def random_filter_bank(rng: Rng, dtype: str) -> bytes:
    """Channels of any width over a spectrum."""
    channels, bins = int(rng.integers(1, 12)), int(rng.integers(8, 60))
    widths = rng.integers(0, 8, channels + 1).astype(np.int16)
    starts = rng.integers(0, bins - widths + 1).astype(np.int16)
    offsets = np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.int16)
    total = max(int(widths.sum()), 1)
    builder = ModelBuilder()
    x = builder.tensor((bins,), dtype)
    weights = rng.integers(0, 4096, total).astype(np.int16)
    tables = [weights, (4096 - weights).astype(np.int16), starts, offsets, widths]
    constants = [builder.tensor(t.shape, "INT16", data=t) for t in tables]
    y = builder.tensor((channels,), "UINT64")
    packed = options(num_channels=channels)
    builder.custom("SignalFilterBank", [x, *constants], [y], custom_options=packed)
    return builder.inputs(x).outputs(y).build()


def random_filter_bank_square_root(rng: Rng, dtype: str) -> bytes:
    """Roots of anything, shifted by a constant number of bits behind an operator."""
    shape = (int(rng.integers(1, 20)),)
    builder = ModelBuilder()
    x, y = builder.tensor(shape, dtype), builder.tensor(shape, "UINT32")
    samples = builder.tensor((8,), "INT16")
    scaled, bits = builder.tensor((8,), "INT16"), builder.tensor((), "INT32")
    builder.custom("SignalFftAutoScale", [samples], [scaled, bits])
    builder.custom("SignalFilterBankSquareRoot", [x, bits], [y])
    return builder.inputs(x, samples).outputs(y, scaled).build()


def random_spectral_subtraction(rng: Rng, dtype: str) -> bytes:
    """Noise estimates over several calls."""
    channels = int(rng.integers(1, 20))
    builder = ModelBuilder()
    x = builder.tensor((channels,), dtype)
    y, noise = builder.tensor((channels,), dtype), builder.tensor((channels,), dtype)
    bits = int(rng.integers(8, 17))
    one = 1 << bits
    smoothing, alternate = int(rng.integers(0, one + 1)), int(rng.integers(0, one + 1))
    packed = options(
        num_channels=channels,
        smoothing=smoothing,
        one_minus_smoothing=one - smoothing,
        alternate_smoothing=alternate,
        alternate_one_minus_smoothing=one - alternate,
        smoothing_bits=int(rng.integers(0, 13)),
        min_signal_remaining=int(rng.integers(0, one + 1)),
        clamping=common.chance(rng, 0.5),
        spectral_subtraction_bits=bits,
    )
    builder.custom("SignalFilterBankSpectralSubtraction", [x], [y, noise], custom_options=packed)
    return builder.inputs(x).outputs(y, noise).build()


def _gains(rng: Rng) -> AnyArray:
    """A table of gains that falls as the noise grows, as TFLM's do."""
    table = np.sort(rng.integers(-2000, 2000, 125)).astype(np.int16)[::-1]
    return np.ascontiguousarray(table)


def random_pcan(rng: Rng, dtype: str) -> bytes:
    """Gain control by any table."""
    channels = int(rng.integers(1, 20))
    builder = ModelBuilder()
    x, noise, y = (builder.tensor((channels,), dtype) for _ in range(3))
    table = builder.tensor((125,), "INT16", data=_gains(rng))
    packed = options(snr_shift=int(rng.integers(0, 16)))
    builder.custom("SignalPCAN", [x, noise, table], [y], custom_options=packed)
    return builder.inputs(x, noise).outputs(y).build()


def random_filter_bank_log(rng: Rng, dtype: str) -> bytes:
    """Logarithms of anything."""
    channels = int(rng.integers(1, 20))
    builder = ModelBuilder()
    x, y = builder.tensor((channels,), dtype), builder.tensor((channels,), "INT16")
    packed = options(
        input_correction_bits=int(rng.integers(0, 4)),
        output_scale=int(math.pow(2.0, rng.uniform(0, 12))),
    )
    builder.custom("SignalFilterBankLog", [x], [y], custom_options=packed)
    return builder.inputs(x).outputs(y).build()


TYPED: Mapping[str, TypedGenerator] = {
    "SignalDelay": (random_delay, ("INT16",)),
    "SignalEnergy": (random_energy, ("INT16",)),
    "SignalFftAutoScale": (random_fft_auto_scale, ("INT16",)),
    "SignalFilterBank": (random_filter_bank, ("UINT32",)),
    "SignalFilterBankLog": (random_filter_bank_log, ("UINT32",)),
    "SignalFilterBankSpectralSubtraction": (random_spectral_subtraction, ("UINT32",)),
    "SignalFilterBankSquareRoot": (random_filter_bank_square_root, ("UINT64",)),
    "SignalFramer": (random_framer, ("INT16",)),
    "SignalOverlapAdd": (random_overlap_add, ("FLOAT32", "INT16")),
    "SignalPCAN": (random_pcan, ("UINT32",)),
    "SignalIrfft": (random_irfft, ("FLOAT32", "INT16", "INT32")),
    "SignalRfft": (random_rfft, ("FLOAT32", "INT16", "INT32")),
    "SignalStacker": (random_stacker, ("INT16",)),
    "SignalWindow": (random_window, ("INT16",)),
}
"""The generators of this file, with the types of their inputs."""
