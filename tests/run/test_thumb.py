# SPDX-License-Identifier: Apache-2.0
"""The decoder of the profiling plugin, against assembled instructions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run.scoreboard import CLASSES, Scoreboard, assemble
from tinygen.hardware.timing import CLASSES as NAMES

# Instruction, class, transfers, and cycles on M4 without what depends on its neighbours (Cortex-M4
# TRM, tables 3-1 and 7-1; a store to a sum of registers takes 2, as measured: docs/profile.md).
M4_INSTRUCTIONS = """
adds r0, r1, r2                | ADD                    | 0  | 1
add.w r0, r1, r2, lsl #3       | DATA_SHIFTED           | 0  | 1
movw r0, #1234                 | MOVE                   | 0  | 1
sxtb16 r0, r1, ror #8          | SIMD                   | 0  | 1
pkhbt r0, r1, r2, lsl #16      | PACK                   | 0  | 1
ssat r0, #8, r1, asr #3        | SATURATE               | 0  | 1
uadd8 r0, r1, r2               | SIMD                   | 0  | 1
clz r0, r1                     | COUNT                  | 0  | 1
bfi r0, r1, #3, #4             | BIT_FIELD_INSERT       | 0  | 1
cmp r0, r8                     | DATA                   | 0  | 1
mov r8, r8                     | MOVE                   | 0  | 1
add sp, #16                    | ADD                    | 0  | 1
rev r0, r1                     | REVERSE                | 0  | 1
nop                            | NOP                    | 0  | 1
nop.w                          | NOP                    | 0  | 1
pld [r0, #64]                  | DATA                   | 0  | 1
muls r0, r1, r0                | MULTIPLY_FLAGS         | 0  | 1
mul r8, r1, r2                 | MULTIPLY               | 0  | 1
smulbb r0, r1, r2              | MULTIPLY               | 0  | 1
smmul r0, r1, r2               | MULTIPLY               | 0  | 1
mla r0, r1, r2, r3             | MULTIPLY_ADD           | 0  | 1
mls r0, r1, r2, r3             | MULTIPLY_ADD           | 0  | 1
smlad r0, r1, r2, r3           | MULTIPLY_ADD           | 0  | 1
smlabt r0, r1, r2, r3          | MULTIPLY_ADD           | 0  | 1
smmlar r0, r1, r2, r3          | MULTIPLY_ADD           | 0  | 1
usad8 r0, r1, r2               | SIMD_SATURATE          | 0  | 1
smull r0, r1, r2, r3           | MULTIPLY_LONG          | 0  | 1
umull r0, r1, r2, r3           | MULTIPLY_LONG          | 0  | 1
smlal r0, r1, r2, r3           | MULTIPLY_ADD_LONG      | 0  | 1
smlald r0, r1, r2, r3          | MULTIPLY_ADD_LONG      | 0  | 1
umaal r0, r1, r2, r3           | MULTIPLY_ADD_LONG      | 0  | 1
sdiv r0, r1, r2                | DIVIDE                 | 0  | 7
udiv r0, r1, r2                | DIVIDE                 | 0  | 7
ldr r0, [r1, #4]               | LOAD                   | 0  | 2
ldr r0, [r1, r2]               | LOAD                   | 0  | 2
ldr r0, [sp, #4]               | LOAD                   | 0  | 2
ldrb r0, [r1, #4]              | LOAD_NARROW            | 0  | 2
ldrsb r0, [r1, r2]             | LOAD_NARROW            | 0  | 2
ldrsb.w r0, [r1, #400]         | LOAD_NARROW            | 0  | 2
ldrh r0, [r1, r2]              | LOAD_NARROW            | 0  | 2
ldrsh r0, [r1], #2             | LOAD_NARROW            | 0  | 2
ldr.w r0, [r1, r2, lsl #2]     | LOAD                   | 0  | 2
ldr r0, [r1, #-4]!             | LOAD                   | 0  | 2
ldr r0, [pc, #4]               | LOAD                   | 0  | 2
ldr.w pc, [r1, #4]             | LOAD                   | 0  | 2
ldrex r0, [r1]                 | LOAD                   | 0  | 2
ldrexb r0, [r1]                | LOAD                   | 0  | 2
str r0, [r1, #4]               | STORE                  | 0  | 1
str r0, [r1, r2]               | STORE_OFFSET           | 0  | 2
strb.w r0, [r1], #1            | STORE                  | 0  | 1
strh r0, [r1, #4]              | STORE                  | 0  | 1
strex r0, r1, [r2]             | STORE                  | 0  | 1
ldrd r0, r1, [r2, #8]          | LOAD_PAIR              | 2  | 3
strd r0, r1, [r2], #8          | STORE_PAIR             | 2  | 3
ldmia r0!, {r1, r2, r3}        | LOAD_MANY              | 3  | 4
ldmia.w r0!, {r1-r8}           | LOAD_MANY              | 8  | 9
ldmdb r0!, {r1, r2}            | LOAD_MANY              | 2  | 3
stmia r0!, {r1, r2, r3}        | STORE_MANY             | 3  | 4
push {r0, r4, lr}              | STORE_MANY             | 3  | 4
push {r4-r11, lr}              | STORE_MANY             | 9  | 10
pop {r0, r4}                   | LOAD_MANY              | 2  | 3
pop {r4, pc}                   | LOAD_MANY_PC           | 2  | 3
pop {r4-r11, pc}               | LOAD_MANY_PC           | 9  | 10
b .+64                         | BRANCH                 | 0  | 1
b.w .+6400                     | BRANCH                 | 0  | 1
beq .+64                       | BRANCH                 | 0  | 1
bne.w .+6400                   | BRANCH                 | 0  | 1
cbz r0, .+8                    | BRANCH                 | 0  | 1
cbnz r0, .+8                   | BRANCH                 | 0  | 1
bx lr                          | BRANCH                 | 0  | 1
blx r3                         | BRANCH                 | 0  | 1
mov pc, lr                     | BRANCH                 | 0  | 1
bl .+640                       | CALL                   | 0  | 1
tbb [pc, r0]                   | TABLE_BRANCH           | 0  | 2
tbh [pc, r0, lsl #1]           | TABLE_BRANCH           | 0  | 2
mrs r0, primask                | SYSTEM                 | 0  | 1
msr primask, r0                | SYSTEM                 | 0  | 1
dsb                            | SYSTEM                 | 0  | 1
vadd.f32 s0, s1, s2            | FP                     | 0  | 1
vmul.f32 s0, s1, s2            | FP_MULTIPLY            | 0  | 1
vneg.f32 s0, s1                | FP                     | 0  | 1
vcvt.s32.f32 s0, s1            | FP                     | 0  | 1
vmov s0, r1                    | FP_FROM_CORE           | 0  | 1
vmrs APSR_nzcv, fpscr          | FP_TO_CORE             | 0  | 1
vmla.f32 s0, s1, s2            | FP_MULTIPLY_ADD        | 0  | 3
vfma.f32 s0, s1, s2            | FP_FUSED               | 0  | 3
vfnms.f32 s0, s1, s2           | FP_FUSED               | 0  | 3
vdiv.f32 s0, s1, s2            | FP_DIVIDE              | 0  | 14
vsqrt.f32 s0, s1               | FP_SQUARE_ROOT         | 0  | 14
vmov r0, r1, d0                | FP_PAIR_TO_CORE        | 0  | 2
vldr s0, [r1, #4]              | FP_LOAD                | 1  | 2
vldr d0, [r1, #4]              | FP_LOAD                | 2  | 3
vldmia r0!, {s0-s6}            | FP_LOAD_MANY           | 7  | 8
vpop {d8-d11}                  | FP_LOAD_MANY           | 8  | 9
vstr s0, [r1, #4]              | FP_STORE               | 1  | 2
vpush {d8-d9}                  | FP_STORE_MANY          | 4  | 5
"""

M55_INSTRUCTIONS = """
csel r0, r1, r2, eq            | SELECT                 | 0
asrl r0, r1, #3                | LONG_SHIFT             | 0
sg                             | DATA                   | 0
tt r0, r1                      | DATA                   | 0
clrm {r0, r1}                  | DATA                   | 0
lda r0, [r1]                   | LOAD                   | 0
stlb r0, [r1]                  | STORE                  | 0
ldmia.w r0!, {r1-r7}           | LOAD_MANY              | 7
push {r4-r11, lr}              | STORE_MANY             | 9
pop {r4-r6, pc}                | LOAD_MANY_PC           | 4
vpop {d8-d11}                  | FP_LOAD_MANY           | 8
vfma.f32 s0, s1, s2            | FP_FUSED               | 0
vselge.f32 s0, s1, s2          | FP                     | 0
vmaxnm.f32 s0, s1, s2          | FP                     | 0
vmov d0, r0, r1                | FP_PAIR_FROM_CORE      | 0
vmov q0[2], q0[0], r0, r1      | VECTOR_FROM_CORE       | 0
vmov.s8 r0, q0[1]              | VECTOR_TO_CORE         | 0
vmov.32 q0[1], r0              | VECTOR_FROM_CORE       | 0
vdup.8 q0, r0                  | VECTOR_INTEGER         | 0
vmladava.s8 r0, q0, q1         | VECTOR_REDUCE          | 0
vmlaldava.s16 r0, r1, q0, q1   | VECTOR_REDUCE          | 0
vaddva.s32 r0, q1              | VECTOR_REDUCE          | 0
vqrdmulh.s32 q0, q1, r0        | VECTOR_MULTIPLY        | 0
vqdmlash.s32 q0, q1, r0        | VECTOR_MULTIPLY_ADD    | 0
vmax.s32 q0, q1, q2            | VECTOR_INTEGER         | 0
vshr.s32 q0, q0, #3            | VECTOR_INTEGER         | 0
vcmp.i32 eq, q0, q1            | VECTOR_COMPARE         | 0
vpsel q0, q1, q2               | VECTOR_BITWISE         | 0
vmul.f32 q0, q1, q2            | VECTOR_FP_MULTIPLY     | 0
vpnot                          | VECTOR_CONTROL         | 0
vctp.8 r0                      | VECTOR_CONTROL         | 0
vctp.32 r0                     | VECTOR_CONTROL         | 0
dls lr, r0                     | DATA                   | 0
dlstp.8 lr, r0                 | DATA                   | 0
lctp                           | DATA                   | 0
letp lr, .-16                  | LOOP                   | 0
le lr, .-16                    | LOOP                   | 0
le .-16                        | LOOP                   | 0
vldrb.8 q0, [r0]               | VECTOR_LOAD            | 0
vldrb.s16 q0, [r0, #-8]        | VECTOR_LOAD            | 0
vldrh.s32 q0, [r0], #8         | VECTOR_LOAD            | 0
vldrw.32 q0, [r0, #16]!        | VECTOR_LOAD            | 0
vld40.8 {q0, q1, q2, q3}, [r0] | VECTOR_LOAD_INTERLEAVED | 0
vstrb.32 q0, [r0], #4          | VECTOR_STORE           | 0
vst21.32 {q0, q1}, [r0]!       | VECTOR_STORE_INTERLEAVED | 0
vldrb.8 q0, [r0, q1]           | VECTOR_GATHER          | 16
vldrb.s16 q0, [r0, q1]         | VECTOR_GATHER          | 8
vldrh.u16 q0, [r0, q1, uxtw #1] | VECTOR_GATHER          | 8
vldrh.s32 q0, [r0, q1]         | VECTOR_GATHER          | 4
vldrd.u64 q0, [r0, q1]         | VECTOR_GATHER          | 4
vldrw.u32 q0, [q6, #4]!        | VECTOR_GATHER          | 4
vldrd.u64 q0, [q6, #8]         | VECTOR_GATHER          | 4
vstrb.32 q0, [r0, q1]          | VECTOR_SCATTER         | 4
vstrw.32 q0, [q6, #4]          | VECTOR_SCATTER         | 4
vmov r0, r1, q0[2], q0[0]      | VECTOR_TO_CORE         | 0
vmovnb.i32 q0, q1              | VECTOR_NARROW          | 0
vqmovnt.s16 q0, q1             | VECTOR_NARROW_SATURATE | 0
vrshr.s32 q0, q1, #4           | VECTOR_ROUND           | 0
vmaxv.s8 r0, q1                | VECTOR_ACROSS          | 0
vmov.i32 q0, #0                | VECTOR_IMMEDIATE       | 0
vorr q0, q1, q2                | VECTOR_BITWISE         | 0
vrev64.32 q0, q1               | VECTOR_BITWISE         | 0
vadd.f32 q0, q1, q2            | VECTOR_FP_ADD          | 0
vcadd.f32 q0, q1, q2, #90       | VECTOR_FP_ADD          | 0
vcmla.f32 q0, q1, q2, #90       | VECTOR_FP_FUSED        | 0
vfma.f32 q0, q1, q2            | VECTOR_FP_FUSED        | 0
vcadd.f32 q0, q1, q2, #90      | VECTOR_FP_ADD          | 0
vcmla.f32 q0, q1, q2, #90      | VECTOR_FP_FUSED        | 0
vcvt.f32.s32 q0, q1            | VECTOR_FP_CONVERT      | 0
vshllt.s8 q0, q1, #8           | VECTOR_INTEGER         | 0
vmullb.s16 q0, q1, q2          | VECTOR_MULTIPLY        | 0
vidup.u8 q0, r0, #1            | VECTOR_INTEGER         | 0
vbrsr.32 q0, q1, r0            | VECTOR_INTEGER         | 0
vadc.i32 q0, q1, q2            | VECTOR_ROUND           | 0
vpt.s8 ge, q0, q1              | VECTOR_COMPARE         | 0
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


@pytest.fixture(scope="module")
def scoreboard(tmp_path_factory: pytest.TempPathFactory) -> Scoreboard:
    return Scoreboard(tmp_path_factory.mktemp("timing"))


def cycles(scoreboard: Scoreboard, core: str, code: bytes) -> int:
    """Of one instruction alone."""
    return scoreboard.passes(core, [code], [0], count=1)[0]


def rows_of(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


@pytest.mark.parametrize("table", [M4_INSTRUCTIONS, M55_INSTRUCTIONS], ids=["m4", "m55"])
def test_every_instruction_has_its_class(
    scoreboard: Scoreboard, tmp_path: Path, table: str
) -> None:
    rows = rows_of(table)
    codes = assemble([row[0] for row in rows], tmp_path)
    got = [(row[0], *scoreboard.decode(code)) for row, code in zip(rows, codes, strict=True)]
    assert got == [(line, kind, int(count)) for line, kind, count, *_ in rows]


def test_cycles_of_the_m4s_manual(scoreboard: Scoreboard, tmp_path: Path) -> None:
    rows = rows_of(M4_INSTRUCTIONS)
    codes = assemble([row[0] for row in rows], tmp_path)
    got = [
        (row[0], cycles(scoreboard, "cortex-m4", code))
        for row, code in zip(rows, codes, strict=True)
    ]
    assert got == [(row[0], int(row[3])) for row in rows]


def test_vpst_is_vector_control(scoreboard: Scoreboard) -> None:
    for mask in (0xFE71_0F4D, 0xFE31_8F4D, 0xFE71_2F4D):
        code = (mask >> 16).to_bytes(2, "little") + (mask & 0xFFFF).to_bytes(2, "little")
        assert scoreboard.decode(code) == ("VECTOR_CONTROL", 0)


def test_other_cores(scoreboard: Scoreboard, tmp_path: Path) -> None:
    for core, line, wanted in OTHER_CORES:
        (code,) = assemble([line], tmp_path)
        assert (core, line, cycles(scoreboard, core, code)) == (core, line, wanted)


def test_every_encoding_decodes(scoreboard: Scoreboard) -> None:
    for first in range(0, 0x10000, 7):
        for second in (0, 0xFFFF, (first * 40503) & 0xFFFF):
            code = first.to_bytes(2, "little") + second.to_bytes(2, "little")
            assert scoreboard.decode(code)[0] in CLASSES


def test_classes_are_those_of_the_plugin() -> None:
    assert [name.upper().replace("-", "_") for name in NAMES] == CLASSES
