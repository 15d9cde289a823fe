# SPDX-License-Identifier: Apache-2.0
"""The processor cores tinygen generates code for, and what each can do."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.errors import InputError

HOST = "host"


@dataclass(frozen=True)
class Core:
    """A processor core.

    Attributes:
        name: as on the command line, e.g. ``cortex-m4``.
        architecture: Arm's name of the instruction set, or ``native``.
        gcc_flags: what makes ``arm-none-eabi-gcc`` compile for it; empty for the host.
        dsp: has the 16-bit SIMD instructions (``__ARM_FEATURE_DSP``).
        mve: has the vector extension (``__ARM_FEATURE_MVE``).
        fpu: has single-precision floating point in hardware.
        unaligned: loads and stores words at any address.
    """

    name: str
    architecture: str
    gcc_flags: tuple[str, ...]
    dsp: bool
    mve: bool
    fpu: bool
    unaligned: bool


def _hard_float(cpu: str, fpu: str) -> tuple[str, ...]:
    return ("-mthumb", f"-mcpu={cpu}", f"-mfpu={fpu}", "-mfloat-abi=hard")


_CORES = {
    entry.name: entry
    for entry in (
        Core(
            "cortex-m0",
            "armv6-m",
            ("-mthumb", "-mcpu=cortex-m0", "-mfloat-abi=soft"),
            dsp=False,
            mve=False,
            fpu=False,
            unaligned=False,
        ),
        Core(
            "cortex-m0plus",
            "armv6-m",
            ("-mthumb", "-mcpu=cortex-m0plus", "-mfloat-abi=soft"),
            dsp=False,
            mve=False,
            fpu=False,
            unaligned=False,
        ),
        Core(
            "cortex-m3",
            "armv7-m",
            ("-mthumb", "-mcpu=cortex-m3", "-mfloat-abi=soft"),
            dsp=False,
            mve=False,
            fpu=False,
            unaligned=True,
        ),
        Core(
            "cortex-m4",
            "armv7e-m",
            _hard_float("cortex-m4", "fpv4-sp-d16"),
            dsp=True,
            mve=False,
            fpu=True,
            unaligned=True,
        ),
        # Some M7 have double precision; single is what all of them share.
        Core(
            "cortex-m7",
            "armv7e-m",
            _hard_float("cortex-m7", "fpv5-sp-d16"),
            dsp=True,
            mve=False,
            fpu=True,
            unaligned=True,
        ),
        Core(
            "cortex-m33",
            "armv8-m.main",
            _hard_float("cortex-m33", "fpv5-sp-d16"),
            dsp=True,
            mve=False,
            fpu=True,
            unaligned=True,
        ),
        Core(
            "cortex-m55",
            "armv8.1-m.main",
            ("-mthumb", "-mcpu=cortex-m55", "-mfloat-abi=hard"),
            dsp=True,
            mve=True,
            fpu=True,
            unaligned=True,
        ),
        # By architecture, because GCC knows the name cortex-m85 only from version 13 on.
        Core(
            "cortex-m85",
            "armv8.1-m.main",
            (
                "-mthumb",
                "-march=armv8.1-m.main+mve.fp+fp.dp",
                "-mtune=cortex-m55",
                "-mfloat-abi=hard",
            ),
            dsp=True,
            mve=True,
            fpu=True,
            unaligned=True,
        ),
        Core(HOST, "native", (), dsp=False, mve=False, fpu=True, unaligned=True),
    )
}


def core(name: str) -> Core:
    """The core of that name.

    Raises:
        InputError: there is none; the message lists those there are.
    """
    try:
        return _CORES[name]
    except KeyError:
        raise InputError(f"unknown core {name!r}", f"known cores: {', '.join(_CORES)}") from None


def all_cores() -> tuple[Core, ...]:
    """Every core, from the smallest to the largest, then the host."""
    return tuple(_CORES.values())
