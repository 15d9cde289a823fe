# SPDX-License-Identifier: Apache-2.0
"""Runs a program on a real board: flashes it, finds the port, opens a session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from tinygen.run.attached import AttachedRunner
from tinygen.run.flash.backends import Job
from tinygen.run.flash.flash import flash
from tinygen.run.flash.ports import find_port
from tinygen.run.protocol import Limits
from tinygen.run.runner import Image
from tinygen.run.session import Session


class BoardRunner:
    """Runner for a real board that is attached by USB.

    Args:
        port: device name or pyserial URL; empty to find it.
        probe: serial number of the debug probe; empty if only one is attached.
        method: flash back end; empty for the best one installed.
        limits: time limits of the protocol.
    """

    def __init__(
        self, port: str = "", probe: str = "", method: str = "", limits: Limits | None = None
    ) -> None:
        self._port = port
        self._probe = probe
        self._method = method
        self._limits = limits

    def start(self, image: Image) -> AbstractContextManager[Session]:
        """Flashes the image, which also resets the board; see :class:`tinygen.run.runner.Runner`."""
        return self._talk(image)

    @contextmanager
    def _talk(self, image: Image) -> Iterator[Session]:
        flash(Job(image.elf, image.board, self._probe, self._port), self._method)
        # Looked for now: some boards appear on USB only when their program runs.
        port = self._port or find_port(image.board, self._probe)
        with AttachedRunner(port, self._limits).start(image) as session:
            yield session
