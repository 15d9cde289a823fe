# SPDX-License-Identifier: Apache-2.0
"""Custom operators of the user: a NumPy reference and a C function for an operator of a model.

    register_custom_operator(
        CustomOperator(
            code="AddOffset",
            reference=lambda options, x: (x + options[0],),
            function="add_offset",
            sources=(Path("add_offset.c"),),
        )
    )

The generated model declares the C function and calls it with a pointer to each input, a pointer to
each output, the operator's options and their length::

    void add_offset(const int8_t *input_0, int8_t *output_0,
                    const uint8_t *options, uint32_t option_bytes);

``sources`` are copied next to the generated files and compiled with them. Constant inputs are inputs
like any other. ``examples/custom_operator`` is a worked example.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tinygen.errors import InputError
from tinygen.ir.graph import ABSENT, AnyArray, DType
from tinygen.ir.layer import Layer, Operand, operand_values
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView

Reference = Callable[..., tuple[AnyArray, ...]]
"""``reference(options, *inputs)`` gives the outputs; ``options`` are the operator's bytes."""


@dataclass(frozen=True)
class CustomOperator:
    """What is known of a custom operator: its code in the model, its reference, its C function."""

    code: str
    reference: Reference
    function: str
    sources: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Custom(Layer):
    """A registered operator; ``operands`` are its inputs in order, constants among them."""

    definition: CustomOperator
    options: bytes
    operands: tuple[Operand, ...]
    operand_dtypes: tuple[DType, ...]
    output_shapes: tuple[tuple[int, ...], ...]
    output_dtypes: tuple[DType, ...]

    @property
    def has_effects(self) -> bool:
        """Nothing is known of the user's own code."""
        return True

    def reference(self, *inputs: AnyArray) -> tuple[AnyArray, ...]:
        """The user's, checked for shapes and types."""
        values = operand_values(self.operands, inputs)
        results = self.definition.reference(self.options, *values)
        if len(results) != len(self.outputs):
            raise InputError(
                f"{self.operator.label}: its reference gave {len(results)} outputs, not "
                f"{len(self.outputs)}."
            )
        for result, shape, dtype in zip(
            results, self.output_shapes, self.output_dtypes, strict=True
        ):
            if np.shape(result) != shape or np.asarray(result).dtype != dtype.numpy:
                raise InputError(
                    f"{self.operator.label}: its reference gave {np.asarray(result).dtype} "
                    f"{list(np.shape(result))}, not {dtype.numpy} {list(shape)}."
                )
        return results


def _lower(definition: CustomOperator, view: OperatorView) -> Layer:
    """Fold an operator of the user, of which no one knows whether it keeps a state."""
    if ABSENT in view.operator.inputs:
        view.unsupported("an input of a custom operator is absent")
    operands, inputs = view.operands()
    outputs = [view.output(position) for position in range(len(view.operator.outputs))]
    return Custom(
        operator=view.operator,
        inputs=inputs,
        outputs=tuple(tensor.index for tensor in outputs),
        definition=definition,
        options=view.option("custom_options", bytes),
        operands=operands,
        operand_dtypes=tuple(view.input(i).dtype for i in range(len(operands))),
        output_shapes=tuple(tensor.shape for tensor in outputs),
        output_dtypes=tuple(tensor.dtype for tensor in outputs),
    )


def register_custom_operator(definition: CustomOperator) -> None:
    """Make an operator known; a later one of the same code replaces it."""
    operator(definition.code, custom=True, stateful=True)(partial(_lower, definition))


def load_custom_operators(path: Path) -> None:
    """Run a Python file that registers operators. InputError if there is none."""
    if not path.is_file():
        raise InputError(f"{path} does not exist.", "It is a Python file that registers operators.")
    runpy.run_path(str(path))
