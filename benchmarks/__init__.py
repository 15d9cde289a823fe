# SPDX-License-Identifier: Apache-2.0
"""Comparisons with other runtimes, repeatable on any machine with the tools of ``tinygen doctor``."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tinygen.errors import TinygenError


def run(command: Callable[[], object]) -> None:
    """Run a benchmark's command; one of tinygen's errors is a sentence and its exit code."""
    try:
        command()
    except TinygenError as error:
        print(f"{error.message}\n{error.hint}".strip(), file=sys.stderr)
        sys.exit(error.exit_code)
