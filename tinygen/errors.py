# SPDX-License-Identifier: Apache-2.0
"""Every error a user can meet, with the exit code the command line gives it.

A message is one clear sentence that names the file, the operator or the tensor; ``hint`` says what
to do next. The command line prints both and no traceback (unless ``--debug``).
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_MISMATCH = 1
EXIT_INPUT = 2
EXIT_MACHINE = 3
EXIT_FAULT = 4
EXIT_INTERRUPTED = 130
EXIT_CLOSED = 141
EXIT_TERMINATED = 143
"""As shells report the signals INT, PIPE and TERM."""


class TinygenError(Exception):
    """Base of all errors meant for the user.

    Args:
        message: one sentence that names what is wrong and where.
        hint: what the user can do about it; empty if there is nothing to add.
    """

    exit_code = EXIT_INPUT

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(TinygenError):
    """The model, the data or the command line is at fault (exit code 2)."""


class ModelError(InputError):
    """The model file is damaged, is no TFLite file, or contradicts itself."""


class UnsupportedError(InputError):
    """The model is sound, but uses something tinygen does not compile."""


class BudgetError(InputError):
    """The model does not fit the memory it was given."""


class MachineError(TinygenError):
    """Something on this machine is missing or broken (exit code 3): a compiler, an emulator, a port."""

    exit_code = EXIT_MACHINE


class BuildError(MachineError):
    """The cross or host compiler refused the generated program."""


class TargetError(MachineError):
    """The board or emulator did not answer as the protocol demands."""
