# SPDX-License-Identifier: Apache-2.0
"""The plugin's decoder and timing models on this machine, fed with assembled instructions."""

from __future__ import annotations

import ctypes
import itertools
import re
import subprocess
from pathlib import Path

from tests.run.programs import need
from tinygen.hardware import cores
from tinygen.hardware.toolchain import host_toolchain
from tinygen.resources import resource_root

SOURCES = resource_root() / "firmware" / "qemu-plugin"
CLASSES = re.findall(
    r"^    THUMB_(\w+),", (SOURCES / "thumb.h").read_text(encoding="utf-8"), re.MULTILINE
)
CODE = 0x1000
"""Where code is put, if nothing else is said."""

_MODEL_BYTES = 1 << 14
_PIPELINE_BYTES = 1 << 12
"""More than the structs have."""
_FILES = ("thumb.c", "thumb_vector.c", "operands.c", "operand_rows.c", "timing.c")


class _Decoded(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int), ("count", ctypes.c_uint))


class _Operands(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("reads", "addresses", "late", "shifted")),
        *((name, ctypes.c_uint64) for name in ("writes", "base")),
        *((name, ctypes.c_bool) for name in ("flags_outside_it", "known")),
    )


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("costs", ctypes.c_void_p),
        ("operands", _Operands),
        ("address", ctypes.c_uint64),
        *((name, ctypes.c_uint) for name in ("kind", "cycles", "busy")),
        *((name, ctypes.c_bool) for name in ("is_wide", "crosses_word")),
    )


class _Branch(ctypes.Structure):
    _fields_ = (("taken", ctypes.c_uint), ("target", ctypes.c_uint64))


class Scoreboard:
    """Decoder and timing models, called from Python."""

    def __init__(self, folder: Path) -> None:
        need("cc")
        library = folder / "libtiming.so"
        subprocess.run(
            [
                host_toolchain().driver,
                *("-std=c99", "-shared", "-fPIC", "-fsanitize=undefined", "-fno-sanitize-recover"),
                *("-o", str(library), *(str(SOURCES / name) for name in _FILES)),
            ],
            check=True,
        )
        self._c = ctypes.CDLL(str(library))
        self._c.thumb_decode.restype = _Decoded
        self._c.timing_read.restype = ctypes.c_bool
        self._c.timing_prepare.restype = _Instruction
        self._c.timing_prepare.argtypes = [
            ctypes.c_char_p,
            *(ctypes.c_uint16, ctypes.c_uint16, ctypes.c_uint64, ctypes.c_bool),
        ]
        self._c.timing_finished.restype = ctypes.c_uint64
        self._c.timing_go_on.argtypes = [
            *(ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(_Instruction)),
            *(ctypes.POINTER(_Branch), ctypes.POINTER(_Instruction)),
            *(ctypes.c_uint64, ctypes.c_bool),
        ]

    def reads(self, text: str) -> bool:
        """Whether the plugin takes the text for a timing model."""
        return bool(self._c.timing_read(ctypes.create_string_buffer(_MODEL_BYTES), text.encode()))

    def decode(self, code: bytes) -> tuple[str, int]:
        """Class (without prefix) and count."""
        decoded = self._c.thumb_decode(*_halfwords(code), len(code))
        return CLASSES[decoded.kind], decoded.count

    def passes(
        self,
        core: str,
        codes: list[bytes],
        accesses: list[int],
        *,
        count: int,
        address: int = CODE,
        loops: bool = False,
    ) -> list[int]:
        """Cycles of each of ``count`` passes through a block, the first from an empty core.

        Args:
            core: whose timing.
            codes: instructions, from ``address`` on.
            accesses: where each accesses memory.
            count: of passes.
            address: of the block.
            loops: the last instruction jumps to the first, but for the last pass.
        """
        timing = cores.core(core).timing
        assert timing is not None
        model = ctypes.create_string_buffer(_MODEL_BYTES)
        assert self._c.timing_read(model, timing.argument().encode())
        block = (_Instruction * len(codes))()
        place = address
        conditional = 0
        for i, code in enumerate(codes):
            block[i] = self._c.timing_prepare(model, *_halfwords(code), place, conditional > 0)
            block[i].address = accesses[i]
            conditional = conditional - 1 if conditional else _conditional_after(code)
            place += len(code)
        self._c.timing_align(model, block, len(codes))
        pipeline = ctypes.create_string_buffer(_PIPELINE_BYTES)
        branch = _Branch()
        ends = [0]
        for number in range(count):
            for instruction in block:
                self._c.timing_issue(pipeline, model, ctypes.byref(instruction))
            if loops:
                taken = number < count - 1
                next_address = address if taken else place
                self._c.timing_go_on(
                    pipeline, model, block[-1], branch, block[0], next_address, taken
                )
            ends.append(self._c.timing_finished(pipeline))
        return [after - before for before, after in itertools.pairwise(ends)]


def _halfwords(code: bytes) -> tuple[int, int]:
    return int.from_bytes(code[:2], "little"), int.from_bytes(code[2:4], "little")


def _conditional_after(code: bytes) -> int:
    """Instructions that an IT makes conditional."""
    mask = code[0] & 15
    return 4 - (mask & -mask).bit_length() + 1 if code[1] == 0xBF and mask else 0


def assemble(lines: list[str], folder: Path) -> list[bytes]:
    """Machine code of each line."""
    need("arm-none-eabi-as")
    source = folder / "code.s"
    source.write_text(
        ".syntax unified\n.thumb\n.arch armv8.1-m.main\n.arch_extension mve.fp\n"
        ".fpu fpv5-d16\n" + "\n".join(lines) + "\n"
    )
    code_object, binary = folder / "code.o", folder / "code.bin"
    subprocess.run(["arm-none-eabi-as", str(source), "-o", str(code_object)], check=True)
    subprocess.run(
        ["arm-none-eabi-objcopy", "-O", "binary", str(code_object), str(binary)], check=True
    )
    data, codes = binary.read_bytes(), []
    while data:
        # Armv7-M ARM, A5.1: the top five bits tell 32-bit instructions.
        length = 4 if data[1] >> 3 in (0b11101, 0b11110, 0b11111) else 2
        codes.append(data[:length])
        data = data[length:]
    assert len(codes) == len(lines)
    return codes
