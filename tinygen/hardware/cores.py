# SPDX-License-Identifier: Apache-2.0
"""The processor cores tinygen generates code for: one file each in ``cores/``, and what parts lack.

Kernels ask for features, never for a core or an architecture, so a file added there is all that a new
core takes. What an architecture has always, and may have, is known here: a file that says
otherwise, or does not say how much slower kernels are, is refused.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from tinygen.errors import InputError
from tinygen.hardware.tables import TableError, faults_of, load_toml, one_of, read_table
from tinygen.hardware.timing import Timing
from tinygen.ir.data import Result

HOST = "host"
_FOLDER = Path(__file__).parent / "cores"


class Feature(Enum):
    """What a core may have, as kernels need it; the value says it in words."""

    DSP = "16-bit SIMD"
    MVE = "the vector extension"
    FPU = "FPU registers"
    UNALIGNED = "unaligned loads"
    LONG_PRODUCT = "a 64-bit product"
    THUMB = "Thumb instructions"


_BASE = frozenset({Feature.THUMB})
_MAIN = _BASE | {Feature.UNALIGNED, Feature.LONG_PRODUCT}
_OPTIONS = {"dsp": Feature.DSP, "mve": Feature.MVE, "fpu": Feature.FPU}
"""What a part may lack, as core files call it."""
_WORDS: Mapping[str, tuple[Feature, ...]] = {
    # The vector extension includes 16-bit SIMD.
    "nodsp": (Feature.DSP, Feature.MVE),
    "nomve": (Feature.MVE,),
    "nofp": (Feature.FPU,),
}
"""GCC's words for it, and what goes with each; the first is what it names."""


@dataclass(frozen=True)
class _Architecture:
    """What all cores of an architecture have, and what some have."""

    always: frozenset[Feature]
    sometimes: frozenset[Feature] = frozenset()


_ARCHITECTURES = {
    "armv6-m": _Architecture(_BASE),
    "armv7-m": _Architecture(_MAIN),
    "armv7e-m": _Architecture(_MAIN | {Feature.DSP}, frozenset({Feature.FPU})),
    "armv8-m.base": _Architecture(_BASE),
    "armv8-m.main": _Architecture(_MAIN, frozenset({Feature.DSP, Feature.FPU})),
    "armv8.1-m.main": _Architecture(_MAIN, frozenset(Feature) - _MAIN),
    "native": _Architecture((_MAIN | {Feature.FPU}) - _BASE),
}
_GENERATIONS = (
    ("armv6-m", "armv7-m", "armv7e-m"),
    ("armv8-m.base", "armv8-m.main", "armv8.1-m.main"),
    ("native",),
)
"""Of each the later execute what the earlier do. Memory protection differs between them."""


@dataclass(frozen=True)
class Slower:
    """Cycles of C that is the same for all cores, relative to those the kernels' estimates are of.

    Attributes:
        portable: of our portable kernels, relative to a Cortex-M4.
        cmsis_nn: of CMSIS-NN, relative to M3, M4 or M55, whichever has the core's features.
    """

    portable: float
    cmsis_nn: float


@dataclass(frozen=True)
class _CoreFile:
    """What a file in ``cores/`` says.

    Attributes:
        title: its name, for people.
        architecture: Arm's name of the instruction set.
        slower: than the cores that kernels were measured on.
        optional: what it has beyond its architecture, and parts may lack.
        gcc: its name for ``-mcpu``, or that of the nearest core that GCC 12 knows.
        fpu: for ``-mfpu``, where that is not to be what ``-mcpu`` implies.
        timing: of its instructions, where a manual gives it.
    """

    title: str
    architecture: Annotated[str, one_of(*_ARCHITECTURES)]
    slower: Slower
    optional: tuple[Annotated[str, one_of(*_OPTIONS)], ...] = ()
    gcc: str = ""
    fpu: str = ""
    timing: Timing | None = None

    def __post_init__(self) -> None:
        if not self.gcc and self.architecture != "native":
            raise TableError("gcc", "is missing")
        for name in self.optional:
            if _OPTIONS[name] not in _ARCHITECTURES[self.architecture].sometimes:
                raise TableError(
                    "optional", f"has {name!r}, which is no option of {self.architecture}"
                )
        if "mve" in self.optional and "dsp" not in self.optional:
            raise TableError("optional", "has 'mve' without 'dsp'")

    @property
    def may_lack(self) -> frozenset[Feature]:
        """``optional`` as features."""
        return frozenset(_OPTIONS[name] for name in self.optional)


