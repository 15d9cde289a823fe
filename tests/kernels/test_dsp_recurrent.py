# SPDX-License-Identifier: Apache-2.0
"""The DSP kernels of operators that keep a state, several inferences in a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.kernels.choice import does, named, refusal, use_only
from tests.kernels.dsp_programs import M4_BOARD
from tests.kernels.emulated_batch import run_batch
from tests.kernels.host_batch import build
from tests.ops.comparison import assert_same, random_inputs
from tests.ops.generators.stateful import random_lstm, random_svdf
from tinygen.hardware.cores import core
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.passes.lowering import lower
from tinygen.planning.options import Optimize
from tinygen.tflite.reader import read_model_bytes

_CORE = core("cortex-m4")
_BATCH = 100
"""Layers in a program."""
_INFERENCES = 3
_OPTIMIZE = {False: Optimize.SPEED, True: Optimize.SIZE}
"""What plans are good at, by whether they take the kernels that are made small."""

_LAYERS: dict[str, Callable[[np.random.Generator], bytes]] = {
    "lstm_s8": lambda rng: random_lstm(rng, "INT8", (5, 40, 40)),
    "svdf_s8": lambda rng: random_svdf(rng, "INT8", (4, 50, 8, 4, 14)),
}
"""A random model by the kernel that is to compute it."""

Case = tuple[list[Network], list[list[list[AnyArray]]], list[list[list[AnyArray]]]]
"""Models, and for each the inputs and the outputs of some inferences in a row."""


def _case(name: str, number: int, monkeypatch: pytest.MonkeyPatch, compact: bool) -> Case:
    """The models of a program, which only that kernel may compute."""
    kernels = named(f"dsp.{name}_compact" if compact else f"dsp.{name}")
    found: list[Network] = []
    for seed in range(number * _BATCH, (number + 1) * _BATCH):
        model = _LAYERS[name](np.random.default_rng([seed, *name.encode()]))
        network = lower(read_model_bytes(model, f"{name} {seed}"))
        if does(kernels[0], network.layers[0], _CORE):
            found.append(network)
    assert len(found) > _BATCH // 2
    use_only(kernels, monkeypatch)
    rng = np.random.default_rng(number)
    samples = [[random_inputs(network, rng) for _ in range(_INFERENCES)] for network in found]
    return found, samples, [_outputs(*pair) for pair in zip(found, samples, strict=True)]


def _outputs(network: Network, samples: Sequence[Sequence[AnyArray]]) -> list[list[AnyArray]]:
    states: dict[int, AnyArray] = {}
    return [reference.outputs(network, sample, states) for sample in samples]


def _assert_same(
    networks: Sequence[Network],
    expected: Sequence[Sequence[Sequence[AnyArray]]],
    actual: Sequence[Sequence[Sequence[AnyArray]]],
) -> None:
    for network, wanted, given in zip(networks, expected, actual, strict=True):
        for want, got in zip(wanted, given, strict=True):
            assert_same(want[0], got[0], network.graph.source)


@pytest.mark.qemu
@pytest.mark.parametrize(
    ("name", "number", "board_name"),
    [
        *((name, number, M4_BOARD) for name in _LAYERS for number in range(6)),
        *((name, 0, board) for name in _LAYERS for board in ("qemu-mps2-an500", "qemu-mps2-an505")),
    ],
)
def test_assembly(
    name: str, number: int, board_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compact = number % 3 == 2
    networks, samples, expected = _case(name, number, monkeypatch, compact)
    actual = run_batch(networks, samples, board_name, tmp_path, _OPTIMIZE[compact])
    _assert_same(networks, expected, actual)


@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("name", _LAYERS)
def test_c_twins(
    name: str, compiler: str, compact: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks, samples, expected = _case(name, 0, monkeypatch, compact)
    sanitizers = ("-fsanitize=undefined", "-fno-sanitize-recover=all") if compiler == "gcc" else ()
    hosted = build(
        networks,
        tmp_path,
        optimize=_OPTIMIZE[compact],
        flags=("-O1", *sanitizers),
        compiler=compiler,
        core_name="cortex-m4",
    )
    actual = [
        [host.run(sample) for sample in sent] for host, sent in zip(hosted, samples, strict=True)
    ]
    _assert_same(networks, expected, actual)


@pytest.mark.parametrize("name", _LAYERS)
def test_cores_without_simd_are_refused(name: str) -> None:
    (kernel,) = named(f"dsp.{name}")
    model = _LAYERS[name](np.random.default_rng(1))
    (layer,) = lower(read_model_bytes(model, name)).layers
    assert refusal(kernel, layer, _CORE) is None
    assert "lacks" in (refusal(kernel, layer, core("cortex-m3")) or "")
