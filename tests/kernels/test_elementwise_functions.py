# SPDX-License-Identifier: Apache-2.0
"""Every elementwise function of an operator is one of the headers', with the parameters it says."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.ops.generators.typed import CASES, typed_model
from tinygen.errors import InputError
from tinygen.hardware.cores import core
from tinygen.kernels.binding import Binding, Struct
from tinygen.kernels.kernel import Offer
from tinygen.kernels.libraries import library
from tinygen.ops.elementwise import Elementwise
from tinygen.passes.lowering import lower
from tinygen.resources import resource_root
from tinygen.tflite.reader import read_model_bytes

_SEEDS = 4


def _bindings() -> dict[str, Binding]:
    """By the name of the function."""
    (kernel,) = (one for one in library("portable") if one.name == "portable.elementwise")
    found: dict[str, Binding] = {}
    for opcode, dtype in CASES:
        for seed in range(_SEEDS):
            try:
                network = lower(read_model_bytes(typed_model(opcode, dtype, seed), opcode))
            except InputError:
                continue
            for layer in network.layers:
                if isinstance(layer, Elementwise) and layer.function.name not in found:
                    offer = kernel.offer(layer, core("cortex-m4"))
                    assert isinstance(offer, Offer)
                    found[layer.function.name] = offer.bind()
    return found


def test_every_function_is_in_its_header(tmp_path: Path) -> None:
    bindings = _bindings()
    assert len(bindings) > 80
    headers = sorted({header for binding in bindings.values() for header in binding.headers})
    lines = [f'#include "{header}"' for header in headers]
    for name, binding in bindings.items():
        (call,) = binding.calls
        parameters = call.arguments[1]
        assert isinstance(parameters, Struct)
        lines.append(f"void check_{name}(const tinygen_nest *n, const {parameters.ctype} *p);")
        pointers = ", 0" * (len(call.arguments) - 2)
        lines.append(f"void check_{name}(const tinygen_nest *n, const {parameters.ctype} *p)")
        lines.append(f"{{ {call.function}(n, p{pointers}); }}")
    source = tmp_path / "check.c"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    include = resource_root() / "firmware" / "kernels"
    subprocess.run(
        ["gcc", "-std=c99", "-Wall", "-Werror", "-fsyntax-only", f"-I{include}", str(source)],
        check=True,
    )