@dataclass(frozen=True, eq=False)
class Core(Result):
    """A processor core, or the host.

    Attributes:
        name: as on the command line: ``cortex-m4``, ``cortex-m4+nofp``.
        title: the same for people.
        architecture: Arm's name of the instruction set, or ``native``.
        gcc_flags: what makes ``arm-none-eabi-gcc`` compile for it; empty for the host.
        features: what it has.
        slower: than the cores that kernels were measured on.
        timing: of its instructions, where a manual gives it.
    """

    name: str
    title: str
    architecture: str
    gcc_flags: tuple[str, ...]
    features: frozenset[Feature] = field(repr=False)
    slower: Slower = field(repr=False)
    timing: Timing | None = field(repr=False)

    @property
    def is_host(self) -> bool:
        """Whether it is this machine's."""
        return not self.gcc_flags

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

    @property
    def pairs(self) -> bool:
        """Issues two instructions a cycle, of any size."""
        return self.timing is not None and self.timing.width == 2 and not self.timing.narrow

    def executes(self, other: Core) -> bool:
        """Whether programs for the other core, start-up included, run on this one."""
        generation = next(names for names in _GENERATIONS if self.architecture in names)
        earlier = generation[: generation.index(self.architecture) + 1]
        return other.architecture in earlier and other.features <= self.features


def _content(path: Path) -> Mapping[str, Any]:
    """A core's file, with the timing of the core that its own is ``like``, where it says no other."""
    content = load_toml(path, "core file")
    own = content.get("timing")
    if not isinstance(own, Mapping) or "like" not in own:
        return content
    other = _FOLDER / f"{own['like']}.toml"
    if not other.is_file():
        raise TableError("timing.like", f"names no core: {own['like']!r}")
    timing = dict(_content(other)["timing"])
    for key, value in own.items():
        is_table = isinstance(value, Mapping) and isinstance(timing.get(key), Mapping)
        timing[key] = {**timing[key], **value} if is_table else value
    del timing["like"]
    return {**content, "timing": timing}


@cache
def load_core(path: Path, words: frozenset[str] = frozenset()) -> Core:
    """Reads a core's file; ``words`` are GCC's for what the part lacks.

    Raises:
        InputError: the file is at fault, and the message names the key; or no part lacks that.
    """
    with faults_of(path):
        said = read_table(_CoreFile, _content(path))
    possible = [word for word, lost in _WORDS.items() if lost[0] in said.may_lack]
    for word in words - set(possible):
        raise InputError(
            f"unknown core '{path.stem}+{word}'",
            f"{path.stem} may be followed by {', '.join(f'+{word}' for word in possible)}"
            if possible
            else f"nothing may follow {path.stem}",
        )
    given = "".join(f"+{word}" for word in possible if word in words)
    lost = {feature for word in words for feature in _WORDS[word]}
    features = (_ARCHITECTURES[said.architecture].always | said.may_lack) - lost
    return Core(
        name=path.stem + given,
        title=said.title + given,
        architecture=said.architecture,
        gcc_flags=_gcc_flags(said, given, features) if said.gcc else (),
        features=features,
        slower=said.slower,
        timing=said.timing,
    )


def _gcc_flags(said: _CoreFile, words: str, features: Set[Feature]) -> tuple[str, ...]:
    fpu = (f"-mfpu={said.fpu}",) if said.fpu and Feature.FPU in features else ()
    # Vectors are passed in the registers of an FPU, whether it calculates or not.
    abi = "hard" if features & {Feature.FPU, Feature.MVE} else "soft"
    return ("-mthumb", f"-mcpu={said.gcc}{words}", *fpu, f"-mfloat-abi={abi}")


def core(name: str) -> Core:
    """The core of that name: that of a file, and words for what is missing (``cortex-m33+nodsp``).

    Raises:
        InputError: there is none; the hint lists those there are.
    """
    base, *words = name.split("+")
    for path in _files():
        if path.stem == base:
            return load_core(path, frozenset(words))
    raise InputError(
        f"unknown core {name!r}", f"known cores: {', '.join(path.stem for path in _files())}"
    )


def all_cores() -> tuple[Core, ...]:
    """Every core with all that it may have, by number, then the host."""
    return tuple(core(path.stem) for path in _files())


def _files() -> list[Path]:
    def by_number(path: Path) -> tuple[int, str]:
        number = re.search(r"\d+", path.stem)
        return (int(number[0]) if number else sys.maxsize, path.stem)

    return sorted(_FOLDER.glob("*.toml"), key=by_number)
