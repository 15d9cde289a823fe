# SPDX-License-Identifier: Apache-2.0
"""TFLM's run of a model against the C that is generated after the passes, on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tests.kernels.host_batch import build
from tests.models.oracle import run_litert, run_tflm
from tests.ops.comparison import assert_same, random_inputs
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.options import Optimize
from tinygen.tflite.reader import read_model_bytes

Oracle = Callable[[bytes, Sequence[AnyArray]], list[AnyArray]]

SAMPLES = 3


def compare(
    models: Sequence[bytes],
    directory: Path,
    oracle: Oracle = run_tflm,
    inputs: Callable[[Network, np.random.Generator], list[AnyArray]] = random_inputs,
) -> list[Network]:
    """The rewritten networks, after the C of each has been compared with the oracle, bit for bit."""
    networks = [
        lower(rewrite(read_model_bytes(model, f"model {number}")))
        for number, model in enumerate(models)
    ]
    hosted = build(networks, directory, optimize=Optimize.SIZE, flags=("-O1",), compiler="gcc")
    for number, (model, host) in enumerate(zip(models, hosted, strict=True)):
        rng = np.random.default_rng(number)
        for _ in range(SAMPLES):
            sample = inputs(host.network, rng)
            for want, got in zip(oracle(model, sample), host.run(sample), strict=True):
                assert_same(want, got, context(host.network))
    return networks


def compare_litert(models: Sequence[bytes], directory: Path) -> list[Network]:
    """As ``compare``, where TFLM has no such kernel."""
    return compare(models, directory, run_litert)


def context(network: Network) -> str:
    """The model and what was done to it, for a failure's message."""
    graph = network.graph
    lines = [f"{graph.source}:"]
    lines += [f"  {r.stage}: {r.operator.label}: {r.change}" for r in graph.rewrites]
    for operator in graph.main.operators:
        shapes = [
            f"{t.name} {t.dtype.value} {list(t.shape)}"
            for t in (graph.main.tensors[i] for i in (*operator.inputs, *operator.outputs))
        ]
        lines.append(f"  {operator.label} {shapes} {dict(operator.options)}")
    return "\n".join(lines)


def names(network: Network) -> list[str]:
    """What is left: the name of every layer's operator."""
    return [layer.operator.name for layer in network.layers]


def stages(network: Network) -> set[str]:
    """The passes that did something."""
    return {rewrite.stage for rewrite in network.graph.rewrites}
