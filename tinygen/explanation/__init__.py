# SPDX-License-Identifier: Apache-2.0
"""A layer worked by hand: its quantization, and one output element from input to output.

``explain`` picks an element of a layer's output and writes down how it comes about, line by line, as
Python expressions with the numbers put in: whoever does not believe tinygen pastes them. Adding an
operator is one function registered with ``work`` in the file of its family.
"""

from __future__ import annotations

from tinygen.explanation import arithmetic, products, windows  # noqa: F401  (they register themselves)
from tinygen.explanation.explain import explain
from tinygen.explanation.explanation import Explanation, Explanations

__all__ = ["Explanation", "Explanations", "explain"]
