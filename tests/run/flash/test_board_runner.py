# SPDX-License-Identifier: Apache-2.0
"""verify on a real board's file, end to end: a stand-in for OpenOCD "flashes" an emulated STM32F4."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import DIGITS
from tests.run.programs import need

# USART2, as on the Nucleo boards, is the machine's second serial line.
OPENOCD = """#!/bin/sh
echo "openocd $*" >>"{folder}/calls"
if [ -f "{folder}/pid" ]; then kill "$(cat "{folder}/pid")"; sleep 0.3; fi
elf=$(echo "$*" | sed 's/.*{{\\(.*\\)}}.*/\\1/')
cp "$elf" "{folder}/flashed.elf"
timeout 120 qemu-system-arm -machine netduinoplus2 -display none -monitor none -serial null \\
    -serial tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on -kernel "{folder}/flashed.elf" \\
    </dev/null >/dev/null 2>&1 &
echo $! >"{folder}/pid"
sleep 0.5
echo "** Verified OK **"
"""


@dataclass(frozen=True)
class Bench:
    """A folder with the stand-in, and the URL of the board's serial line."""

    folder: Path
    url: str

    def verify(self, *options: str) -> subprocess.CompletedProcess[str]:
        """``tinygen verify`` of a small model on a NUCLEO-F411RE at that line."""
        command = [sys.executable, "-m", "tinygen.cli.main", "verify", str(DIGITS), "--json"]
        return subprocess.run(
            [*command, "--board", "nucleo-f411re", "--port", self.url, "--samples", "2", *options],
            env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def calls(self) -> int:
        """How often the stand-in was called."""
        path = self.folder / "calls"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    need("qemu-system-arm", "arm-none-eabi-gcc", "timeout")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    path = tmp_path / "openocd"
    path.write_text(OPENOCD.format(folder=tmp_path, port=port))
    path.chmod(0o755)
    yield Bench(tmp_path, f"socket://127.0.0.1:{port}")
    with suppress(OSError, ValueError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
    time.sleep(0.1)


@pytest.mark.qemu
def test_flashed_and_verified(bench: Bench) -> None:
    done = bench.verify()
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads(done.stdout)
    assert (verdict["bit_exact"], verdict["board"]) == (True, "nucleo-f411re")
    assert bench.calls() == 1
    # The same firmware is still there.
    again = bench.verify("--no-flash")
    assert again.returncode == 0, again.stdout + again.stderr
    assert bench.calls() == 1
    # Other options make other firmware: what is on the board is stale now.
    stale = bench.verify("--no-flash", "--optimize", "size")
    assert stale.returncode == 3
    assert "other firmware than the one just built" in stale.stderr
    assert bench.verify("--optimize", "size").returncode == 0
    assert bench.calls() == 2
