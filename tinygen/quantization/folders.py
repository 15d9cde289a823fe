# SPDX-License-Identifier: Apache-2.0
"""A folder of images or WAV files as an array of samples.

Files directly in the folder are samples without labels; with one sub-folder a class, the class
numbers follow the sub-folders' names in alphabetical order. The preprocessing is a list of
``key=value`` pairs; it must be the one the model was trained with.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from tinygen.errors import InputError
from tinygen.ir.graph import AnyArray
from tinygen.measure.samples import LABELS
from tinygen.quantization.tensorflow_extra import require

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".webp")
SOUNDS = (".wav",)
DATA = "data"
"""Name of the samples' array; a single input takes an array of any name."""

_SMALLEST_POWER = 1e-6


@dataclass(frozen=True)
class Preprocessing:
    """How a file becomes an array; every field is a key of ``--preprocess``.

    Images: ``size`` (WIDTHxHEIGHT, resized bilinearly; empty: all files have one size), ``color`` (rgb
    or gray), ``scale`` (LOW:HIGH, what black and white become). Sounds: ``rate`` (Hz, which the files
    must have; 0: any, but one), ``seconds`` (cut or padded with silence to that; 0: all have one
    length), ``features`` (waveform, -1 to 1; or log-mel, the natural logarithm of the power in
    ``bins`` triangular mel bands of Hann windows ``window`` seconds long every ``hop`` seconds).
    Both: ``mean`` is subtracted and ``std`` divided by, last.
    """

    size: str = ""
    color: str = "rgb"
    scale: str = "0:255"
    rate: int = 0
    seconds: float = 0.0
    features: str = "waveform"
    window: float = 0.03
    hop: float = 0.02
    bins: int = 40
    mean: float = 0.0
    std: float = 1.0


def parse_preprocessing(text: str) -> Preprocessing:
    """``size=32x32,color=gray,scale=0:1`` → a ``Preprocessing``.

    Raises:
        InputError: an unknown key, or a value of the wrong kind.
    """
    parsed = Preprocessing()
    known = {field.name: type(getattr(parsed, field.name)) for field in fields(parsed)}
    for item in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = item.partition("=")
        if key not in known:
            raise InputError(
                f"--preprocess has no key {key!r}.", f"The keys are {', '.join(known)}."
            )
        try:
            parsed = replace(parsed, **{key: known[key](value)})
        except ValueError as error:
            raise InputError(f"--preprocess: {item!r} is not {key}=NUMBER.") from error
    for key, allowed in (("color", ("rgb", "gray")), ("features", ("waveform", "log-mel"))):
        if getattr(parsed, key) not in allowed:
            raise InputError(
                f"--preprocess: {key} is {' or '.join(allowed)}, not {getattr(parsed, key)!r}."
            )
    if parsed.std <= 0 or parsed.hop <= 0 or parsed.window <= 0 or parsed.bins < 1:
        raise InputError("--preprocess: std, window, hop and bins must be positive.")
    return parsed


def load_folder(folder: Path, preprocessing: str) -> Mapping[str, AnyArray]:
    """All samples of a folder: ``data``, and ``labels`` if there are sub-folders.

    Raises:
        InputError: no files, files that cannot be read, or files of different shapes.
        MachineError: images, and Pillow is not installed.
    """
    how = parse_preprocessing(preprocessing)
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    found = [(path, -1) for path in sorted(folder.iterdir()) if path.is_file()]
    for label, sub_folder in enumerate(classes):
        found += [(path, label) for path in sorted(sub_folder.iterdir()) if path.is_file()]
    read, suffixes = _reader_for({path.suffix.lower() for path, _ in found}, folder)
    files = [(path, label) for path, label in found if path.suffix.lower() in suffixes]
    labelled = {label >= 0 for _, label in files}
    if len(labelled) != 1:
        raise InputError(
            f"{folder} has files both directly inside and in sub-folders.",
            "Put all of them in one sub-folder a class, or none.",
        )
    arrays = [(read(path, how) - how.mean) / how.std for path, _ in files]
    for (path, _), array in zip(files, arrays, strict=True):
        if array.shape != arrays[0].shape:
            raise InputError(
                f"{path} gives the shape {list(array.shape)}, {files[0][0]} {list(arrays[0].shape)}.",
                "Set size (images) or seconds (sounds) with --preprocess.",
            )
    data = {DATA: np.stack(arrays).astype(np.float32)}
    return data if labelled == {False} else {**data, LABELS: np.array([one for _, one in files])}


