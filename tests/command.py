# SPDX-License-Identifier: Apache-2.0
"""The command line as users run it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys


def tinygen(
    *arguments: object, timeout: float = 300, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command of tinygen; ``environment`` is added to this process's."""
    return subprocess.run(
        [sys.executable, "-m", "tinygen", *map(str, arguments)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
        env={**os.environ, **environment},
    )
