# SPDX-License-Identifier: Apache-2.0
"""A compilation on a board or emulator against the reference, bit for bit.

The program that is judged is compiled exactly as the user's will be. Only when an output differs (or
layers are asked for) is a second one built, with the model's trace calls compiled in, to find the
first layer whose bytes differ.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from tinygen.compilation import Compilation
from tinygen.errors import BudgetError, InputError
from tinygen.hardware.boards import Board
from tinygen.ir import reference
from tinygen.ir.data import Result
from tinygen.ir.graph import AnyArray, Rewrite
from tinygen.ir.layer import computed
from tinygen.ir.network import Network
from tinygen.ir.progress import Progress, silent
from tinygen.numerics.oracles import ORACLES
from tinygen.planning.budget import contributors
from tinygen.planning.plan import Plan
from tinygen.reporting.console import in_html, print_verdict
from tinygen.run.many import Crash, Record, run_samples
from tinygen.run.runner import Runner
from tinygen.run.runners import runner_for
from tinygen.run.session import Session
from tinygen.run.workspace import Workspace


@dataclass(frozen=True)
class Difference:
    """One element that differs: where, and what was expected and got.

    ``operator`` is empty where only the model's output is known to differ.
    """

    sample: int
    operator: str
    tensor: str
    element: tuple[int, ...]
    expected: int | float
    got: int | float


@dataclass(frozen=True)
class LayerVerdict:
    """One operator's output in all samples: how many samples had different bytes."""

    index: int
    operator: str
    kernel: str
    mismatched_samples: int


@dataclass(frozen=True)
class Accuracy:
    """Share of samples whose largest element of the first output is the label's: 0 to 1."""

    target: float
    reference: float


@dataclass(frozen=True, eq=False)
class Verdict(Result):
    """What a verification found.

    ``outputs_compared`` and ``mismatches`` count output elements. ``outputs`` are the target's own,
    samples × outputs; those of crashed samples are missing. ``fallbacks`` say which
    operators could not have the kernels asked for, ``left_out`` which signatures were not compiled;
    ``oracle`` is what the reference was last compared with, operator by operator.
    ``seconds`` are the wall time of the inferences, with transfers, that were run now: all but
    ``resumed``. ``accuracy`` is there if labels were given.
    ``rewrites`` say what became of operators of the file that are not computed as they stand there.
    """

    derived = ("bit_exact",)

    model: str
    board: str
    samples: int
    outputs_compared: int
    mismatches: int
    first_mismatch: Difference | None
    outputs: tuple[tuple[AnyArray, ...], ...] = field(repr=False)
    layers: tuple[LayerVerdict, ...] = ()
    fallbacks: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    oracle: str = ""
    crashes: tuple[Crash, ...] = ()
    seconds: float = 0.0
    resumed: int = 0
    accuracy: Accuracy | None = None
    rewrites: tuple[Rewrite, ...] = ()

    @property
    def bit_exact(self) -> bool:
        """Whether every sample ran, and every output (and layer, if asked) is the reference's."""
        return not (self.mismatches or self.crashes) and all(
            layer.mismatched_samples == 0 for layer in self.layers
        )

    def _repr_html_(self) -> str:
        return in_html(print_verdict, self.to_dict())


def check_memory(plan: Plan, board: Board) -> None:
    """BudgetError if the arena alone is larger than the RAM of the board."""
    available = sum(region.length for region in board.ram)
    if board.ram and plan.arena_bytes + plan.state_bytes > available:
        largest = contributors(plan)[:3]
        names = ", ".join(f"{name} ({size:,} bytes)" for name, size in largest)
        raise BudgetError(
            f"{plan.network.graph.source}: the arena of {plan.arena_bytes:,} bytes does not fit the "
            f"{available:,} bytes of RAM of {board.name}.",
            f"The largest contributors are {names}.",
        )


