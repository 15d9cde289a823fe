# SPDX-License-Identifier: Apache-2.0
"""Many samples in one start: going on after a crash, resuming, accuracy with labels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from tests.command import tinygen
from tests.conftest import shared_model
from tests.run.programs import Expectation, affine_variant, build_affine, input_bytes, need
from tinygen.compilation import compile_model
from tinygen.errors import InputError, TargetError
from tinygen.hardware.boards import board
from tinygen.ir import reference
from tinygen.measure.verify import verify
from tinygen.planning.options import Options
from tinygen.run.many import Record, run_samples
from tinygen.run.protocol import Limits
from tinygen.run.runner import Image
from tinygen.run.runners import HostRunner
from tinygen.run.session import Session


@dataclass
class Counting:
    """A runner that counts how often the program was started."""

    inner: HostRunner
    starts: int = field(default=0)

    @contextmanager
    def start(self, image: Image) -> Iterator[Session]:
        """Starts the program."""
        self.starts += 1
        with self.inner.start(image) as session:
            yield session


class Broken:
    """A session that breaks at the third sample, as a pulled cable does."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._runs = 0

    def reset(self) -> None:
        """Clears the state."""
        self._session.reset()

    def run(self, inputs: Sequence[bytes]) -> list[bytes]:
        """One inference, if the cable is still there."""
        self._runs += 1
        if self._runs == 3:
            raise TargetError("the connection to the target broke")
        return self._session.run(inputs)


class Breaking(Counting):
    """A runner whose sessions break."""

    @contextmanager
    def start(self, image: Image) -> Iterator[Session]:
        """Starts the program."""
        with super().start(image) as session:
            yield cast(Session, Broken(session))


class Staying:
    """A runner of a board that nothing restarts between two runs."""

    def __init__(self, image: Image, session: Session) -> None:
        self._image = image
        self._session = session

    @contextmanager
    def start(self, image: Image) -> Iterator[Session]:
        """Goes on with the program that runs."""
        assert image == self._image
        yield self._session


def samples(*offsets: int) -> list[Sequence[bytes]]:
    x = np.arange(500).astype(np.int8)
    return [input_bytes(x, b) for b in offsets]


def say_nothing(text: str) -> None:
    """Progress nobody looks at."""


