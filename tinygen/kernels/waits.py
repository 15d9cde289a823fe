# SPDX-License-Identifier: Apache-2.0
"""What a board's memories add to a kernel's cycles, estimated: for choosing among kernels, and boards.

A profile times every access; this is the little of it that a planner can know. Constants are read as
often as the kernel comes back to them (``passes.toml``), each time from flash where they are more than
its cache holds. Of the code a part is missed that shrinks with the cache. Its shares were read off
profiles of MLPerf Tiny's models with the flash of five boards. docs/profile.md says how far it is off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinygen.hardware.tables import load_toml
from tinygen.ir.layer import Layer

PASSES_FILE = Path(__file__).with_name("passes.toml")
PASSES: dict[str, float] = dict(load_toml(PASSES_FILE, "file of passes"))
"""How often a kernel reads its constants for each position of the output (all channels of a pixel)."""

CODE_BYTES = 700
"""Of the functions that a layer runs, about; what a cache for both has less for constants."""
_MISSED = 0.08
"""Of the lines of code that a cache of 1 KB misses in loops, about; one of n KB, by n² less."""
_DISPLACED = 0.01
"""Of constants that a cache could hold, about, what code displaces that lies in the same sets."""
_JUMPED = 0.2
"""Of those lines, about, that prefetch did not ask for because a branch went there."""
_COPY_CYCLES = 0.8
"""For a byte copied by words, about, what it waits for apart."""
_BYTES_A_CYCLE = 3.0
"""Of code that is executed, about."""


@dataclass(frozen=True)
class Reads:
    """How code or constants are read from flash: what a line that no cache holds costs, and the cache.

    ``ways`` are those of the cache, ``prefetches`` says that the next line is read ahead.
    """

    miss_cycles: float
    line_bytes: int
    cache_bytes: int = 0
    ways: int = 1
    prefetches: bool = False

    def missed(self, nbytes: int) -> int:
        """Bytes that are read anew in each pass over so many, one after the other: least recently used
        lines go first, so in a set that has one line too many all miss.
        """
        return min(nbytes, (self.ways + 1) * max(0, nbytes - self.cache_bytes))


@dataclass(frozen=True)
class Waits:
    """How a board's flash is read; ``shared``: code and constants are in one cache."""

    code: Reads
    data: Reads
    shared: bool = False

    def stalls(self, kernel: str, layer: Layer, cycles: float, constant_bytes: int = 0) -> float:
        """Cycles in which a kernel waits that takes so many without; ``constant_bytes`` are its own, if
        it has others than the layer.
        """
        nbytes = constant_bytes or constants_of(layer)
        return self._for_code(cycles) + self._for_constants(kernel, layer, nbytes)

    def first_lines(self) -> float:
        """Cycles in which a layer waits for its code the first time it is executed."""
        return CODE_BYTES / self.code.line_bytes * self._line()

    def missed_again(self, nbytes: int) -> int:
        """Bytes that are read anew in each pass over so many constants."""
        if not self.shared:
            return self.data.missed(nbytes)
        return max(self.data.missed(nbytes + CODE_BYTES), round(_DISPLACED * nbytes))

    def _line(self) -> float:
        """Cycles in which one line of code is waited for that is missed."""
        code = self.code
        if not code.prefetches:
            return code.miss_cycles
        hidden = code.line_bytes / _BYTES_A_CYCLE
        return max(0.0, code.miss_cycles - hidden) + _JUMPED * min(hidden, code.miss_cycles)

    def _for_code(self, cycles: float) -> float:
        kilobytes = self.code.cache_bytes / 1024
        missed = min(1.0, _MISSED / kilobytes**2) if kilobytes else 1.0
        return cycles * missed * self._line() * _BYTES_A_CYCLE / self.code.line_bytes

    def _for_constants(self, kernel: str, layer: Layer, own: int) -> float:
        return self._first_reads(own) + self._reads_again(kernel, layer, own)

    def _first_reads(self, nbytes: int) -> float:
        return nbytes / self.data.line_bytes * self.data.miss_cycles

    def _reads_again(self, kernel: str, layer: Layer, nbytes: int) -> float:
        """Cycles of waiting for so many constants in every pass but the first."""
        shape: tuple[int, ...] = getattr(layer, "output_shape", ())
        passes = max(1.0, PASSES.get(kernel, 1.0) * math.prod(shape[:-1]))
        return (passes - 1) * self._first_reads(self.missed_again(nbytes))

    def saved_by_copy(self, kernel: str, layer: Layer, nbytes: int) -> float:
        """Cycles that it saves to copy a layer's constants to RAM first, less those of the copy.

        The copy waits as long as the kernel's first pass would. No more is saved than ``stalls``
        counts, which knows only the layer's own constants: those that are packed can be more.
        """
        counted = min(nbytes, constants_of(layer))
        return self._reads_again(kernel, layer, counted) - nbytes * _COPY_CYCLES


def constants_of(layer: Layer) -> int:
    """Bytes of a layer's weights, and of each channel's bias, multiplier and shift."""
    arrays = {name: value for name, value in vars(layer).items() if isinstance(value, np.ndarray)}
    of_channels = 2 * arrays["bias"].nbytes if "bias" in arrays else 0
    return sum(value.nbytes for value in arrays.values()) + of_channels