def verify(
    compilation: Compilation,
    board: Board,
    samples: Sequence[Sequence[AnyArray]],
    work_directory: Path,
    *,
    runner: Runner | None = None,
    layers: bool = False,
    labels: Sequence[int] | None = None,
    keep_going: bool = False,
    record: Path | None = None,
    progress: Progress = silent,
) -> Verdict:
    """Build the compilation for the board, run every sample there, compare with the reference.

    ``samples`` are samples × inputs; build products go below ``work_directory``. ``runner`` is the
    board's own unless given. With ``keep_going``, a crash costs its sample only; ``record`` is the
    file from which a run that was cut short is resumed.
    """
    if compilation.network.states and (keep_going or record):
        raise InputError(
            f"{compilation.network.graph.source}: the model keeps state from sample to sample, so a "
            "run of it can neither go on after a crash nor be resumed",
            "leave out --keep-going and --record",
        )
    runner = runner or runner_for(board)
    plan = compilation.plan
    check_memory(plan, board)
    work = Workspace(compilation, board, work_directory)
    progress(f"building for {board.name}")
    image = work.image()
    progress(f"running on {board.name}")
    inputs = [[value.tobytes() for value in sample] for sample in samples]
    ran = run_samples(
        runner,
        image,
        inputs,
        keep_going=keep_going,
        record=Record(record, image, inputs) if record else None,
        progress=progress,
    )
    # Every sample is shown to the reference, which may keep state from one to the next.
    states: dict[int, AnyArray] = {}
    all_expected = [
        tuple(reference.outputs(compilation.network, sample, states)) for sample in samples
    ]
    numbers = [number for number, outputs in enumerate(ran.outputs) if outputs is not None]
    expected = [all_expected[number] for number in numbers]
    network = compilation.network
    got = [_as_tensors(network, network.outputs, ran.outputs[number] or ()) for number in numbers]
    mismatches = sum(
        int(np.count_nonzero(_differs(e, g)))
        for sample_expected, sample_got in zip(expected, got, strict=True)
        for e, g in zip(sample_expected, sample_got, strict=True)
    )
    found = (
        _first_difference(network, number, "", network.outputs, wanted, given)
        for number, wanted, given in zip(numbers, expected, got, strict=True)
    )
    first = next(filter(None, found), None)
    layer_verdicts: tuple[LayerVerdict, ...] = ()
    if network.layers and (layers or first is not None):
        progress("building with layer traces")
        with runner.start(work.image(trace=True)) as session:
            traced_samples = numbers if layers else [first.sample if first else 0]
            layer_verdicts, inner = _compare_layers(
                session, compilation, samples, traced_samples, progress
            )
            first = inner or first
    return Verdict(
        model=compilation.graph.source,
        board=board.name,
        samples=len(samples),
        outputs_compared=sum(e.size for sample in expected for e in sample),
        mismatches=mismatches,
        first_mismatch=first,
        outputs=tuple(got),
        layers=layer_verdicts if layers else (),
        fallbacks=compilation.fallbacks,
        left_out=compilation.left_out,
        oracle=ORACLES[compilation.network.numerics],
        crashes=ran.crashes,
        seconds=ran.seconds,
        resumed=ran.resumed,
        accuracy=_accuracy(
            [labels[number] for number in numbers] if labels is not None else [], got, expected
        ),
        rewrites=compilation.graph.rewrites,
    )


def _accuracy(
    labels: Sequence[int], got: Sequence[Sequence[AnyArray]], expected: Sequence[Sequence[AnyArray]]
) -> Accuracy | None:
    """None without labels, or if no sample ran."""
    if not labels:
        return None
    target, wanted = (
        sum(int(np.argmax(sample[0])) == label for sample, label in zip(all_, labels, strict=True))
        / len(labels)
        for all_ in (got, expected)
    )
    return Accuracy(target, wanted)


def _as_tensors(
    network: Network, indices: Sequence[int], answers: Sequence[bytes]
) -> tuple[AnyArray, ...]:
    return tuple(
        np.frombuffer(data, dtype=network.port(index).dtype.numpy).reshape(
            network.port(index).shape
        )
        for index, data in zip(indices, answers, strict=True)
    )


