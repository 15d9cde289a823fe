# SPDX-License-Identifier: Apache-2.0
"""The public functions, one a command of ``tinygen``; docs/api.md shows them at work.

Each imports what it needs when it is called, so that ``import tinygen`` costs nothing. Results are
frozen dataclasses whose ``to_dict()`` is what the command prints with ``--json``; every error is a
``tinygen.Error``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tinygen.errors import InputError
from tinygen.ir.custom import CustomOperator, as_custom_operators
from tinygen.ir.progress import Progress, silent

if TYPE_CHECKING:
    from enum import Enum

    from tinygen.compilation import Compilation
    from tinygen.explanation import Explanations
    from tinygen.hardware.boards import Board
    from tinygen.hardware.cores import Core
    from tinygen.ir.graph import AnyArray, Graph
    from tinygen.ir.network import Network
    from tinygen.measure.profile import Profile
    from tinygen.measure.report import Report
    from tinygen.measure.samples import Samples
    from tinygen.measure.verify import Verdict
    from tinygen.ops.table import Support
    from tinygen.planning.analysis import Analysis
    from tinygen.quantization.compare import Comparison
    from tinygen.quantization.data import Dataset
    from tinygen.quantization.quantize import Quantized
    from tinygen.run.flash.flash import Flashed

    Model = Path | str | bytes | Graph
    Data = str | Path | AnyArray | Mapping[str, AnyArray] | Dataset
    EnumT = TypeVar("EnumT", bound=Enum)

DEFAULT_BOARD = "qemu-mps2-an386"
"""Where programs run unless the caller says otherwise: an emulated Cortex-M4."""


def compile(
    model: Model,
    *,
    board: str | Path | Board | None = None,
    target: str | None = None,
    name: str = "",
    kernels: str = "auto",
    optimize: str = "speed",
    ram: int | None = None,
    banks: Sequence[str] = (),
    flash: int | None = None,
    stream_input: bool = False,
    numerics: str = "tflm",
    cmsis_nn: Path | str | None = None,
    weight_growth: float = 1.05,
    custom: Sequence[Path | str | CustomOperator] = (),
    signature: str = "",
) -> Compilation:
    """Compile a model to C; ``write()`` of the result puts the files on disk.

    Args:
        model: a .tflite file, its bytes, or a ``Graph``.
        board: a board's name or file: its core, and its memories as limits.
        target: the core, if not the board's own; ``cortex-m4`` without either.
        name: prefix of every symbol; the file's name if empty.
        kernels: whose to use: ``auto``, ``cmsis-nn`` or ``tinygen``.
        optimize: ``speed`` (kernels specialized to each layer), ``size`` (one instance of each) or
            ``ram`` (layers streamed by rows through the smallest arena).
        ram: bytes that the arena may take.
        banks: memories that the arena may be spread over, ``NAME=BYTES`` or ``NAME=BYTES,fast``, in
            place of what the board leaves.
        flash: bytes that code (estimated) and constants may take.
        stream_input: the application delivers the input row by row.
        numerics: whose arithmetic to reproduce bit for bit: ``tflm`` or ``litert``.
        cmsis_nn: a CMSIS-NN source tree to use.
        weight_growth: times the model's own constant bytes that faster kernels may take.
        custom: operators of your own that the model has, or Python files that make them.
        signature: the entry point to compile, of a model that has several.

    Raises:
        InputError: the model is damaged (``ModelError``), uses what tinygen does not compile
            (``UnsupportedError``) or does not fit (``BudgetError``); or an argument is no good.
    """
    from tinygen.compilation import compile_model
    from tinygen.hardware.cores import core
    from tinygen.ir.graph import Numerics
    from tinygen.planning.board_memory import with_memories
    from tinygen.planning.options import DEFAULT_CORE, Budget, KernelChoice, Optimize, Options

    place = None if board is None else _board(board, None if target is None else core(target))
    options = Options(
        name=name,
        core=place.core if place else DEFAULT_CORE if target is None else core(target),
        kernels=_choice("kernels", kernels, KernelChoice),
        optimize=_choice("optimize", optimize, Optimize),
        weight_growth=weight_growth,
        ram=None if ram is None else Budget(ram, "--ram"),
        flash=None if flash is None else Budget(flash, "--flash"),
        stream_input=stream_input,
        numerics=_choice("numerics", numerics, Numerics),
        cmsis_nn=None if cmsis_nn is None else Path(cmsis_nn),
        custom=as_custom_operators(custom),
        signature=signature,
    )
    for what, value in (("weight_growth", weight_growth), ("ram", ram), ("flash", flash)):
        if value is not None and not value >= 1:
            raise InputError(f"{what} is 1 or more, not {value}.")
    source = Path(model) if isinstance(model, str) else model
    return compile_model(source, with_memories(options, place, banks))


def verify(
    model: Model | Compilation,
    samples: Samples = 10,
    *,
    on: str | Path | Board | None = None,
    port: str = "",
    probe: str = "",
    flash_first: bool = True,
    seed: int = 1,
    layers: bool = False,
    keep_going: bool = False,
    record: Path | str | None = None,
    progress: Progress = silent,
    **options: Any,
) -> Verdict:
    """Build, run on a board or emulator, and compare bit for bit with the reference.

    Args:
        model: what ``compile`` takes, with its ``options``; or what it gave.
        samples: how many random ones, of ``seed``; or a .npy or .npz file; or an array for each input,
            the first dimension counting samples.
        on: the board; if None, the emulated one of the model's core with the most RAM.
        port: serial port of a real board, if it is not found by its USB identity.
        probe: serial number of its debug probe, where several are attached.
        flash_first: put the program on a real board before; without, it must already run it.
        layers: compare every operator's output too.
        keep_going: after a crash, go on with the next sample.
        record: file that keeps outputs, from which a run that was cut short is resumed.
    """
    from tinygen.measure.samples import chosen_samples
    from tinygen.measure.verify import verify as verify_stage
    from tinygen.run.runners import runner_for

    compilation, place = _placed(model, on, options)
    chosen, labels = chosen_samples(compilation.network, samples, seed)
    with tempfile.TemporaryDirectory(prefix="tinygen-") as work:
        return verify_stage(
            compilation,
            place,
            chosen,
            Path(work),
            runner=runner_for(place, port=port, probe=probe, flash=flash_first),
            layers=layers,
            labels=labels,
            keep_going=keep_going,
            record=None if record is None else Path(record),
            progress=progress,
        )


def profile(
    model: Model | Compilation,
    *,
    on: str | Path | Board | None = None,
    port: str = "",
    probe: str = "",
    progress: Progress = silent,
    **options: Any,
) -> Profile:
    """Count instructions and cycles layer by layer; flash and RAM as linked.

    ``on`` is as for ``verify``, ``options`` as for ``compile``. A real board is emulated, with its
    clock and memories, unless the ``port`` it is on is given, or its ``probe``, which finds the port.
    """
    from tinygen.ir import reference
    from tinygen.measure.profile import profile as profile_stage
    from tinygen.run.flash.ports import find_port

    compilation, place = _placed(model, on, options)
    if probe and not port:
        port = find_port(place, probe)
    (sample,) = reference.random_inputs(compilation.network, 1, seed=1)
    with tempfile.TemporaryDirectory(prefix="tinygen-") as work:
        return profile_stage(compilation, place, sample, Path(work), port=port, progress=progress)


def analyze(model: Model | Compilation, *, ram_curve: bool = False, **options: Any) -> Analysis:
    """Operators, MACs, weights, arena against its lower bound, flash, boards that fit, and their times.

    ``ram_curve`` adds what each budget of RAM would cost in cycles.
    """
    from dataclasses import replace

    from tinygen.measure.board_times import board_times
    from tinygen.measure.ram_curve import ram_curve as curve
    from tinygen.planning.analysis import analyze as analyze_stage

    compilation = _compiled(model, options)
    analysis = replace(analyze_stage(compilation.plan), times=board_times(compilation))
    return replace(analysis, ram_curve=curve(compilation)) if ram_curve else analysis


def report(
    model: Model | Compilation,
    samples: Samples = 10,
    *,
    on: str | Path | Board | None = None,
    seed: int = 1,
    progress: Progress = silent,
    **options: Any,
) -> Report:
    """Layers, memory over time, cost, and the verdict of an emulated run, as one page.

    ``samples``, ``on`` and ``seed`` are as for ``verify``, ``options`` as for ``compile``; ``write()``
    of the result writes the page.
    """
    from tinygen.measure.report import Report
    from tinygen.planning.as_data import plan_as_data

    compilation, place = _placed(model, on, options)
    return Report(
        analyze(compilation),
        plan_as_data(compilation.plan),
        verify(compilation, samples, on=place, seed=seed, progress=progress),
        profile(compilation, on=place, progress=progress),
    )


def flash(
    model: Model | Compilation,
    *,
    on: str | Path | Board,
    method: str = "",
    port: str = "",
    probe: str = "",
    progress: Progress = silent,
    **options: Any,
) -> Flashed:
    """Build, and put the test program on a board.

    ``method`` is the flash tool, the best one installed if empty; the rest is as for ``verify``.
    """
    from tinygen.run.flash import flash as stage
    from tinygen.run.flash.backends import Job
    from tinygen.run.workspace import Workspace

    compilation, place = _placed(model, on, options)
    stage.choose(place, method)  # before the work of building
    with tempfile.TemporaryDirectory(prefix="tinygen-") as work:
        progress(f"building for {place.name}")
        image = Workspace(compilation, place, Path(work)).image()
        progress(f"flashing {place.name}")
        return stage.flash(Job(image.elf, place, probe, port), method)


def explain(
    model: Model | Compilation,
    layer: int | None = None,
    element: Sequence[int] | None = None,
    *,
    samples: Samples = 1,
    sample: int = 0,
    seed: int = 1,
    **options: Any,
) -> Explanations:
    """Scales, zero points and multipliers of layers, and one output element of each worked by hand.

    ``layer`` is an operator's number, None for all; ``element`` an index into its output, one inside if
    None; ``samples``, quantized, are as for ``verify``, and ``sample`` says which of them is worked.
    Of the options of ``compile``, ``numerics`` and ``custom`` are taken.
    """
    from tinygen.explanation import explain as explain_stage
    from tinygen.measure.samples import chosen_samples

    if element is not None and layer is None:
        raise InputError("an element is one of a layer's output.", "Say which --layer.")
    network = _network(model, options)
    chosen, _ = chosen_samples(network, samples, seed)
    if not 0 <= sample < len(chosen):
        raise InputError(f"there are {len(chosen)} samples, no sample {sample}.")
    return explain_stage(
        network,
        chosen[sample],
        None if layer is None else [layer],
        None if element is None else tuple(element),
    )


def quantize(
    model: Any,
    data: Data | None = None,
    *,
    scheme: str = "int8",
    calibration: str = "min-max",
    percentile: float = 99.99,
    preprocess: str = "",
    input_range: tuple[float, float] | None = None,
    qat: bool = False,
    train: Data | None = None,
    progress: Progress = silent,
    **training: Any,
) -> Quantized:
    """Quantize a float model to a .tflite for microcontrollers; ``save()`` of the result writes it.

    Args:
        model: a file (Keras, SavedModel or .tflite), or a Keras model in memory.
        data: calibration samples: .npz, .npy, a folder, ``module:function``, or arrays.
        scheme: ``int8``, ``int16x8`` (int16 activations), or weights only: ``float16``, ``dynamic``.
        calibration: how ranges are chosen: ``min-max``, ``percentile``, ``mse`` or ``entropy``.
        percentile: share of the values that ``percentile`` keeps.
        preprocess: how files of a folder become arrays (docs/quantize.md).
        input_range: the values that the model was trained on; data outside is refused.
        qat: train on with quantization in the loop, then quantize (int8).
        train: samples to train on, with labels; ``data`` if None.
        progress: told what is being done.
        training: fields of ``TrainingOptions``: epochs, learning_rate, batch, validation, patience,
            teacher, seed; with ``qat`` only.

    Raises:
        InputError: model or data do not do, or the options contradict each other.
        MachineError: TensorFlow is not installed.
    """
    from tinygen.quantization.calibration import Method
    from tinygen.quantization.convert import Scheme
    from tinygen.quantization.data import as_dataset
    from tinygen.quantization.quantize import quantize as quantize_stage
    from tinygen.quantization.source import as_float_model
    from tinygen.quantization.training import training_options

    wanted = _choice("scheme", scheme, Scheme)
    how = training_options(
        training, qat=qat, scheme=wanted, measured=data is not None, lessons=train is not None
    )
    progress("starting TensorFlow")
    source = as_float_model(model)

    def loaded(given: Data | None) -> Dataset | None:
        return None if given is None else as_dataset(given, source.signature, preprocess)

    return quantize_stage(
        source,
        loaded(data),
        wanted,
        _choice("calibration", calibration, Method),
        percentile=percentile,
        input_range=input_range,
        lessons=loaded(train),
        training=how,
        tell=progress,
    )


def compare(
    models: Mapping[str, Path | str | bytes] | Sequence[Path | str],
    data: Data,
    *,
    preprocess: str = "",
    metric: str = "auto",
    boards: Sequence[str | Path | Board] = (),
    title: str = "",
    custom: Sequence[Path | str | CustomOperator] = (),
    progress: Progress = silent,
) -> Comparison:
    """A float .tflite and what was made of it: accuracy, noise, size, time, memory, energy.

    Args:
        models: .tflite files, or contents by name; the float one first.
        data: evaluation samples, as for ``quantize``, with labels for most metrics.
        preprocess: how files of a folder become arrays.
        metric: classification, regression, autoencoder, agreement, or ``module:function``.
        boards: emulated ones to measure on; M4, M55 and M3 if there are none.
        title: what the comparison is of; the first model's name if empty.
    """
    from tinygen.quantization.compare import compare as compare_stage
    from tinygen.quantization.compare import read_variants
    from tinygen.quantization.data import as_dataset

    contents, signature = read_variants(models)
    evaluation = as_dataset(data, signature, preprocess)
    with tempfile.TemporaryDirectory(prefix="tinygen-") as work:
        return compare_stage(
            contents,
            evaluation,
            Path(work),
            title=title or next(iter(contents)),
            metric=metric,
            boards=[_board(one) for one in boards] or None,
            custom=as_custom_operators(custom),
            progress=progress,
        )


def boards() -> tuple[Board, ...]:
    """The boards there are, real and emulated."""
    from tinygen.hardware.boards import all_boards

    return tuple(all_boards())


def targets() -> tuple[Core, ...]:
    """The cores that code is generated for."""
    from tinygen.hardware.cores import all_cores

    return all_cores()


def operators() -> tuple[Support, ...]:
    """The operators and types that are compiled, and who has a kernel for each."""
    from tinygen.ops.table import operator_table

    return tuple(operator_table())


def _board(given: str | Path | Board, target: Core | None = None) -> Board:
    """A board by its name or file, with its programs built for ``target`` if that is given."""
    from tinygen.hardware.boards import board, built_for

    found = board(given) if isinstance(given, str | Path) else given
    return found if target is None else built_for(found, target)


def _compiled(model: Model | Compilation, options: Mapping[str, Any]) -> Compilation:
    from tinygen.compilation import Compilation

    if not isinstance(model, Compilation):
        return compile(model, **options)
    if options:
        late = ", ".join(options)
        raise InputError(f"{model.name} is compiled, it is too late for {late}.")
    return model


def _placed(
    model: Model | Compilation, on: str | Path | Board | None, options: Mapping[str, Any]
) -> tuple[Compilation, Board]:
    """The compilation, for the board where it is to run if it is made now; and that board."""
    from tinygen.compilation import Compilation
    from tinygen.hardware.boards import emulated_board

    place = on or options.get("board")
    if isinstance(model, Compilation) or (place is None and options.get("target")):
        compilation = _compiled(model, options)
    else:
        place = place or DEFAULT_BOARD
        compilation = compile(model, **{**options, "board": place})
    core = compilation.plan.options.core
    return compilation, emulated_board(core) if place is None else _board(place, core)


def _network(model: Model | Compilation, options: Mapping[str, Any]) -> Network:
    from tinygen.compilation import Compilation

    if isinstance(model, Compilation):
        return _compiled(model, options).network
    return _lowered(model, **options)


def _lowered(
    model: Model, *, numerics: str = "tflm", custom: Sequence[Path | str | CustomOperator] = ()
) -> Network:
    from tinygen.compilation import lowered
    from tinygen.ir.graph import Numerics

    source = Path(model) if isinstance(model, str) else model
    return lowered(source, _choice("numerics", numerics, Numerics), as_custom_operators(custom))


def _choice(name: str, value: str, kind: type[EnumT]) -> EnumT:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(str(choice.value) for choice in kind)
        raise InputError(f"{name} cannot be {value!r}.", f"It is one of {known}.") from None
