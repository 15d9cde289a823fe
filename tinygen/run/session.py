# SPDX-License-Identifier: Apache-2.0
"""A conversation with one target: who are you, run this, what did each layer give."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from tinygen.errors import TargetError
from tinygen.run.protocol import PROTOCOL_VERSION, Client, Request, Status

# A multiple of 16 that leaves room for the fields before the data of a WRITE.
_CHUNK = 224


class _Item(IntEnum):
    MODEL = 0
    BUILD = 1
    KERNELS = 2
    COUNTS = 3
    INPUT = 4
    OUTPUT = 5


class _Region(IntEnum):
    OUTPUT = 0
    DIGESTS = 1
    PIECE = 2
    TIMES = 3


class _Mode(IntEnum):
    PLAIN = 0
    DIGESTS = 1
    LAYER = 2


class Counter(IntEnum):
    """What counts the target's clock; not all targets have something."""

    NONE = 0
    DWT = 1
    SYSTICK = 2


@dataclass(frozen=True)
class Times:
    """Clock cycles of the last inference on the target, by a ``counter``.

    SysTick goes round after 2^24 cycles unnoticed. In a traced build ``inference`` includes the
    tracing, ``layers`` do not; they are empty unless built with tracing.
    """

    counter: Counter
    inference: int
    layers: tuple[int, ...]


@dataclass(frozen=True)
class Identity:
    """What a target says it is: digests of model and build, kernels, bytes of inputs and outputs.

    ``layers`` is the number of traced layers; 0 unless built with tracing.
    """

    model_sha256: str
    build_id: str
    kernels: str
    input_bytes: tuple[int, ...]
    output_bytes: tuple[int, ...]
    layers: int