def _differs(expected: AnyArray, got: AnyArray) -> AnyArray:
    """Whether each element's bytes differ: 0.0 does not equal -0.0, but NaN equals NaN.

    Sign and payload of a NaN are the processor's own: Arm's default NaN is positive, x86's negative.
    """
    size = expected.dtype.itemsize
    pair = (np.ascontiguousarray(expected), np.ascontiguousarray(got))
    left, right = (array.view(np.uint8).reshape(-1, size) for array in pair)
    differs: AnyArray = (left != right).any(axis=1).reshape(expected.shape)
    if expected.dtype.kind == "f":
        differs &= ~(np.isnan(expected) & np.isnan(got))
    return differs


def _first_difference(
    network: Network,
    sample: int,
    operator: str,
    indices: Sequence[int],
    expected: Sequence[AnyArray],
    got: Sequence[AnyArray],
) -> Difference | None:
    for index, wanted, given in zip(indices, expected, got, strict=True):
        for where in np.argwhere(_differs(wanted, given)):
            element = tuple(int(i) for i in where)
            values = wanted[element].item(), given[element].item()
            return Difference(sample, operator, network.port(index).name, element, *values)
    return None


def _compare_layers(
    session: Session,
    compilation: Compilation,
    samples: Sequence[Sequence[AnyArray]],
    numbers: Sequence[int],
    progress: Progress,
) -> tuple[tuple[LayerVerdict, ...], Difference | None]:
    """Compare every layer's digest with the reference's; fetch the first layer that differs.

    A model that keeps a state is shown the samples before those, too.
    """
    network = compilation.network
    wrong = [0] * len(network.layers)
    first: Difference | None = None
    states: dict[int, AnyArray] = {}
    shown = range(max(numbers, default=-1) + 1) if network.states else numbers
    for number in shown:
        progress(f"layers of sample {number + 1}")
        values = reference.run(network, samples[number], states)
        inputs = [value.tobytes() for value in samples[number]]
        _, digests = session.run_layer_digests(inputs)
        if number not in numbers:
            continue
        for position, layer in enumerate(computed(network.layers, values)):
            wanted = b"".join(values[i].tobytes() for i in layer.outputs)
            if digests[layer.operator.index] == zlib.crc32(wanted):
                continue
            may_be_nan = any(_has_nan(values[i]) for i in layer.outputs)
            if first is not None and not may_be_nan:
                wrong[position] += 1
                continue
            if network.states:
                session.reset()
                for earlier in samples[:number]:
                    session.run([value.tobytes() for value in earlier])
            data = session.run_layer_bytes(inputs, layer.operator.index)
            found = _layer_difference(network, number, position, values, data)
            wrong[position] += found is not None or not may_be_nan
            first = first or found
    kernels = {
        layer: step.kernel if step.stream is None else step.stream.kernels[place]
        for step in compilation.plan.steps
        for place, layer in enumerate(step.layers)
    }
    verdicts = tuple(
        LayerVerdict(layer.operator.index, layer.operator.label, kernels[layer], wrong[position])
        for position, layer in enumerate(network.layers)
    )
    return verdicts, first


def _has_nan(values: AnyArray) -> bool:
    return values.dtype.kind == "f" and bool(np.isnan(values).any())


def _layer_difference(
    network: Network, sample: int, position: int, values: Mapping[int, AnyArray], data: bytes
) -> Difference | None:
    """``data`` are the bytes of the layer's outputs, one after the other."""
    layer = network.layers[position]
    ends = list(accumulate((network.tensors[index].nbytes for index in layer.outputs), initial=0))
    parts = [data[start:end] for start, end in pairwise(ends)]
    got = _as_tensors(network, layer.outputs, parts)
    expected = [values[index] for index in layer.outputs]
    return _first_difference(network, sample, layer.operator.label, layer.outputs, expected, got)
