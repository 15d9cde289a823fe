# SPDX-License-Identifier: Apache-2.0
"""What tinygen needs on this machine, what of it is there, and how to install the rest."""

from __future__ import annotations

import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tinygen.errors import MachineError
from tinygen.hardware.toolchain import arm_toolchain, host_toolchain
from tinygen.kernels import cmsis_nn
from tinygen.quantization.tensorflow_extra import INSTALL
from tinygen.run.flash.backends import BACKENDS
from tinygen.run.flash.flash import tool_version
from tinygen.run.qemu import qemu_path
from tinygen.run.renode import renode_path


def examine() -> list[dict[str, Any]]:
    """One finding a tool: name, what for, found (and where or which version), or the hint."""
    findings = []
    for name, purpose, required, find in (
        ("arm-none-eabi-gcc", "build for boards and emulators", True, _arm),
        ("C compiler", "run on this machine (`--board host`)", True, _host),
        ("qemu-system-arm", "emulated boards", True, _qemu),
        ("renode", "boards emulated by Renode", False, renode_path),
        ("CMSIS-NN", "`--kernels cmsis-nn`", False, _cmsis_nn),
        ("TensorFlow", "`tinygen quantize`", False, _tensorflow),
    ):
        finding: dict[str, Any] = {"tool": name, "purpose": purpose, "required": required}
        try:
            finding.update(found=True, detail=find(), hint="")
        except MachineError as error:
            finding.update(found=False, detail=error.message, hint=error.hint)
        findings.append(finding)
    return [*findings, *_flash_tools()]


def _flash_tools() -> list[dict[str, Any]]:
    """The tools that flash real boards: any one that a board lists is enough."""
    findings = []
    for backend in BACKENDS.values():
        if not backend.program:
            continue
        finding: dict[str, Any] = {
            "tool": backend.program,
            "purpose": f"flash real boards ({backend.name})",
            "required": False,
        }
        try:
            finding.update(found=True, detail=tool_version(backend), hint="")
        except MachineError as error:
            finding.update(found=False, detail=error.message, hint=f"get it: {backend.install}")
        findings.append(finding)
    return findings


def _tensorflow() -> str:
    """Its version, without the seconds that importing it takes."""
    try:
        return version("tensorflow")
    except PackageNotFoundError as error:
        raise MachineError("tensorflow is not installed.", f"get it: {INSTALL}") from error


def _arm() -> str:
    return arm_toolchain().version


def _host() -> str:
    return host_toolchain().version


def _qemu() -> str:
    path = qemu_path()
    shown = subprocess.run(
        [path, "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    return f"{shown.stdout.partition(chr(10))[0]} ({path})"


def _cmsis_nn() -> str:
    tree = cmsis_nn.require_tree(None)
    return f"{tree.version} in {tree.root}"
