# SPDX-License-Identifier: Apache-2.0
"""The benchmark of single operators: its table, its summary, and a model that is not in the study."""

from __future__ import annotations

import pytest

from benchmarks.operators import Figures, Operator, main, markdown, summary
from tests.conftest import shared_model
from tinygen.errors import InputError

FAST = Operator("fast", "dsp.add_s8", 50, 55, Figures(theirs=100, limit=40))
SLOW = Operator("slow", "portable.matmul", 300, 310, Figures(theirs=200, limit=100))
ALONE = Operator("alone", "portable.gather", 7, 8, Figures(theirs=None, limit=None))


def test_the_slowest_beside_the_other_runtime_comes_first() -> None:
    *_, first, second, third = markdown({}, [ALONE, FAST, SLOW])
    assert first == "| slow | portable.matmul | 300 | 310 | 200 | 100 | 1.50 | 3.00 |"
    assert second == "| fast | dsp.add_s8 | 50 | 55 | 100 | 40 | 0.50 | 1.25 |"
    assert third == "| alone | portable.gather | 7 | 8 |  |  |  |  |"


def test_models_without_a_figure_are_not_counted() -> None:
    assert list(summary([ALONE, FAST, SLOW]).values()) == ["1 of 2", "1 of 2"]


def test_a_model_that_is_not_in_the_study_is_named() -> None:
    shared_model("../operator-study/figures.csv")
    with pytest.raises(InputError, match=r"has no nonsense of cortex-m4"):
        main(["nonsense"], standalone_mode=False)
