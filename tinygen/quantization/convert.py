# SPDX-License-Identifier: Apache-2.0
"""Post-training quantization by TensorFlow's quantizer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum

import numpy as np

from tinygen.errors import InputError, UnsupportedError
from tinygen.ir.graph import DType
from tinygen.ir.progress import Progress, silent
from tinygen.quantization import calibration as calibrate
from tinygen.quantization.data import Dataset
from tinygen.quantization.source import FloatModel, convert_with
from tinygen.quantization.tensorflow_extra import guarded, require, tensorflow
from tinygen.tflite.reader import read_model_bytes

FEWEST_SAMPLES = 10
"""Below this the extremes of the activations are chance."""

RECOMMENDED_SAMPLES = (100, 500)
DEFAULT_PERCENTILE = 99.99

_OUTLIER = 1000.0
"""A sample this many times larger than the median one is in other units, or broken."""


class Scheme(Enum):
    """What is quantized to what; the value is its name on the command line."""

    INT8 = "int8"
    INT16X8 = "int16x8"
    FLOAT16 = "float16"
    DYNAMIC = "dynamic"

    @property
    def calibrated(self) -> bool:
        """Whether activations are quantized, so that their ranges must be measured."""
        return self in (Scheme.INT8, Scheme.INT16X8)


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """A quantized model and how it was made.

    ``model`` is the .tflite file, ``float_model`` the float .tflite of the same network.
    ``calibration_samples`` is 0 for schemes that need none.
    """

    model: bytes
    float_model: bytes
    scheme: Scheme
    method: calibrate.Method
    calibration_samples: int
    warnings: tuple[str, ...]


def quantize(
    model: FloatModel,
    calibration: Dataset | None,
    scheme: Scheme = Scheme.INT8,
    method: calibrate.Method = calibrate.Method.MIN_MAX,
    *,
    percentile: float = DEFAULT_PERCENTILE,
    ranges: dict[str, calibrate.Range] | None = None,
    tell: Progress = silent,
) -> QuantizedModel:
    """Quantize a float model after training.

    ``calibration`` spans what the model will see; None for schemes without activations. ``ranges``, by
    tensor name, replace the measured ones: those of quantization-aware training.

    Raises:
        InputError: the data does not do.
        UnsupportedError: the converter cannot quantize this model that way.
    """
    if not scheme.calibrated:
        tell(f"converting to {scheme.value}")
        return QuantizedModel(
            _weights_only(model, scheme), model.tflite, scheme, calibrate.Method.MIN_MAX, 0, ()
        )
    if calibration is None:
        raise InputError(
            f"--scheme {scheme.value} quantizes activations, and needs samples to measure them.",
            "Give --data.",
        )
    if scheme is Scheme.INT16X8 and method is not calibrate.Method.MIN_MAX:
        raise UnsupportedError(
            f"TensorFlow's 16-bit quantizer measures ranges itself, so --calibration {method.value} "
            "is not possible with int16x8.",
            "Use min-max: 65,536 steps leave room for extremes.",
        )
    check_control_flow(model)
    warnings = check_calibration(calibration)
    tell(f"calibrating on {calibration.count} samples")
    if scheme is Scheme.INT16X8:
        quantized = _int16x8(model, calibration)
    else:
        calibrated = calibrate.min_max_model(model.tflite, calibration)
        if method is not calibrate.Method.MIN_MAX:
            tell(f"choosing ranges by {method.value}")
            chosen = calibrate.clipped_ranges(
                model.tflite, calibrated, calibration, method, percentile
            )
            calibrated = calibrate.with_ranges(calibrated, chosen)
        if ranges:
            calibrated = calibrate.with_ranges(calibrated, ranges)
        quantized = quantize_calibrated(calibrated, model.name)
    check_integer(quantized, model.name, scheme)
    return QuantizedModel(
        quantized, model.tflite, scheme, method, calibration.count, tuple(warnings)
    )


def check_control_flow(model: FloatModel) -> None:
    """Refuses loops and branches: TensorFlow's calibrator crashes on them.

    Raises:
        UnsupportedError: names the operator.
    """
    for operator in model.graph.main.operators:
        if operator.opcode in ("WHILE", "IF", "CALL_ONCE"):
            raise UnsupportedError(
                f"{model.name}: TensorFlow's quantizer does not take {operator.label}.",
                "Keras 3's LSTM becomes a loop; tf-keras's (import tf_keras) becomes one operator.",
            )


def check_calibration(data: Dataset) -> list[str]:
    """Refuses data from which no ranges can be had; gives warnings about the rest.

    Raises:
        InputError: too few samples, constant data, or a sample in other units.
    """
    if data.count < FEWEST_SAMPLES:
        raise InputError(
            f"{data.source} has {data.count} sample{'s' * (data.count != 1)}; calibration needs "
            f"{FEWEST_SAMPLES} at the least.",
            "{} to {} are recommended.".format(*RECOMMENDED_SAMPLES),
        )
    warnings = []
    for name, array in data.inputs.items():
        if array.dtype.kind != "f":
            continue
        rows = array.reshape(data.count, -1)
        if rows.max() == rows.min():
            raise InputError(
                f"{data.source}: every value of input {name!r} is {rows.flat[0]:g}, so no range can "
                "be measured.",
                "Give samples like those the model will see.",
            )
        if (rows == rows[0]).all():
            raise InputError(
                f"{data.source}: all {data.count} samples of input {name!r} are the same.",
                "Give different samples, like those the model will see.",
            )
        sizes = np.abs(rows).max(axis=1)
        typical = float(np.median(sizes))
        if sizes.max() > _OUTLIER * typical > 0:
            worst = int(sizes.argmax())
            raise InputError(
                f"{data.source}: sample {worst} of input {name!r} reaches {sizes[worst]:g}, where a "
                f"typical one reaches {typical:g}; its range would leave no steps for the others.",
                "Remove it, or bring all samples to the same units.",
            )
    fewest, most = RECOMMENDED_SAMPLES
    if not fewest <= data.count <= most:
        why = "rare values may be missed" if data.count < fewest else "more only take longer"
        warnings.append(
            f"{data.count} calibration samples; {fewest} to {most} are recommended ({why})."
        )
    return warnings


def check_range(data: Dataset, low: float, high: float) -> None:
    """Refuses samples outside the values that the model was trained on.

    Raises:
        InputError: a sample is outside [low, high], or all use less than a hundredth of it.
    """
    for name, array in data.inputs.items():
        smallest, largest = float(array.min()), float(array.max())
        outside = smallest < low or largest > high
        if outside or largest - smallest < (high - low) / 100:
            where = "outside" if outside else "less than a hundredth of"
            raise InputError(
                f"{data.source}: input {name!r} has values from {smallest:g} to {largest:g}, {where} "
                f"the range {low:g} to {high:g}.",
                "Scale the samples as the model was trained.",
            )


def quantize_calibrated(calibrated: bytes, name: str) -> bytes:
    """int8 by TensorFlow's quantizer (``mlir_quantize``, which its converter calls), from a float
    model that holds its ranges.
    """
    tf = tensorflow()
    convert = require("tensorflow.lite.python.convert", "quantization")
    with _quantizing(name):
        return bytes(
            convert.mlir_quantize(
                calibrated, False, input_data_type=tf.int8, output_data_type=tf.int8
            )
        )


def _int16x8(model: FloatModel, calibration: Dataset) -> bytes:
    tf = tensorflow()
    calibrator = require("tensorflow.lite.python.optimize.calibrator", "calibration")
    with _quantizing(model.name):
        prepared = calibrator.add_intermediate_tensors(model.tflite)
        return bytes(
            calibrator.Calibrator(prepared).calibrate_and_quantize(
                calibration.feeds, tf.int16, tf.int16, False, tf.int16, tf.int64
            )
        )


def _quantizing(name: str) -> AbstractContextManager[None]:
    def last_line(error: BaseException) -> str:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return lines[-1].strip().rstrip(".")

    return guarded(UnsupportedError, f"TensorFlow's quantizer rejects {name}", reason=last_line)


def _weights_only(model: FloatModel, scheme: Scheme) -> bytes:
    """float16 or dynamic range: flags of the converter, which needs the original model."""
    if model.converter is None:
        raise UnsupportedError(
            f"{model.name} is a .tflite file, and TensorFlow makes {scheme.value} only of Keras "
            "models and SavedModels.",
            "Give the original model, or use --scheme int8, which works from a float .tflite.",
        )
    tf = tensorflow()
    converter = model.converter()
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if scheme is Scheme.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    return convert_with(converter, model.name)


def check_integer(quantized: bytes, name: str, scheme: Scheme) -> None:
    """Refuses a result in which an operator still computes in float.

    Raises:
        UnsupportedError: names the first such operator.
    """
    main = read_model_bytes(quantized, name).main

    def is_float(indices: Sequence[int]) -> bool:
        return any(main.tensors[i].dtype is DType.FLOAT32 for i in indices if i >= 0)

    for operator in main.operators:
        if is_float((*operator.inputs, *operator.outputs)):
            computing = (
                one
                for one in main.operators
                if one.opcode not in ("QUANTIZE", "DEQUANTIZE") and is_float(one.outputs)
            )
            left = next(computing, operator)
            raise UnsupportedError(
                f"{name}: TensorFlow's quantizer has no {scheme.value} form of {left.label} "
                f"(output {main.tensors[left.outputs[0]].name!r}), so the result would not be "
                "full-integer.",
                "Replace that operator in the model.",
            )
