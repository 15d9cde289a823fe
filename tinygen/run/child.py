# SPDX-License-Identifier: Apache-2.0
"""A child process that serves the harness on a loopback TCP port it announces on its output."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Condition, Thread

import serial

from tinygen.errors import TargetError
from tinygen.run.crash import explained
from tinygen.run.protocol import Check, Client, Limits, Port
from tinygen.run.runner import Image
from tinygen.run.session import Session

_START_SECONDS = 30.0
_READ_SECONDS = 0.01
_KEPT_LINES = 50
_ANNOUNCED_PORT = re.compile(r"127\.0\.0\.1:([1-9]\d*)")


class Child:
    """A running process and what it printed; ``title`` is its name in messages.

    ``keep_input`` leaves its standard input open, for a program that ends with it.
    """

    def __init__(self, command: Sequence[str], title: str, *, keep_input: bool = False) -> None:
        self._title = title
        self._lines: list[str] = []
        self._news = Condition()
        self._process = subprocess.Popen(
            [*_ends_with_us(), *command],
            stdin=subprocess.PIPE if keep_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = Thread(target=self._drain, daemon=True)
        self._reader.start()

    def _drain(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._lines.append(line.rstrip())
                del self._lines[:-_KEPT_LINES]
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def announced_port(self) -> int:
        """Waits for the line that names the port.

        Raises:
            TargetError: the process ended, or said nothing of the kind in time.
        """
        deadline = time.monotonic() + _START_SECONDS
        with self._news:
            while time.monotonic() < deadline and self._reader.is_alive():
                for line in self._lines:
                    if found := _ANNOUNCED_PORT.search(line):
                        return int(found[1])
                self._news.wait(0.2)
        self.check(1.0)
        raise TargetError(f"{self._title} opened no port in {_START_SECONDS:.0f} s", self.said())

    def check(self, grace: float) -> None:
        """Raises TargetError if the process has ended, or ends within ``grace`` seconds."""
        try:
            code = self._process.wait(grace) if grace else self._process.poll()
        except subprocess.TimeoutExpired:
            return
        if code is not None:
            self._reader.join(1.0)
            how = f"with exit code {code}" if code >= 0 else f"by signal {-code}"
            raise TargetError(f"{self._title} ended {how}", self.said())

    def said(self) -> str:
        """The last lines it printed."""
        with self._news:
            said = "\n".join(self._lines)
        return f"it said:\n{said}" if said else "it said nothing"

    def kill(self) -> None:
        """Ends the process and waits until it is gone."""
        self._process.kill()
        self._process.wait()
        self._reader.join(1.0)


def _ends_with_us() -> list[str]:
    """What makes Linux end the child even if this process is killed and cannot clean up."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


@contextmanager
def line_to(command: Sequence[str], title: str) -> Iterator[tuple[Port, Check]]:
    """Starts the process, opens a pyserial port to it, and ends it whatever happens."""
    child = Child(command, title)
    try:
        url = f"socket://127.0.0.1:{child.announced_port()}"
        try:
            port = serial.serial_for_url(url, timeout=_READ_SECONDS)
        except serial.SerialException as error:
            child.check(1.0)
            raise TargetError(f"cannot connect to {title}: {error}") from error
        with port:
            yield port, child.check
    finally:
        child.kill()


@contextmanager
def serve(
    command: Sequence[str], title: str, image: Image, limits: Limits | None
) -> Iterator[Session]:
    """Starts the process and opens a session with the program it runs."""
    with line_to(command, title) as (port, check), explained(image.elf):
        yield Session(Client(port, check, limits), image.model_sha256, image.build_id)
