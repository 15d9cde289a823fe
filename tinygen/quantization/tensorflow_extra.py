# SPDX-License-Identifier: Apache-2.0
"""TensorFlow, which only quantization needs: imported late, silently, and repeatably.

It writes notes to the file descriptors from C++ before any log level can be set, so they are held
back there. Its settings are read once, when it is imported: no GPU probe, and the oneDNN paths off,
because their order of summation differs between machines.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from tinygen.errors import MachineError, TinygenError

INSTALL = "pip install 'tinygen[quantize]'"

_SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what the block writes to standard output and standard error, C++ included."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with tempfile.TemporaryFile() as log, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, descriptor)
                os.close(copy)


def first_line(error: BaseException) -> str:
    """What an error says, without what it adds on further lines."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".")


@contextlib.contextmanager
def guarded(
    raised: type[TinygenError],
    problem: str,
    hint: str = "",
    reason: Callable[[BaseException], str] = first_line,
) -> Iterator[None]:
    """Run the block quietly; whatever it raises becomes ``raised``: the problem, and the reason."""
    try:
        with quiet():
            yield
    except Exception as error:
        raise raised(f"{problem}: {reason(error)}.", hint) from error


def require(module: str, what: str) -> Any:
    """Import a module of the ``quantize`` extra; ``what`` needs it, as the end of a sentence.

    Raises:
        MachineError: it is not installed.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    if module not in sys.modules and importlib.util.find_spec(module.partition(".")[0]) is None:
        raise MachineError(
            f"{module.partition('.')[0]} is not installed; {what} needs it.",
            f"Install it: {INSTALL}",
        )
    with quiet():
        try:
            return importlib.import_module(module)
        except ImportError as error:
            raise MachineError(
                f"{module} cannot be imported: {error}.", f"Install it: {INSTALL}"
            ) from error


def tensorflow() -> Any:
    """TensorFlow, its logs silenced."""
    tf = require("tensorflow", "quantization")
    tf.get_logger().setLevel("ERROR")
    with quiet():
        tf.constant(0)  # the first operation looks for devices, and says so
    return tf


def make_repeatable(seed: int) -> Any:
    """Seed Python, NumPy and TensorFlow, and have TensorFlow sum in a fixed order; gives TensorFlow."""
    tf = tensorflow()
    tf.keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    return tf
