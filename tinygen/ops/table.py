# SPDX-License-Identifier: Apache-2.0
"""The table of operators: which types are compiled, and who has a kernel for each.

The table is measured, not written: ``tests/ops/measured_support.py`` makes ``operators.json`` from the
lowerings and kernels, and a test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygen.ir.data import Result
from tinygen.ops.registry import named

TABLE_FILE = Path(__file__).with_name("operators.json")

PROVIDERS = ("portable", "dsp", "mve", "cmsis-nn")
"""Whose kernels there are, in the order of the table's columns."""


@dataclass(frozen=True)
class Support(Result):
    """One operator with inputs of one type.

    ``providers`` are those of ``PROVIDERS`` that have a kernel for at least some of its
    layers; the NumPy reference has all. ``tolerance_ulp`` is how far a float32 result may be from
    TFLM's.
    """

    operator: str
    dtype: str
    providers: tuple[str, ...]
    tolerance_ulp: int


def operator_table() -> list[Support]:
    """Every operator and type."""
    content = json.loads(TABLE_FILE.read_text(encoding="utf-8"))
    return [Support(op, dtype, tuple(providers), ulp) for op, dtype, providers, ulp in content]


_HEAD = """<!-- Made by `python -m tests.ops.measured_support`; do not edit. -->
# Operators

What tinygen compiles, by operator and type of its data. Every row is tested on random models: the
NumPy reference against TensorFlow Lite Micro (LiteRT's reference kernels for what TFLM does not have),
the generated C against the reference, byte for byte. A float32 result may be as far from TFLM's as the
last column says, in units in the last place; the generated C has the reference's bits on every target.

"portable" is C99 for every core; "dsp" (Cortex-M4, M7, M33) and "mve" (M55, M85) are faster kernels
that take some of the operator's layers. "cmsis-nn" is Arm's library, where it is available (here its
release 4.0.0; see [cmsis-nn.md](cmsis-nn.md)). INT4 weights of CONV_2D, DEPTHWISE_CONV_2D and
FULLY_CONNECTED are unpacked to INT8.

| operator | type | reference | portable | dsp | mve | cmsis-nn | ulp |
| --- | --- | :-: | :-: | :-: | :-: | :-: | --: |
"""


_BEYOND = """
## What TFLM has and tinygen has not

The rest of TFLM's reference kernels (`tflite-micro` of October 2026) is in the table; RESHAPE, SQUEEZE,
SHAPE and the variables take every type.

- `TFLite_Detection_PostProcess`, `TFLM_DECODE` (compressed constants) and `ETHOSU` (an NPU's program).
- UNIDIRECTIONAL_SEQUENCE_LSTM over a batch of several sequences.
- SignalRfft and SignalIrfft of lengths that are no power of two, or of several blocks at once.
- CIRCULAR_BUFFER that ends inferences from within a subgraph of IF or WHILE.
- Operands that TFLM also takes at run time, where tinygen wants constants: weights (but those of
  FULLY_CONNECTED of int8) and biases, axes, shapes, paddings, the indices of slices, what a CALL_ONCE
  assigns.

TFLM accepts and does not compute (it reads uninitialized parameters or ignores the option), and tinygen
refuses: GREATER of int16, LOGICAL_AND and LOGICAL_OR of other types than bool.

## Where TFLM is not followed

Whatever `--numerics` says, these have LiteRT's bits, because TFLM's are not what the model means:

- SPACE_TO_BATCH_ND of int8 with padding: TFLM pads with uninitialized memory, LiteRT and tinygen with
  the zero point.
- STRIDED_SLICE with an ellipsis or a new axis: TFLM takes no notice of these options.
- DEPTHWISE_CONV_2D whose option `depth_multiplier` contradicts its shapes: TFLM goes by the
  option, LiteRT and tinygen by the shapes.
"""


def markdown(rows: Sequence[Support]) -> str:
    """The table as a page of the documentation."""
    lines = []
    for row in rows:
        marks = " | ".join("✓" if name in row.providers else "" for name in PROVIDERS)
        lines.append(f"| {row.operator} | {row.dtype} | ✓ | {marks} | {row.tolerance_ulp} |\n")
    return (
        _HEAD
        + "".join(lines)
        + "\n## Operators that keep a state\n\n"
        + ", ".join(sorted(named(lambda kind: kind.stateful)))
        + ": their state is kept between inferences and cleared by `…_reset()`. A quantized LSTM has\n"
        "int8 weights and an int16 cell; a quantized SVDF has a state of int8 or of int16. A float32\n"
        "LSTM's distance is in last places of 1, the bound of its outputs.\n"
        + "\n## Custom operators\n\n"
        "Those of TFLM are in the table, with the type of their first input.\n"
        "Your own are a NumPy reference and a C function: docs/custom-operators.md.\n" + _BEYOND
    )
