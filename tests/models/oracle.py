# SPDX-License-Identifier: Apache-2.0
"""What a model computes according to others: TensorFlow Lite Micro and LiteRT's reference kernels.

TFLM (the tflite-micro wheel) is the oracle of ``--numerics tflm``; LiteRT with the built-in
reference resolver that of ``--numerics litert``. LiteRT's default kernels are bit-exact with
neither.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter as LiteRtInterpreter
from ai_edge_litert.interpreter import OpResolverType
from tflite_micro.python.tflite_micro import runtime

from tinygen.ir.graph import AnyArray

_ARENA_BYTES = 16 << 20


class OracleRejects(Exception):  # noqa: N818 - an outcome the tests ask for, not a failure
    """The oracle refuses the model or its inputs; the reason is in the oracle's words."""


def run_tflm(
    model: bytes, inputs: Sequence[AnyArray], arena_bytes: int = _ARENA_BYTES
) -> list[AnyArray]:
    """Run a model once in TensorFlow Lite Micro.

    Args:
        model: the .tflite file.
        inputs: one array an input, of its type and shape.
        arena_bytes: size of the interpreter's arena.

    Returns:
        One array an output.

    Raises:
        OracleRejects: TFLM refuses (it prints the reason on stderr).
    """
    return run_tflm_in_a_row(model, [inputs], arena_bytes)[0]


def run_tflm_in_a_row(
    model: bytes, samples: Sequence[Sequence[AnyArray]], arena_bytes: int = _ARENA_BYTES
) -> list[list[AnyArray]]:
    """Run a model once for every sample, keeping its state; arguments and errors as ``run_tflm``.

    A run that a CIRCULAR_BUFFER ended has no outputs.
    """
    try:
        interpreter = runtime.Interpreter.from_bytes(model, arena_size=arena_bytes)
        results = []
        for inputs in samples:
            for index, value in enumerate(inputs):
                interpreter.set_input(np.array(value, order="C"), index)
            ended_early = interpreter.invoke() != 0
            outputs = range(0 if ended_early else _outputs_of(model))
            results.append([np.array(interpreter.get_output(index)) for index in outputs])
        return results
    except (RuntimeError, ValueError) as error:
        raise OracleRejects(str(error)) from error


def run_litert(model: bytes, inputs: Sequence[AnyArray]) -> list[AnyArray]:
    """Run a model once in LiteRT with its built-in reference kernels.

    Args:
        model: the .tflite file.
        inputs: one array an input, of its type and shape.

    Returns:
        One array an output.

    Raises:
        OracleRejects: LiteRT refuses.
    """
    try:
        interpreter = LiteRtInterpreter(
            model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        )
        interpreter.allocate_tensors()
        for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        return [
            np.array(interpreter.get_tensor(detail["index"]))
            for detail in interpreter.get_output_details()
        ]
    except (RuntimeError, ValueError) as error:
        raise OracleRejects(str(error)) from error


def _outputs_of(model: bytes) -> int:
    """Number of the model's outputs; TFLM's Python interpreter does not tell it."""
    schema = runtime.schema_fb.Model.GetRootAsModel(model, 0)
    return int(schema.Subgraphs(0).OutputsLength())
