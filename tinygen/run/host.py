# SPDX-License-Identifier: Apache-2.0
"""Runs a natively compiled program on this machine."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tinygen.run.child import serve
from tinygen.run.protocol import Limits
from tinygen.run.runner import Image
from tinygen.run.session import Session


class HostRunner:
    """Runner for the board ``host``.

    Args:
        limits: time limits of the protocol.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits

    def start(self, image: Image) -> AbstractContextManager[Session]:
        """Runs the program as a child process; see :class:`tinygen.run.runner.Runner`."""
        return serve([str(image.elf)], "the program on this machine", image, self._limits)
