# SPDX-License-Identifier: Apache-2.0
"""Tables that TFLM has written out, as data: ``sigmoid.txt``, ``log.txt`` say what they hold."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@cache
def tflm_table(name: str) -> NDArray[np.uint16]:
    """The numbers of ``NAME.txt``, in which lines of ``#`` are comments."""
    lines = (Path(__file__).parent / f"{name}.txt").read_text("utf-8").splitlines()
    numbers = " ".join(line for line in lines if not line.startswith("#"))
    return np.array([int(number) for number in numbers.split()], np.uint16)
