# SPDX-License-Identifier: Apache-2.0
"""The custom operators of TFLM's audio front end (``signal/micro/kernels``), in fixed point.

Window, FftAutoScale, Rfft, Irfft, Energy, FilterBank, FilterBankSquareRoot,
FilterBankSpectralSubtraction (which keeps a noise estimate), PCAN and FilterBankLog.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.ir.layer import Layer
from tinygen.numerics.fourier import RealTransform, real_transform
from tinygen.numerics.tables import tflm_table
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView
from tinygen.tflite.flexbuffer import Value, read_flexbuffer_map

I16, I32, U32, U64 = DType.INT16, DType.INT32, DType.UINT32, DType.UINT64
_PCAN_SNR_BITS = 12
_PCAN_OUTPUT_BITS = 6
_MASK32 = (1 << 32) - 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Signal(Layer):
    """A signal operator: its ``kind``, its options, and its constant tables by name.

    ``sizes`` are the elements of the first input and of the outputs.
    """

    kind: str
    options: Mapping[str, int]
    tables: Mapping[str, AnyArray]
    input_size: int
    output_shapes: tuple[tuple[int, ...], ...]
    transform: RealTransform | None = field(default=None)

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """See the class."""
        flat = [np.asarray(values).reshape(-1) for values in inputs]
        results = _REFERENCES[self.kind](self, flat)
        shapes = self.output_shapes
        return tuple(
            value.reshape(shapes[i]) if i < len(shapes) else value
            for i, value in enumerate(results)
        )


def _window(layer: Signal, inputs: list[AnyArray]) -> list[AnyArray]:
    weights = np.resize(layer.tables["weights"], layer.input_size).astype(np.int64)
    raw = (inputs[0].astype(np.int64) * weights) >> layer.options["shift"]
    return [np.clip(raw, -32768, 32767).astype(np.int16)]


def _auto_scale(layer: Signal, inputs: list[AnyArray]) -> list[AnyArray]:  # noqa: ARG001
    largest = 0
    for value in inputs[0].tolist():
        if value > largest:
            largest = value
        elif -value > largest:
            largest = -value if value > -32768 else -32768
    bits = 15 - largest.bit_length() if largest > 0 else 0
    scaled = (inputs[0].astype(np.int64) << bits).astype(np.int16)
    return [scaled, np.array(bits, dtype=np.int32)]


def _rfft(layer: Signal, inputs: list[AnyArray]) -> list[AnyArray]:
    assert layer.transform is not None
    padded = np.zeros(2 * layer.transform.points, dtype=inputs[0].dtype)
    padded[: layer.input_size] = inputs[0]
    return [layer.transform.apply(padded)]


def _irfft(layer: Signal, inputs: list[AnyArray]) -> list[AnyArray]:
    assert layer.transform is not None
    output = layer.transform.apply(inputs[0])
    if output.dtype == np.float32:
        output = output / np.float32(2 * layer.transform.points)
    return [output]


def _energy(layer: Signal, inputs: list[AnyArray]) -> list[AnyArray]:
    pairs = inputs[0].astype(np.int64).reshape(-1, 2)
    energies = (pairs * pairs).sum(axis=1).astype(np.uint32)
    inside = np.arange(len(energies))
    first, end = layer.options["start_index"], layer.options["end_index"]
    return [np.where((inside >= first) & (inside < end), energies, 0).astype(np.uint32)]


def _filter_bank(layer: Signal, inputs: list[AnyArray]) -> list[AnyArray]:
    energies = inputs[0].tolist()
    weights, unweights, frequencies, starts, widths = (
        layer.tables[name].tolist()
        for name in ("weights", "unweights", "frequency_starts", "weight_starts", "widths")
    )
    carried, outputs = 0, []
    for channel in range(layer.options["num_channels"] + 1):
        total, carried = carried, 0
        for j in range(widths[channel]):
            energy = energies[frequencies[channel] + j]
            total += weights[starts[channel] + j] * energy
            carried += unweights[starts[channel] + j] * energy
        outputs.append(total % (1 << 64))
    return [np.array(outputs[1:], dtype=np.uint64)]


def _square_root(value: int) -> int:
    """Rounded to nearest, as TFLM ``Sqrt32`` and ``Sqrt64`` do, short of the largest root."""
    root = int(np.floor(np.sqrt(float(value))))
    while root * root > value:
        root -= 1
    while (root + 1) * (root + 1) <= value:
        root += 1
    limit = 0xFFFF if value >> 32 == 0 else 0xFFFFFFFF
    return root + 1 if value - root * root > root and root != limit else root


def _square_roots(layer: Signal, inputs: list[AnyArray]) -> list[AnyArray]:  # noqa: ARG001
    bits = int(inputs[1][0])
    return [np.array([_square_root(v) >> bits for v in inputs[0].tolist()], dtype=np.uint32)]


def _spectral_subtraction(layer: Signal, inputs: list[AnyArray]) -> list[AnyArray]:
    o = layer.options
    kept, outputs = [], []
    for i, (value, noise) in enumerate(zip(inputs[0].tolist(), inputs[1].tolist(), strict=True)):
        prefix = "alternate_" if i & 1 else ""
        smoothing, rest = o[f"{prefix}smoothing"], o[f"{prefix}one_minus_smoothing"]
        scaled = (value << o["smoothing_bits"]) & _MASK32
        mixed = (scaled * (smoothing & _MASK32) + noise * (rest & _MASK32)) % (1 << 64)
        estimate = (mixed >> o["spectral_subtraction_bits"]) & _MASK32
        limited = min(estimate, scaled)
        kept.append(limited if o["clamping"] else estimate)
        floor = (value * o["min_signal_remaining"] >> o["spectral_subtraction_bits"]) & _MASK32
        outputs.append(max((scaled - limited) >> o["smoothing_bits"], floor))
    estimates = np.array(kept, dtype=np.uint32)
    return [np.array(outputs, dtype=np.uint32), estimates, estimates.copy()]


def _pcan_gain(x: int, table: list[int]) -> int:
    """TFLM ``WideDynamicFunction``: a quadratic in each octave."""
    if x <= 2:
        return table[x]
    interval = x.bit_length()
    a, b, c = table[4 * interval - 6 : 4 * interval - 3]
    fraction = (x << (11 - interval) if interval < 11 else x >> (interval - 11)) & 0x3FF
    result = ((c * fraction) >> 5) + (b << 5)
    return int(np.int16(((result * fraction + (1 << 14)) >> 15) + a))


def _pcan(layer: Signal, inputs: list[AnyArray]) -> list[AnyArray]:
    table = layer.tables["gain_lut"].tolist()
    outputs = []
    for value, noise in zip(inputs[0].tolist(), inputs[1].tolist(), strict=True):
        gain = _pcan_gain(noise, table) & _MASK32
        snr = ((value * gain) % (1 << 64) >> layer.options["snr_shift"]) & _MASK32
        if snr < 2 << _PCAN_SNR_BITS:
            outputs.append((snr * snr) >> (2 + 2 * _PCAN_SNR_BITS - _PCAN_OUTPUT_BITS))
        else:
            shrunk = (snr >> (_PCAN_SNR_BITS - _PCAN_OUTPUT_BITS)) - (1 << _PCAN_OUTPUT_BITS)
            outputs.append(shrunk)
    return [np.array(outputs, dtype=np.uint32)]


def _log(x: int, scale: int) -> int:
    """TFLM ``Log32``: the logarithm of 2 by table, times ln 2, times the scale."""
    integer = x.bit_length() - 1
    rest = x - (1 << integer)
    fraction = rest << (16 - integer) if integer < 16 else rest >> (integer - 16)
    segment = fraction >> 9
    low, high = int(tflm_table("log")[segment]), int(tflm_table("log")[segment + 1])
    between = ((high - low) * (fraction - (segment << 9))) >> 16
    log2 = (integer << 16) + fraction + low + between
    natural = ((45426 * log2 + 32768) >> 16) & _MASK32
    return ((scale * natural + 32768) & _MASK32) >> 16


def _filter_bank_log(layer: Signal, inputs: list[AnyArray]) -> list[AnyArray]:
    bits, scale = layer.options["input_correction_bits"], layer.options["output_scale"]
    scaled = [(value << bits) & _MASK32 for value in inputs[0].tolist()]
    logs = [min(_log(value, scale), 32767) if value > 1 else 0 for value in scaled]
    return [np.array(logs, dtype=np.int16)]


_REFERENCES: Mapping[str, Callable[[Signal, list[AnyArray]], list[AnyArray]]] = {
    "window": _window,
    "fft_auto_scale": _auto_scale,
    "rfft": _rfft,
    "irfft": _irfft,
    "energy": _energy,
    "filter_bank": _filter_bank,
    "filter_bank_square_root": _square_roots,
    "spectral_subtraction": _spectral_subtraction,
    "pcan": _pcan,
    "filter_bank_log": _filter_bank_log,
}


def signal_options(view: OperatorView, *names: str) -> dict[str, int]:
    """The integer options of a signal operator by their names."""
    raw = view.option("custom_options", bytes)
    entries: dict[str, Value] = read_flexbuffer_map(raw, view.operator.label) if raw else {}
    missing = [name for name in names if name not in entries]
    if missing:
        view.invalid(f"it lacks its option {missing[0]!r}")
    return {name: int(entries[name]) for name in names}


def _layer(
    view: OperatorView,
    kind: str,
    options: Mapping[str, int],
    tables: Mapping[str, AnyArray] | None = None,
    *,
    data: int = 1,
    states: tuple[Tensor, ...] = (),
    transform: RealTransform | None = None,
) -> Layer:
    """``data`` is how many inputs, from the first, are no tables."""
    tensors = [view.output(position) for position in range(len(view.operator.outputs))]
    return Signal(
        **view.ports(*(view.input(position) for position in range(data)), states=states),
        kind=kind,
        options=options,
        tables=tables or {},
        input_size=view.input(0).elements,
        output_shapes=tuple(tensor.shape for tensor in tensors),
        transform=transform,
    )


def require_types(
    view: OperatorView, inputs: tuple[DType, ...], outputs: tuple[DType, ...]
) -> None:
    """Check the number and the types of inputs and outputs."""
    view.counts((len(inputs),), len(outputs))
    for position, dtype in enumerate(inputs):
        view.require_dtype(view.input(position), dtype)
    for position, dtype in enumerate(outputs):
        view.require_dtype(view.output(position), dtype)


def _table(view: OperatorView, position: int, size: int = 0) -> AnyArray:
    values = view.require_constant(view.input(position)).reshape(-1)
    if values.size < max(size, 1):
        view.invalid(f"tensor {view.input(position).name!r} has too few elements")
    return values


@operator("SignalWindow", custom=True)
def lower_window(view: OperatorView) -> Layer:
    """Fold a SignalWindow; the window repeats over the input."""
    require_types(view, (I16, I16), (I16,))
    values, weights = view.input(0), _table(view, 1)
    view.require_shape(view.output(), values.shape)
    options = signal_options(view, "shift")
    if values.elements % weights.size or not 0 <= options["shift"] < 31:
        view.invalid(f"a window of {weights.size} does not fit {values.elements} samples")
    return _layer(view, "window", options, {"weights": weights})


@operator("SignalFftAutoScale", custom=True)
def lower_fft_auto_scale(view: OperatorView) -> Layer:
    """Fold a SignalFftAutoScale."""
    require_types(view, (I16,), (I16, I32))
    view.require_shape(view.output(), view.input(0).shape)
    if view.output(1).elements != 1:
        view.invalid("its second output is no scalar")
    return _layer(view, "fft_auto_scale", {})


@operator("SignalRfft", custom=True)
def lower_rfft(view: OperatorView) -> Layer:
    """Fold a SignalRfft whose length is a power of two."""
    length, options = _transform_options(view)
    if view.input(0).elements > length or view.output().elements != length + 2:
        view.unsupported("it transforms several blocks, or more numbers than its length")
    transform = real_transform(length, view.input(0).dtype)
    return _layer(view, "rfft", options, transform=transform)


@operator("SignalIrfft", custom=True)
def lower_irfft(view: OperatorView) -> Layer:
    """Fold a SignalIrfft whose length is a power of two."""
    length, options = _transform_options(view)
    if view.input(0).elements != length + 2 or view.output().elements != length:
        view.unsupported(
            "it transforms several blocks, or another number of values than its length"
        )
    transform = real_transform(length, view.input(0).dtype, inverse=True)
    return _layer(view, "irfft", options, transform=transform)


def _transform_options(view: OperatorView) -> tuple[int, dict[str, int]]:
    """The length of a transform, a power of two, and its options; checks the types."""
    view.counts((1,))
    dtype = view.input(0).dtype
    view.require_dtype(view.input(0), I16, I32, DType.FLOAT32)
    view.require_dtype(view.output(), dtype)
    options = signal_options(view, "fft_length")
    length = options["fft_length"]
    if length < 4 or length & (length - 1) or length > 1 << 16:
        view.unsupported(f"a Fourier transform of {length} numbers is not a power of two")
    return length, options


@operator("SignalEnergy", custom=True)
def lower_energy(view: OperatorView) -> Layer:
    """Fold a SignalEnergy; what TFLM leaves unwritten is 0."""
    require_types(view, (I16,), (U32,))
    options = signal_options(view, "start_index", "end_index")
    count = view.output().elements
    if view.input(0).elements != 2 * count or not (
        0 <= options["start_index"] <= options["end_index"] <= count
    ):
        view.invalid(f"its range does not fit {count} complex numbers")
    return _layer(view, "energy", options)


@operator("SignalFilterBank", custom=True)
def lower_filter_bank(view: OperatorView) -> Layer:
    """Fold a SignalFilterBank."""
    require_types(view, (U32, I16, I16, I16, I16, I16), (U64,))
    options = signal_options(view, "num_channels")
    channels = options["num_channels"]
    names = ("weights", "unweights", "frequency_starts", "weight_starts", "widths")
    tables = {
        name: _table(view, 1 + i, channels + 1 if i > 1 else 1) for i, name in enumerate(names)
    }
    used = slice(0, channels + 1)
    starts, widths = tables["weight_starts"][used], tables["widths"][used].astype(np.int64)
    least = min(tables["weights"].size, tables["unweights"].size)
    if (
        view.output().elements != channels
        or min(starts.min(), tables["frequency_starts"][used].min(), widths.min()) < 0
        or int((starts + widths).max()) > least
        or int((tables["frequency_starts"][used] + widths).max()) > view.input(0).elements
    ):
        view.invalid("its tables reach beyond the weights or the spectrum")
    return _layer(view, "filter_bank", options, tables)


@operator("SignalFilterBankSquareRoot", custom=True)
def lower_filter_bank_square_root(view: OperatorView) -> Layer:
    """Fold a SignalFilterBankSquareRoot."""
    require_types(view, (U64, I32), (U32,))
    view.require_shape(view.output(), view.input(0).shape)
    return _layer(view, "filter_bank_square_root", {}, data=2)


@operator("SignalFilterBankSpectralSubtraction", custom=True, stateful=True)
def lower_spectral_subtraction(view: OperatorView) -> Layer:
    """Fold a SignalFilterBankSpectralSubtraction; the noise estimate is kept."""
    require_types(view, (U32,), (U32, U32))
    options = signal_options(
        view,
        "alternate_one_minus_smoothing",
        "alternate_smoothing",
        "clamping",
        "min_signal_remaining",
        "num_channels",
        "one_minus_smoothing",
        "smoothing",
        "smoothing_bits",
        "spectral_subtraction_bits",
    )
    channels = options["num_channels"]
    for tensor in (view.input(0), view.output(0), view.output(1)):
        view.require_shape(tensor, (channels,))
    noise = view.state("noise estimate", np.zeros(channels, dtype=np.uint32))
    return _layer(view, "spectral_subtraction", options, states=(noise,))


@operator("SignalPCAN", custom=True)
def lower_pcan(view: OperatorView) -> Layer:
    """Fold a SignalPCAN."""
    require_types(view, (U32, U32, I16), (U32,))
    for tensor in (view.input(1), view.output()):
        view.require_shape(tensor, view.input(0).shape)
    # Octave 32 is the last that a 32-bit estimate reaches.
    table = _table(view, 2, 4 * 32 - 3)
    return _layer(view, "pcan", signal_options(view, "snr_shift"), {"gain_lut": table}, data=2)


@operator("SignalFilterBankLog", custom=True)
def lower_filter_bank_log(view: OperatorView) -> Layer:
    """Fold a SignalFilterBankLog."""
    require_types(view, (U32,), (I16,))
    view.require_shape(view.output(), view.input(0).shape)
    options = signal_options(view, "input_correction_bits", "output_scale")
    return _layer(view, "filter_bank_log", options, {"logarithms": tflm_table("log")})
