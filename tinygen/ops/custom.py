# SPDX-License-Identifier: Apache-2.0
"""Custom operators of the user: layers whose semantics is a NumPy reference of the user's.

The generated model declares the C function and calls it with a pointer to each input, a pointer to
each output, the operator's options and their length::

    void add_offset(const int8_t *input_0, int8_t *output_0,
                    const uint8_t *options, uint32_t option_bytes);

Constant inputs are inputs like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from tinygen.errors import InputError
from tinygen.ir.custom import CustomOperator
from tinygen.ir.graph import ABSENT, AnyArray, DType
from tinygen.ir.layer import Layer, Operand, operand_values
from tinygen.ops.registry import OF_THE_USER, Kind
from tinygen.ops.view import OperatorView


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
        try:
            given = self.definition.reference(self.options, *map(_read_only, values))
        except Exception as error:
            raise InputError(
                f"{self.operator.label}: its reference fails: {type(error).__name__}: {error}."
            ) from error
        results: tuple[AnyArray, ...] = given if isinstance(given, tuple) else (given,)
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


def _read_only(value: AnyArray) -> AnyArray:
    """The value as other operators will read it too."""
    view: AnyArray = value.view()
    view.flags.writeable = False
    return view


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


@contextmanager
def known(definitions: Sequence[CustomOperator]) -> Iterator[None]:
    """Within the context models may have these operators, in place of others of the same code."""
    kinds = {one.code: Kind(partial(_lower, one), {}, stateful=True) for one in definitions}
    token = OF_THE_USER.set(kinds)
    try:
        yield
    finally:
        OF_THE_USER.reset(token)
