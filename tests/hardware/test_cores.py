# SPDX-License-Identifier: Apache-2.0
"""What is said of each core is what the compiler makes of its flags."""

from __future__ import annotations

import subprocess

import pytest

from tests.run.programs import need
from tinygen.errors import InputError
from tinygen.hardware.cores import Core, Feature, all_cores, core

ARM = [entry for entry in all_cores() if entry.gcc_flags]


@pytest.mark.qemu
@pytest.mark.parametrize("entry", ARM, ids=lambda entry: entry.name)
def test_features_are_those_the_compiler_sees(entry: Core) -> None:
    need("arm-none-eabi-gcc")
    listed = subprocess.run(
        ["arm-none-eabi-gcc", *entry.gcc_flags, "-dM", "-E", "-xc", "/dev/null"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    macros = {line.split()[1] for line in listed.splitlines()}
    assert entry.dsp == ("__ARM_FEATURE_DSP" in macros)
    assert entry.mve == ("__ARM_FEATURE_MVE" in macros)
    assert entry.fpu == ("__ARM_FP" in macros)
    assert entry.fpu == ("__ARM_PCS_VFP" in macros)
    assert (Feature.UNALIGNED in entry.features) == ("__ARM_FEATURE_UNALIGNED" in macros)


def test_names() -> None:
    assert [entry.name for entry in all_cores()][:2] == ["cortex-m0", "cortex-m0plus"]
    assert all(core(entry.name) is entry for entry in all_cores())
    with pytest.raises(InputError, match="unknown core 'm4'") as failure:
        core("m4")
    assert "cortex-m4" in failure.value.hint
