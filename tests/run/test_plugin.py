# SPDX-License-Identifier: Apache-2.0
"""The profiling plugin: its decoder and timing models against assembled instructions, its counts
against QEMU's own log of every instruction executed.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import pytest

from tests.run.programs import need
from tinygen.emit import Interface, Port
from tinygen.errors import MachineError, TargetError
from tinygen.hardware import cores
from tinygen.hardware.boards import board
from tinygen.hardware.elf import read_symbols
from tinygen.hardware.timing import CLASSES as NAMES
from tinygen.hardware.timing import Timing
from tinygen.hardware.toolchain import host_toolchain
from tinygen.measure.counts import watch_of
from tinygen.measure.plugin import (
    Inference,
    Watch,
    ask_qemu,
    build_plugin,
    plugin_api,
    plugin_arguments,
    qemu_version,
    read_report,
    supports_plugins,
)
from tinygen.resources import resource_root
from tinygen.run.build import build_image
from tinygen.run.qemu import QemuRunner, qemu_path
from tinygen.run.runner import Image

SOURCES = resource_root() / "firmware" / "qemu-plugin"
CLASSES = re.findall(
    r"^    (THUMB_\w+)", (SOURCES / "thumb.h").read_text(encoding="utf-8"), re.MULTILINE
)

# Instruction, class, transfers, and cycles on M4 without what depends on its neighbours (Cortex-M4
# TRM, tables 3-1 and 7-1).
M4_INSTRUCTIONS = """
adds r0, r1, r2              | DATA              | 0  | 1
add.w r0, r1, r2, lsl #3     | DATA              | 0  | 1
movw r0, #1234               | DATA              | 0  | 1
sxtb16 r0, r1, ror #8        | DATA              | 0  | 1
pkhbt r0, r1, r2, lsl #16    | DATA              | 0  | 1
ssat r0, #8, r1, asr #3      | DATA              | 0  | 1
uadd8 r0, r1, r2             | DATA              | 0  | 1
clz r0, r1                   | DATA              | 0  | 1
bfi r0, r1, #3, #4           | DATA              | 0  | 1
cmp r0, r8                   | DATA              | 0  | 1
mov r8, r8                   | DATA              | 0  | 1
add sp, #16                  | DATA              | 0  | 1
rev r0, r1                   | DATA              | 0  | 1
nop                          | DATA              | 0  | 1
nop.w                        | DATA              | 0  | 1
pld [r0, #64]                | DATA              | 0  | 1
muls r0, r1, r0              | MULTIPLY          | 0  | 1
mul r8, r1, r2               | MULTIPLY          | 0  | 1
smulbb r0, r1, r2            | MULTIPLY          | 0  | 1
smmul r0, r1, r2             | MULTIPLY          | 0  | 1
mla r0, r1, r2, r3           | MULTIPLY_ADD      | 0  | 1
mls r0, r1, r2, r3           | MULTIPLY_ADD      | 0  | 1
smlad r0, r1, r2, r3         | MULTIPLY_ADD      | 0  | 1
smlabt r0, r1, r2, r3        | MULTIPLY_ADD      | 0  | 1
smmlar r0, r1, r2, r3        | MULTIPLY_ADD      | 0  | 1
usad8 r0, r1, r2             | MULTIPLY          | 0  | 1
smull r0, r1, r2, r3         | MULTIPLY_LONG     | 0  | 1
umull r0, r1, r2, r3         | MULTIPLY_LONG     | 0  | 1
smlal r0, r1, r2, r3         | MULTIPLY_ADD_LONG | 0  | 1
smlald r0, r1, r2, r3        | MULTIPLY_ADD_LONG | 0  | 1
umaal r0, r1, r2, r3         | MULTIPLY_ADD_LONG | 0  | 1
sdiv r0, r1, r2              | DIVIDE            | 0  | 7
udiv r0, r1, r2              | DIVIDE            | 0  | 7
ldr r0, [r1, #4]             | LOAD              | 0  | 2
ldr r0, [r1, r2]             | LOAD              | 0  | 2
ldr r0, [sp, #4]             | LOAD              | 0  | 2
ldrb r0, [r1, #4]            | LOAD              | 0  | 2
ldrsb r0, [r1, r2]           | LOAD              | 0  | 2
ldrsb.w r0, [r1, #400]       | LOAD              | 0  | 2
ldrh r0, [r1, r2]            | LOAD              | 0  | 2
ldrsh r0, [r1], #2           | LOAD              | 0  | 2
ldr.w r0, [r1, r2, lsl #2]   | LOAD              | 0  | 2
ldr r0, [r1, #-4]!           | LOAD              | 0  | 2
ldr r0, [pc, #4]             | LOAD              | 0  | 2
ldr.w pc, [r1, #4]           | LOAD              | 0  | 2
ldrex r0, [r1]               | LOAD              | 0  | 2
ldrexb r0, [r1]              | LOAD              | 0  | 2
str r0, [r1, #4]             | STORE             | 0  | 1
str r0, [r1, r2]             | STORE             | 0  | 1
strb.w r0, [r1], #1          | STORE             | 0  | 1
strh r0, [r1, #4]            | STORE             | 0  | 1
strex r0, r1, [r2]           | STORE             | 0  | 1
ldrd r0, r1, [r2, #8]        | LOAD_MANY         | 2  | 3
strd r0, r1, [r2], #8        | STORE_MANY        | 2  | 3
ldmia r0!, {r1, r2, r3}      | LOAD_MANY         | 3  | 4
ldmia.w r0!, {r1-r8}         | LOAD_MANY         | 8  | 9
ldmdb r0!, {r1, r2}          | LOAD_MANY         | 2  | 3
stmia r0!, {r1, r2, r3}      | STORE_MANY        | 3  | 4
push {r0, r4, lr}            | STORE_MANY        | 3  | 4
push {r4-r11, lr}            | STORE_MANY        | 9  | 10
pop {r0, r4}                 | LOAD_MANY         | 2  | 3
pop {r4, pc}                 | LOAD_MANY_PC      | 2  | 3
pop {r4-r11, pc}             | LOAD_MANY_PC      | 9  | 10
b .+64                       | BRANCH            | 0  | 1
b.w .+6400                   | BRANCH            | 0  | 1
beq .+64                     | BRANCH            | 0  | 1
bne.w .+6400                 | BRANCH            | 0  | 1
cbz r0, .+8                  | BRANCH            | 0  | 1
cbnz r0, .+8                 | BRANCH            | 0  | 1
bx lr                        | BRANCH            | 0  | 1
blx r3                       | BRANCH            | 0  | 1
mov pc, lr                   | BRANCH            | 0  | 1
bl .+640                     | CALL              | 0  | 1
tbb [pc, r0]                 | TABLE_BRANCH      | 0  | 2
tbh [pc, r0, lsl #1]         | TABLE_BRANCH      | 0  | 2
mrs r0, primask              | SYSTEM            | 0  | 1
msr primask, r0              | SYSTEM            | 0  | 1
dsb                          | SYSTEM            | 0  | 1
vadd.f32 s0, s1, s2          | FP                | 0  | 1
vmul.f32 s0, s1, s2          | FP                | 0  | 1
vneg.f32 s0, s1              | FP                | 0  | 1
vcvt.s32.f32 s0, s1          | FP                | 0  | 1
vmov s0, r1                  | FP                | 0  | 1
vmrs APSR_nzcv, fpscr        | FP                | 0  | 1
vmla.f32 s0, s1, s2          | FP_MULTIPLY_ADD   | 0  | 3
vfma.f32 s0, s1, s2          | FP_MULTIPLY_ADD   | 0  | 3
vfnms.f32 s0, s1, s2         | FP_MULTIPLY_ADD   | 0  | 3
vdiv.f32 s0, s1, s2          | FP_DIVIDE         | 0  | 14
vsqrt.f32 s0, s1             | FP_DIVIDE         | 0  | 14
vmov r0, r1, d0              | FP_MOVE_PAIR      | 0  | 2
vldr s0, [r1, #4]            | FP_LOAD           | 1  | 2
vldr d0, [r1, #4]            | FP_LOAD           | 2  | 3
vldmia r0!, {s0-s6}          | FP_LOAD           | 7  | 8
vpop {d8-d11}                | FP_LOAD           | 8  | 9
vstr s0, [r1, #4]            | FP_STORE          | 1  | 2
vpush {d8-d9}                | FP_STORE          | 4  | 5
"""

# The same for M55: cycles of the estimate in docs/profile.md.
M55_INSTRUCTIONS = """
csel r0, r1, r2, eq          | DATA              | 0  | 1
asrl r0, r1, #3              | DATA              | 0  | 1
sg                           | DATA              | 0  | 1
tt r0, r1                    | DATA              | 0  | 1
clrm {r0, r1}                | DATA              | 0  | 1
lda r0, [r1]                 | LOAD              | 0  | 1
stlb r0, [r1]                | STORE             | 0  | 1
ldmia.w r0!, {r1-r7}         | LOAD_MANY         | 7  | 4
push {r4-r11, lr}            | STORE_MANY        | 9  | 5
pop {r4-r6, pc}              | LOAD_MANY_PC      | 4  | 2
vpop {d8-d11}                | FP_LOAD           | 8  | 4
vfma.f32 s0, s1, s2          | FP_MULTIPLY_ADD   | 0  | 1
vselge.f32 s0, s1, s2        | FP                | 0  | 1
vmaxnm.f32 s0, s1, s2        | FP                | 0  | 1
vmov d0, r0, r1              | FP_MOVE_PAIR      | 0  | 1
vmov q0[2], q0[0], r0, r1    | FP_MOVE_PAIR      | 0  | 1
vmov.s8 r0, q0[1]            | FP                | 0  | 1
vmov.32 q0[1], r0            | FP                | 0  | 1
vdup.8 q0, r0                | VECTOR            | 0  | 2
vmladava.s8 r0, q0, q1       | VECTOR            | 0  | 2
vmlaldava.s16 r0, r1, q0, q1 | VECTOR            | 0  | 2
vaddva.s32 r0, q1            | VECTOR            | 0  | 2
vqrdmulh.s32 q0, q1, r0      | VECTOR            | 0  | 2
vqdmlash.s32 q0, q1, r0      | VECTOR            | 0  | 2
vmax.s32 q0, q1, q2          | VECTOR            | 0  | 2
vshr.s32 q0, q0, #3          | VECTOR            | 0  | 2
vcmp.i32 eq, q0, q1          | VECTOR            | 0  | 2
vpsel q0, q1, q2             | VECTOR            | 0  | 2
vmul.f32 q0, q1, q2          | VECTOR            | 0  | 2
vpnot                        | VECTOR_CONTROL    | 0  | 1
vctp.8 r0                    | VECTOR_CONTROL    | 0  | 1
vctp.32 r0                   | VECTOR_CONTROL    | 0  | 1
dls lr, r0                   | DATA              | 0  | 1
dlstp.8 lr, r0               | DATA              | 0  | 1
lctp                         | DATA              | 0  | 1
letp lr, .-16                | LOOP              | 0  | 0
le lr, .-16                  | LOOP              | 0  | 0
le .-16                      | LOOP              | 0  | 0
vldrb.8 q0, [r0]             | VECTOR_LOAD       | 0  | 2
vldrb.s16 q0, [r0, #-8]      | VECTOR_LOAD       | 0  | 2
vldrh.s32 q0, [r0], #8       | VECTOR_LOAD       | 0  | 2
vldrw.32 q0, [r0, #16]!      | VECTOR_LOAD       | 0  | 2
vld40.8 {q0, q1, q2, q3}, [r0] | VECTOR_LOAD     | 0  | 2
vstrb.32 q0, [r0], #4        | VECTOR_STORE      | 0  | 2
vst21.32 {q0, q1}, [r0]!     | VECTOR_STORE      | 0  | 2
vldrb.8 q0, [r0, q1]         | VECTOR_GATHER     | 16 | 16
vldrb.s16 q0, [r0, q1]       | VECTOR_GATHER     | 8  | 8
vldrh.u16 q0, [r0, q1, uxtw #1] | VECTOR_GATHER  | 8  | 8
vldrh.s32 q0, [r0, q1]       | VECTOR_GATHER     | 4  | 4
vldrd.u64 q0, [r0, q1]       | VECTOR_GATHER     | 2  | 2
vldrw.u32 q0, [q6, #4]!      | VECTOR_GATHER     | 4  | 4
vldrd.u64 q0, [q6, #8]       | VECTOR_GATHER     | 2  | 2
vstrb.32 q0, [r0, q1]        | VECTOR_SCATTER    | 4  | 4
vstrw.32 q0, [q6, #4]        | VECTOR_SCATTER    | 4  | 4
"""

# What differs on the cores without DSP (DDI 0337I, DDI 0432C, DDI 0484C).
OTHER_CORES = [
    ("cortex-m3", "mla r0, r1, r2, r3", 2),
    ("cortex-m3", "smull r0, r1, r2, r3", 5),
    ("cortex-m3", "umlal r0, r1, r2, r3", 7),
    ("cortex-m3", "ldmia r0!, {r1, r2, r3}", 4),
    ("cortex-m0", "muls r0, r1, r0", 1),
    ("cortex-m0", "ldr r0, [r1, #4]", 2),
    ("cortex-m0", "str r0, [r1, #4]", 2),
    ("cortex-m0", "push {r0, r4, lr}", 4),
    ("cortex-m0", "dsb", 4),
    ("cortex-m0plus", "dsb", 3),
]

# With the refill after them: taken branch, call, return.
BRANCHES = [
    ("cortex-m0", "b .+64", 3),
    ("cortex-m0", "bl .+640", 4),
    ("cortex-m0", "bx lr", 3),
    ("cortex-m0", "pop {r4, pc}", 6),
    ("cortex-m0plus", "b .+64", 2),
    ("cortex-m0plus", "bl .+640", 3),
    ("cortex-m0plus", "pop {r4, pc}", 5),
    ("cortex-m3", "b .+64", 3),
    ("cortex-m4", "pop {r4, pc}", 5),
    ("cortex-m4", "tbb [pc, r0]", 4),
]


M4 = cores.core("cortex-m4").timing
_MODEL_BYTES = 1024
"""More than a timing_model has."""


class _Instruction(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int), ("count", ctypes.c_uint))


class _Slot(ctypes.Structure):
    _fields_ = (("unit", ctypes.c_int), ("cycles", ctypes.c_uint32))


class _Pipeline(ctypes.Structure):
    _fields_ = (("now", ctypes.c_uint64), ("vector_free", ctypes.c_uint64 * 3))


class Model:
    """Decoder and timing models, called from Python."""

    def __init__(self, library: ctypes.CDLL) -> None:
        library.thumb_decode.restype = _Instruction
        library.timing_read.restype = ctypes.c_bool
        library.timing_slot_of.restype = _Slot
        library.timing_slot_of.argtypes = [ctypes.c_char_p, _Instruction]
        library.timing_issue.argtypes = [ctypes.POINTER(_Pipeline), _Slot]
        library.timing_finished.restype = ctypes.c_uint64
        library.timing_refill.argtypes = [ctypes.POINTER(_Pipeline), ctypes.c_char_p]
        self._library = library

    def reads(self, model: ctypes.Array[ctypes.c_char], text: str) -> bool:
        """Whether the plugin takes the text for a timing model."""
        return bool(self._library.timing_read(model, text.encode()))

    def decode(self, code: bytes) -> tuple[str, int]:
        """Class (without prefix) and count."""
        first, second = (int.from_bytes(code[i : i + 2], "little") for i in (0, 2))
        decoded = self._decode(first, second, len(code))
        return CLASSES[decoded.kind].removeprefix("THUMB_"), decoded.count

    def _decode(self, first: int, second: int, length: int) -> _Instruction:
        decoded: _Instruction = self._library.thumb_decode(first, second, length)
        return decoded

    def cycles(self, core: str, *codes: bytes, refill: bool = False) -> int:
        """Cycles of instructions in a row."""
        timing = cores.core(core).timing
        assert timing is not None
        model = ctypes.create_string_buffer(_MODEL_BYTES)
        assert self.reads(model, timing.argument())
        pipeline = _Pipeline()
        for code in codes:
            first, second = (int.from_bytes(code[i : i + 2], "little") for i in (0, 2))
            slot = self._library.timing_slot_of(model, self._decode(first, second, len(code)))
            self._library.timing_issue(ctypes.byref(pipeline), slot)
        if refill:
            self._library.timing_refill(ctypes.byref(pipeline), model)
        finished: int = self._library.timing_finished(ctypes.byref(pipeline))
        return finished


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    need("cc")
    library = tmp_path_factory.mktemp("timing") / "libtiming.so"
    subprocess.run(
        [
            host_toolchain().driver,
            *("-std=c99", "-shared", "-fPIC", "-fsanitize=undefined", "-fno-sanitize-recover"),
            *("-o", str(library), str(SOURCES / "thumb.c"), str(SOURCES / "timing.c")),
        ],
        check=True,
    )
    return Model(ctypes.CDLL(str(library)))


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


@pytest.mark.parametrize(
    ("core", "table"), [("cortex-m4", M4_INSTRUCTIONS), ("cortex-m55", M55_INSTRUCTIONS)]
)
def test_every_instruction_has_its_class_and_cycles(
    model: Model, tmp_path: Path, core: str, table: str
) -> None:
    rows = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    codes = assemble([row[0] for row in rows], tmp_path)
    got = [(*model.decode(code), model.cycles(core, code)) for code in codes]
    wanted = [(kind, int(count), int(cycles)) for _, kind, count, cycles in rows]
    assert [(row[0], *g) for row, g in zip(rows, got, strict=True)] == [
        (row[0], *w) for row, w in zip(rows, wanted, strict=True)
    ]


def test_vpst_is_vector_control(model: Model) -> None:
    for mask in (0xFE71_0F4D, 0xFE31_8F4D, 0xFE71_2F4D):
        code = (mask >> 16).to_bytes(2, "little") + (mask & 0xFFFF).to_bytes(2, "little")
        assert model.decode(code) == ("VECTOR_CONTROL", 0)


def test_other_cores(model: Model, tmp_path: Path) -> None:
    for core, line, cycles in OTHER_CORES:
        (code,) = assemble([line], tmp_path)
        assert (core, line, model.cycles(core, code)) == (core, line, cycles)


def test_branches_with_refill(model: Model, tmp_path: Path) -> None:
    for core, line, cycles in BRANCHES:
        (code,) = assemble([line], tmp_path)
        assert (core, line, model.cycles(core, code, refill=True)) == (core, line, cycles)


def test_vector_units_overlap(model: Model, tmp_path: Path) -> None:
    load, multiply, scalar = assemble(
        ["vldrw.32 q0, [r0], #16", "vmladava.s8 r0, q0, q1", "adds r0, r0, r1"], tmp_path
    )
    assert model.cycles("cortex-m55", *[load, multiply] * 8) == 17
    assert model.cycles("cortex-m55", *[multiply] * 8) == 16
    assert model.cycles("cortex-m55", multiply, scalar) == 3


def test_every_encoding_decodes(model: Model) -> None:
    for first in range(0, 0x10000, 7):
        for second in (0, 0xFFFF, (first * 40503) & 0xFFFF):
            code = first.to_bytes(2, "little") + second.to_bytes(2, "little")
            assert model.decode(code)[0] in {name.removeprefix("THUMB_") for name in CLASSES[:-1]}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("api", [1, 2, 3])
def test_plugin_compiles_without_warnings(tmp_path: Path, compiler: str, api: int) -> None:
    need(compiler)
    flags = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wundef", "-Werror")
    for source in sorted(SOURCES.glob("*.c")):
        subprocess.run(
            [
                *(compiler, "-std=c99", "-O2", "-fPIC", *flags, f"-DTINYGEN_PLUGIN_API={api}"),
                *("-c", str(source), "-o", str(tmp_path / "x.o")),
            ],
            check=True,
        )


@pytest.mark.parametrize(
    ("text", "api"),
    [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)", 1),
        ("QEMU emulator version 8.2.0", 1),
        ("QEMU emulator version 9.0.4", 2),
        ("QEMU emulator version 9.1.0-rc1", 3),
        ("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)", 3),
    ],
)
def test_interface_version(text: str, api: int) -> None:
    assert plugin_api(qemu_version(text)) == api


def test_version_that_cannot_be_read() -> None:
    with pytest.raises(MachineError, match="does not tell its version"):
        qemu_version("QEMU of some kind")


def test_qemu_without_plugins_is_refused(tmp_path: Path) -> None:
    fake = tmp_path / "qemu-system-arm"
    fake.write_text("#!/bin/sh\necho '-serial dev     redirect the serial port'\n")
    fake.chmod(0o755)
    with pytest.raises(MachineError, match="without plugins"):
        build_plugin(tmp_path / "plugin", str(fake))


def test_commas_in_paths_are_doubled() -> None:
    watch = Watch(invoke=0x10, steps=[0x30, 0x20], stack=(0x100, 0x200), timing=None)
    arguments = plugin_arguments(Path("/a,b/p.so"), watch, Path("/r,s"))
    assert arguments == ("-plugin", "/a,,b/p.so,output=/r,,s,invoke=10,steps=20:30,stack=100:200")


def test_no_report(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="saw no inference"):
        read_report(tmp_path / "none.json")


STEPPED = Interface(
    "stepped",
    "00",
    inputs=(Port("int8_t", 4),),
    outputs=(Port("int8_t", 4),),
    steps=tuple((f"stepped_step_{number:02d}",) for number in range(3)),
)

STEPPED_HEADER = """
#include <stdint.h>
#define STEPPED_MODEL_SHA256 "00"
#define STEPPED_KERNELS "none"
#define STEPPED_LAYERS 4
#define STEPPED_INPUT_0_BYTES 4
#define STEPPED_OUTPUT_0_BYTES 4
int8_t *stepped_input_0(void);
const int8_t *stepped_output_0(void);
int stepped_invoke(void);
void stepped_reset(void);
"""

# Steps whose every instruction is known. The third and fourth call a function the way a compiler
# does at the end of another: by a branch.
STEPPED_SOURCE = """
#include "stepped.h"
static int8_t data[4];
int8_t *stepped_input_0(void) { return data; }
const int8_t *stepped_output_0(void) { return data; }
void stepped_reset(void) {}
int stepped_invoke(void);
__asm__(
    ".syntax unified\\n .thumb\\n .text\\n .balign 4\\n"
    ".macro function name\\n .thumb_func\\n .type \\\\name, %function\\n \\\\name:\\n .endm\\n"
    "function count_down\\n"
    "    movs r0, #100\\n"
    "1:  subs r0, #1\\n"
    "    bne 1b\\n"
    "    bx lr\\n"
    "function stepped_step_00\\n"
    "    ldr r0, [sp, #-4]\\n"
    "    ldr r1, [sp, #-8]\\n"
    "    ldr r1, [sp, #-5]\\n"
    "    bx lr\\n"
    "function stepped_step_01\\n"
    "    push {r4, lr}\\n"
    "    sub sp, #256\\n"
    "    str r0, [sp]\\n"
    "    bl count_down\\n"
    "    add sp, #256\\n"
    "    pop {r4, pc}\\n"
    "function stepped_step_02\\n"
    "    b.w count_down\\n"
    ".global stepped_invoke\\n"
    "function stepped_invoke\\n"
    "    push {r4, lr}\\n"
    "    bl stepped_step_00\\n"
    "    bl stepped_step_01\\n"
    "    bl stepped_step_02\\n"
    "    bl stepped_step_02\\n"
    "    movs r0, #0\\n"
    "    pop {r4, pc}\\n"
    ".size stepped_invoke, . - stepped_invoke\\n"
);
"""


def _need_plugins() -> None:
    need("cc", "arm-none-eabi-gcc", "qemu-system-arm")
    if not supports_plugins(qemu_path()):
        pytest.skip("QEMU was built without plugins")


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Image:
    _need_plugins()
    folder = tmp_path_factory.mktemp("stepped")
    source = folder / "generated"
    source.mkdir()
    (source / "stepped.h").write_text(STEPPED_HEADER)
    (source / "stepped.c").write_text(STEPPED_SOURCE)
    return build_image(source, STEPPED, board("qemu-mps2-an386"), folder / "build", trace=False)


def count(image: Image, timing: Timing | None, folder: Path, inferences: int = 2) -> Inference:
    """Runs the stepped model under the plugin."""
    plugin = build_plugin(folder / "plugin")
    watch = watch_of(image, STEPPED, timing)
    report = folder / "report.json"
    with QemuRunner(arguments=plugin_arguments(plugin, watch, report)).start(image) as session:
        for _ in range(inferences):
            session.run([bytes(4)])
    return read_report(report)


@pytest.mark.qemu
def test_known_instructions(stepped: Image, tmp_path: Path) -> None:
    inference = count(stepped, M4, tmp_path, 3)
    symbols = read_symbols(stepped.elf)
    loads, calls, *branches = inference.steps
    assert inference.number == 3
    assert [step.address for step in inference.steps] == [
        symbols[f"stepped_step_{number:02d}"].address for number in (0, 1, 2, 2)
    ]
    # Each step's cycles include the refill after the call; the one after its return is overhead.
    # Loads: 2, then 1 and 1 in its wake; then BX.
    assert (loads.instructions, loads.cycles, loads.loads) == (4, 2 + 2 + 1 + 1 + 1, 3)
    assert loads.misaligned_cycles == 2
    # count_down: 1 + 100 * 2 + 1 instructions, 99 of its branches taken.
    leaf = (202, 202 + 99 * 2)
    assert (calls.instructions, calls.cycles) == (
        6 + leaf[0],
        2 + (3 + 1 + 1 + 1) + 2 + leaf[1] + 2 + (1 + 3),
    )
    assert calls.stores == 3
    for branch in branches:
        assert (branch.instructions, branch.cycles) == (1 + leaf[0], 2 + 1 + 2 + leaf[1])
    assert inference.overhead.instructions == 7
    assert inference.overhead.cycles == 2 + 3 + 4 + 4 * 2 + 1 + 3
    # invoke's frame of 8, the step's of 8 and 256.
    assert inference.stack_bytes == 8 + 8 + 256


@pytest.mark.qemu
def test_no_timing_model(stepped: Image, tmp_path: Path) -> None:
    timed = count(stepped, M4, tmp_path / "timed")
    untimed = count(stepped, None, tmp_path / "untimed")
    assert all(step.cycles == 0 for step in untimed.steps)
    assert [s.instructions for s in untimed.steps] == [s.instructions for s in timed.steps]


def test_classes_are_those_of_the_plugin() -> None:
    assert [f"THUMB_{name.upper().replace('-', '_')}" for name in NAMES] == CLASSES[:-1]


def test_what_is_no_timing_model_is_refused(model: Model) -> None:
    assert M4 is not None
    buffer = ctypes.create_string_buffer(_MODEL_BYTES)
    text = M4.argument()
    assert model.reads(buffer, text)
    for wrong in ("", "cortex-a53", text[:-2], text + ":0", "-" + text, text.replace("14", "x")):
        assert not model.reads(buffer, wrong)


@pytest.mark.qemu
def test_counts_equal_qemus_log_of_every_instruction(stepped: Image, tmp_path: Path) -> None:
    """The second method: QEMU executes one instruction a block and logs each."""
    symbols = read_symbols(stepped.elf)
    first, last = symbols["count_down"].address, symbols["stepped_invoke"].address
    last += symbols["stepped_invoke"].size - 1
    log = tmp_path / "exec.log"
    modern = qemu_version(ask_qemu(qemu_path(), "--version")) >= (8, 1)
    arguments = (
        *(("-accel", "tcg,one-insn-per-tb=on") if modern else ("-singlestep",)),
        *("-d", "exec,nochain", "-dfilter", f"{first:#x}..{last:#x}", "-D", str(log)),
    )
    with QemuRunner(arguments=arguments).start(stepped) as session:
        session.run([bytes(4)])
    inference = count(stepped, None, tmp_path / "plugin")
    assert len(log.read_text().splitlines()) == inference.overhead.instructions + sum(
        step.instructions for step in inference.steps
    )
