# SPDX-License-Identifier: Apache-2.0
"""What tinygen needs on this machine, what of it is there, and how to install the rest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tinygen.errors import MachineError
from tinygen.hardware.toolchain import Toolchain, arm_toolchain, host_toolchain
from tinygen.kernels import cmsis_nn
from tinygen.measure.plugin import ask_qemu
from tinygen.quantization.tensorflow_extra import INSTALL
from tinygen.run.flash.backends import BACKENDS
from tinygen.run.flash.flash import tool_version
from tinygen.run.qemu import qemu_path
from tinygen.run.renode import renode_path


def examine() -> list[dict[str, Any]]:
    """One finding a tool: name, what for, found (and where or which version), or the hint."""
    tools: list[tuple[str, str, bool, Callable[[], str]]] = [
        ("arm-none-eabi-gcc", "build for boards and emulators", True, _version(arm_toolchain)),
        ("C compiler", "run on this machine (`--board host`)", True, _version(host_toolchain)),
        ("qemu-system-arm", "emulated boards", True, _qemu),
        ("renode", "boards emulated by Renode", False, renode_path),
        ("CMSIS-NN", "`--kernels cmsis-nn`", False, _cmsis_nn),
        ("TensorFlow", "`tinygen quantize`", False, _tensorflow),
        # Any one of those that a board lists is enough to flash it.
        *(
            (tool.program, f"flash real boards ({tool.name})", False, partial(tool_version, tool))
            for tool in BACKENDS.values()
            if tool.program
        ),
    ]
    findings = []
    for name, purpose, required, find in tools:
        finding: dict[str, Any] = {"tool": name, "purpose": purpose, "required": required}
        try:
            finding.update(found=True, detail=find(), hint="")
        except MachineError as error:
            finding.update(found=False, detail=error.message, hint=error.hint)
        findings.append(finding)
    return findings


def _version(toolchain: Callable[[], Toolchain]) -> Callable[[], str]:
    return lambda: toolchain().version


def _tensorflow() -> str:
    """Its version, without the seconds that importing it takes."""
    try:
        return version("tensorflow")
    except PackageNotFoundError as error:
        raise MachineError("tensorflow is not installed.", f"get it: {INSTALL}") from error


def _qemu() -> str:
    path = qemu_path()
    return f"{ask_qemu(path, '--version').partition(chr(10))[0]} ({path})"


def _cmsis_nn() -> str:
    tree = cmsis_nn.require_tree(None)
    return f"{tree.version} in {tree.root}"