@pytest.fixture(scope="module")
def hanging(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Hangs where ``b`` is -128."""
    need("cc")
    folder = tmp_path_factory.mktemp("hanging")
    source = affine_variant(folder / "source", {"return 5;": "for (;;) {\n }"})
    return build_affine(board("host"), folder / "build", source=source)


def test_one_start_for_all(hanging: Image) -> None:
    runner = Counting(HostRunner())
    told: list[str] = []
    ran = run_samples(runner, hanging, samples(1, 2, 3), progress=told.append)
    expected = Expectation()
    x = np.arange(500).astype(np.int8)
    assert ran.outputs == tuple(tuple(expected.outputs(x, b)) for b in (1, 2, 3))
    assert (runner.starts, ran.crashes, ran.resumed) == (1, (), 0)
    assert ran.seconds > 0
    assert told[:4] == [
        "sample 1 of 3 on host",
        "sample 1 of 3 on host: 224 of 501 input bytes sent",
        "sample 1 of 3 on host: 448 of 501 input bytes sent",
        "sample 1 of 3 on host: 500 of 501 input bytes sent",
    ]


def test_the_state_of_an_earlier_run_is_cleared(hanging: Image) -> None:
    with HostRunner().start(hanging) as session:
        first, second = (
            run_samples(
                Staying(hanging, session), hanging, samples(1, 2), progress=say_nothing
            ).outputs
            for _ in range(2)
        )
    assert first == second


def test_a_hang_costs_its_sample_only(hanging: Image) -> None:
    runner = Counting(HostRunner(Limits(inference=0.3)))
    ran = run_samples(runner, hanging, samples(1, -128, 3), keep_going=True, progress=say_nothing)
    assert [outputs is None for outputs in ran.outputs] == [False, True, False]
    (crash,) = ran.crashes
    assert crash.sample == 1
    assert "the target hangs" in crash.message
    assert runner.starts == 2
    with pytest.raises(TargetError, match="the target hangs"):
        run_samples(runner, hanging, samples(1, -128, 3), progress=say_nothing)


def test_a_program_that_does_not_start_is_an_error(hanging: Image) -> None:
    stale = Image(hanging.elf, None, hanging.board, hanging.model_sha256, "0123", False)
    with pytest.raises(TargetError, match="other firmware"):
        run_samples(HostRunner(), stale, samples(1), keep_going=True, progress=say_nothing)


def test_resuming(hanging: Image, tmp_path: Path) -> None:
    path = tmp_path / "record"
    inputs = samples(1, 2, 3, 4)
    with pytest.raises(TargetError, match="broke"):
        run_samples(
            Breaking(HostRunner()),
            hanging,
            inputs,
            record=Record(path, hanging, inputs),
            progress=say_nothing,
        )
    # Cut short in the middle of a line.
    path.write_text(path.read_text() + '{"sample": 2, "outp')
    ran = run_samples(
        HostRunner(), hanging, inputs, record=Record(path, hanging, inputs), progress=say_nothing
    )
    assert ran.resumed == 2
    assert None not in ran.outputs
    again = run_samples(
        HostRunner(), hanging, inputs, record=Record(path, hanging, inputs), progress=say_nothing
    )
    assert (again.resumed, again.outputs, again.seconds) == (4, ran.outputs, 0)


def test_records_of_something_else(hanging: Image, tmp_path: Path) -> None:
    path = tmp_path / "record"
    Record(path, hanging, samples(1))
    with pytest.raises(InputError, match="record of another run"):
        Record(path, hanging, samples(2))
    path.write_text("no record\n{}\n")
    with pytest.raises(InputError, match="cannot be used as the record"):
        Record(path, hanging, samples(1))
    with pytest.raises(InputError, match="cannot be used as the record"):
        Record(tmp_path / "absent" / "record", hanging, samples(1))


def test_labelled_samples(tmp_path: Path) -> None:
    need("cc")
    model = shared_model("mlperf_kws.tflite")
    generator = np.random.default_rng(1)
    x = generator.integers(-128, 128, (4, 490), np.int8).reshape(4, 49, 10, 1)
    path = tmp_path / "data.npz"
    np.savez(path, x=x)
    common = ("verify", model, "--board", "host", "--input", path, "--json")
    plain = json.loads(tinygen(*common).stdout)
    assert plain["accuracy"] is None
    np.savez(path, x=x, labels=np.arange(4))
    record = tmp_path / "record"
    labelled = json.loads(tinygen(*common, "--record", record).stdout)
    assert labelled["bit_exact"] is True
    assert labelled["accuracy"]["target"] == labelled["accuracy"]["reference"]
    assert labelled["seconds"] > 0
    assert json.loads(tinygen(*common, "--record", record).stdout)["resumed"] == 4
    np.savez(path, x=x, labels=np.arange(3))
    bad = tinygen(*common)
    assert bad.returncode == 2
    assert "'labels' must be 4 whole numbers" in bad.stderr


def test_accuracy_is_counted_right(tmp_path: Path) -> None:
    """Labels that are the model's own answers, but for one."""
    need("cc")

    host = board("host")
    compilation = compile_model(shared_model("mlperf_kws.tflite"), Options(core=host.core))
    chosen = reference.random_inputs(compilation.network, 4, 1)
    answers = [int(np.argmax(reference.outputs(compilation.network, s)[0])) for s in chosen]
    answers[1] = (answers[1] + 1) % 12
    verdict = verify(compilation, host, chosen, tmp_path, labels=answers)
    assert verdict.accuracy is not None
    assert (verdict.accuracy.target, verdict.accuracy.reference) == (0.75, 0.75)
