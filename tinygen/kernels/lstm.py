# SPDX-License-Identifier: Apache-2.0
"""Fields of quantized LSTMs' parameters: the same in every library."""

from __future__ import annotations

from tinygen.kernels.binding import Constant
from tinygen.kernels.structs import Value
from tinygen.numerics.tables import tflm_table
from tinygen.ops.lstm import Lstm, Pair


def pair_fields(pair: Pair) -> dict[str, int]:
    """``tinygen_pair``."""
    return {"multiplier": pair[0], "shift": pair[1]}


def sigmoid_positions(layer: Lstm) -> dict[str, Value]:
    """``gate_positions`` and ``cell_positions`` of the layer's parameters."""
    table = Constant("table", tflm_table("sigmoid"), alignment=2)
    positions: dict[str, Value] = {"count": layer.units, "table": table}
    return {
        "gate_positions": {**positions, "multiplier": 3, "shift": 0},
        "cell_positions": {
            **positions,
            "multiplier": layer.cell_multiplier,
            "shift": layer.cell_shift,
        },
    }
