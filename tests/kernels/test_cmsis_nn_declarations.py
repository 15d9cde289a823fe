# SPDX-License-Identifier: Apache-2.0
"""Calls follow the prototypes and structs of the tree at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernels.choice import refusal
from tests.kernels.cmsis_nn_programs import networks
from tinygen.hardware.cores import core
from tinygen.kernels.binding import Raw, Struct, TensorArgument
from tinygen.kernels.cmsis_nn import kernels, load_tree
from tinygen.kernels.cmsis_nn.declarations import Declarations, Mismatch
from tinygen.kernels.structs import Variable

TYPES = """
typedef struct { void *buf; int32_t size; } cmsis_nn_context;
typedef struct { int32_t n; int32_t h; int32_t w; int32_t c; } cmsis_nn_dims;
typedef struct { int32_t w; /**< Width */ int32_t h; } cmsis_nn_tile;
typedef struct { int32_t min; int32_t max; } cmsis_nn_activation;
typedef struct {
    cmsis_nn_tile stride;
    cmsis_nn_tile padding;
    cmsis_nn_activation activation;
} cmsis_nn_pool_params;
"""

POOL = """
#if 1
/** doc (with parentheses); */
arm_cmsis_nn_status arm_max_pool_s8(const cmsis_nn_context *ctx,
                                    const cmsis_nn_pool_params *pool_params,
                                    const cmsis_nn_dims *input_dims,
                                    const int8_t *input_data,
                                    const cmsis_nn_dims *filter_dims,
                                    const cmsis_nn_dims *output_dims,
                                    int8_t *output_data{more});
#endif
"""


def _tree(root: Path, functions: str, types: str = TYPES) -> Path:
    (root / "Include").mkdir(parents=True)
    (root / "Source").mkdir()
    (root / "Include" / "arm_nnfunctions.h").write_text(functions)
    (root / "Include" / "arm_nn_types.h").write_text(types)
    (root / "Include" / "arm_nn_math_types.h").write_text("")
    (root / "Source" / "pool.c").write_text("void arm_max_pool_s8(int x)\n{ input_dims->n; }\n")
    return root


def _declarations(root: Path, functions: str) -> Declarations:
    return Declarations(load_tree(_tree(root, functions)))


def _pool_refusals(root: Path) -> list[str | None]:
    layer = networks("MAX_POOL_2D", [0])[0].layers[0]
    return [
        refusal(kernel, layer, core("cortex-m4"))
        for kernel in kernels(load_tree(root))
        if kernel.name == "cmsis_nn.arm_max_pool_s8"
    ]


def test_prototypes_are_parsed(tmp_path: Path) -> None:
    prototype = _declarations(tmp_path / "t", POOL.format(more="")).prototypes["arm_max_pool_s8"]
    assert prototype.returns == "arm_cmsis_nn_status"
    assert prototype.parameters[0] == Variable("cmsis_nn_context *", "ctx")
    assert prototype.parameters[-1] == Variable("int8_t *", "output_data")
    assert prototype.has("filter_dims")
    assert not prototype.has("upscale_dims")


def test_arguments_follow_the_prototype(tmp_path: Path) -> None:
    declarations = _declarations(
        tmp_path / "t", "void arm_f(int8_t *output,\n const int32_t *upscale_dims, int32_t size);"
    )
    output = TensorArgument(3, writable=True)
    call = declarations.call(
        "arm_f", {"size": 7, "upscale_dims": Raw("NULL"), "output": output, "unused": 1}
    )
    assert call.arguments == (output, Raw("NULL"), 7)
    assert not call.checked


def test_structs_follow_the_declaration(tmp_path: Path) -> None:
    declarations = _declarations(tmp_path / "t", "")
    parameters = declarations.struct(
        "cmsis_nn_pool_params",
        {
            "activation": {"max": 9, "min": 1},
            "padding": {"h": 2, "w": 3},
            "stride": {"w": 1, "h": 4},
        },
    )
    assert [name for name, _ in parameters.fields] == ["stride", "padding", "activation"]
    padding = dict(parameters.fields)["padding"]
    assert isinstance(padding, Struct)
    assert padding.fields == (("w", 3), ("h", 2))


@pytest.mark.parametrize(
    ("ctype", "values"),
    [
        ("cmsis_nn_tile", {"w": 1}),
        ("cmsis_nn_tile", {"w": 1, "h": 1, "d": 1}),
        ("cmsis_nn_unheard_of", {}),
    ],
)
def test_other_fields_are_a_mismatch(tmp_path: Path, ctype: str, values: dict[str, int]) -> None:
    with pytest.raises(Mismatch, match=ctype):
        _declarations(tmp_path / "t", "").struct(ctype, values)


def test_a_kernel_that_fits_is_accepted(tmp_path: Path) -> None:
    assert _pool_refusals(_tree(tmp_path / "t", POOL.format(more=""))) == [None]


def test_an_unknown_parameter_makes_the_kernel_decline(tmp_path: Path) -> None:
    root = _tree(tmp_path / "t", POOL.format(more=", int32_t *weather"))
    (reason,) = _pool_refusals(root)
    assert reason is not None
    assert "takes 'int32_t * weather', which tinygen does not know" in reason


def test_a_parameter_of_another_struct_makes_the_kernel_decline(tmp_path: Path) -> None:
    changed = POOL.format(more="").replace("cmsis_nn_pool_params *", "cmsis_nn_pool_settings *")
    (reason,) = _pool_refusals(_tree(tmp_path / "t", changed))
    assert reason is not None
    assert "cmsis_nn_pool_settings" in reason


def test_an_unknown_field_makes_the_kernel_decline(tmp_path: Path) -> None:
    types = TYPES.replace("cmsis_nn_tile padding;", "cmsis_nn_tile padding; int32_t rounding;")
    (reason,) = _pool_refusals(_tree(tmp_path / "t", POOL.format(more=""), types))
    assert reason is not None
    assert "rounding" in reason


def test_a_function_that_is_declared_but_not_there(tmp_path: Path) -> None:
    root = _tree(tmp_path / "t", POOL.format(more=""))
    (root / "Source" / "pool.c").unlink()
    (reason,) = _pool_refusals(root)
    assert reason is not None
    assert reason.endswith("here lacks arm_max_pool_s8")
