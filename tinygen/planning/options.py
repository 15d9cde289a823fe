# SPDX-License-Identifier: Apache-2.0
"""What the user asks of a plan, beside the model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tinygen.hardware.cores import Core, core
from tinygen.ir.custom import CustomOperator
from tinygen.ir.graph import Numerics
from tinygen.kernels.waits import Waits


class KernelChoice(Enum):
    """``--kernels``: whose kernels may be used."""

    AUTO = "auto"
    CMSIS_NN = "cmsis-nn"
    TINYGEN = "tinygen"


class Optimize(Enum):
    """``--optimize``: what the plan is good at."""

    SPEED = "speed"
    SIZE = "size"
    RAM = "ram"


@dataclass(frozen=True)
class Budget:
    """Bytes that a plan may take, and who says so: ``--ram``, ``the RAM of nucleo-f446re``."""

    nbytes: int
    source: str


@dataclass(frozen=True)
class Bank:
    """A memory that may hold part of the arena, and how many bytes of it.

    Of several banks the ``fast`` ones get what is accessed most. ``section`` is what the linker knows
    the bank by; empty where variables lie without being told.
    """

    name: str
    nbytes: int
    fast: bool = False
    section: str = ""


DEFAULT_CORE = core("cortex-m4")


@dataclass(frozen=True)
class Options:
    """What the user asked for, beside the model: the options of ``tinygen generate``.

    ``name`` prefixes every symbol; the model's own is taken if it is empty. ``weight_growth`` is how
    many times the model's constant bytes the plan's may be; kernels that need more than others are
    taken only within it. ``ram`` is what arena and kept state may take, ``flash`` what code and
    constants may. ``stream_input``: the application delivers the input row by row. ``chains`` are
    positions of layers that must be streamed together, in place of the planner's choice. ``banks`` are
    the memories that the arena may be spread over; without, it is one array. ``waits`` is how the
    board's flash is read; without, nothing waits. ``cmsis_nn`` is a CMSIS-NN
    tree to use instead of the one that is found. ``custom`` are operators of the user. ``signature``
    is the entry point to compile, where a model has several; without, its first subgraph is.
    """

    name: str = ""
    core: Core = DEFAULT_CORE
    kernels: KernelChoice = KernelChoice.AUTO
    optimize: Optimize = Optimize.SPEED
    weight_growth: float = 1.05
    ram: Budget | None = None
    flash: Budget | None = None
    stream_input: bool = False
    chains: tuple[range, ...] = ()
    banks: tuple[Bank, ...] = ()
    waits: Waits | None = None
    numerics: Numerics = Numerics.TFLM
    cmsis_nn: Path | None = None
    custom: tuple[CustomOperator, ...] = ()
    signature: str = ""