def _reader_for(
    suffixes: set[str], folder: Path
) -> tuple[Callable[[Path, Preprocessing], AnyArray], tuple[str, ...]]:
    images, sounds = suffixes & set(IMAGES), suffixes & set(SOUNDS)
    if images and sounds:
        raise InputError(f"{folder} holds both images and WAV files.", "Give a folder of one kind.")
    if images:
        return read_image, IMAGES
    if sounds:
        return read_sound, SOUNDS
    raise InputError(
        f"{folder} holds no images ({', '.join(IMAGES)}) and no WAV files.",
        "A SavedModel or arrays? Give the data as .npz.",
    )


def read_image(path: Path, how: Preprocessing) -> AnyArray:
    """One image, (height, width, 3 or 1)."""
    module = require("PIL.Image", "reading images")
    low, high = _pair(how.scale, ":", "scale")
    try:
        with module.open(path) as file:
            image = file.convert("L" if how.color == "gray" else "RGB")
            if how.size:
                width, height = _pair(how.size, "x", "size")
                image = image.resize((int(width), int(height)), module.Resampling.BILINEAR)
            pixels = np.asarray(image, np.float32)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as an image: {error}.") from error
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    scaled: AnyArray = low + pixels * ((high - low) / 255)
    return scaled


def _pair(text: str, separator: str, key: str) -> tuple[float, float]:
    first, _, second = text.partition(separator)
    try:
        return float(first), float(second)
    except ValueError as error:
        raise InputError(
            f"--preprocess: {key} is two numbers with {separator!r} between, not {text!r}."
        ) from error


def read_sound(path: Path, how: Preprocessing) -> AnyArray:
    """One WAV file, channels averaged: (samples,) from -1 to 1, or (frames, bins) of log-mel."""
    try:
        with wave.open(str(path)) as file:
            rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            raw = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise InputError(f"{path} cannot be read as a PCM WAV file: {error}.") from error
    if how.rate and rate != how.rate:
        raise InputError(f"{path} has {rate} samples a second, not {how.rate}.", "Resample it.")
    sound = _pcm(raw, width).reshape(-1, channels).mean(axis=1)
    if how.seconds:
        length = round(how.seconds * rate)
        sound = np.pad(sound[:length], (0, max(0, length - len(sound))))
    return sound if how.features == "waveform" else log_mel(sound, rate, how)


def _pcm(raw: bytes, width: int) -> AnyArray:
    """Little-endian PCM of 1 (unsigned), 2, 3 or 4 bytes → -1 to 1."""
    octets = np.frombuffer(raw[: len(raw) // width * width], np.uint8).reshape(-1, width)
    if width == 1:
        return (octets[:, 0].astype(np.float32) - 128) / 128
    wide = np.zeros((len(octets), 4), np.uint8)
    wide[:, 4 - width :] = octets
    values: AnyArray = wide.view("<i4")[:, 0] / 2.0**31
    return values


def log_mel(sound: AnyArray, rate: int, how: Preprocessing) -> AnyArray:
    """Natural logarithm of the power in mel bands, (frames, bins); mel = 1127 ln(1 + f / 700)."""
    window, hop = round(how.window * rate), round(how.hop * rate)
    if len(sound) < window:
        raise InputError(f"a sound of {len(sound)} samples is shorter than the window of {window}.")
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(window))) ** 2
    highest = 1127 * np.log1p(rate / 2 / 700)
    corners = 700 * np.expm1(np.linspace(0, highest, how.bins + 2) / 1127)
    frequencies = np.fft.rfftfreq(window, 1 / rate)
    rising = (frequencies - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    falling = (corners[2:, None] - frequencies) / (corners[2:] - corners[1:-1])[:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    bands: AnyArray = np.log(power @ filters.T + _SMALLEST_POWER)
    return bands
