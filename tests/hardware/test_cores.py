# SPDX-License-Identifier: Apache-2.0
"""What is said of each core is what the compiler makes of its flags; faulty files are refused."""

from __future__ import annotations

import itertools
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.run.programs import need
from tinygen.errors import InputError
from tinygen.hardware.cores import Core, Feature, all_cores, core, load_core

WORDS = ("nodsp", "nomve", "nofp")


def every_part() -> list[Core]:
    """Every Arm core, with everything that parts of it may lack."""
    found = {}
    for entry in all_cores():
        for count in range(len(WORDS) + 1):
            for words in itertools.combinations(WORDS, count):
                try:
                    part = core("+".join((entry.name, *words)))
                except InputError:
                    continue
                found[part.name] = part
    return [part for part in found.values() if not part.is_host]


def test_what_may_be_missing() -> None:
    lacking = [part.name for part in every_part() if "+" in part.name]
    assert lacking[:5] == [
        "cortex-m4+nofp",
        "cortex-m7+nofp",
        "cortex-m33+nodsp",
        "cortex-m33+nofp",
        "cortex-m33+nodsp+nofp",
    ]
    assert {"cortex-m35p+nodsp", "cortex-m52+nomve", "cortex-m55+nofp"} <= set(lacking)
    assert core("cortex-m33+nofp+nodsp") is core("cortex-m33+nodsp+nofp")


@pytest.mark.qemu
@pytest.mark.parametrize("entry", every_part(), ids=lambda entry: entry.name)
def test_features_are_those_the_compiler_sees(entry: Core) -> None:
    need("arm-none-eabi-gcc")
    listed = subprocess.run(
        ["arm-none-eabi-gcc", *entry.gcc_flags, "-dM", "-E", "-xc", "/dev/null"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    macros = {line.split()[1]: line.split()[-1] for line in listed.splitlines()}
    assert entry.dsp == ("__ARM_FEATURE_DSP" in macros)
    assert entry.mve == ("__ARM_FEATURE_MVE" in macros)
    assert entry.fpu == ("__ARM_FP" in macros)
    assert (entry.fpu or entry.mve) == ("__ARM_PCS_VFP" in macros)
    assert (Feature.UNALIGNED in entry.features) == ("__ARM_FEATURE_UNALIGNED" in macros)
    assert Feature.THUMB in entry.features
    # The long product is the whole of Thumb-2's.
    assert (Feature.LONG_PRODUCT in entry.features) == (macros["__ARM_ARCH_ISA_THUMB"] == "2")


def test_names() -> None:
    names = [entry.name for entry in all_cores()]
    assert names == [
        *("cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m23"),
        *("cortex-m33", "cortex-m35p", "cortex-m52", "cortex-m55", "cortex-m85", "host"),
    ]
    assert all(core(entry.name) is entry for entry in all_cores())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("m4", "known cores: cortex-m0, "),
        ("cortex-m4+nodsp", r"cortex-m4 may be followed by \+nofp$"),
        ("cortex-m33+nomve", r"cortex-m33 may be followed by \+nodsp, \+nofp$"),
        ("cortex-m55+fast", r"cortex-m55 may be followed by \+nodsp, \+nomve, \+nofp$"),
        ("cortex-m3+nofp", "nothing may follow cortex-m3"),
        ("host+nofp", "nothing may follow host"),
    ],
)
def test_cores_that_are_not(name: str, hint: str) -> None:
    with pytest.raises(InputError, match="unknown core") as failure:
        core(name)
    assert re.search(hint, failure.value.hint)


@pytest.mark.parametrize(
    ("runs", "program", "does"),
    [
        ("cortex-m33", "cortex-m23", True),
        ("cortex-m33", "cortex-m35p+nodsp", True),
        ("cortex-m33+nodsp", "cortex-m33", False),
        ("cortex-m4", "cortex-m4+nofp", True),
        ("cortex-m4+nofp", "cortex-m4", False),
        ("cortex-m3", "cortex-m0plus", True),
        ("cortex-m0", "cortex-m3", False),
        ("cortex-m55", "cortex-m85+nomve", True),
        # Both execute the instructions, but protect memory in different ways.
        ("cortex-m33", "cortex-m4", False),
        ("host", "cortex-m0", False),
        ("host", "host", True),
    ],
)
def test_which_programs_a_core_executes(runs: str, program: str, does: bool) -> None:
    assert core(runs).executes(core(program)) == does


