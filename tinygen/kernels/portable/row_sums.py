# SPDX-License-Identifier: Apache-2.0
"""What the kernels that take in an image row by row share: MEAN and the pool of a whole image."""

from __future__ import annotations

from tinygen.kernels.kernel import (
    END_ROW,
    FIRST_ROW,
    Binding,
    Call,
    Constant,
    KeptArgument,
    RowArgument,
    Struct,
    TensorArgument,
)
from tinygen.ops.pooling import AveragePool2D
from tinygen.ops.reduction import Mean

_SUM_BYTES = 4


def row_sums_struct(shape: tuple[int, ...]) -> Struct:
    """``tinygen_row_sums`` of an NHWC image."""
    _, height, width, channels = shape
    return Struct(
        "tinygen_row_sums", (("height", height), ("width", width), ("channels", channels))
    )


def row_sums_binding(
    function: str,
    layer: Mean | AveragePool2D,
    parameters: Struct,
    constants: tuple[Constant, ...] = (),
    header: str = "portable/row_sums_s8.h",
) -> Binding:
    """The binding of a kernel that adds bands of input rows to sums, and finishes behind the last."""
    return Binding(
        calls=(
            Call(
                f"tinygen_{function}",
                (
                    parameters,
                    RowArgument(layer.inputs[0]),
                    KeptArgument("int32_t"),
                    TensorArgument(layer.outputs[0], writable=True),
                    FIRST_ROW,
                    END_ROW,
                ),
            ),
        ),
        headers=(header,),
        constants=constants,
        kept_bytes=_SUM_BYTES * layer.input_shape[3],
    )
