# SPDX-License-Identifier: Apache-2.0
"""A line that damages, drops, doubles and replays what it carries costs time, never a verdict."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from tests.run.programs import Expectation, build_affine, input_bytes, need, random_x
from tinygen.errors import TargetError
from tinygen.hardware.boards import board
from tinygen.run.child import line_to
from tinygen.run.protocol import Client, Limits, Port
from tinygen.run.session import Session

RUNS = 100


class NoisyPort:
    """Passes bytes on to another port, damaging some, and replays whole old requests.

    Args:
        port: the sound one.
        seed: of the damage.
        rate: probability that one byte is flipped, dropped, doubled or preceded by garbage.
        replay: probability that a write is followed by an earlier one.
    """

    def __init__(self, port: Port, seed: int, rate: float, replay: float) -> None:
        self._port = port
        self._random = random.Random(seed)
        self._rate = rate
        self._replay = replay
        self._history: list[bytes] = []
        self._readable = bytearray()
        self.damaged = 0

    def _damage(self, data: bytes) -> bytes:
        result = bytearray()
        for byte in data:
            if self._random.random() >= self._rate:
                result.append(byte)
                continue
            self.damaged += 1
            match self._random.randrange(4):
                case 0:
                    result.append(byte ^ 1 << self._random.randrange(8))
                case 1:
                    pass
                case 2:
                    result += bytes([byte, byte])
                case _:
                    result += self._random.randbytes(self._random.randrange(300)) + bytes([byte])
        return bytes(result)

    def write(self, data: bytes) -> int:
        """Sends what is left of ``data``."""
        self._port.write(self._damage(data))
        self._history = [*self._history[-20:], data]
        if self._random.random() < self._replay:
            self.damaged += 1
            self._port.write(self._random.choice(self._history))
        return len(data)

    def read(self, size: int) -> bytes:
        """What is left of what the other end sent."""
        if not self._readable:
            self._readable += self._damage(self._port.read(size))
        data = bytes(self._readable[:size])
        del self._readable[:size]
        return data


@pytest.mark.parametrize("seed", range(3))
def test_no_wrong_answer_over_a_noisy_line(tmp_path: Path, seed: int) -> None:
    need("cc")
    image = build_affine(board("host"), tmp_path, trace=True)
    generator = np.random.default_rng(seed)
    expected = Expectation()
    limits = Limits(request=20, inference=20, first_retry=0.01)
    with line_to([str(image.elf)], "the program") as (port, check):
        noisy = NoisyPort(port, seed, rate=0.0005, replay=0.05)
        session = Session(Client(noisy, check, limits), image.model_sha256, image.build_id)
        for run in range(RUNS):
            x, b = random_x(generator), int(generator.integers(-127, 128))
            if run % 10 == 0:
                layer = run // 10 % 3
                assert (
                    session.run_layer_bytes(input_bytes(x, b), layer)
                    == expected.layers(x, b)[layer]
                )
                expected.outputs(x, b)
            # The sum over all inferences shows that none was carried out twice.
            assert session.run(input_bytes(x, b)) == expected.outputs(x, b)
    assert noisy.damaged > RUNS


def test_a_line_too_noisy_to_use_is_named(tmp_path: Path) -> None:
    need("cc")
    image = build_affine(board("host"), tmp_path)
    limits = Limits(request=0.5, inference=0.5, first_retry=0.01)
    with line_to([str(image.elf)], "the program") as (port, check):
        client = Client(NoisyPort(port, 1, rate=0.5, replay=0), check, limits)
        with pytest.raises(TargetError, match=r"no valid frame|sent nothing"):
            Session(client, image.model_sha256, image.build_id)
