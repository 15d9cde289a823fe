# SPDX-License-Identifier: Apache-2.0
"""The processor cores tinygen generates code for, and what each can do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tinygen.errors import InputError

HOST = "host"


class Feature(Enum):
    """What a core may have, as kernels need it; the value says it in words."""

    DSP = "16-bit SIMD"
    MVE = "the vector extension"
    FPU = "FPU registers"
    UNALIGNED = "unaligned loads"
    LONG_PRODUCT = "a 64-bit product"


@dataclass(frozen=True)
class Core:
    """A processor core.

    Attributes:
        name: as on the command line, e.g. ``cortex-m4``.
        architecture: Arm's name of the instruction set, or ``native``.
        gcc_flags: what makes ``arm-none-eabi-gcc`` compile for it; empty for the host.
        features: what it has.
    """

    name: str
    architecture: str
    gcc_flags: tuple[str, ...]
    features: frozenset[Feature]

    @property
    def dsp(self) -> bool:
        """Has the 16-bit SIMD instructions (``__ARM_FEATURE_DSP``)."""
        return Feature.DSP in self.features

    @property
    def mve(self) -> bool:
        """Has the vector extension (``__ARM_FEATURE_MVE``)."""
        return Feature.MVE in self.features

    @property
    def fpu(self) -> bool:
        """Has single-precision floating point in hardware."""
        return Feature.FPU in self.features


def _hard_float(cpu: str, fpu: str) -> tuple[str, ...]:
    return ("-mthumb", f"-mcpu={cpu}", f"-mfpu={fpu}", "-mfloat-abi=hard")


_CORES = {
    entry.name: entry
    for entry in (
        Core(
            "cortex-m0",
            "armv6-m",
            ("-mthumb", "-mcpu=cortex-m0", "-mfloat-abi=soft"),
            frozenset(),
        ),
        Core(
            "cortex-m0plus",
            "armv6-m",
            ("-mthumb", "-mcpu=cortex-m0plus", "-mfloat-abi=soft"),
            frozenset(),
        ),
        Core(
            "cortex-m3",
            "armv7-m",
            ("-mthumb", "-mcpu=cortex-m3", "-mfloat-abi=soft"),
            frozenset({Feature.UNALIGNED, Feature.LONG_PRODUCT}),
        ),
        Core(
            "cortex-m4",
            "armv7e-m",
            _hard_float("cortex-m4", "fpv4-sp-d16"),
            frozenset({Feature.DSP, Feature.FPU, Feature.UNALIGNED, Feature.LONG_PRODUCT}),
        ),
        # Some M7 have double precision; single is what all of them share.
        Core(
            "cortex-m7",
            "armv7e-m",
            _hard_float("cortex-m7", "fpv5-sp-d16"),
            frozenset({Feature.DSP, Feature.FPU, Feature.UNALIGNED, Feature.LONG_PRODUCT}),
        ),
        Core(
            "cortex-m33",
            "armv8-m.main",
            _hard_float("cortex-m33", "fpv5-sp-d16"),
            frozenset({Feature.DSP, Feature.FPU, Feature.UNALIGNED, Feature.LONG_PRODUCT}),
        ),
        Core(
            "cortex-m55",
            "armv8.1-m.main",
            ("-mthumb", "-mcpu=cortex-m55", "-mfloat-abi=hard"),
            frozenset(
                {Feature.DSP, Feature.MVE, Feature.FPU, Feature.UNALIGNED, Feature.LONG_PRODUCT}
            ),
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
            frozenset(
                {Feature.DSP, Feature.MVE, Feature.FPU, Feature.UNALIGNED, Feature.LONG_PRODUCT}
            ),
        ),
        Core(HOST, "native", (), frozenset({Feature.FPU, Feature.UNALIGNED, Feature.LONG_PRODUCT})),
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
