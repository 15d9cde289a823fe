# SPDX-License-Identifier: Apache-2.0
"""A proxy between harness and target that does everything a cable and a reset button can do.

Whatever it does, a run ends in time, with the right outputs or with an error that has a name; never
with wrong outputs.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import serial

from tests.run.programs import (
    Expectation,
    build_affine,
    input_bytes,
    need,
    nothing_to_check,
    random_x,
)
from tinygen.errors import TargetError
from tinygen.hardware.boards import board
from tinygen.run.child import line_to
from tinygen.run.protocol import Client, Limits, Port
from tinygen.run.runner import Image
from tinygen.run.session import Session

LIMITS = Limits(request=0.8, inference=0.8, first_retry=0.01)
LONGEST_RUN_SECONDS = 10.0
SAMPLES = 2
NAMED = (
    "stopped answering",
    "hangs: no end of the inference",
    "sent nothing",
    "but no valid frame",
    "was restarted",
    "the connection to the target broke",
)


class Bench:
    """A target that can be restarted behind the harness's back."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._stack = ExitStack()
        self.port: Port
        self.restart()

    def restart(self) -> None:
        """Ends the program and starts it afresh, as a reset button does."""
        self._stack.close()
        command = [str(self._image.elf)]
        self.port, _ = self._stack.enter_context(line_to(command, "the program"))

    def close(self) -> None:
        """Ends the program."""
        self._stack.close()


class Proxy:
    """Passes bytes between harness and bench and does one kind of harm, at random.

    Args:
        bench: the target.
        kind: one of :data:`KINDS`.
        chance: the randomness.
    """

    def __init__(self, bench: Bench, kind: str, chance: random.Random) -> None:
        self._bench = bench
        self._kind = kind
        self._chance = chance
        self._rate = chance.choice((0.0002, 0.002, 0.02))
        self._until_event = chance.randrange(1500)
        self._readable = bytearray()
        self._closed = False
        self.harm = 0

    def _count(self, passed: int) -> bool:
        """Whether the one event of this run is due."""
        due = 0 <= self._until_event < passed
        self._until_event -= passed
        self.harm += due
        return due

    def _damage(self, data: bytes) -> bytes:
        if self._kind == "truncate" and self._chance.random() < 10 * self._rate:
            self.harm += 1
            return data[: self._chance.randrange(len(data) + 1)]
        if self._kind == "delay":
            if self._chance.random() < self._rate:
                self.harm += 1
                time.sleep(self._chance.choice((0.005, 0.02, 0.1)))
            return data
        result = bytearray()
        for byte in data:
            if self._kind not in BYTEWISE or self._chance.random() >= self._rate:
                result.append(byte)
                continue
            self.harm += 1
            result += BYTEWISE[self._kind](byte, self._chance)
        return bytes(result)

    def _pass(self, passed: int) -> None:
        if self._closed:
            raise serial.SerialException("device disconnected")
        if self._kind in ("close", "reset") and self._count(passed):
            if self._kind == "close":
                self._closed = True
                raise serial.SerialException("device disconnected")
            self._bench.restart()
            self._readable.clear()

    def write(self, data: bytes) -> int:
        """Sends what is left of ``data``."""
        self._pass(len(data))
        self._bench.port.write(self._damage(data))
        return len(data)

    def read(self, size: int) -> bytes:
        """What is left of what the target sent."""
        if not self._readable:
            data = self._bench.port.read(size)
            self._pass(len(data))
            self._readable += self._damage(data)
        data = bytes(self._readable[:size])
        del self._readable[:size]
        return data


BYTEWISE: dict[str, Callable[[int, random.Random], bytes]] = {
    "flip": lambda byte, chance: bytes([byte ^ 1 << chance.randrange(8)]),
    "drop": lambda _byte, _chance: b"",
    "duplicate": lambda byte, _chance: bytes([byte, byte]),
    "garbage": lambda byte, chance: chance.randbytes(chance.randrange(300)) + bytes([byte]),
}
KINDS = (*BYTEWISE, "truncate", "delay", "close", "reset")


def one_run(image: Image, bench: Bench, proxy: Proxy, seed: int) -> str:
    """``right``, or the name of the failure; anything else fails the test."""
    generator = np.random.default_rng(seed)
    expected = Expectation()
    try:
        session = Session(
            Client(proxy, nothing_to_check, LIMITS), image.model_sha256, image.build_id
        )
        session.reset()
        for _ in range(SAMPLES):
            x, b = random_x(generator), int(generator.integers(-127, 128))
            # The sum over all inferences, an output, shows that none was carried out twice.
            assert session.run(input_bytes(x, b)) == expected.outputs(x, b)
    except TargetError as failure:
        return next((name for name in NAMED if name in failure.message), failure.message)
    return "right"


def inject(image: Image, seeds: range) -> Counter[tuple[str, str]]:
    """Runs with every kind of harm in turn; how each ended."""
    bench = Bench(image)
    ended: Counter[tuple[str, str]] = Counter()
    try:
        for seed in seeds:
            kind = KINDS[seed % len(KINDS)]
            proxy = Proxy(bench, kind, random.Random(seed))
            started = time.monotonic()
            outcome = one_run(image, bench, proxy, seed)
            assert time.monotonic() - started < LONGEST_RUN_SECONDS, (seed, outcome)
            ended[kind if proxy.harm else "none", outcome] += 1
            assert outcome in ("right", *NAMED), (seed, outcome)
    finally:
        bench.close()
    return ended


@pytest.mark.parametrize(
    "seeds",
    [range(48), pytest.param(range(48, 2048), marks=pytest.mark.nightly)],
    ids=["48", "2000 more"],
)
def test_no_wrong_verdict_and_no_hang(seeds: range, tmp_path: Path) -> None:
    need("cc")
    image = build_affine(board("host"), tmp_path)
    ended = inject(image, seeds)
    print(*(f"{kind} {outcome}: {n}" for (kind, outcome), n in sorted(ended.items())), sep="\n")
    assert ended.total() == len(seeds)
    # Harm that can be repaired is repaired; what cannot be is named.
    for kind in ("flip", "drop", "duplicate", "delay"):
        assert ended[kind, "right"] > 0
    if len(seeds) > 1000:
        assert ended["reset", "was restarted"] > 0
    assert ended["close", "the connection to the target broke"] > 0
