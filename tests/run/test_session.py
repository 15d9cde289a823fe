# SPDX-License-Identifier: Apache-2.0
"""Conversations with the real test main, compiled for this machine."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.run.programs import (
    Expectation,
    affine_variant,
    build_affine,
    input_bytes,
    need,
    nothing_to_check,
    random_x,
)
from tinygen.errors import TargetError
from tinygen.hardware.boards import board
from tinygen.run.child import line_to
from tinygen.run.protocol import Client, Limits, Request, Status
from tinygen.run.runner import Image
from tinygen.run.runners import HostRunner
from tinygen.run.session import Counter, Session, Times


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Image:
    need("cc")
    return build_affine(board("host"), tmp_path_factory.mktemp("traced"), trace=True)


@pytest.fixture
def session(traced: Image) -> Iterator[Session]:
    with HostRunner().start(traced) as opened:
        yield opened


def test_identity(session: Session, traced: Image) -> None:
    identity = session.identity
    assert identity.model_sha256 == traced.model_sha256
    assert identity.build_id == traced.build_id
    assert identity.kernels == "by hand"
    assert identity.input_bytes == (500, 1)
    assert identity.output_bytes == (500, 4)
    assert identity.layers == 3


def test_outputs_and_state(session: Session) -> None:
    expected = Expectation()
    generator = np.random.default_rng(1)
    for b in (-127, 0, 1, 127):
        x = random_x(generator)
        assert session.run(input_bytes(x, b)) == expected.outputs(x, b)
    session.reset()
    x = random_x(generator)
    assert session.run(input_bytes(x, 1)) == Expectation().outputs(x, 1)


def test_layer_digests_and_bytes(session: Session) -> None:
    expected = Expectation()
    x = random_x(np.random.default_rng(2))
    layers = expected.layers(x, 5)
    outputs, digests = session.run_layer_digests(input_bytes(x, 5))
    assert outputs == expected.outputs(x, 5)
    assert digests == [zlib.crc32(layer) for layer in layers]
    for number, layer in enumerate(layers):
        assert session.run_layer_bytes(input_bytes(x, 5), number) == layer
        expected.outputs(x, 5)
    assert session.run(input_bytes(x, 5)) == expected.outputs(x, 5)


def test_times_of_a_target_without_a_counter(session: Session) -> None:
    session.run(input_bytes(np.zeros(500, np.int8), 1))
    assert session.times() == Times(Counter.NONE, 0, (0, 0, 0))


def test_a_layer_that_is_not_there(session: Session) -> None:
    with pytest.raises(TargetError, match="no such tensor, layer"):
        session.run_layer_bytes(input_bytes(np.zeros(500, np.int8), 0), 3)


def test_the_model_reports_an_error(session: Session) -> None:
    with pytest.raises(TargetError, match="returned 5"):
        session.run(input_bytes(np.zeros(500, np.int8), -128))


def test_inputs_of_wrong_size(session: Session) -> None:
    with pytest.raises(ValueError, match=r"\(499, 1\)"):
        session.run([bytes(499), bytes(1)])
    with pytest.raises(ValueError, match=r"\(500,\)"):
        session.run([bytes(500)])


def test_layers_of_an_untraced_build(tmp_path: Path) -> None:
    need("cc")
    image = build_affine(board("host"), tmp_path)
    x = np.zeros(500, np.int8)
    with HostRunner().start(image) as session:
        assert session.identity.layers == 0
        with pytest.raises(TargetError, match="without layer tracing"):
            session.run_layer_digests(input_bytes(x, 0))


def test_another_build_of_the_same_model_is_named(traced: Image) -> None:
    stale = replace(traced, build_id="0123")
    with (
        pytest.raises(TargetError, match=r"other firmware.* its build is \w+, not 0123"),
        HostRunner().start(stale),
    ):
        pass


def test_firmware_of_another_model_is_named(traced: Image, tmp_path: Path) -> None:
    other = affine_variant(tmp_path / "other", {'SHA256 "0011': 'SHA256 "ffee'})
    image = build_affine(board("host"), tmp_path / "build", source=other, trace=True)
    with (
        pytest.raises(TargetError, match=r"its model is ffee.*, not 0011"),
        HostRunner().start(replace(traced, elf=image.elf)),
    ):
        pass


def test_a_new_host_takes_over_during_a_pause(traced: Image) -> None:
    expected = Expectation()
    x = random_x(np.random.default_rng(3))
    with line_to([str(traced.elf)], "the program") as (port, check):
        first_client = Client(port, check)
        first = Session(first_client, traced.model_sha256, traced.build_id)
        status, _ = first._start(input_bytes(x, 1), 2, 0)  # type: ignore[arg-type]
        assert status is Status.PAUSED
        expected.outputs(x, 1)
        second = Session(Client(port, check), traced.model_sha256, traced.build_id)
        assert second.run(input_bytes(x, 2)) == expected.outputs(x, 2)
        with pytest.raises(TargetError, match="being talked to by another program"):
            first_client.request(Request.RESUME)


def test_outputs_overwritten_by_inputs_cannot_be_read(traced: Image) -> None:
    with line_to([str(traced.elf)], "the program") as (port, check):
        client = Client(port, check)
        Session(client, traced.model_sha256, traced.build_id).run([bytes(500), bytes(1)])
        read = struct.pack("<BHIB", 0, 0, 0, 8)
        assert client.request(Request.READ, read) == (Status.OK, bytes(8))
        client.request(Request.WRITE, struct.pack("<HI", 0, 0) + bytes(8))
        with pytest.raises(TargetError, match="no result to read"):
            client.request(Request.READ, read)


@pytest.mark.parametrize(
    ("kind", "payload", "message"),
    [
        (99, b"", "does not know the request"),
        (Request.DESCRIBE, b"\x09\0\0", "does not know the request"),
        (Request.DESCRIBE, b"\x04", "does not know the request"),
        (Request.DESCRIBE, b"\x04\x02\0", "no such tensor"),
        (Request.DESCRIBE, b"\x05\x02\0", "no such tensor"),
        (Request.WRITE, b"\0\0", "does not know the request"),
        (Request.WRITE, struct.pack("<HI", 2, 0), "no such tensor"),
        (Request.WRITE, struct.pack("<HI", 0, 500) + b"a", "range of bytes"),
        (Request.WRITE, struct.pack("<HI", 0, 2**32 - 1) + b"ab", "range of bytes"),
        (Request.INVOKE, struct.pack("<BII", 3, 0, 0), "does not know the request"),
        (Request.INVOKE, struct.pack("<BII", 0, 0, 0), "other input bytes"),
        (Request.RESUME, b"", "does not know the request"),
        (Request.READ, b"", "does not know the request"),
        (Request.READ, struct.pack("<BHIB", 0, 0, 0, 1), "no result"),
    ],
)
def test_malformed_requests_are_refused(
    traced: Image, kind: Request, payload: bytes, message: str
) -> None:
    with line_to([str(traced.elf)], "the program") as (port, check):
        client = Client(port, check)
        Session(client, traced.model_sha256, traced.build_id)
        with pytest.raises(TargetError, match=message):
            client.request(_any_kind(kind), payload)


@pytest.mark.parametrize(
    ("region", "index", "offset", "length"),
    [
        (0, 0, 499, 2),
        (0, 2, 0, 1),
        (0, 0, 2**32 - 1, 2),
        (0, 0, 0, 240),
        (1, 0, 9, 4),
        (2, 0, 0, 1),
    ],
)
def test_reads_out_of_range_are_refused(
    traced: Image, region: int, index: int, offset: int, length: int
) -> None:
    with line_to([str(traced.elf)], "the program") as (port, check):
        client = Client(port, check)
        Session(client, traced.model_sha256, traced.build_id).run([bytes(500), bytes(1)])
        with pytest.raises(TargetError, match="range of bytes"):
            client.request(Request.READ, struct.pack("<BHIB", region, index, offset, length))


def _any_kind(kind: int) -> Request:
    """A request type, also one the protocol does not have."""
    try:
        return Request(kind)
    except ValueError:
        unknown = int.__new__(Request, kind)
        unknown._name_, unknown._value_ = "UNKNOWN", kind
        return unknown


def test_a_program_that_speaks_no_protocol() -> None:
    program = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); "
        "print('127.0.0.1:%d' % s.getsockname()[1], flush=True); c, _ = s.accept(); "
        "c.sendall(b'welcome to the shell' * 10)\nwhile c.recv(1000): pass"
    )
    with (
        line_to([sys.executable, "-c", program], "the shell") as (port, _),
        pytest.raises(TargetError, match="sent 200 bytes, but no valid frame"),
    ):
        Client(port, nothing_to_check, Limits(request=1.0)).request(Request.HELLO)


def test_a_program_that_dies_is_quoted(tmp_path: Path) -> None:
    crashing = affine_variant(
        tmp_path / "crashing", {"return 5;": 'fputs("about to crash", stderr); abort();'}
    )
    source = crashing / "affine.c"
    source.write_text("#include <stdio.h>\n#include <stdlib.h>\n" + source.read_text())
    image = build_affine(board("host"), tmp_path / "build", source=crashing)
    with (
        HostRunner().start(image) as session,
        pytest.raises(TargetError, match=r"ended by signal 6") as failure,
    ):
        session.run(input_bytes(np.zeros(500, np.int8), -128))
    assert "about to crash" in failure.value.hint


def test_a_hanging_model_is_named(tmp_path: Path) -> None:
    hanging = affine_variant(tmp_path / "hanging", {"return 5;": "for (;;) {\n }"})
    image = build_affine(board("host"), tmp_path / "build", source=hanging)
    with (
        HostRunner(Limits(inference=0.5)).start(image) as session,
        pytest.raises(TargetError, match=r"the target hangs: no end of the inference in 0 s"),
    ):
        session.run(input_bytes(np.zeros(500, np.int8), -128))
