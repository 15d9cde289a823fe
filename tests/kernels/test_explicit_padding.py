# SPDX-License-Identifier: Apache-2.0
"""Convolutions that took a PAD with any ends in: every kind of kernel, on emulated Cortex-M."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.kernels.emulated_batch import run_batch
from tests.models.oracle import run_tflm
from tests.ops.comparison import assert_same, random_inputs
from tests.passes.comparing import context
from tests.passes.test_padding import Options, padded_convolution
from tinygen.kernels import cmsis_nn
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.options import Optimize
from tinygen.tflite.reader import read_model_bytes

_MODELS = 40


@pytest.mark.qemu
@pytest.mark.parametrize("provider", ["tinygen", "cmsis-nn"])
@pytest.mark.parametrize(
    "board_name",
    ["qemu-mps2-an385", "qemu-mps2-an386", "qemu-mps3-an547"],
)
def test_against_tflm(board_name: str, provider: str, tmp_path: Path) -> None:
    tree = cmsis_nn.packaged_tree() if provider == "cmsis-nn" else None
    assert tree is not None or provider == "tinygen"
    models = [
        padded_convolution(opcode, "INT8", seed, Options(channels=channels))
        for opcode in ("CONV_2D", "DEPTHWISE_CONV_2D")
        for channels in (None, 8, 16)
        for seed in range(_MODELS)
    ]
    networks = [lower(rewrite(read_model_bytes(model, "padded"))) for model in models]
    explicit = [n for n in networks if n.graph.main.operators[0].options["padding"] == "EXPLICIT"]
    assert len(explicit) > len(networks) // 4
    rng = np.random.default_rng(5)
    samples = [[random_inputs(network, rng)] for network in networks]
    answers = run_batch(networks, samples, board_name, tmp_path, Optimize.SPEED, tree)
    for model, network, sent, got in zip(models, networks, samples, answers, strict=True):
        for want, output in zip(run_tflm(model, sent[0]), got[0], strict=True):
            assert_same(want, output, context(network))
