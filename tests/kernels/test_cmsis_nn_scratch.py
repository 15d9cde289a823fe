# SPDX-License-Identifier: Apache-2.0
"""The scratch formulas against the ``arm_*_get_buffer_size`` functions of the trees at hand."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.kernels.cmsis_nn_layers import wide_layer
from tests.kernels.cmsis_nn_programs import networks, tree_at, tree_roots
from tinygen.emit.cmsis_nn import sources_of
from tinygen.hardware.cores import Core, core
from tinygen.ir.layer import Layer
from tinygen.ir.window import Window
from tinygen.kernels.cmsis_nn import CmsisNN, scratch
from tinygen.ops.convolution import Conv2D, DepthwiseConv2D
from tinygen.ops.pooling import AveragePool2D

LAYERS = 300

PLAIN, DSP, MVE = core("cortex-m3"), core("cortex-m4"), core("cortex-m55")

_CONVOLUTION = "arm_convolve_wrapper_s8_get_buffer_size"
_DEPTHWISE = "arm_depthwise_conv_wrapper_s8_get_buffer_size"
_AVERAGE = "arm_avgpool_s8_get_buffer_size"


class _Dims(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_int32) for name in "nhwc")


class _ConvParams(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_int32)
        for name in (
            *("input_offset", "output_offset"),
            *("stride_w", "stride_h", "padding_w", "padding_h", "dilation_w", "dilation_h"),
            *("minimum", "maximum"),
        )
    )


class _DepthwiseParams(ctypes.Structure):
    _fields_ = (*_ConvParams._fields_[:2], ("ch_mult", ctypes.c_int32), *_ConvParams._fields_[2:])


def _library(tree: CmsisNN, work: Path) -> ctypes.CDLL:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    sources = sources_of(
        tree, [n for n in (_CONVOLUTION, _DEPTHWISE, _AVERAGE) if n in tree.sources]
    )
    output = work / "sizes.so"
    shim = ["-include", "stdint.h"]
    if tree.core_include:
        shim += ["-D__GNUC_PYTHON__", "-D__RESTRICT=__restrict"]
    subprocess.run(
        [
            *(compiler, "-w", "-O1", "-shared", "-fPIC", *shim, f"-I{tree.include}"),
            *(str(source) for source in sources),
            *("-o", str(output)),
        ],
        check=True,
    )
    return ctypes.CDLL(str(output))


def _window_values(window: Window) -> tuple[int, ...]:
    rows, columns = window.height, window.width
    return (
        *(columns.stride, rows.stride, columns.pad, rows.pad),
        *(columns.dilation, rows.dilation, -128, 127),
    )


def _asked(library: ctypes.CDLL, function: str, layer: Layer, suffix: str) -> int:
    """What the C function of that name and suffix says."""
    size = getattr(library, function + suffix)
    if isinstance(layer, AveragePool2D):
        return int(size(layer.output_shape[2], layer.input_shape[3]))
    assert isinstance(layer, Conv2D | DepthwiseConv2D)
    parameters: ctypes.Structure
    if isinstance(layer, Conv2D):
        parameters = _ConvParams(0, 0, *_window_values(layer.window))
        filter_shape = tuple(layer.weights.shape)
    else:
        parameters = _DepthwiseParams(0, 0, layer.depth_multiplier, *_window_values(layer.window))
        filter_shape = (1, *layer.weights.shape)
    dims = [_Dims(*shape) for shape in (layer.input_shape, filter_shape, layer.output_shape)]
    return int(size(*(ctypes.byref(argument) for argument in (parameters, *dims))))


def _layers(opcode: str, *kinds: str) -> list[Layer]:
    small = [network.layers[0] for network in networks(opcode, range(LAYERS))]
    wide = [wide_layer(kind, seed).layers[0] for kind in kinds for seed in range(LAYERS // 6)]
    return small + wide


def _variants(library: ctypes.CDLL, function: str) -> list[tuple[str, Core]]:
    """Suffixes of the function that the tree has, and the core each speaks for."""
    if not hasattr(library, function):
        pytest.skip(f"the tree has no {function}")
    named = [("_dsp", DSP), ("_mve", MVE)]
    return [("", PLAIN), *((s, c) for s, c in named if hasattr(library, function + s))]


@pytest.mark.parametrize("root", tree_roots(), ids=str)
def test_convolution(root: Path | None, tmp_path: Path) -> None:
    tree = tree_at(root)
    library = _library(tree, tmp_path)
    aligned = tree.mentions("arm_convolve_s8", "aligned_rhs_cols")
    for suffix, target in _variants(library, _CONVOLUTION):
        for layer in _layers("CONV_2D", "pointwise", "one row", "wide"):
            assert isinstance(layer, Conv2D)
            grouped = layer.groups > 1
            if grouped and not tree.mentions("arm_convolve_s8", "groups"):
                continue
            if scratch.is_one_row(layer.window, layer.input_shape[3], grouped):
                continue  # its own test
            asked = _asked(library, _CONVOLUTION, layer, suffix)
            given = scratch.convolution(layer, target)
            assert asked <= given, (suffix, layer)
            if scratch.is_pointwise(layer.window, grouped=False):
                # Ungrouped, only armclang's code asks; grouped, 6.0.0 and 7.0.0 forget to ask.
                continue
            # Columns are rounded up: on MVE to 8 elements, later 16, else not at all, later to 4.
            rounding = 4 * 8 if suffix == "_mve" else 0 if aligned else 4 * 3
            assert given - asked <= rounding, (suffix, layer)


@pytest.mark.parametrize("root", tree_roots(), ids=str)
def test_one_row(root: Path | None, tmp_path: Path) -> None:
    tree = tree_at(root)
    library = _library(tree, tmp_path)
    for suffix, target in _variants(library, _CONVOLUTION):
        for layer in _layers("CONV_2D", "one row"):
            assert isinstance(layer, Conv2D)
            columns = layer.window.width
            padded = (columns.output - 1) * columns.stride + columns.size != columns.input
            if scratch.is_one_row(layer.window, layer.input_shape[3], layer.groups > 1) and not (
                padded and target.mve
            ):
                asked = _asked(library, _CONVOLUTION, layer, suffix)
                assert asked <= scratch.convolution(layer, target), (suffix, layer)


@pytest.mark.parametrize("root", tree_roots(), ids=str)
def test_depthwise(root: Path | None, tmp_path: Path) -> None:
    tree = tree_at(root)
    library = _library(tree, tmp_path)
    as_convolution = tree.mentions("arm_depthwise_conv_wrapper_s8", "arm_convolve_wrapper_s8")
    for suffix, target in _variants(library, _DEPTHWISE):
        for layer in _layers("DEPTHWISE_CONV_2D", "depthwise", "one channel"):
            assert isinstance(layer, DepthwiseConv2D)
            one_channel = layer.input_shape[3] == 1
            if one_channel and scratch.is_one_row(layer.window, 1, grouped=False):
                continue  # a convolution of one row, which has its own test
            asked = _asked(library, _DEPTHWISE, layer, suffix)
            given = scratch.depthwise(layer, target)
            assert asked <= given, (suffix, layer)
            if as_convolution or not one_channel:
                assert given == asked, (suffix, layer)


@pytest.mark.parametrize("root", tree_roots(), ids=str)
def test_average_pool(root: Path | None, tmp_path: Path) -> None:
    library = _library(tree_at(root), tmp_path)
    for suffix, target in _variants(library, _AVERAGE):
        for layer in _layers("AVERAGE_POOL_2D"):
            assert isinstance(layer, AveragePool2D)
            asked = _asked(library, _AVERAGE, layer, suffix)
            assert scratch.average_pool(layer, target) == asked, suffix


def test_cores_without_extensions_ask_for_least() -> None:
    layer = wide_layer("depthwise", 0).layers[0]
    assert isinstance(layer, DepthwiseConv2D)
    layer = replace(layer, input_shape=(1, *layer.input_shape[1:]))
    assert scratch.depthwise(layer, PLAIN) == 0
    assert (
        scratch.depthwise(layer, MVE) == 4 * 124 * layer.weights.shape[0] * layer.weights.shape[1]
    )
