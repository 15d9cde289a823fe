# SPDX-License-Identifier: Apache-2.0
"""Real models with chains of operators streamed, on an emulated Cortex-M4: bits, layers, profiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import shared_model
from tests.run.programs import need_tools_of
from tinygen.compilation import Compilation
from tinygen.emit import render
from tinygen.hardware.boards import board
from tinygen.ir import reference
from tinygen.measure.plugin import supports_plugins
from tinygen.measure.profile import profile
from tinygen.measure.verify import verify
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Options
from tinygen.run.qemu import qemu_path
from tinygen.tflite.reader import read_model

CHAINS = {
    "mlperf_ic": [range(13)],
    "mlperf_kws": [range(10)],
    "mlperf_vww": [range(2, 5)],
    "person_detect": [range(4), range(4, 8)],
}
_BOARD = "qemu-mps2-an386"


def streamed(
    name: str, board_name: str = _BOARD, chains: Sequence[range] | None = None
) -> Compilation:
    """A real model with its chains streamed, or those given."""
    network = lower(rewrite(read_model(shared_model(f"{name}.tflite"))))
    wanted = CHAINS[name] if chains is None else chains
    options = Options(name, board(board_name).core, KernelChoice.TINYGEN, chains=tuple(wanted))
    plan = make_plan(network, options)
    return Compilation(network.graph, network, plan, render(plan))


@pytest.mark.qemu
@pytest.mark.parametrize("name", CHAINS)
def test_every_operator_equals_the_reference(name: str, tmp_path: Path) -> None:
    need_tools_of(board(_BOARD))
    compilation = streamed(name)
    samples = reference.random_inputs(compilation.network, 1, seed=7)
    samples.append([np.full_like(value, -128) for value in samples[0]])
    verdict = verify(compilation, board(_BOARD), samples, tmp_path, layers=True)
    assert verdict.bit_exact
    assert [layer.index for layer in verdict.layers] == [
        layer.operator.index for layer in compilation.network.layers
    ]


@pytest.mark.qemu
def test_a_chain_on_helium(tmp_path: Path) -> None:
    """Helium kernels do it there."""
    target = board("qemu-mps3-an547")
    need_tools_of(target)
    compilation = streamed("mlperf_kws", target.name)
    (stream,) = (step.stream for step in compilation.plan.steps if step.stream is not None)
    assert all(kernel.startswith("mve.") for kernel in stream.kernels)
    samples = reference.random_inputs(compilation.network, 1, seed=8)
    assert verify(compilation, target, samples, tmp_path, layers=True).bit_exact


@pytest.mark.qemu
def test_a_profile_has_every_operator_of_a_chain(tmp_path: Path) -> None:
    need_tools_of(board(_BOARD))
    if not supports_plugins(qemu_path()):
        pytest.skip("QEMU was built without plugins")
    compilation = streamed("mlperf_kws")
    (sample,) = reference.random_inputs(compilation.network, 1, seed=1)
    result = profile(compilation, board(_BOARD), sample, tmp_path)
    assert result.bit_exact
    layers = compilation.network.layers
    assert [layer.operators for layer in result.layers] == [(x.operator.index,) for x in layers]
    chain = result.layers[:10]
    assert all(layer.kernel.startswith("dsp.") for layer in chain)
    assert all(layer.cycles and layer.cycles > 10_000 for layer in chain)
    cycles = [layer.cycles or 0 for layer in result.layers]
    assert sum(cycles) + (result.overhead.cycles or 0) == result.cycles
    whole = profile(streamed("mlperf_kws", chains=()), board(_BOARD), sample, tmp_path / "whole")
    assert result.memory.flash_code <= 1.3 * whole.memory.flash_code
