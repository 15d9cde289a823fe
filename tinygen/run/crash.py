# SPDX-License-Identifier: Apache-2.0
"""What a processor's fault report means: which fault, and in which function and line.

Registers: Armv7-M Architecture Reference Manual (DDI 0403), B3.2.15 (CFSR) and B3.2.16 (HFSR);
Armv8-M (DDI 0553), D1.2 for STKOF. firmware/runtime/startup_cortexm.c makes the report.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tinygen.errors import TargetError
from tinygen.hardware.boards import GUARD_BYTES
from tinygen.hardware.elf import read_segments, read_symbols

_REGISTERS = 8
_CALLERS_SHOWN = 4
_STKOF = 1 << 20
_MMARVALID = 1 << 7
_MSTKERR = 1 << 4
_CAUSES = (
    (1 << 16, "undefined instruction"),
    (1 << 17, "jump to an address without the Thumb bit"),
    (1 << 18, "damaged return address"),
    (1 << 19, "floating point or MVE instruction without such a unit"),
    (1 << 24, "unaligned access"),
    (1 << 25, "division by zero"),
    (1 << 9, "access to absent memory"),
    (1 << 10, "write to absent memory, some instructions before"),
    (1 << 8, "instruction from absent memory"),
    (1 << 0, "instruction from memory that is no code"),
    (1 << 1, "access to memory that allows none"),
)


@dataclass(frozen=True)
class Fault:
    """What the target reported (``harness_fault_register`` in firmware/runtime/harness.h).

    ``pc``, ``lr`` and ``xpsr`` are 0 if the stack could not take them. ``trace`` are the innermost
    return addresses found on the stack; an old one may be among them.
    """

    pc: int
    lr: int
    xpsr: int
    sp: int
    cfsr: int
    hfsr: int
    bfar: int
    mmfar: int
    trace: tuple[int, ...]


class TargetFaultError(TargetError):
    """The target's processor took a fault, and reported it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(
            f"the target's processor faulted at pc 0x{fault.pc:08x}, sp 0x{fault.sp:08x}"
        )
        self.fault = fault


def read_fault(body: bytes) -> Fault:
    """The report in an answer with status FAULT.

    Raises:
        TargetError: it is too short.
    """
    if len(body) < 4 * _REGISTERS or len(body) % 4:
        raise TargetError("the target's processor faulted, and its report is damaged")
    words = struct.unpack(f"<{len(body) // 4}I", body)
    pc, lr, xpsr, sp, cfsr, hfsr, bfar, mmfar = words[:_REGISTERS]
    trace = tuple(word for word in words[_REGISTERS:] if word)
    return Fault(pc, lr, xpsr, sp, cfsr, hfsr, bfar, mmfar, trace)


@contextmanager
def explained(elf: Path) -> Iterator[None]:
    """Turns a TargetFaultError of a program into a TargetError that names function and line."""
    try:
        yield
    except TargetFaultError as failure:
        raise explain(failure.fault, elf) from failure


def explain(fault: Fault, elf: Path) -> TargetError:
    """A fault in words, with the places in the program it concerns."""
    symbols = read_symbols(elf)
    limit = symbols["tinygen_stack_limit"].address
    callers = [_place(elf, address - 1) for address in fault.trace]
    overflow = is_stack_overflow(fault, limit)
    what = "the stack overflowed" if overflow else "the target's processor faulted"
    if fault.pc:
        where = f"in {_place(elf, fault.pc)}"
    elif fault.trace:
        where = f"in {_callee(elf, fault.trace[0])} or what it calls"
    else:
        where = "at an unknown place, the stack being gone"
    if overflow:
        size = symbols["tinygen_stack_top"].address - limit
        cause = f": its {size:,} bytes were not enough"
    else:
        named = [name for bit, name in _CAUSES if fault.cfsr & bit]
        cause = f": {', '.join(named)}" if named else ""
    chain = "".join(f"called from {caller}\n" for caller in callers[:_CALLERS_SHOWN])
    return TargetError(
        f"{what} {where}{cause}",
        f"{chain}pc 0x{fault.pc:08x}, lr 0x{fault.lr:08x}, sp 0x{fault.sp:08x}, "
        f"xpsr 0x{fault.xpsr:08x}, cfsr 0x{fault.cfsr:08x}, hfsr 0x{fault.hfsr:08x}, "
        f"bfar 0x{fault.bfar:08x}, mmfar 0x{fault.mmfar:08x}",
    )


def is_stack_overflow(fault: Fault, stack_limit: int) -> bool:
    """Whether the fault came from below the stack: by MSPLIM, by the guard, or by the pointer."""
    guarded = fault.cfsr & _MMARVALID and stack_limit - GUARD_BYTES <= fault.mmfar < stack_limit
    return bool(fault.cfsr & (_STKOF | _MSTKERR) or guarded or fault.sp < stack_limit)


def _place(elf: Path, address: int) -> str:
    """Function, file and line of an address, as far as the program's debug information tells."""
    tool = shutil.which("arm-none-eabi-addr2line")
    if tool is None:
        return f"0x{address:08x}"
    shown = subprocess.run(
        [tool, "-f", "-s", "-e", str(elf), f"0x{address & ~1:x}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = shown.stdout.splitlines()
    if len(lines) < 2 or lines[0] == "??":
        return f"0x{address:08x}"
    return f"{lines[0]} ({lines[1].partition(' ')[0]})"


def _callee(elf: Path, return_address: int) -> str:
    """The function that was called by the instruction before a return address."""
    target = _branch_target(elf, return_address & ~1)
    if target is None:
        caller = _place(elf, return_address - 1)
        if caller.startswith("answer_invoke "):
            return _place(elf, _model_function(elf))
        # A call through a pointer: all that is known is who made it.
        return f"a function called from {caller}"
    return _place(elf, target)


def _model_function(elf: Path) -> int:
    """Address of the function that ``answer_invoke`` calls by the pointer in ``tinygen_model``."""
    symbols = read_symbols(elf)
    model = symbols["tinygen_model"]
    pointers = _read(elf, model.address, model.size) or b""
    words = {word & ~1 for (word,) in struct.iter_unpack("<I", pointers)}
    return next(
        symbol.address
        for name, symbol in symbols.items()
        if name.endswith("_invoke") and symbol.address in words
    )


def _branch_target(elf: Path, after: int) -> int | None:
    """Where the BL instruction that ends at ``after`` goes; None if there is none.

    Encoding T1 of BL: Armv7-M Architecture Reference Manual, A7.7.18.
    """
    code = _read(elf, after - 4, 4)
    if code is None:
        return None
    first, second = (int.from_bytes(code[k : k + 2], "little") for k in (0, 2))
    if first & 0xF800 != 0xF000 or second & 0xD000 != 0xD000:
        return None
    sign = first >> 10 & 1
    j1, j2 = second >> 13 & 1, second >> 11 & 1
    offset = (
        -sign << 24
        | (1 ^ j1 ^ sign) << 23
        | (1 ^ j2 ^ sign) << 22
        | (first & 0x3FF) << 12
        | (second & 0x7FF) << 1
    )
    return after + offset


def _read(elf: Path, address: int, length: int) -> bytes | None:
    for segment in read_segments(elf):
        start = address - segment.address
        if 0 <= start <= len(segment.data) - length:
            return segment.data[start : start + length]
    return None
