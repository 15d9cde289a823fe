# SPDX-License-Identifier: Apache-2.0
"""Parameter structs are what our headers declare, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.cmsis_nn_programs import networks
from tinygen.ir.window import Axis
from tinygen.kernels.binding import Constant, Raw, Struct
from tinygen.kernels.structs import Value, struct
from tinygen.ops.pooling import Pool2D

_PAIR = {"multiplier": 3, "shift": -1}


def test_fields_are_in_the_headers_order() -> None:
    assert struct("tinygen_pair", shift=-1, multiplier=3) == struct("tinygen_pair", **_PAIR)


def test_what_is_not_given_is_the_layers() -> None:
    layer = networks("MAX_POOL_2D", [0])[0].layers[0]
    assert isinstance(layer, Pool2D)
    fields = dict(struct("tinygen_pool2d_s8_params", layer, clamp_max=7).fields)
    assert fields["rows"] == struct("tinygen_axis", layer.window.height)
    assert (fields["channels"], fields["input_ring_rows"]) == (
        layer.input_shape[3],
        layer.input_shape[1],
    )
    assert (fields["clamp_min"], fields["clamp_max"]) == (layer.clamp_min, 7)
    assert "input_ring_phase" not in fields


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({**_PAIR, "shfit": 1}, "has no fields shfit"),
        ({"shift": 1}, "needs a value for multiplier"),
    ],
)
def test_misspelt_and_missing_fields_are_errors(fields: dict[str, int], complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        struct("tinygen_pair", **fields)


def test_arrays_become_constants_of_the_declared_type() -> None:
    features = np.zeros((2, 3), np.float32)
    shape = dict.fromkeys(("batches", "inputs", "units", "rank", "memory"), 1)
    made = struct("tinygen_svdf_f32_params", shape=shape, features=features, bias=features, relu=0)
    array = dict(made.fields)["features"]
    assert isinstance(array, Constant)
    assert (array.name, array.values is features) == ("features", True)
    with pytest.raises(TypeError, match="bias is a float \\*, not a int8_t \\*"):
        struct(
            "tinygen_svdf_f32_params",
            shape=shape,
            features=features,
            bias=np.zeros(2, np.int8),
            relu=0,
        )


def test_nested_values_take_their_declared_types() -> None:
    nest: dict[str, Value] = {
        "rows": 1,
        "row_length": 1,
        "row_step": [1],
        "extents": [1],
        "steps": [[1]],
    }
    made = struct("tinygen_reduction", outer=nest, inner=nest)
    outer = dict(made.fields)["outer"]
    assert isinstance(outer, Struct)
    assert outer.ctype == "tinygen_nest"
    axis = struct("tinygen_axis", Axis(1, 1, 1, 1, 1, 0))
    with pytest.raises(TypeError, match="inner is a tinygen_nest, not a tinygen_axis"):
        struct("tinygen_reduction", outer=nest, inner=axis)


def test_sequences_initialize_arrays() -> None:
    loops = {"extents": [1, 2, 3], "steps": (4, 5, 6)}
    assert dict(struct("tinygen_mean_axes", **loops).fields)["extents"] == Raw("{1, 2, 3}")
