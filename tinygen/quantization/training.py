# SPDX-License-Identifier: Apache-2.0
"""Quantization-aware training: fine-tune a float model while it rounds as its int8 form will."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from tinygen.errors import InputError, UnsupportedError
from tinygen.ir.graph import AnyArray
from tinygen.ir.progress import Progress, silent
from tinygen.quantization import calibration as calibrate
from tinygen.quantization import convert as after_training
from tinygen.quantization.data import Dataset
from tinygen.quantization.differentiable import DifferentiableModel, Parameter
from tinygen.quantization.source import FloatModel
from tinygen.quantization.tensorflow_extra import make_repeatable
from tinygen.tflite.reader import read_model_bytes

Loss = Callable[[Any, Any], Any]
"""Expected and computed, a batch each → one number a sample."""


@dataclass(frozen=True)
class TrainingOptions:
    """How to train.

    ``teacher``: imitate the float model instead of the labels. ``validation`` is the share of the
    samples held back; training stops after ``patience`` epochs without a smaller loss on them, and
    the best epoch is kept. The learning rate (Adam) falls to zero along a cosine.
    """

    epochs: int = 20
    learning_rate: float = 3e-4
    batch: int = 32
    validation: float = 0.2
    patience: int = 5
    teacher: bool = False
    seed: int = 1


def training_options(
    given: Mapping[str, Any],
    *,
    qat: bool,
    scheme: after_training.Scheme,
    measured: bool,
    lessons: bool,
) -> TrainingOptions | None:
    """How to train by the options that were given; None without ``qat``.

    ``measured``: there are samples to calibrate with; ``lessons``: there are some to train on.

    Raises:
        InputError: the options contradict each other, or there is none of that name.
    """
    known = [field.name for field in fields(TrainingOptions)]
    if unknown := sorted(set(given) - set(known)):
        raise InputError(
            f"quantizing has no option {unknown[0]!r}.", f"Those of training: {', '.join(known)}."
        )
    options = TrainingOptions(**given)
    if not qat:
        if lessons or options != TrainingOptions():
            raise InputError("how to train, and on what, belongs to --qat, which is not given.")
        return None
    if scheme is not after_training.Scheme.INT8:
        raise InputError(f"--qat trains for int8, not for --scheme {scheme.value}.")
    if not measured:
        raise InputError("--qat needs --data, to measure the ranges that training begins with.")
    return options


@dataclass(frozen=True)
class Epoch:
    """Mean losses after an epoch; epoch 0 is the model before training, quantized."""

    number: int
    training_loss: float
    validation_loss: float


@dataclass(frozen=True)
class Training:
    """What happened: ``best`` is the number of the epoch that was kept."""

    options: TrainingOptions
    samples: int
    validation_samples: int
    loss: str
    epochs: tuple[Epoch, ...]
    best: int


def train_quantized(
    model: FloatModel,
    training: Dataset,
    calibration: Dataset,
    options: TrainingOptions,
    method: calibrate.Method = calibrate.Method.MIN_MAX,
    *,
    percentile: float = after_training.DEFAULT_PERCENTILE,
    tell: Progress = silent,
) -> tuple[after_training.QuantizedModel, Training]:
    """Train a float model for int8 and quantize it; its ``float_model`` is the one before training.

    ``training`` has class numbers as labels for a classifier, the outputs themselves otherwise; with
    ``options.teacher`` labels are not looked at. ``calibration`` and ``method`` say where the ranges of
    the activations begin; ``tell`` is told the losses of each epoch.

    Raises:
        InputError: labels are missing or do not fit, or there are too few samples.
        UnsupportedError: an operator cannot be trained through.
    """
    after_training.check_control_flow(model)
    tf = make_repeatable(options.seed)
    tell("calibrating")
    calibrated = calibrate.min_max_model(model.tflite, calibration)
    ranges = calibrate.tensor_ranges(calibrated)
    if method is not calibrate.Method.MIN_MAX:
        ranges |= calibrate.clipped_ranges(
            model.tflite, calibrated, calibration, method, percentile
        )
    network = DifferentiableModel(model.graph, ranges)
    name, loss, expected = _task(tf, model, network, training, options)
    history = _fit(tf, network, training, expected, loss, options, tell)
    trained = with_weights(model, network.parameters)
    quantized = after_training.quantize(
        trained, calibration, after_training.Scheme.INT8, ranges=network.ranges(), tell=tell
    )
    epochs, best, validation_samples = history
    return (
        replace(quantized, float_model=model.tflite, method=method),
        Training(options, training.count, validation_samples, name, epochs, best),
    )


def _inputs(data: Dataset) -> list[AnyArray]:
    """(samples, …) without the batch of 1 that each sample has."""
    return [array.reshape(len(array), *array.shape[2:]) for array in data.inputs.values()]


def _task(
    tf: Any,
    model: FloatModel,
    network: DifferentiableModel,
    training: Dataset,
    options: TrainingOptions,
) -> tuple[str, Loss, list[AnyArray]]:
    """The loss by name, itself, and what is expected of each output."""
    opcodes = network.last_opcodes
    if options.teacher:
        batches = np.array_split(np.arange(training.count), -(-training.count // options.batch))
        inputs = _inputs(training)
        answers = [network([array[batch] for array in inputs], rounded=False) for batch in batches]
        expected = [
            np.concatenate([row[one].numpy() for row in answers]) for one in range(len(opcodes))
        ]
        name = {"SOFTMAX": "cross-entropy", "LOGISTIC": "binary cross-entropy"}.get(
            opcodes[0], "squared error"
        )
        return f"{name} to the float model", _loss(tf, opcodes), expected
    if training.labels is None:
        raise InputError(
            f"{training.source} has no 'labels', which quantization-aware training needs.",
            "Add them, or train with the float model as teacher: --teacher.",
        )
    if len(opcodes) != 1:
        raise UnsupportedError(
            f"{model.name} has {len(opcodes)} outputs, and labels are for one.",
            "Train with the float model as teacher: --teacher.",
        )
    main = model.graph.main
    shape = main.tensors[main.outputs[0]].shape[1:]
    return _labelled(tf, opcodes[0], shape, training)


def _labelled(
    tf: Any, opcode: str, shape: tuple[int, ...], training: Dataset
) -> tuple[str, Loss, list[AnyArray]]:
    labels = training.labels
    assert labels is not None
    size = int(np.prod(shape))
    if labels.size == training.count * size and (labels.dtype.kind == "f" or size == 1):
        expected = labels.reshape(-1, *shape).astype(np.float32)
        name = "binary cross-entropy" if opcode == "LOGISTIC" else "squared error"
        return name, _loss(tf, (opcode,)), [expected]
    if labels.dtype.kind != "i" or labels.size != training.count:
        raise InputError(
            f"{training.source}: 'labels' is {list(labels.shape)} {labels.dtype}; the model's output "
            f"is {list(shape)} a sample.",
            "Give one class number a sample, or real numbers of the output's shape.",
        )
    if labels.min() < 0 or labels.max() >= size:
        raise InputError(
            f"{training.source}: 'labels' are {labels.min()} to {labels.max()}, but the model has "
            f"{size} outputs.",
            "Number the classes from 0.",
        )
    one_hot = np.eye(size, dtype=np.float32)[labels.reshape(-1)].reshape(-1, *shape)
    return "cross-entropy", _loss(tf, ("SOFTMAX",)), [one_hot]


def _loss(tf: Any, opcodes: Sequence[str]) -> Loss:
    """Sum over the outputs of the loss that fits each; classifiers are given raw scores."""

    def one(opcode: str, expected: Any, computed: Any) -> Any:
        rows = tf.shape(expected)[0]
        if opcode == "SOFTMAX":
            value = tf.nn.softmax_cross_entropy_with_logits(expected, computed)
        elif opcode == "LOGISTIC":
            value = tf.nn.sigmoid_cross_entropy_with_logits(expected, computed)
        else:
            value = tf.math.squared_difference(expected, computed)
        return tf.reduce_mean(tf.reshape(value, (rows, -1)), axis=1)

    return lambda expected, computed: tf.add_n(
        [one(*each) for each in zip(opcodes, expected, computed, strict=True)]
    )


def _split(count: int, options: TrainingOptions) -> tuple[AnyArray, AnyArray]:
    """Training and validation samples, by a seeded shuffle."""
    held_back = round(count * options.validation)
    if count - held_back < options.batch or (options.validation and held_back < 1):
        raise InputError(
            f"{count} training samples, {held_back} of them for validation, do not fill a batch of "
            f"{options.batch}.",
            "Give more samples (--train), or a smaller --batch.",
        )
    order = np.random.default_rng(options.seed).permutation(count)
    return order[held_back:], order[:held_back]


def _fit(
    tf: Any,
    network: DifferentiableModel,
    training: Dataset,
    expected: Sequence[AnyArray],
    loss: Loss,
    options: TrainingOptions,
    tell: Progress,
) -> tuple[tuple[Epoch, ...], int, int]:
    chosen, held_back = _split(training.count, options)
    inputs = _inputs(training)
    steps = options.epochs * (len(chosen) // options.batch)
    optimizer = tf.keras.optimizers.Adam(
        tf.keras.optimizers.schedules.CosineDecay(options.learning_rate, max(1, steps))
    )
    variables = network.variables

    def evaluate(batch: Any, wanted: Any) -> Any:
        return loss(wanted, network(batch, raw_outputs=True))

    def step(batch: Any, wanted: Any) -> Any:
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss(wanted, network(batch, raw_outputs=True)))
        gradients = tape.gradient(value, variables, unconnected_gradients="zero")
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return value

    evaluate_fast, step_fast = tf.function(evaluate, reduce_retracing=True), tf.function(step)

    def pick(indices: AnyArray) -> tuple[list[Any], list[Any]]:
        return (
            [tf.constant(array[indices]) for array in inputs],
            [tf.constant(array[indices]) for array in expected],
        )

    def mean_loss(indices: AnyArray) -> float:
        parts = np.array_split(indices, -(-len(indices) // (8 * options.batch)))
        return float(
            np.mean(np.concatenate([evaluate_fast(*pick(part)).numpy() for part in parts]))
        )

    judged = held_back if len(held_back) else chosen
    first = mean_loss(judged)
    epochs = [Epoch(0, mean_loss(chosen), first)]
    best, kept = 0, network.snapshot()
    order = np.random.default_rng(options.seed + 1)
    for number in range(1, options.epochs + 1):
        shuffled = order.permutation(chosen)
        batches = len(shuffled) // options.batch
        losses = [
            float(step_fast(*pick(batch)))
            for batch in shuffled[: batches * options.batch].reshape(batches, options.batch)
        ]
        epochs.append(Epoch(number, float(np.mean(losses)), mean_loss(judged)))
        tell(
            f"epoch {number} of {options.epochs}: loss {epochs[-1].training_loss:.4f}, "
            f"validation {epochs[-1].validation_loss:.4f}"
        )
        if not np.isfinite(epochs[-1].training_loss):
            raise InputError(
                f"the loss is no number after epoch {number}.", "Use a smaller --learning-rate."
            )
        if epochs[-1].validation_loss < epochs[best].validation_loss:
            best, kept = number, network.snapshot()
        elif number - best >= options.patience:
            break
    network.restore(kept)
    return tuple(epochs), best, len(held_back)


def with_weights(model: FloatModel, parameters: dict[Parameter, Any]) -> FloatModel:
    """The float model with trained constants; a constant that several operators share is split."""
    file = calibrate.unpacked(model.tflite)
    subgraph = file.subgraphs[0]
    taken: set[int] = set()
    buffer_type, tensor_type = type(file.buffers[0]), type(subgraph.tensors[0])
    for (operator, slot), variable in parameters.items():
        record = subgraph.operators[operator]
        index = int(record.inputs[slot])
        buffer = buffer_type()
        buffer.data = np.frombuffer(variable.numpy().astype("<f4").tobytes(), np.uint8)
        file.buffers.append(buffer)
        if index in taken:
            copy = tensor_type()
            copy.__dict__.update(subgraph.tensors[index].__dict__)
            copy.name = subgraph.tensors[index].name + f"_{operator}_{slot}".encode()
            subgraph.tensors.append(copy)
            index = len(subgraph.tensors) - 1
            record.inputs = [*record.inputs[:slot], index, *record.inputs[slot + 1 :]]
        taken.add(index)
        subgraph.tensors[index].buffer = len(file.buffers) - 1
    tflite = calibrate.packed(file)
    return replace(model, tflite=tflite, graph=read_model_bytes(tflite, model.name))
