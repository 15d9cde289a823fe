# SPDX-License-Identifier: Apache-2.0
"""Samples from files, folders and functions; one clear sentence for each that does not do."""

from __future__ import annotations

import re
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygen.errors import InputError
from tinygen.quantization.convert import check_calibration, check_range
from tinygen.quantization.data import Dataset, ModelInput, ModelSignature, dataset_of, load_dataset
from tinygen.quantization.folders import parse_preprocessing, read_sound

FLOAT = np.dtype(np.float32)
IMAGE = ModelSignature(
    "net.keras", (ModelInput("image", "serving_default_image:0", (1, 4, 4, 1), FLOAT),)
)
SOUND = ModelSignature("net.keras", (ModelInput("sound", "sound", (1, 16), FLOAT),))
PAIR = ModelSignature(
    "net.keras",
    (
        ModelInput("image", "serving_default_image:0", (1, 2, 2, 1), FLOAT),
        ModelInput("state", "serving_default_state:0", (1, 3), FLOAT),
    ),
)
RANDOM = np.random.default_rng(1).normal(size=(120, 4, 4, 1)).astype(np.float32)


def test_npz_by_name_with_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", image=RANDOM, labels=np.arange(120) % 3)
    data = load_dataset(tmp_path / "d.npz", IMAGE)
    assert data.count == 120
    assert data.inputs["image"].shape == (120, 1, 4, 4, 1)
    assert data.labels is not None
    assert data.labels.dtype == np.int64
    assert next(iter(data.feeds()))[0].shape == (1, 4, 4, 1)
    assert data.taken(slice(0, 5)).count == 5


@pytest.mark.parametrize("shape", [(120, 4, 4), (120, 1, 4, 4, 1), (120, 4, 4, 1)])
def test_dimensions_of_one_may_be_left_out(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "d.npy", (RANDOM.reshape(shape) * 10).astype(np.int16))
    data = load_dataset(tmp_path / "d.npy", IMAGE)
    assert data.inputs["image"].shape == (120, 1, 4, 4, 1)
    assert data.inputs["image"].dtype == np.float32


def test_inputs_are_put_in_the_order_of_the_model() -> None:
    arrays = {"state": np.ones((5, 3)), "serving_default_image:0": np.zeros((5, 2, 2, 1))}
    assert list(dataset_of(arrays, PAIR, "d").inputs) == ["image", "state"]


def test_python_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_data.py").write_text(
        "import numpy as np\n"
        "def samples():\n"
        "    while True:\n"
        "        yield {'image': np.eye(4), 'labels': 2}\n"
        "def broken():\n"
        "    raise RuntimeError('no disk')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinygen.quantization.data.GENERATED_AT_MOST", 30)
    data = load_dataset("my_data:samples", IMAGE)
    assert data.count == 30
    assert data.labels is not None
    assert set(data.labels) == {2}
    with pytest.raises(InputError, match="my_data:broken failed: RuntimeError: no disk"):
        load_dataset("my_data:broken", IMAGE)
    with pytest.raises(InputError, match="neither a file nor module:function"):
        load_dataset("my_data:absent", IMAGE)


