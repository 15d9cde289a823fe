# SPDX-License-Identifier: Apache-2.0
"""TFLM's signal operators that cut and join streams: Framer, Delay, Stacker and OverlapAdd.

Semantics: ``signal/micro/kernels`` and ``signal/src/circular_buffer.cc``. Each keeps samples from one
inference to the next, in order from the oldest. Where TFLM leaves an output unwritten, because too few
samples have come yet, it is 0 here; the operator's second output says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer
from tinygen.ops.registry import operator
from tinygen.ops.signal import require_types, signal_options
from tinygen.ops.view import OperatorView

I16 = DType.INT16


@dataclass(frozen=True, eq=False, kw_only=True)
class Frames(Layer):
    """``streams`` rows of samples; ``inputs`` end with the states, and so do ``outputs``.

    ``sizes`` are what the kind of operator needs to know, by the names of the C's parameters.
    """

    dtype: DType
    streams: int
    sizes: Mapping[str, int]
    output_shape: tuple[int, ...]
    valid_shape: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Framer(Frames):
    """Frames of ``frame_size`` samples, ``frame_step`` apart; whether all of them are complete."""

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        values, kept, count = inputs
        size, step, frames = (self.sizes[n] for n in ("frame_size", "frame_step", "frames"))
        output = np.zeros((self.streams, frames, size), dtype=np.int16)
        rows = values.reshape(self.streams, frames, step)
        buffer, available, valid = kept.copy(), int(count[0]), True
        for frame in range(frames):
            buffer[:, available : available + step] = rows[:, frame]
            available += step
            if available >= size:
                output[:, frame] = buffer[:, :size]
                buffer[:, :-step] = buffer[:, step:].copy()
                available -= step
            else:
                valid = False
        shaped = output.reshape(self.output_shape)
        flag = np.full(self.valid_shape, valid)
        return shaped, flag, buffer, np.array([available], dtype=np.int32)


@dataclass(frozen=True, eq=False, kw_only=True)
class Delay(Frames):
    """The samples of ``delay`` samples ago; ``frame`` new ones a stream."""

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        values, kept = inputs
        frame = self.sizes["frame"]
        joined = np.concatenate([kept, values.reshape(self.streams, frame)], axis=1)
        return joined[:, :frame].reshape(self.output_shape), joined[:, frame:].copy()


@dataclass(frozen=True, eq=False, kw_only=True)
class Stacker(Frames):
    """The latest ``stacked`` samples, moved by ``step``; the first frame stands for those before it."""

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        values, kept, count = inputs
        channels, stacked, step = (self.sizes[n] for n in ("channels", "stacked", "step"))
        buffer, available = kept.copy(), int(count[0])
        copies = 1 if available >= 0 else 1 + self.sizes["left_context"]
        available = max(available, 0)
        for _ in range(copies):
            buffer[available : available + channels] = values
            available += channels
        valid = available >= stacked
        output = np.zeros(stacked, dtype=np.int16)
        if valid:
            output = buffer[:stacked].copy()
            buffer[: stacked - step] = buffer[step:stacked].copy()
            available -= step
        flag = np.full(self.valid_shape, valid)
        return output, flag, buffer, np.array([available], dtype=np.int32)


@dataclass(frozen=True, eq=False, kw_only=True)
class OverlapAdd(Frames):
    """Sums of overlapping frames of ``frame_size``, ``frame_step`` apart, saturated if int16."""

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        values, kept = inputs
        size, step, frames = (self.sizes[n] for n in ("frame_size", "frame_step", "frames"))
        rows = values.reshape(self.streams, frames, size)
        output = np.zeros((self.streams, frames, step), dtype=values.dtype)
        buffer = kept.copy()
        for frame in range(frames):
            if self.dtype is DType.FLOAT32:
                buffer = buffer + rows[:, frame]
            else:
                total = buffer.astype(np.int32) + rows[:, frame]
                buffer = np.clip(total, -32768, 32767).astype(np.int16)
            output[:, frame] = buffer[:, :step]
            tail = np.zeros((self.streams, step), dtype=values.dtype)
            buffer = np.concatenate([buffer[:, step:], tail], axis=1)
        return output.reshape(self.output_shape), buffer


def _require_valid(view: OperatorView) -> Tensor:
    valid = view.output(1)
    if valid.shape:
        view.invalid(f"its output {valid.name!r} is no scalar")
    return valid


@operator("SignalFramer", custom=True, stateful=True)
def lower_framer(view: OperatorView) -> Layer:
    """Fold a SignalFramer."""
    require_types(view, (I16,), (I16, DType.BOOL))
    values, output, valid = view.input(0), view.output(), _require_valid(view)
    options = signal_options(view, "frame_size", "frame_step", "prefill")
    size, step = options["frame_size"], options["frame_step"]
    inner = values.shape[-1] if values.shape else 0
    if not 0 < step <= inner or inner % step:
        view.invalid(f"its option frame_step {step} does not divide {inner} samples")
    if size < step:
        view.invalid(f"its option frame_size {size} is less than its frame_step {step}")
    frames = inner // step
    view.require_shape(output, (*values.shape[:-1], frames, size))
    streams = math.prod(values.shape[:-1])
    capacity = -(-size // step) * step
    kept = view.state("samples", np.zeros((streams, capacity), dtype=np.int16), 0)
    filled = size - step if options["prefill"] else 0
    count = view.state("sample count", np.array([filled], dtype=np.int32), 1)
    return Framer(
        **view.ports(values, states=(kept, count)),
        dtype=I16,
        streams=streams,
        sizes={"frames": frames, "frame_size": size, "frame_step": step, "capacity": capacity},
        output_shape=output.shape,
        valid_shape=valid.shape,
    )


@operator("SignalDelay", custom=True, stateful=True)
def lower_delay(view: OperatorView) -> Layer:
    """Fold a SignalDelay."""
    require_types(view, (I16,), (I16,))
    values, output = view.input(0), view.output()
    view.require_shape(output, values.shape)
    delay = signal_options(view, "delay_length")["delay_length"]
    if delay < 1 or not values.shape:
        view.invalid(f"its option delay_length is {delay}")
    streams = math.prod(values.shape[:-1])
    kept = view.state("samples", np.zeros((streams, delay), dtype=np.int16))
    return Delay(
        **view.ports(values, states=(kept,)),
        dtype=I16,
        streams=streams,
        sizes={"frame": values.shape[-1], "delay": delay},
        output_shape=output.shape,
    )


@operator("SignalStacker", custom=True, stateful=True)
def lower_stacker(view: OperatorView) -> Layer:
    """Fold a SignalStacker."""
    require_types(view, (I16,), (I16, DType.BOOL))
    values, output, valid = view.input(0), view.output(), _require_valid(view)
    names = ("num_channels", "stacker_left_context", "stacker_right_context", "stacker_step")
    channels, left, right, step = signal_options(view, *names).values()
    if channels < 1 or min(left, right) < 0:
        view.invalid("its option num_channels or one of its contexts is out of range")
    if not 0 < step <= left + right + 1:
        view.invalid(f"its option stacker_step {step} is beyond {left + right + 1} stacked frames")
    stacked = channels * (left + right + 1)
    view.require_shape(values, (channels,))
    view.require_shape(output, (stacked,))
    kept = view.state("frames", np.zeros(stacked, dtype=np.int16), 0)
    # Less than no sample at all: the first frame is still to come.
    count = view.state("sample count", np.array([-1], dtype=np.int32), 1)
    return Stacker(
        **view.ports(values, states=(kept, count)),
        dtype=I16,
        streams=1,
        sizes={
            "channels": channels,
            "left_context": left,
            "stacked": stacked,
            "step": channels * step,
        },
        output_shape=output.shape,
        valid_shape=valid.shape,
    )


@operator("SignalOverlapAdd", custom=True, stateful=True)
def lower_overlap_add(view: OperatorView) -> Layer:
    """Fold a SignalOverlapAdd of int16 or float32."""
    values, output = view.in_and_out(I16, DType.FLOAT32)
    if len(values.shape) < 2:
        view.invalid(f"its input {values.name!r} has no frames: {list(values.shape)}")
    step = signal_options(view, "frame_step")["frame_step"]
    *outer, frames, size = values.shape
    if not 0 < step <= size:
        view.invalid(f"its option frame_step {step} is beyond its frames of {size} samples")
    view.require_shape(output, (*outer, frames * step))
    streams = math.prod(outer)
    kept = view.state("sums", np.zeros((streams, size), dtype=values.dtype.numpy))
    return OverlapAdd(
        **view.ports(values, states=(kept,)),
        dtype=values.dtype,
        streams=streams,
        sizes={"frames": frames, "frame_size": size, "frame_step": step},
        output_shape=output.shape,
    )
