# SPDX-License-Identifier: Apache-2.0
"""A float model and samples in, a quantized model out: after training, or trained on first."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tinygen.errors import MachineError
from tinygen.ir.data import Result
from tinygen.ir.progress import Progress
from tinygen.quantization.calibration import Method
from tinygen.quantization.convert import QuantizedModel, Scheme, check_range
from tinygen.quantization.convert import quantize as quantize_after_training
from tinygen.quantization.data import Dataset
from tinygen.quantization.source import FloatModel
from tinygen.quantization.training import Training, TrainingOptions, train_quantized


@dataclass(frozen=True, eq=False)
class Quantized(Result):
    """A quantized model and how it was made.

    ``model`` is the .tflite file, ``float_model`` the float .tflite of the same network.
    ``calibration`` is empty for schemes that need none; ``training`` is there if it was trained on.
    """

    model: bytes = field(repr=False)
    float_model: bytes = field(repr=False)
    scheme: Scheme
    calibration: str
    calibration_samples: int
    float_bytes: int
    bytes: int
    warnings: tuple[str, ...]
    training: Training | None = None

    def save(self, path: Path | str, *, as_float: bool = False) -> Path:
        """Write the .tflite, or the float one of the same network."""
        target = Path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.float_model if as_float else self.model)
        except OSError as error:
            raise MachineError(f"cannot write {target}: {error.strerror or error}.") from error
        return target


def quantize(
    source: FloatModel,
    samples: Dataset | None,
    scheme: Scheme,
    method: Method,
    *,
    percentile: float,
    input_range: tuple[float, float] | None,
    lessons: Dataset | None,
    training: TrainingOptions | None,
    tell: Progress,
) -> Quantized:
    """Quantize after training, or as ``training`` says with ``lessons`` (``samples`` if None).

    Raises:
        InputError: data is missing, or outside ``input_range``.
    """
    for one in (samples, lessons):
        if one is not None and input_range is not None:
            check_range(one, *input_range)
    if training is None:
        after = quantize_after_training(
            source, samples, scheme, method, percentile=percentile, tell=tell
        )
        return _result(after, None)
    assert samples is not None
    during, history = train_quantized(
        source, lessons or samples, samples, training, method, percentile=percentile, tell=tell
    )
    return _result(during, history)


def _result(made: QuantizedModel, training: Training | None) -> Quantized:
    return Quantized(
        made.model,
        made.float_model,
        made.scheme,
        made.method.value if made.calibration_samples else "",
        made.calibration_samples,
        len(made.float_model),
        len(made.model),
        made.warnings,
        training,
    )
