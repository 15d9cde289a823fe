# SPDX-License-Identifier: Apache-2.0
"""CMSIS-NN's kernels of CONV_2D and DEPTHWISE_CONV_2D."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.hardware.cores import Core
from tinygen.ir.window import Axis, Window
from tinygen.kernels.binding import Binding, Constant, Raw, Struct
from tinygen.kernels.cmsis_nn import base, costs, scratch
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.kernels.kernel import Offer, Refusal
from tinygen.kernels.operands import in_and_out
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D

_WRAPPER = "arm_convolve_wrapper_s8"
_GENERAL = "arm_convolve_s8"
_ONE_ROW = "arm_convolve_1_x_n_s8"
_DEPTHWISE = "arm_depthwise_conv_wrapper_s8"
_MOST_TAPS = 65535


def _is_padded(axis: Axis) -> bool:
    """Whether the window leaves the image, or leaves some of the image out at its end."""
    return (axis.output - 1) * axis.stride + axis.size != axis.input


def _one_row_goes_wrong(
    declarations: Declarations, window: Window, channels: int, core: Core
) -> bool:
    """Whether the wrapper's 1xN path on MVE would take the layer and may get it wrong.

    From 4.1.0 on that path returns an error for some combinations of stride and padding, from 6.0.0
    on it also pads by wrong amounts; it is trusted only where there is nothing to pad. (Of 87 random
    padded rows, the newest upstream fails 9 and computes 22 wrongly; 4.0.0 none.)
    """
    return (
        core.mve
        and declarations.tree.mentions(_ONE_ROW, "asym_pad")
        and scratch.is_one_row(window, channels, grouped=False)
        and not scratch.is_pointwise(window, grouped=False)
        and _is_padded(window.width)
    )


def _window_fields(window: Window) -> dict[str, dict[str, int]]:
    rows, columns = window.height, window.width
    return {
        "stride": {"w": columns.stride, "h": rows.stride},
        "padding": {"w": columns.pad, "h": rows.pad},
        "dilation": {"w": columns.dilation, "h": rows.dilation},
    }


def _binding(
    declarations: Declarations,
    function: str,
    layer: Conv2D | DepthwiseConv2D,
    parameters: tuple[str, Struct],
    filter_shape: Sequence[int],
    scratch_bytes: int,
) -> Binding:
    source, sink = in_and_out(layer)
    call = declarations.call(
        function,
        {
            "ctx": base.scratch_context(declarations, scratch_bytes),
            parameters[0]: parameters[1],
            "quant_params": base.per_channel(declarations, layer.requantization),
            "input_dims": base.dims(declarations, "input_dims", layer.input_shape),
            "input_data": source,
            "filter_dims": base.dims(declarations, "filter_dims", filter_shape),
            "filter_data": Constant("weights", layer.weights),
            "bias_dims": base.dims(declarations, "bias_dims", (1, 1, 1, layer.output_shape[3])),
            "bias_data": Constant("bias", layer.bias),
            # Zeros between the pixels, for transposed convolutions; NULL is none.
            "upscale_dims": Raw("NULL"),
            "output_dims": base.dims(declarations, "output_dims", layer.output_shape),
            "output_data": sink,
        },
    )
    return Binding(calls=(call,), scratch_bytes=scratch_bytes)


def _refusal(declarations: Declarations, layer: Conv2D) -> Refusal | None:
    """Of either of the two functions that do CONV_2D."""
    if layer.groups > 1 and not declarations.tree.mentions(_GENERAL, "groups"):
        return Refusal(f"has no grouped convolution in CMSIS-NN {declarations.tree.version}")
    taps = layer.weights[0].size
    if taps > _MOST_TAPS:
        return Refusal(f"counts in 16 bits, and a kernel has {taps} weights")
    return base.rounds_otherwise(layer.requantization) or base.too_large(
        layer.input_shape, layer.output_shape
    )


def _wrapper_refusal(declarations: Declarations, layer: Conv2D, core: Core) -> Refusal | None:
    channels = layer.input_shape[3]
    if layer.groups == 1 and _one_row_goes_wrong(declarations, layer.window, channels, core):
        version = declarations.tree.version
        return Refusal(f"pads a single row wrongly on MVE in CMSIS-NN {version}")
    return _refusal(declarations, layer)


def _conv2d(declarations: Declarations, function: str, layer: Conv2D, core: Core) -> Offer:
    parameters = declarations.struct(
        "cmsis_nn_conv_params",
        {
            "input_offset": -layer.input_zero_point,
            "output_offset": layer.requantization.zero_point,
            **_window_fields(layer.window),
            "activation": base.activation(layer.requantization),
        },
    )
    binding = _binding(
        declarations,
        function,
        layer,
        ("conv_params", parameters),
        layer.weights.shape,
        scratch.convolution(layer, core),
    )
    return base.bound(costs.convolution(layer, core), binding)


@base.library_function(_WRAPPER, Conv2D)
def wrapper(declarations: Declarations, layer: Conv2D, core: Core) -> Offer | Refusal:
    """What chooses among the library's convolutions."""
    refusal = _wrapper_refusal(declarations, layer, core)
    return refusal or _conv2d(declarations, _WRAPPER, layer, core)


@base.library_function(_GENERAL, Conv2D)
def general(declarations: Declarations, layer: Conv2D, core: Core) -> Offer | Refusal:
    """The convolution for all windows."""
    if _wrapper_refusal(declarations, layer, core) is None:
        return Refusal(f"is needed only where {_WRAPPER} cannot be used")
    return _refusal(declarations, layer) or _conv2d(declarations, _GENERAL, layer, core)


@base.library_function(_DEPTHWISE, DepthwiseConv2D)
def depthwise(declarations: Declarations, layer: DepthwiseConv2D, core: Core) -> Offer | Refusal:
    """What chooses among the library's depthwise convolutions."""
    tree = declarations.tree
    if (
        layer.input_shape[3] == 1
        and tree.mentions(_DEPTHWISE, _WRAPPER)
        and _one_row_goes_wrong(declarations, layer.window, 1, core)
    ):
        return Refusal(
            f"pads a single row of one channel wrongly on MVE in CMSIS-NN {tree.version}"
        )
    refusal = base.rounds_otherwise(layer.requantization) or base.too_large(
        layer.input_shape, layer.output_shape
    )
    if refusal is not None:
        return refusal
    parameters = declarations.struct(
        "cmsis_nn_dw_conv_params",
        {
            "input_offset": -layer.input_zero_point,
            "output_offset": layer.requantization.zero_point,
            "ch_mult": layer.depth_multiplier,
            **_window_fields(layer.window),
            "activation": base.activation(layer.requantization),
        },
    )
    binding = _binding(
        declarations,
        _DEPTHWISE,
        layer,
        ("dw_conv_params", parameters),
        (1, *layer.weights.shape),
        scratch.depthwise(layer, core),
    )
    return base.bound(costs.depthwise(layer, core), binding)


FUNCTIONS = (wrapper, general, depthwise)