def one(value: Any) -> dict[str, Any]:
    return {"image": value}


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (one(np.zeros((9, 5, 4, 1))), r"needs \(samples, 4, 4, 1\), the data is \[9, 5, 4, 1\]"),
        (one(np.array(["a"] * 9)), "is <U1, not real numbers"),
        (one(np.zeros((9, 4, 4, 1), complex)), "is complex128, not real numbers"),
        (one(np.where(np.arange(9)[:, None] == 4, np.nan, np.ones((9, 16))).reshape(9, 4, 4)),
         "NaN or infinite values in 1 of 9 samples, first in sample 4"),
        (one(np.zeros((0, 4, 4, 1))), "has no samples"),
        ({"a": RANDOM, "b": RANDOM}, "holds a, b, but the inputs of net.keras are image"),
        ({"image": RANDOM, "labels": np.zeros(7)}, r"'labels' has the shape \[7\], but there are 120"),
        ({"image": RANDOM, "labels": np.array(["x"] * 120)}, "'labels' is <U1, not numbers"),
    ],
)  # fmt: skip
def test_data_that_does_not_fit(arrays: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        dataset_of(arrays, IMAGE, "d.npz")


def test_inputs_of_different_length() -> None:
    arrays = {"state": np.ones((5, 3)), "image": np.zeros((6, 2, 2, 1))}
    with pytest.raises(InputError, match="different numbers of samples: image 6, state 5"):
        dataset_of(arrays, PAIR, "d.npz")
    with pytest.raises(InputError, match=r"holds one array, but net\.keras has the inputs"):
        dataset_of(np.ones((5, 3)), PAIR, "d.npy")


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(InputError, match=re.escape(f"{tmp_path / 'text.npz'} cannot be read")):
        load_dataset(tmp_path / "text.npz", IMAGE)
    np.save(tmp_path / "objects.npy", np.array([{}, None]), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        load_dataset(tmp_path / "objects.npy", IMAGE)
    with pytest.raises(InputError, match="does not exist"):
        load_dataset(tmp_path / "absent.npz", IMAGE)


def calibration(array: Any) -> Dataset:
    return dataset_of(one(np.asarray(array)), IMAGE, "d.npz")


def test_calibration_data() -> None:
    assert check_calibration(calibration(RANDOM)) == []
    assert "60 calibration samples; 100 to 500" in check_calibration(calibration(RANDOM[:60]))[0]
    many = np.concatenate([RANDOM] * 5)
    assert "600 calibration samples" in check_calibration(calibration(many))[0]
    with pytest.raises(InputError, match=r"has 3 samples; calibration needs 10"):
        check_calibration(calibration(RANDOM[:3]))
    with pytest.raises(InputError, match=r"every value of input 'image' is 0\.5"):
        check_calibration(calibration(np.full_like(RANDOM, 0.5)))
    with pytest.raises(InputError, match="all 120 samples of input 'image' are the same"):
        check_calibration(calibration(np.repeat(RANDOM[:1], 120, axis=0)))
    broken = RANDOM.copy()
    broken[17] *= 1e6
    with pytest.raises(InputError, match="sample 17 of input 'image' reaches"):
        check_calibration(calibration(broken))


def test_range_of_the_training_data() -> None:
    pixels = np.random.default_rng(2).random((20, 4, 4, 1)) * 255
    check_range(calibration(pixels), 0, 255)
    with pytest.raises(InputError, match="outside the range 0 to 1"):
        check_range(calibration(pixels), 0, 1)
    with pytest.raises(InputError, match="less than a hundredth of the range 0 to 255"):
        check_range(calibration(pixels / 255), 0, 255)


def write_wav(path: Path, samples: Any, width: int, rate: int = 8000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        whole = np.asarray(np.rint(np.asarray(samples) * 2 ** (8 * width - 1)), np.int64)
        if width == 1:
            whole = whole + 128
        octets = whole.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width]
        file.writeframes(octets.tobytes())


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_pcm_of_every_width(tmp_path: Path, width: int) -> None:
    values = np.array([0, 0.5, -0.5, -1.0, 0.25])
    write_wav(tmp_path / "a.wav", values, width)
    assert np.allclose(read_sound(tmp_path / "a.wav", parse_preprocessing("")), values)


def test_log_mel_finds_a_tone(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    write_wav(tmp_path / "a.wav", tone, 2)
    how = parse_preprocessing("rate=8000,seconds=1,features=log-mel,bins=20")
    bands = read_sound(tmp_path / "a.wav", how)
    assert bands.shape == (49, 20)
    mel = 1127 * np.log1p(1000 / 700)
    expected = mel / (1127 * np.log1p(4000 / 700)) * 21 - 1
    assert np.all(np.abs(bands.argmax(axis=1) - expected) <= 1)
    with pytest.raises(InputError, match="has 8000 samples a second, not 16000"):
        read_sound(tmp_path / "a.wav", parse_preprocessing("rate=16000"))


def test_folders_of_sounds_and_images(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    for name, value in (("cat", 255), ("ant", 0)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(3):
            image.new("L", (8, 6), value).save(tmp_path / "images" / name / f"{index}.png")
    data = load_dataset(tmp_path / "images", IMAGE, "size=4x4,color=gray,scale=-1:1")
    assert data.labels is not None
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.unique(data.inputs["image"][:3]) == [-1]
    assert np.unique(data.inputs["image"][3:]) == [1]
    (tmp_path / "sounds").mkdir()
    write_wav(tmp_path / "sounds" / "a.wav", np.zeros(16), 2)
    assert load_dataset(tmp_path / "sounds", SOUND).labels is None
    write_wav(tmp_path / "sounds" / "b.wav", np.zeros(15), 2)
    with pytest.raises(InputError, match=r"b\.wav gives the shape \[15\]"):
        load_dataset(tmp_path / "sounds", SOUND)
    (tmp_path / "images" / "cat" / "0.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(InputError, match=r"0\.png cannot be read as an image"):
        load_dataset(tmp_path / "images", IMAGE, "size=4x4,color=gray")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        load_dataset(tmp_path / "empty", IMAGE)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("colour=gray", "has no key 'colour'"),
        ("rate=fast", "'rate=fast' is not rate=NUMBER"),
        ("color=blue", "color is rgb or gray, not 'blue'"),
        ("std=0", "must be positive"),
    ],
)
def test_preprocessing_that_makes_no_sense(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse_preprocessing(text)
