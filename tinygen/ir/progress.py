# SPDX-License-Identifier: Apache-2.0
"""What takes long tells what it is doing, to whom it is given."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]


def silent(text: str) -> None:
    """Tell nobody."""
