# SPDX-License-Identifier: Apache-2.0
"""What is said of whatever else may be at the other end of a port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    random_x,
)
from tinygen.errors import TargetError
from tinygen.hardware.boards import board
from tinygen.run.child import Child
from tinygen.run.protocol import Limits
from tinygen.run.runner import Image
from tinygen.run.runners import AttachedRunner, runner_for

QUICK = Limits(request=1.0, inference=5.0, first_retry=0.05)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    need("cc")
    return build_affine(board("host"), tmp_path_factory.mktemp("image"))


@contextmanager
def running(elf: Path) -> Iterator[str]:
    """The URL of a program that runs already."""
    child = Child([str(elf)], "the program")
    try:
        yield f"socket://127.0.0.1:{child.announced_port()}"
    finally:
        child.kill()


@contextmanager
def talking(text: bytes) -> Iterator[str]:
    """The URL of something that says a text over and over, and listens to nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def talk() -> None:
            connection, _ = server.accept()
            # The other end leaves when it has heard enough.
            with connection, suppress(OSError):
                while not done.wait(0.05):
                    connection.sendall(text)

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"
        done.set()
        thread.join(5)


def said_about(url: str, image: Image) -> TargetError:
    with (
        pytest.raises(TargetError) as failure,
        AttachedRunner(url, QUICK).start(image),
    ):
        pass
    return failure.value


def test_the_program_itself(image: Image) -> None:
    x = random_x(np.random.default_rng(1))
    with running(image.elf) as url, runner_for(image.board, port=url).start(image) as session:
        assert session.run(input_bytes(x, 1)) == Expectation().outputs(x, 1)


def test_stale_firmware(image: Image) -> None:
    with running(image.elf) as url:
        said = said_about(url, replace(image, build_id="0123456789abcdef"))
    assert f"its build is {image.build_id}, not 0123456789abcdef" in said.message
    assert "flash the firmware again" in said.hint


def test_another_models_firmware(image: Image, tmp_path: Path) -> None:
    source = affine_variant(tmp_path / "other", {'SHA256 "0011': 'SHA256 "ffee'})
    other = build_affine(board("host"), tmp_path / "build", source=source)
    with running(other.elf) as url:
        said = said_about(url, image)
    assert "other firmware than the one just built: its model is ffee" in said.message


@pytest.mark.parametrize("text", [b"login: \r\n", b"\0\0\0\0", bytes(range(256)), b"\xff" * 1000])
def test_a_program_that_speaks_no_protocol(text: bytes, image: Image) -> None:
    with talking(text) as url:
        said = said_about(url, image)
    assert "but no valid frame" in said.message
    assert "another program runs on it, or the baud rates differ" in said.hint


def test_nothing_at_all(image: Image) -> None:
    with talking(b"") as url:
        assert "the target sent nothing" in said_about(url, image).message