MADE_UP = """
title = "Cortex-M99"
architecture = "armv8-m.main"
optional = ["dsp"]
gcc = "cortex-m33"

[slower]
portable = 2.0
cmsis_nn = 2.0

[timing]
source = "a guess"
refill = 3

[timing.cycles]
load = 2
store-many = [1, 1]
"""


def test_a_core_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "cortex-m99.toml"
    path.write_text(MADE_UP)
    made = load_core(path)
    assert made.features == {
        Feature.DSP,
        Feature.THUMB,
        Feature.UNALIGNED,
        Feature.LONG_PRODUCT,
    }
    assert made.gcc_flags == ("-mthumb", "-mcpu=cortex-m33", "-mfloat-abi=soft")
    assert made.timing is not None
    assert made.timing.cycles == {"load": (2, 0), "store-many": (1, 1)}
    assert made.timing.latency_of("load", "address") == 1
    lacking = load_core(path, frozenset({"nodsp"}))
    assert (lacking.name, lacking.title) == ("cortex-m99+nodsp", "Cortex-M99+nodsp")
    assert lacking.gcc_flags[1] == "-mcpu=cortex-m33+nodsp"
    assert not lacking.dsp


def test_a_timing_may_be_like_another(tmp_path: Path) -> None:
    path = tmp_path / "cortex-m99.toml"
    own = '[timing]\nlike = "cortex-m4"\nsource = "a guess"\n\n[timing.cycles]\ndivide = 3\n'
    path.write_text(MADE_UP.split("[timing]", maxsplit=1)[0] + own)
    made, other = load_core(path).timing, core("cortex-m4").timing
    assert made is not None
    assert other is not None
    assert (made.source, made.cycles["divide"]) == ("a guess", (3, 0))
    assert replace(made, source=other.source, cycles=other.cycles) == other
    assert {**made.cycles, "divide": other.cycles["divide"]} == other.cycles


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("refill = 3", 'like = "cortex-m98"', r"timing\.like names no core: 'cortex-m98'"),
        ('"armv8-m.main"', '"armv9-m"', "architecture is 'armv9-m', known are armv6-m"),
        ('["dsp"]', '["simd"]', "optional is 'simd', known are dsp, mve, fpu"),
        ('["dsp"]', '["dsp", "mve"]', "optional has 'mve', which is no option of armv8-m.main"),
        ("armv8-m.main", "armv8-m.base", "optional has 'dsp', which is no option of armv8-m.base"),
        ('8-m.main"\noptional = ["dsp"]', '8.1-m.main"\noptional = ["mve"]', "'mve' without 'dsp'"),
        ('gcc = "cortex-m33"', "", "gcc is missing"),
        ("portable = 2.0", "", r"slower\.portable is missing"),
        ("cmsis_nn = 2.0", "cmsis = 2.0", r"slower\.cmsis_nn is missing"),
        ("refill = 3", "", r"timing\.refill is missing"),
        ("refill = 3", "refill = -1", r"timing\.refill must be from 0 to"),
        ("load = 2", "lode = 2", r"timing\.cycles has 'lode', known are data, add,"),
        ("load = 2", "load = [2]", r"timing\.cycles has \[2\] for load"),
        ("load = 2", "load = true", r"timing\.cycles has True for load"),
        ("load = 2", "load = -2", r"timing\.cycles has -2 for load"),
    ],
)
def test_files_that_would_be_wrong_are_refused(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "cortex-m99.toml"
    path.write_text(MADE_UP.replace(old, new))
    with pytest.raises(InputError, match=message) as failure:
        load_core(path)
    assert str(path) in failure.value.message
