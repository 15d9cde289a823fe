# SPDX-License-Identifier: Apache-2.0
"""tinygen: compiles a quantized TensorFlow Lite model into C for Arm Cortex-M and proves the result.

``__all__`` is the public API, one function a command (docs/api.md). The way of the data, one package a
stage (docs/architecture.md)::

    bytes ─tflite─▶ Graph ─passes─▶ Network ─planning─▶ Plan ─emit─▶ C files ─run─▶ outputs
                                       └─ir/reference─▶ expected outputs
"""

from importlib import import_module
from typing import TYPE_CHECKING

from tinygen.api import (
    analyze,
    boards,
    compare,
    compile,
    explain,
    flash,
    operators,
    profile,
    quantize,
    report,
    targets,
    verify,
)
from tinygen.errors import (
    BudgetError,
    BuildError,
    InputError,
    MachineError,
    ModelError,
    TargetError,
    UnsupportedError,
)
from tinygen.errors import TinygenError as Error
from tinygen.ir.custom import CustomOperator, custom_operator
from tinygen.resources import VERSION

if TYPE_CHECKING:
    from tinygen.compilation import Compilation
    from tinygen.explanation import Explanations
    from tinygen.hardware.boards import Board
    from tinygen.hardware.cores import Core
    from tinygen.ir.graph import Graph
    from tinygen.measure.profile import Profile
    from tinygen.measure.report import Report
    from tinygen.measure.verify import Verdict
    from tinygen.ops.table import Support
    from tinygen.planning.analysis import Analysis
    from tinygen.quantization.compare import Comparison
    from tinygen.quantization.quantize import Quantized
    from tinygen.run.flash.flash import Flashed

__version__ = VERSION

_TYPES = {
    "Analysis": "tinygen.planning.analysis",
    "Board": "tinygen.hardware.boards",
    "Comparison": "tinygen.quantization.compare",
    "Compilation": "tinygen.compilation",
    "Core": "tinygen.hardware.cores",
    "Explanations": "tinygen.explanation",
    "Flashed": "tinygen.run.flash.flash",
    "Graph": "tinygen.ir.graph",
    "Profile": "tinygen.measure.profile",
    "Quantized": "tinygen.quantization.quantize",
    "Report": "tinygen.measure.report",
    "Support": "tinygen.ops.table",
    "Verdict": "tinygen.measure.verify",
}
"""What functions take and give, by the module that is imported when its name is first used."""

__all__ = [
    "Analysis",
    "Board",
    "BudgetError",
    "BuildError",
    "Comparison",
    "Compilation",
    "Core",
    "CustomOperator",
    "Error",
    "Explanations",
    "Flashed",
    "Graph",
    "InputError",
    "MachineError",
    "ModelError",
    "Profile",
    "Quantized",
    "Report",
    "Support",
    "TargetError",
    "UnsupportedError",
    "Verdict",
    "__version__",
    "analyze",
    "boards",
    "compare",
    "compile",
    "custom_operator",
    "explain",
    "flash",
    "operators",
    "profile",
    "quantize",
    "report",
    "targets",
    "verify",
]


def __getattr__(name: str) -> object:
    """The types of results, imported when they are asked for."""
    if name in _TYPES:
        return getattr(import_module(_TYPES[name]), name)
    raise AttributeError(f"module 'tinygen' has no attribute {name!r}")
