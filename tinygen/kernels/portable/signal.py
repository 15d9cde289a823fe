# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the signal operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tinygen.ir.graph import DType
from tinygen.kernels.adapter import Kernel
from tinygen.kernels.binding import (
    Binding,
    Call,
    Constant,
    ConstantArgument,
    Field,
    Raw,
    ScratchArgument,
    Struct,
    TensorArgument,
)
from tinygen.kernels.portable.base import PortableKernel, int_array
from tinygen.ops.signal import Signal

_CYCLES_PER_ELEMENT = 60.0
_SUFFIXES = {DType.INT16: "s16", DType.INT32: "s32", DType.FLOAT32: "f32"}


def _tensors(layer: Signal) -> tuple[list[TensorArgument], list[TensorArgument]]:
    return (
        [TensorArgument(index) for index in layer.inputs],
        [TensorArgument(index, writable=True) for index in layer.outputs],
    )


def _plain(function: str, *options: str, tables: Sequence[str] = ()) -> Callable[[Signal], Call]:
    """A call with the element count, options, tables, inputs and outputs."""

    def call(layer: Signal) -> Call:
        inputs, outputs = _tensors(layer)
        arguments: list[Field] = [layer.input_size, *(layer.options[name] for name in options)]
        arguments += [ConstantArgument(name) for name in tables]
        return Call(function, (*arguments, *inputs, *outputs))

    return call


def _window(layer: Signal) -> Call:
    inputs, outputs = _tensors(layer)
    length = int(layer.tables["weights"].size)
    return Call(
        "tinygen_window_s16",
        (
            layer.input_size,
            length,
            layer.options["shift"],
            *inputs,
            ConstantArgument("weights"),
            *outputs,
        ),
    )


def _energy(layer: Signal) -> Call:
    inputs, outputs = _tensors(layer)
    o = layer.options
    return Call(
        "tinygen_energy",
        (layer.input_size // 2, o["start_index"], o["end_index"], *inputs, *outputs),
    )


def _rfft(layer: Signal) -> Call:
    transform = layer.transform
    assert transform is not None
    suffix = _SUFFIXES[transform.arithmetic.dtype]
    stages = ", ".join(f"{{{s.radix}, {s.span}, {s.stride}}}" for s in transform.stages)
    parameters = Struct(
        f"tinygen_fft_{suffix}_params",
        (
            ("input_length", layer.input_size),
            ("points", transform.points),
            ("inverse", int(transform.inverse)),
            ("stage_count", len(transform.stages)),
            ("stages", Raw("{" + stages + "}")),
            ("order", ConstantArgument("order")),
            ("twiddles", ConstantArgument("twiddles")),
            ("split_twiddles", ConstantArgument("split_twiddles")),
        ),
    )
    inputs, outputs = _tensors(layer)
    return Call(
        f"tinygen_{layer.kind}_{suffix}",
        (parameters, *inputs, ScratchArgument(f"tinygen_complex_{suffix}"), *outputs),
    )


def _filter_bank(layer: Signal) -> Call:
    parameters = Struct(
        "tinygen_filter_bank_params",
        (
            ("channels", layer.options["num_channels"]),
            *((name, ConstantArgument(name)) for name in layer.tables),
        ),
    )
    inputs, outputs = _tensors(layer)
    return Call("tinygen_filter_bank", (parameters, *inputs, *outputs))


def _spectral_subtraction(layer: Signal) -> Call:
    o = layer.options
    parameters = Struct(
        "tinygen_spectral_subtraction_params",
        (
            ("channels", o["num_channels"]),
            ("smoothing", int_array([o["smoothing"], o["alternate_smoothing"]])),
            (
                "one_minus_smoothing",
                int_array([o["one_minus_smoothing"], o["alternate_one_minus_smoothing"]]),
            ),
            ("min_signal_remaining", o["min_signal_remaining"]),
            ("smoothing_bits", o["smoothing_bits"]),
            ("spectral_subtraction_bits", o["spectral_subtraction_bits"]),
            ("clamping", o["clamping"]),
        ),
    )
    (values, _), (output, estimate, kept) = _tensors(layer)
    return Call("tinygen_spectral_subtraction", (parameters, values, kept, output, estimate))


_CALLS: Mapping[str, Callable[[Signal], Call]] = {
    "window": _window,
    "fft_auto_scale": _plain("tinygen_fft_auto_scale"),
    "rfft": _rfft,
    "irfft": _rfft,
    "energy": _energy,
    "filter_bank": _filter_bank,
    "filter_bank_square_root": _plain("tinygen_filter_bank_square_root"),
    "spectral_subtraction": _spectral_subtraction,
    "pcan": _plain("tinygen_pcan", "snr_shift", tables=("gain_lut",)),
    "filter_bank_log": _plain(
        "tinygen_filter_bank_log", "output_scale", "input_correction_bits", tables=("logarithms",)
    ),
}


def _bind(layer: Signal) -> Binding:
    constants = [Constant(name, values) for name, values in layer.tables.items()]
    scratch = 0
    if layer.transform is not None:
        constants += [
            Constant("order", layer.transform.order),
            Constant("twiddles", layer.transform.twiddles),
            Constant("split_twiddles", layer.transform.split_twiddles),
        ]
        # The inverse puts its numbers in order once more.
        numbers = layer.transform.points * (2 if layer.transform.inverse else 1)
        scratch = 2 * numbers * layer.transform.twiddles.itemsize
    return Binding(
        calls=(_CALLS[layer.kind](layer),),
        headers=("portable/fourier.h" if layer.transform else "portable/signal.h",),
        constants=tuple(constants),
        scratch_bytes=scratch,
    )


KERNELS: Sequence[Kernel] = (
    PortableKernel("signal", Signal, _bind, lambda layer: layer.input_size * _CYCLES_PER_ELEMENT),
)