class Session:
    """One opened conversation; the target is the firmware that was expected.

    Attributes:
        identity: what the target said it is when the session began.
        on_transfer: told, while inputs go to the target, how many of their bytes were sent.

    Raises:
        TargetError: no answer, or other firmware than the one just built.
    """

    def __init__(self, client: Client, model_sha256: str, build_id: str) -> None:
        self._client = client
        self.on_transfer: Callable[[int, int], None] | None = None
        _, version = client.request(Request.HELLO)
        if version != bytes([PROTOCOL_VERSION]):
            raise TargetError(
                f"the target speaks version {version.hex() or 'none'} of the protocol, "
                f"this is version {PROTOCOL_VERSION}",
                "build and flash its firmware again",
            )
        self.identity = self._ask_identity()
        _compare("model", self.identity.model_sha256, model_sha256)
        _compare("build", self.identity.build_id, build_id)

    def reset(self) -> None:
        """Clears the state of a stateful model."""
        self._client.request(Request.RESET)

    def run(self, inputs: Sequence[bytes]) -> list[bytes]:
        """One inference: the bytes of every input in, those of every output out.

        Raises:
            TargetError: the line or the target failed, or the model reported an error.
            ValueError: number or size of the inputs is not the model's.
        """
        return self._outputs(inputs, _Mode.PLAIN)

    def run_layer_digests(self, inputs: Sequence[bytes]) -> tuple[list[bytes], list[int]]:
        """One inference with the CRC-32 of each layer's output bytes, in operator order.

        A layer that produces nothing of its own (part of another one) has digest 0.

        Raises:
            TargetError: as :meth:`run`, or the firmware was built without tracing.
        """
        outputs = self._outputs(inputs, _Mode.DIGESTS)
        digests = self._read(_Region.DIGESTS, 0, 4 * self.identity.layers)
        return outputs, list(struct.unpack(f"<{self.identity.layers}I", digests))

    def times(self) -> Times:
        """How long the last inference took on the target.

        Raises:
            TargetError: the line or the target failed, or there was no inference yet.
        """
        layers = self.identity.layers
        data = self._read(_Region.TIMES, 0, 4 * (2 + layers))
        counter, inference, *each = struct.unpack(f"<{2 + layers}I", data)
        return Times(Counter(counter), inference, tuple(each))

    def run_layer_bytes(self, inputs: Sequence[bytes], layer: int) -> bytes:
        """One inference; returns the output bytes of one layer, read while it pauses there.

        A stateful model advances as by any inference: reset it and repeat the earlier ones first.

        Raises:
            TargetError: as :meth:`run`, or the firmware was built without tracing.
        """
        seen = bytearray()
        status, body = self._start(inputs, _Mode.LAYER, layer)
        while status is Status.PAUSED:
            offset, length = struct.unpack("<II", body)
            if offset != len(seen):
                raise TargetError(f"the target skipped bytes of layer {layer}")
            seen += self._read(_Region.PIECE, 0, length)
            status, body = self._client.request(
                Request.RESUME, time_limit=self._client.limits.inference
            )
        self._finish(body)
        return bytes(seen)

    def _start(self, inputs: Sequence[bytes], mode: _Mode, layer: int) -> tuple[Status, bytes]:
        sizes = tuple(len(data) for data in inputs)
        if sizes != self.identity.input_bytes:
            raise ValueError(f"inputs of {sizes} bytes, not {self.identity.input_bytes}")
        sent = 0
        for index, data in enumerate(inputs):
            for offset in range(0, len(data), _CHUNK):
                chunk = data[offset : offset + _CHUNK]
                self._client.request(Request.WRITE, struct.pack("<HI", index, offset) + chunk)
                sent += len(chunk)
                if self.on_transfer:
                    self.on_transfer(sent, sum(sizes))
        return self._client.request(
            Request.INVOKE,
            struct.pack("<BII", mode, layer, zlib.crc32(b"".join(inputs))),
            self._client.limits.inference,
        )

    def _finish(self, body: bytes) -> None:
        code, self._output_crc = struct.unpack("<iI", body)
        if code != 0:
            raise TargetError(f"the model's invoke function returned {code} on the target")

    def _outputs(self, inputs: Sequence[bytes], mode: _Mode) -> list[bytes]:
        """One inference, and what it gave."""
        self._finish(self._start(inputs, mode, 0)[1])
        outputs = [
            self._read(_Region.OUTPUT, index, length)
            for index, length in enumerate(self.identity.output_bytes)
        ]
        if zlib.crc32(b"".join(outputs)) != self._output_crc:
            raise TargetError("the outputs changed on the target while they were read")
        return outputs

    def _read(self, region: _Region, index: int, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            size = min(_CHUNK, length - len(data))
            _, chunk = self._client.request(
                Request.READ, struct.pack("<BHIB", region, index, len(data), size)
            )
            if len(chunk) != size:
                raise TargetError(f"the target sent {len(chunk)} bytes where {size} were asked for")
            data += chunk
        return bytes(data)

    def _ask_identity(self) -> Identity:
        inputs, outputs, layers = struct.unpack("<III", self._describe(_Item.COUNTS))
        return Identity(
            model_sha256=self._describe(_Item.MODEL).decode("ascii", "replace"),
            build_id=self._describe(_Item.BUILD).decode("ascii", "replace"),
            kernels=self._describe(_Item.KERNELS).decode("ascii", "replace"),
            input_bytes=tuple(self._size(_Item.INPUT, k) for k in range(inputs)),
            output_bytes=tuple(self._size(_Item.OUTPUT, k) for k in range(outputs)),
            layers=layers,
        )

    def _describe(self, item: _Item, index: int = 0) -> bytes:
        return self._client.request(Request.DESCRIBE, struct.pack("<BH", item, index))[1]

    def _size(self, item: _Item, index: int) -> int:
        return int.from_bytes(self._describe(item, index), "little")


def _compare(what: str, got: str, expected: str) -> None:
    if got != expected:
        raise TargetError(
            f"the target runs other firmware than the one just built: its {what} is {got}, "
            f"not {expected}",
            "flash the firmware again, or check that the port is that of the right board",
        )
