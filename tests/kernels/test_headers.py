# SPDX-License-Identifier: Apache-2.0
"""One model may need any of the kernels' headers: all of them together are one translation unit."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.kernels.host_batch import WARNINGS
from tinygen.resources import resource_root


def test_portable_headers_go_together(tmp_path: Path) -> None:
    kernels = resource_root() / "firmware" / "kernels"
    headers = sorted(path.relative_to(kernels) for path in (kernels / "portable").glob("*.h"))
    assert len(headers) > 30
    unit = tmp_path / "all.c"
    unit.write_text(
        "#define TINYGEN_KERNEL static __attribute__((noinline, unused))\n"
        + "".join(f'#include "{header}"\n' for header in headers)
    )
    command = ["gcc", "-std=c99", "-fsyntax-only", *WARNINGS, f"-I{kernels}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
