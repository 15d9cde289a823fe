# SPDX-License-Identifier: Apache-2.0
"""What quantized elementwise operators have in common: ``tinygen_arithmetic_params``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinygen.ir.graph import AnyArray, DType, Tensor
from tinygen.numerics import fixed_point as fp
from tinygen.ops.dtypes import SUFFIXES
from tinygen.ops.elementwise import Function, Parameters
from tinygen.ops.quantized import INTEGER_RANGES, product_over, scale, zero_point
from tinygen.ops.view import OperatorView


def scaled_operand(p: Parameters, side: str, values: AnyArray) -> fp.Int32Array:
    """An operand in the common scale."""
    centred = values.astype(np.int64) + int(p[f"{side}_offset"])
    return fp.multiply_by_quantized_multiplier(
        fp.wrap_int32(centred << int(p["left_shift"])),
        int(p[f"{side}_multiplier"]),
        int(p[f"{side}_shift"]),
    )


def quantized_output(p: Parameters, values: fp.Int32Array) -> AnyArray:
    """A result in the output's quantization."""
    scaled = fp.multiply_by_quantized_multiplier(
        values, int(p["output_multiplier"]), int(p["output_shift"])
    )
    shifted = fp.wrap_int32(scaled.astype(np.int64) + int(p["output_offset"]))
    return np.clip(shifted, int(p["clamp_min"]), int(p["clamp_max"]))


def quantized_function(name: str, dtype: DType, compute: Callable[..., AnyArray]) -> Function:
    """A function with ``tinygen_arithmetic_params``."""
    return Function(f"quantized_{name}_{SUFFIXES[dtype]}", compute)


def arithmetic_parameters(**known: int) -> dict[str, int]:
    """``tinygen_arithmetic_params`` in order; what is not given is 0."""
    names = (
        "left_shift",
        *(
            f"{side}_{what}"
            for side in ("lhs", "rhs")
            for what in ("offset", "multiplier", "shift")
        ),
        *("output_offset", "output_multiplier", "output_shift", "clamp_min", "clamp_max"),
    )
    return {name: known.get(name, 0) for name in names}


def operand_parameters(
    view: OperatorView, left_shift: int, lhs_real: float, rhs_real: float
) -> dict[str, int]:
    """How the two operands come to a common scale: less their zero points, times these."""
    known = {"left_shift": left_shift}
    for position, (side, real) in enumerate((("lhs", lhs_real), ("rhs", rhs_real))):
        known[f"{side}_offset"] = -zero_point(view, view.input(position))
        known[f"{side}_multiplier"], known[f"{side}_shift"] = small_multiplier(view, real)
    return known


def output_parameters(
    view: OperatorView, factor: tuple[int, int], clamp: tuple[int, int] | None = None
) -> dict[str, int]:
    """How a result comes to the output's quantization, and its clamp: all of the type if not given."""
    output = view.output()
    low, high = clamp or INTEGER_RANGES[output.dtype]
    return {
        "output_offset": zero_point(view, output),
        "output_multiplier": factor[0],
        "output_shift": factor[1],
        "clamp_min": low,
        "clamp_max": high,
    }


def small_multiplier(view: OperatorView, real: float) -> tuple[int, int]:
    """TFLM ``QuantizeMultiplierSmallerThanOneExp``, which aborts on a multiplier of 1 or more."""
    multiplier, shift = fp.quantize_multiplier(real)
    if not 0 < real < 1 or shift > 0:
        view.unsupported("the output's scale is too fine, or an operand's too coarse, for TFLM")
    return multiplier, shift


def check_multiplier(view: OperatorView, real: float) -> tuple[int, int]:
    """Fold a multiplier; UnsupportedError if it is 2**30 or more."""
    multiplier, shift = fp.quantize_multiplier(real)
    if shift > 30:
        view.unsupported(f"the scale of {view.output().name!r} is over 2**30 times finer")
    return multiplier, shift


def rescale_parameters(view: OperatorView, values: Tensor, output: Tensor) -> dict[str, int]:
    """From one operand's scale to the output's; equal ones need none (2**30 shifted by 1)."""
    real = product_over(view, scale(view, values), divisor=scale(view, output))
    factor = check_multiplier(view, real)
    return arithmetic_parameters(
        lhs_offset=-zero_point(view, values), **output_parameters(view, factor)
    )
