# SPDX-License-Identifier: Apache-2.0
"""GELU: x times the normal distribution function of x, or its approximation by a hyperbolic tangent.

Semantics: LiteRT ``gelu.cc`` and ``reference_ops::Gelu`` (TFLM does not have it), in single precision
with this project's real functions. int8 and int16 are by table.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from tinygen.ir.graph import AnyArray, DType
from tinygen.ir.layer import Layer
from tinygen.numerics import double_functions, real_functions
from tinygen.ops.elementwise import elementwise, one_operand, plain
from tinygen.ops.lookup import Real, interpolation, lookup, table_of
from tinygen.ops.registry import operator
from tinygen.ops.view import OperatorView

_ERFC = (
    5.117912611311723e-07,
    7.976283918510854e-07,
    -5.2254286418285295e-06,
    -9.144262532293005e-06,
    3.537535170200245e-05,
    9.156817279105524e-05,
    -0.00018255312875481628,
    -0.0010110857049526786,
    -0.00040419280818016737,
    0.00894235710158012,
    0.03984259372825805,
    0.10348909222066019,
    0.1967427853893721,
    0.29446481759382986,
    0.3580023023651943,
)
"""exp(z²) · erfc(z) · (3 + z) / 3 as a polynomial of (3 - z) / (3 + z), z ≥ 0, to 4e-11."""

_F = np.float32
_ROOT_HALF, _ROOT_2_PI, _CUBIC = _F(0.70710678), _F(0.79788456), _F(0.044715)


def _erfc(x: AnyArray) -> AnyArray:
    """The complementary error function in double precision."""
    z = np.abs(x)
    at = (3.0 - z) / (3.0 + z)
    scaled = (
        double_functions.exp(-z * z) * (3.0 / (3.0 + z)) * double_functions.polynomial(_ERFC, at)
    )
    return np.where(x < 0, 2.0 - scaled, scaled)


def _exact(x: AnyArray) -> AnyArray:
    tails = double_functions.in_double(_erfc)(x * -_ROOT_HALF)
    result: AnyArray = _F(0.5) * x * tails
    return result


def _approximate(x: AnyArray) -> AnyArray:
    inner = _ROOT_2_PI * (x + _CUBIC * x * x * x)
    result: AnyArray = _F(0.5) * x * (_F(1) + real_functions.tanh(inner))
    return result


_EXACT_F32 = plain("gelu_f32", _exact, 12)
_APPROXIMATE_F32 = plain("gelu_approximate_f32", _approximate, 8, tolerance_from=1.0)


def _function(view: OperatorView) -> Real:
    return _approximate if view.option("approximate", bool) else _exact


def _lower_float(view: OperatorView) -> Layer:
    _, output = one_operand(view, DType.FLOAT32)
    approximate = view.option("approximate", bool)
    return elementwise(view, _APPROXIMATE_F32 if approximate else _EXACT_F32, output)


def _lower_int16(view: OperatorView) -> Layer:
    return interpolation(view, _function(view))


@operator("GELU", types={DType.FLOAT32: _lower_float, DType.INT16: _lower_int16})
def lower_gelu(view: OperatorView) -> Layer:
    """Fold a GELU."""
    return lookup(view, partial(table_of, function=_function(view)))
