# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_MODELS = Path(__file__).resolve().parent.parent.parent / "shared" / "models"
"""Real models beside the repository; tests that use them are skipped where they are absent."""


def shared_model(name: str) -> Path:
    """Path of a real model; skips the test where it is absent.

    Args:
        name: file name in ``SHARED_MODELS``.
    """
    path = SHARED_MODELS / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path
