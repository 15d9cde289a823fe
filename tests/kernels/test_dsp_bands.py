# SPDX-License-Identifier: Apache-2.0
"""The DSP kernels by bands of rows, out of rings: the assembly on QEMU and its C twins.

Random layers, random ring sizes and band heights; each layer is fed row by row by another.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.kernels.choice import named
from tests.kernels.dsp_depthwise_layers import KINDS, random_depthwise
from tests.kernels.dsp_gemm_layers import CONVOLUTIONS, random_layer
from tests.kernels.dsp_programs import M4_BOARD, accepted, compare_on_board, compare_twins
from tests.row_layers import random_row_layers
from tests.streams import can_be_streamed, fed_by_rows, side_by_side, streamed_plan
from tinygen.hardware.cores import core
from tinygen.ir.network import Network
from tinygen.kernels.kernel import Kernel
from tinygen.planning.options import Options
from tinygen.planning.plan import Plan

_COUNT = 60
_CORE = core("cortex-m4")

_CONVOLUTION_KERNELS: dict[str, Sequence[Kernel]] = {
    "general": named("dsp.conv2d_gemm"),
    "specialized": named("dsp.conv2d_gemm", "dsp.conv2d_gemm_specialized"),
}
_DEPTHWISE_KERNELS: dict[str, Sequence[Kernel]] = {
    "3x3": named("dsp.depthwise3x3"),
    "wide": named("dsp.depthwise3x3"),
    "single": named("dsp.depthwise_single"),
    "any": named("dsp.depthwise_any"),
}
_OTHERS = ("ADD", "AVERAGE_POOL_2D", "GLOBAL_POOL", "MAX_POOL_2D", "MUL", "QUANTIZE", "RELU")

_OTHER_KERNELS = named(
    *(
        f"dsp.{name}_s8"
        for name in ("average_pool2d", "max_pool2d", "add", "mul", "lookup", "clamp")
    )
)

_FAMILIES = [
    *(
        (f"{form} {kind}", kernels)
        for form, kernels in _CONVOLUTION_KERNELS.items()
        for kind in CONVOLUTIONS
    ),
    *((f"depthwise {kind}", _DEPTHWISE_KERNELS[kind]) for kind in KINDS),
    *((opcode, _OTHER_KERNELS) for opcode in _OTHERS),
]


def _layers(family: str, kernels: Sequence[Kernel]) -> list[Network]:
    """Random networks of one layer of the family that the kernels do, and that has rows."""
    first, _, kind = family.partition(" ")
    if not kind:
        drawn = random_row_layers(family, _COUNT // 2)
    elif first == "depthwise":
        drawn = [random_depthwise(kind, seed) for seed in range(_COUNT)]
    else:
        drawn = [random_layer(kind, seed) for seed in range(_COUNT)]
    return [part for part in accepted(kernels, drawn) if can_be_streamed(part)]


def _plan(family: str, kernels: Sequence[Kernel], seed: int) -> tuple[Plan, list[Network]]:
    parts = [fed_by_rows(part) for part in _layers(family, kernels)]
    network, chains = side_by_side(parts)
    # What feeds the layers may be any kernel.
    relu = named("portable.clamp_s8")
    options = Options("layers", _CORE)
    return streamed_plan(network, chains, [*kernels, *relu], options, seed), parts


@pytest.mark.qemu
@pytest.mark.parametrize(("family", "kernels"), _FAMILIES, ids=[name for name, _ in _FAMILIES])
def test_assembly(family: str, kernels: Sequence[Kernel], tmp_path: Path) -> None:
    plan, parts = _plan(family, kernels, seed=5)
    compare_on_board(plan, parts, M4_BOARD, tmp_path)


@pytest.mark.parametrize(("family", "kernels"), _FAMILIES, ids=[name for name, _ in _FAMILIES])
def test_c_twins(family: str, kernels: Sequence[Kernel], tmp_path: Path) -> None:
    plan, parts = _plan(family, kernels, seed=6)
    compare_twins(plan, parts, "gcc", tmp_path)
