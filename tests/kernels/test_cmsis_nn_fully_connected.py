# SPDX-License-Identifier: Apache-2.0
"""The weight sums that CMSIS-NN's fully connected MVE kernels want, release by release."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.kernels.cmsis_nn_layers import wide_layer
from tinygen.hardware.cores import core
from tinygen.kernels.binding import Binding, Constant, Raw, Struct
from tinygen.kernels.cmsis_nn import kernels, load_tree
from tinygen.kernels.kernel import Offer
from tinygen.ops.fully_connected import FullyConnected

TYPES = """
typedef struct { void *buf; int32_t size; } cmsis_nn_context;
typedef struct { int32_t n; int32_t h; int32_t w; int32_t c; } cmsis_nn_dims;
typedef struct { int32_t *multiplier; int32_t *shift; } cmsis_nn_per_channel_quant_params;
typedef struct { int32_t multiplier; int32_t shift; } cmsis_nn_per_tensor_quant_params;
typedef struct { int32_t min; int32_t max; } cmsis_nn_activation;
typedef struct {
    int32_t input_offset; int32_t filter_offset; int32_t output_offset;
    cmsis_nn_activation activation;
} cmsis_nn_fc_params;
"""

FUNCTION = """
arm_cmsis_nn_status arm_fully_connected_{kind}s8(const cmsis_nn_context *ctx,
    const cmsis_nn_fc_params *fc_params,
    const cmsis_nn_per_{per}_quant_params *quant_params,
    const cmsis_nn_dims *input_dims, const int8_t *input_data,
    const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
    const cmsis_nn_dims *bias_dims, const int32_t *bias_data,
    const cmsis_nn_dims *output_dims, int8_t *output_data)"""


def _binding(root: Path, product: str, core_name: str, layer: FullyConnected) -> Binding:
    functions = [
        FUNCTION.format(kind="", per="tensor"),
        FUNCTION.format(kind="per_channel_", per="channel"),
    ]
    (root / "Include").mkdir()
    (root / "Source").mkdir()
    (root / "Include" / "arm_nnfunctions.h").write_text("".join(f"{f};\n" for f in functions))
    (root / "Include" / "arm_nn_types.h").write_text(TYPES)
    (root / "Include" / "arm_nn_math_types.h").write_text("")
    (root / "Source" / "fc.c").write_text("".join(f"{f}\n{{\n}}\n" for f in functions))
    (root / "Source" / "product.c").write_text(
        f"arm_cmsis_nn_status arm_nn_vec_mat_mult_t_s8(void)\n{{\n{product}\n}}\n"
    )
    target = core(core_name)
    offers = [kernel.offer(layer, target) for kernel in kernels(load_tree(root))]
    fitting = [offer for offer in offers if isinstance(offer, Offer)]
    assert len(fitting) == 1
    return fitting[0].bind()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("product", "core_name", "wanted"),
    [
        ("sum += lhs * rhs;", "cortex-m55", "nothing"),
        ("rhs_sum = kernel_sum[0];", "cortex-m55", "sums"),
        ("acc = *kernel_sum++;", "cortex-m55", "starts"),
        ("acc = *kernel_sum++;", "cortex-m4", "nothing"),
    ],
    ids=["4.0.0", "5.0.0", "7.0.0", "no MVE"],
)
def test_weight_sums(tmp_path: Path, product: str, core_name: str, wanted: str, seed: int) -> None:
    layer = wide_layer("fully connected", seed).layers[0]
    assert isinstance(layer, FullyConnected)
    binding = _binding(tmp_path, product, core_name, layer)
    context = binding.calls[0].arguments[0]
    assert isinstance(context, Struct)
    constants = {constant.name: constant.values for constant in binding.constants}
    if wanted == "nothing":
        assert context.fields == (("buf", Raw("NULL")), ("size", 0))
        assert "kernel_sums" not in constants
        return
    outputs = layer.weights.shape[0]
    (_, array), size = context.fields
    assert isinstance(array, Constant)
    assert (array.name, array.cast, size) == ("kernel_sums", "void *", ("size", 4 * outputs))
    sums = constants["kernel_sums"]
    assert sums.dtype == np.int32
    # The kernel adds Σ input · weights to the start; the layer's definition subtracts zero points.
    zeros = np.zeros(layer.weights.shape[1], dtype=np.int64)
    by_definition = layer.weights.astype(np.int64) @ (zeros - layer.input_zero_point) + layer.bias
    start = layer.bias - layer.input_zero_point * sums if wanted == "sums" else sums
    np.testing.assert_array_equal(start, by_definition)
