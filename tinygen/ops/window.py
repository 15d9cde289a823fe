# SPDX-License-Identifier: Apache-2.0
"""The window of an operator from its options: SAME, VALID, or paddings that a pass took in."""

from __future__ import annotations

from tinygen.ir.window import Axis, Window
from tinygen.ops.view import OperatorView

EXPLICIT = "EXPLICIT"
"""What a pass sets the ``padding`` option to, with ``EXPLICIT_ENDS``; no file has it."""

EXPLICIT_ENDS = "explicit_padding"
"""The option that holds the rows above and below the image and the columns left and right of it."""


def _axis(
    view: OperatorView,
    input_size: int,
    size: int,
    stride: int,
    dilation: int,
    padding: str,
    ends: tuple[int, int],
) -> Axis:
    if stride < 1 or dilation < 1 or size < 1 or input_size < 1:
        view.invalid(
            f"a window of size {size}, stride {stride}, dilation {dilation} over {input_size} "
            "elements is impossible; each must be at least 1"
        )
    extent = (size - 1) * dilation + 1
    if padding == "SAME":
        output = -(-input_size // stride)
    elif padding == "VALID":
        output = (input_size + stride - extent) // stride
    elif padding == EXPLICIT:
        output = (sum(ends) + input_size + stride - extent) // stride
    else:
        view.unsupported(f"the padding {padding!r} is neither SAME nor VALID")
    if output < 1:
        view.invalid(f"a window of {extent} elements does not fit into {input_size}")
    if padding == EXPLICIT:
        return Axis(input_size, output, size, stride, dilation, ends[0])
    total = max(0, (output - 1) * stride + extent - input_size)
    return Axis(input_size, output, size, stride, dilation, total // 2)


def window(
    view: OperatorView,
    image: tuple[int, ...],
    size: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> Window:
    """The window of an operator with ``stride_h``, ``stride_w`` and ``padding`` options.

    ``image`` is the NHWC input shape; ``size`` and ``dilation`` are (height, width). Semantics:
    TFLM ``padding.h`` (``ComputePaddingHeightWidth``).
    """
    padding = view.option("padding", str)
    ends = view.operator.options.get(EXPLICIT_ENDS, (0, 0, 0, 0))
    assert isinstance(ends, tuple)
    top, bottom, left, right = (int(end) for end in ends)
    strides = (view.option("stride_h", int), view.option("stride_w", int))
    return Window(
        _axis(view, image[1], size[0], strides[0], dilation[0], padding, (top, bottom)),
        _axis(view, image[2], size[1], strides[1], dilation[1], padding, (left, right)),
    )
