# SPDX-License-Identifier: Apache-2.0
"""One model may need any of the kernels' headers: all of them together are one translation unit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.kernels.host_batch import WARNINGS
from tinygen.hardware.cores import core
from tinygen.resources import resource_root

_TARGETS = {
    "host": ("gcc", ("portable",)),
    "cortex-m0": ("arm-none-eabi-gcc", ("portable",)),
    "cortex-m4": ("arm-none-eabi-gcc", ("portable", "dsp")),
    "cortex-m55": ("arm-none-eabi-gcc", ("portable", "dsp", "mve")),
}
"""The compiler of each core, and the kernels that a plan for it may mix."""


@pytest.mark.parametrize("name", _TARGETS)
def test_headers_go_together(name: str, tmp_path: Path) -> None:
    compiler, folders = _TARGETS[name]
    kernels = resource_root() / "firmware" / "kernels"
    headers = [h for folder in folders for h in sorted((kernels / folder).glob("*.h"))]
    assert len(headers) > 30
    unit = tmp_path / "all.c"
    unit.write_text(
        "#define TINYGEN_KERNEL static __attribute__((noinline, unused))\n"
        + "".join(f'#include "{header.relative_to(kernels)}"\n' for header in headers)
    )
    flags = core(name).gcc_flags if name != "host" else ()
    command = [compiler, "-std=c99", "-fsyntax-only", *flags, *WARNINGS, f"-I{kernels}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
