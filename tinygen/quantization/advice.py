# SPDX-License-Identifier: Apache-2.0
"""What to do about a layer that quantization hurts, and about a model that lost accuracy."""

from __future__ import annotations

_FINE_DB = 30.0
"""Above it a layer's own noise is about what rounding to 256 levels costs well-spread values."""

_CLIPPED = 0.001
"""Share of clipped values from which the calibrated range is called too narrow."""

_FEW_LEVELS = 64
"""Steps for the bulk of the values below which the range is called stretched."""

_INT8_LEVELS = 256
_SMALL_LOSS = 0.01
"""Loss of a share (of accuracy, say) that is called small."""


UNLABELLED = (
    "Without labels only the distance from the float model is known: give the evaluation data labels "
    "to see what it costs in accuracy."
)
"""Advice on a model that was compared without labels."""


def advice_for(
    operator: str,
    own_db: float,
    clipped: float,
    levels: float,
    range_levels: int,
    *,
    trained: bool = False,
) -> str:
    """Advice on one layer, by its operator's TFLite name.

    ``own_db`` is the signal to noise of the layer alone, ``clipped`` the share of its values beyond the
    quantized range, ``levels`` the steps that the central 99 % of its values span, ``range_levels``
    those that its type has (0 for float). ``trained``: with quantization in the loop already.
    """
    if own_db >= _FINE_DB:
        return "Adds little noise itself; nothing to do here."
    if trained:
        return (
            "Training moved it away from the float model; only the accuracy tells whether it hurts."
        )
    if clipped > _CLIPPED:
        return (
            f"{clipped:.1%} of its values lie outside the calibrated range and are clipped: calibrate "
            "with more, or more typical, samples."
        )
    if operator == "AVERAGE_POOL_2D" and levels < _FEW_LEVELS:
        return (
            f"A pool keeps its input's scale, of which its averages use {levels:.0f} steps. A MEAN "
            "(GlobalAveragePooling2D) has a scale of its own."
        )
    if range_levels == _INT8_LEVELS and levels < _FEW_LEVELS:
        return (
            f"Outliers stretch its range: 99 % of its values share {levels:.0f} of 256 steps. "
            "Calibrate by percentile or mean square error, train with --qat, use int16 activations "
            "(--scheme int16x8), or keep this layer in float."
        )
    if range_levels == _INT8_LEVELS:
        return (
            "Its values are well spread, 256 steps are just too coarse for it: use int16 activations "
            "(--scheme int16x8), train with --qat, or keep this layer in float."
        )
    return "Train with --qat, or keep this layer in float."


def overall_advice(loss: float, *, is_share: bool, trained: bool, metric: str) -> str:
    """Advice on the model, whose score, called ``metric``, is ``loss`` worse than the float one's.

    ``is_share``: the score is between 0 and 1; ``trained``: with quantization in the loop already.
    """
    if not is_share:
        return f"The {metric} is {'worse' if loss > 0 else 'no worse'} than the float model's."
    if loss <= 0:
        return f"The {metric} is no lower than the float model's: nothing to do."
    points = f"{100 * loss:.1f} points of {metric}"
    if loss <= _SMALL_LOSS:
        return f"Quantization costs {points}, which is usual: nothing to do."
    if trained:
        return f"Quantization costs {points} even after training: see the worst layers below."
    return f"Quantization costs {points}: train with --qat, or see the worst layers below."
