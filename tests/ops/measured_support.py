# SPDX-License-Identifier: Apache-2.0
"""What the operator table says, measured: which kernels take random models of an operator and type.

``python -m tests.ops.measured_support`` rewrites ``ops/operators.json`` and ``docs/operators.md``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

from tests.kernels.choice import does
from tests.ops.generators import GENERATORS, random_model
from tests.ops.generators.typed import CASES, typed_model
from tinygen.errors import InputError
from tinygen.hardware.cores import core
from tinygen.ir.graph import Operator
from tinygen.ir.layer import Layer
from tinygen.kernels import cmsis_nn, libraries
from tinygen.kernels.cmsis_nn.declarations import Declarations
from tinygen.kernels.kernel import Kernel
from tinygen.ops.control_flow import ControlFlow
from tinygen.ops.registry import kind_of
from tinygen.ops.table import TABLE_FILE, Support, markdown
from tinygen.passes.lowering import lower
from tinygen.tflite.reader import read_model_bytes

DOCUMENT = Path(__file__).parents[2] / "docs" / "operators.md"

_SEEDS = 40


def _cmsis_nn_kernels() -> Sequence[Kernel]:
    """Those of the release whose headers the tests install, whatever else this machine has."""
    tree = cmsis_nn.packaged_tree()
    assert tree is not None, "pip install bakenn==1.0.0"
    return cmsis_nn.kernels(tree)


def _providers_and_cores() -> Mapping[str, tuple[Sequence[Kernel], tuple[str, ...]]]:
    return {
        "portable": (libraries.library("portable"), ("cortex-m4",)),
        "dsp": (libraries.library("dsp"), ("cortex-m4",)),
        "mve": (libraries.library("mve"), ("cortex-m55",)),
        "cmsis-nn": (_cmsis_nn_kernels(), ("cortex-m4", "cortex-m55")),
    }


def _has_kernel(layer: Layer, kernels: Sequence[Kernel], cores: Sequence[str]) -> bool:
    return any(does(kernel, layer, core(name)) for name in cores for kernel in kernels)


def _layers(opcode: str, model: bytes) -> list[tuple[str, Layer]]:
    """The layers of the operator in a model, each with the type it is listed under."""
    try:
        network = lower(read_model_bytes(model, "model"))
    except InputError:
        return []
    tensors = network.graph.main.tensors
    found = []
    for layer in network.layers:
        if (layer.operator.custom_code or layer.operator.opcode) == opcode:
            found.append((tensors[_named(layer.operator)].dtype.value, layer))
    return found


def _named(operator: Operator) -> int:
    """The tensor whose type the operator is listed under."""
    kind = kind_of(operator)
    assert kind is not None
    return (*operator.inputs, *operator.outputs)[kind.typed_by]


def measure() -> list[Support]:
    """Every operator and type that is tested, with who has a kernel for some model of it."""
    with mock.patch.object(Declarations, "missing", _undeclared):
        return _measured(_providers_and_cores())


def _undeclared(declarations: Declarations, function: str) -> str | None:
    """The wheel has all of the release's headers, but only some of its sources."""
    return None if function in declarations.prototypes else "is not in this release"


def _measured(known: Mapping[str, tuple[Sequence[Kernel], tuple[str, ...]]]) -> list[Support]:
    models = [(op, random_model(op, seed)) for op in sorted(GENERATORS) for seed in range(_SEEDS)]
    models += [(op, typed_model(op, dtype, seed)) for op, dtype in CASES for seed in range(_SEEDS)]
    providers: dict[tuple[str, str], set[str]] = {}
    tolerances: dict[tuple[str, str], int] = {}
    for opcode, model in models:
        for dtype, layer in _layers(opcode, model):
            key = opcode, dtype
            tolerances[key] = max(tolerances.get(key, 0), layer.tolerance_ulp)
            found = providers.setdefault(key, set())
            if isinstance(layer, ControlFlow):
                found.add("portable")  # statements around the kernels of its subgraphs
                continue
            found.update(
                name
                for name, (kernels, cores) in known.items()
                if name not in found and _has_kernel(layer, kernels, cores)
            )
    return [
        Support(opcode, dtype, tuple(sorted(providers[opcode, dtype])), tolerances[opcode, dtype])
        for opcode, dtype in sorted(providers)
    ]


def main() -> None:
    """Rewrite the table and its document."""
    rows = measure()
    content = [[row.operator, row.dtype, list(row.providers), row.tolerance_ulp] for row in rows]
    lines = ",\n".join(f" {json.dumps(line)}" for line in content)
    TABLE_FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    DOCUMENT.write_text(markdown(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
