# SPDX-License-Identifier: Apache-2.0
"""Portable kernels of the signal operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tinygen.ir.graph import DType
from tinygen.kernels import binding as k
from tinygen.kernels.costs import Costs
from tinygen.kernels.kernel import Offer
from tinygen.kernels.portable.base import portable
from tinygen.kernels.structs import struct
from tinygen.ops.signal import Signal

_COSTS = Costs("portable.signal")
_SUFFIXES = {DType.INT16: "s16", DType.INT32: "s32", DType.FLOAT32: "f32"}


def _tensors(layer: Signal) -> tuple[list[k.TensorArgument], list[k.TensorArgument]]:
    return (
        [k.TensorArgument(index) for index in layer.inputs],
        [k.TensorArgument(index, writable=True) for index in layer.outputs],
    )


def _plain(function: str, *options: str, tables: Sequence[str] = ()) -> Callable[[Signal], k.Call]:
    """A call with the element count, options, tables, inputs and outputs."""

    def call(layer: Signal) -> k.Call:
        inputs, outputs = _tensors(layer)
        arguments: list[k.Field] = [layer.input_size, *(layer.options[name] for name in options)]
        arguments += [k.Constant(name, layer.tables[name]) for name in tables]
        return k.Call(function, (*arguments, *inputs, *outputs))

    return call


def _window(layer: Signal) -> k.Call:
    inputs, outputs = _tensors(layer)
    weights = k.Constant("weights", layer.tables["weights"])
    sizes = (layer.input_size, int(weights.values.size), layer.options["shift"])
    return k.Call("tinygen_window_s16", (*sizes, *inputs, weights, *outputs))


def _energy(layer: Signal) -> k.Call:
    inputs, outputs = _tensors(layer)
    o = layer.options
    return k.Call(
        "tinygen_energy",
        (layer.input_size // 2, o["start_index"], o["end_index"], *inputs, *outputs),
    )


def _rfft(layer: Signal) -> k.Call:
    transform = layer.transform
    assert transform is not None
    suffix = _SUFFIXES[transform.arithmetic.dtype]
    stages = ", ".join(f"{{{s.radix}, {s.span}, {s.stride}}}" for s in transform.stages)
    parameters = k.Struct(
        f"tinygen_fft_{suffix}_params",
        (
            ("input_length", layer.input_size),
            ("points", transform.points),
            ("inverse", int(transform.inverse)),
            ("stage_count", len(transform.stages)),
            ("stages", k.Raw("{" + stages + "}")),
            ("order", k.Constant("order", transform.order)),
            ("twiddles", k.Constant("twiddles", transform.twiddles)),
            ("split_twiddles", k.Constant("split_twiddles", transform.split_twiddles)),
        ),
    )
    inputs, outputs = _tensors(layer)
    return k.Call(
        f"tinygen_{layer.kind}_{suffix}",
        (parameters, *inputs, k.ScratchArgument(f"tinygen_complex_{suffix}"), *outputs),
    )


def _filter_bank(layer: Signal) -> k.Call:
    parameters = struct(
        "tinygen_filter_bank_params", channels=layer.options["num_channels"], **layer.tables
    )
    inputs, outputs = _tensors(layer)
    return k.Call("tinygen_filter_bank", (parameters, *inputs, *outputs))


def _spectral_subtraction(layer: Signal) -> k.Call:
    o = layer.options
    parameters = struct(
        "tinygen_spectral_subtraction_params",
        channels=o["num_channels"],
        smoothing=[o["smoothing"], o["alternate_smoothing"]],
        one_minus_smoothing=[o["one_minus_smoothing"], o["alternate_one_minus_smoothing"]],
        min_signal_remaining=o["min_signal_remaining"],
        smoothing_bits=o["smoothing_bits"],
        spectral_subtraction_bits=o["spectral_subtraction_bits"],
        clamping=o["clamping"],
    )
    (values, _), (output, estimate, kept) = _tensors(layer)
    return k.Call("tinygen_spectral_subtraction", (parameters, values, kept, output, estimate))


_CALLS: Mapping[str, Callable[[Signal], k.Call]] = {
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


def _scratch_bytes(layer: Signal) -> int:
    """The complex numbers of a transform; the inverse puts its numbers in order once more."""
    if layer.transform is None:
        return 0
    numbers = layer.transform.points * (2 if layer.transform.inverse else 1)
    return 2 * numbers * layer.transform.twiddles.itemsize


@portable("signal", Signal)
def signal(layer: Signal) -> Offer:
    """One of the functions of a signal."""

    def bind() -> k.Binding:
        return k.Binding(
            calls=(_CALLS[layer.kind](layer),),
            headers=("portable/fourier.h" if layer.transform else "portable/signal.h",),
            scratch_bytes=_scratch_bytes(layer),
        )

    return Offer(layer.input_size * _COSTS.per_element, bind)


KERNELS = (signal,)
