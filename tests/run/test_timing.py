# SPDX-License-Identifier: Apache-2.0
"""The timing models of cores: rules that were measured or documented, each as a loop of instructions
whose cycles are known. docs/profile.md has the sources by their letters.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run.scoreboard import CODE, Scoreboard, assemble
from tinygen.hardware import cores
from tinygen.hardware.timing import BASE, CLASSES, USES, Timing

RAM = 0x2000_0000
OTHER = 0x1000_0000


@pytest.fixture(scope="module")
def scoreboard(tmp_path_factory: pytest.TempPathFactory) -> Scoreboard:
    return Scoreboard(tmp_path_factory.mktemp("timing"))


def cycles(
    scoreboard: Scoreboard,
    folder: Path,
    core: str,
    code: str,
    *,
    address: int = CODE,
    loops: bool = False,
) -> float:
    """Cycles of a pass through a block that is executed over and over.

    ``@ 0x...`` behind an instruction says where it accesses memory; without that RAM, each word
    of its own.
    """
    lines = [line.strip() for line in code.split(";")]
    texts = [line.partition("@")[0] for line in lines]
    accesses = [
        int(place, 16) if (place := line.partition("@")[2]) else RAM + 4 * i
        for i, line in enumerate(lines)
    ]
    codes = assemble(texts, folder)
    passes = scoreboard.passes(core, codes, accesses, count=41, address=address, loops=loops)
    return sum(passes[20:40]) / 20


# Core, rule, code (one pass), cycles.
STRAIGHT = [
    # TRM, table 3-1, and what neighbours change: J.
    ("m4", "loads in a row overlap", "ldr r0, [r4]; ldr r1, [r4, #4]; nop", 4),
    ("m4", "an address needs its register a cycle early", "add r4, r5; ldr r0, [r4]; nop", 5),
    ("m4", "another register is no matter", "add r6, r5; ldr r0, [r4]; nop", 4),
    ("m4", "a load's address from a load", "ldr r4, [r4]", 3),
    ("m4", "two bases updated overlap", "ldr r0, [r4], #4; ldr r1, [r5], #4; nop", 4),
    ("m4", "one base updated twice does not", "ldr r0, [r4], #4; ldr r1, [r4], #4; nop", 5),
    ("m3", "an updated base never overlaps", "ldr r0, [r4], #4; ldr r1, [r5], #4; nop", 5),
    ("m3", "only the first may be updated", "ldr r0, [r4], #4; ldr r1, [r5]; nop", 4),
    ("m4", "no overlap of memories", f"ldr r0, [r4] @ {OTHER:#x}; ldr r1, [r5]; nop", 5),
    ("m4", "a store to a sum of registers", "str r0, [r4, r5]; adds r1, #1", 3),
    ("m4", "a store after a load", "ldr r0, [r4]; str r1, [r5]; nop", 4),
    ("m4", "a load after a store", "str r1, [r5]; ldr r0, [r4]; nop", 4),
    ("m4", "fused multiply-add", "vfma.f32 s0, s1, s2", 3),
    # J, measured on an RP2350.
    ("m33", "a shifted operand", "add.w r0, r1, r2, lsl #3; add.w r3, r0, r1", 3),
    ("m33", "a shifted constant", "eor r0, r1, #0x1fc0; add.w r3, r0, r1", 3),
    ("m33", "flags of a shifted constant", "adds.w r0, r1, #0x1fc0", 2),
    ("m33", "MULS", "muls r0, r1, r0", 2),
    ("m33", "products accumulate", "smlad r0, r1, r2, r0; smlad r0, r3, r4, r0", 2),
    ("m33", "a product is used", "smlad r0, r1, r2, r3; add.w r4, r0, r5", 3),
    ("m33", "a shifted operand accumulates", "add.w r0, r1, r2, lsl #3; mla r3, r4, r5, r0", 2),
    ("m33", "SIMD does not accumulate", "uadd8 r0, r1, r2; mla r3, r4, r5, r0", 3),
    ("m33", "SXTB16 before its use", "sxtb16 r0, r1; smlad r2, r0, r3, r2", 3),
    ("m33", "extended sums accumulate", "sxtab16 r0, r0, r1; sxtab16 r0, r0, r2", 2),
    ("m33", "BFI takes one stage", "bfi r0, r1, #3, #4; add.w r2, r0, r3", 2),
    ("m33", "a load is used", "ldr r0, [r4]; add.w r1, r0, r2", 3),
    ("m33", "a load is accumulated to", "ldr r0, [r4]; mla r1, r2, r3, r0", 2),
    ("m33", "a load is stored", "ldr r0, [r4]; str r0, [r5]", 2),
    ("m33", "LDRD", "ldrd r0, r1, [r4]", 2),
    ("m33", "LDM", "ldmia.w r4, {r0, r1, r2, r3}", 4),
    ("m33", "STM", "stmia.w r4, {r0, r1, r2, r3}", 4),
    ("m33", "NOP as the second of two", "adds r0, #1; nop", 1),
    ("m33", "no sums share a cycle", "adds r0, #1; adds r1, #1", 2),
    ("m33", "no 32-bit instruction shares one", "add.w r0, r0, #1; nop", 2),
    ("m33", "IT as the second of two", "adds r0, #1; it eq; addeq r1, #1", 2),
    ("m33", "a branch not taken", "subs r7, #1; bne .+64", 1),
    ("m33", "VFMA keeps the unit", "vfma.f32 s0, s1, s2; vfma.f32 s3, s4, s5", 6),
    ("m33", "VLDR waits for VFMA", "vfma.f32 s0, s1, s2; vldr s3, [r4]", 4),
    ("m33", "VFMA into a factor", "vfma.f32 s0, s1, s2; vfma.f32 s1, s0, s2", 8),
    ("m33", "VMUL into VADD", "vmul.f32 s0, s1, s2; vadd.f32 s3, s3, s0", 3),
    ("m33", "VLDR is used", "vldr s0, [r4]; vadd.f32 s1, s0, s2", 2),
    ("m33", "two registers from FP", "vmov r0, r1, d0", 2),
    # L (ARMScheduleM7.td), L+ (ARMLatencyMutations.cpp) and J, measured on an STM32H743.
    ("m7", "two sums share a cycle", "add.w r0, r1, r2; add.w r3, r4, r5", 1),
    ("m7", "an early sum feeds a late one", "add.w r0, r1, r2; eor.w r3, r0, r4", 1),
    ("m7", "a chain of sums", "add.w r0, r0, r1; add.w r0, r0, r2", 2),
    ("m7", "one product a cycle", "smlad r0, r1, r2, r0; smlad r3, r1, r2, r3", 2),
    ("m7", "no product with a store", "smlad r0, r1, r2, r0; str r3, [r4]", 2),
    ("m7", "a product with a load", "smlad r0, r1, r2, r0; ldr r3, [r4]", 1),
    ("m7", "SIMD is the first of two", "sxtb16 r0, r1; sxtb16 r2, r3", 2),
    ("m7", "SIMD with a product", "sxtb16 r0, r1; smlad r2, r3, r4, r2", 1),
    ("m7", "one store a cycle", "str r0, [r4]; str r1, [r4, #4]", 2),
    ("m7", "two banks", "ldr r0, [r4]; ldr r1, [r4, #4]", 1),
    ("m7", "one bank", "ldr r0, [r4] @ 0x20000000; ldr r1, [r5] @ 0x20000008", 2),
    ("m7", "a word from a word's address", "ldr r4, [r4]", 2),
    ("m7", "a byte from a byte's address", "ldrb r4, [r4]", 3),
    ("m7", "a load into a factor", "mul r0, r0, r1; ldr r0, [r0]", 6),
    ("m7", "a chain of products", "mul r0, r0, r1", 2),
    ("m7", "products accumulate", "mla r0, r1, r2, r0", 1),
    ("m7", "a shifted operand is needed early", "eor.w r0, r1, r0, ror #22", 2),
    ("m7", "SIMD into an address", "uxtb.w r0, r0; ldr r0, [r0]", 4),
    ("m7", "an updated base", "ldr r0, [r4], #4; nop", 1),
    ("m7", "one shifter", "eor r0, r1, #0x1fc0; eor r2, r3, #0x1fc0", 2),
    ("m7", "a pattern needs none", "eor r0, r1, #0x1b1b1b1b; eor r2, r3, #0x1b1b1b1b", 1),
    ("m7", "pure shifts need none", "lsr.w r0, r1, #12; lsr.w r2, r3, #12", 1),
    ("m7", "nor their operand early", "eor.w r0, r1, r0; lsr.w r0, r0, #12", 2),
    ("m7", "bit fields do not share a cycle", "bfi r0, r1, #1, #2; ubfx r2, r3, #1, #2", 2),
    ("m7", "SDIV", "sdiv r0, r1, r2", 7),
    ("m7", "LDM of four", "ldmia.w r4, {r0, r1, r2, r3}", 2),
    ("m7", "LDM of five", "ldmia.w r4, {r0, r1, r2, r3, r5}", 3),
    ("m7", "LDRD shares no cycle", "ldrd r0, r1, [r4]; add.w r2, r3, r5", 2),
    ("m7", "a result is stored in its cycle", "add.w r0, r1, r2; str r0, [r4]", 1),
    ("m7", "a chain of VADD", "vadd.f32 s0, s0, s1", 3),
    ("m7", "VFMA accumulates", "vfma.f32 s0, s1, s2", 3),
    ("m7", "VFMA into a factor", "vfma.f32 s0, s1, s2; vfma.f32 s1, s0, s2", 10),
    ("m7", "VMLA into a factor", "vmla.f32 s0, s1, s2; vmla.f32 s1, s0, s2", 12),
    ("m7", "VDIV", "vdiv.f32 s0, s1, s2", 16),
    ("m7", "VSQRT", "vsqrt.f32 s0, s1", 14),
    # L (ARMScheduleM55.td), L+ and, where it says so, S (SLOTHY).
    ("m55", "beats overlap", "vldrw.u32 q0, [r0]; vmladava.s8 r4, q0, q1", 2),
    ("m55", "one pipe", "vmladava.s8 r4, q0, q1; vmladava.s8 r6, q2, q3", 4),
    ("m55", "four pipes", "vldrw.u32 q0, [r0]; vadd.i32 q1, q2, q3; vmul.i32 q4, q5, q6; vpst", 4),
    ("m55", "a sum into a product", "vadd.i32 q0, q1, q2; vmul.i32 q3, q0, q4", 2),
    ("m55", "a product into a sum", "vmul.i32 q0, q1, q2; vadd.i32 q3, q0, q4", 3),
    ("m55", "a product is stored", "vmul.i32 q0, q1, q2; vstrw.32 q0, [r0]", 2),
    ("m55", "a narrowed vector is stored", "vmovnb.i32 q0, q1; vstrw.32 q0, [r0]", 4),
    ("m55", "a sum over lanes is used", "vmladava.s8 r4, q0, q1; add.w r5, r4, r6", 4),
    ("m55", "a sum over lanes is stored", "vmladava.s8 r4, q0, q1; str.w r4, [r5]", 3),
    ("m55", "a scalar waits for no pipe", "vmul.i32 q0, q1, q2; mla r0, r1, r2, r0", 2),
    ("m55", "words gathered", "vldrw.u32 q0, [r0, q1]", 2),
    ("m55", "bytes gathered", "vldrb.u8 q0, [r0, q1]", 8),
    ("m55", "an index is needed early", "vadd.i32 q1, q2, q3; vldrw.u32 q0, [r0, q1]", 6),
    ("m55", "a shifted operand", "add.w r0, r1, r2, lsl #3; add.w r3, r0, r1", 3),
    ("m55", "a load is used", "ldr r0, [r4]; add.w r1, r0, r2", 3),
    ("m55", "ADD of a constant shares a cycle", "adds r0, #1; ands r1, r2", 1),
    ("m55", "two others do not", "ands r0, r3; ands r1, r2", 2),
    ("m55", "no 32-bit instruction does", "add.w r0, r0, #1; ands r1, r2", 2),
    ("m55", "VADD.F32", "vadd.f32 s0, s0, s1", 2),
    ("m55", "VMLA.F32", "vmla.f32 s0, s1, s2", 4),
    ("m55", "VDIV.F32", "vdiv.f32 s0, s1, s2", 16),
    # L (ARMScheduleM85.td) and J, measured on an RA8D1.
    ("m85", "beats overlap", "vldrw.u32 q0, [r0]; vmladava.s8 r4, q0, q1", 2),
    ("m85", "one pipe", "vmul.i32 q0, q1, q2; vmul.i32 q3, q4, q5", 4),
    ("m85", "no scalar in a load's second cycle", "vldrw.u32 q0, [r0]; add.w r1, r2, r3", 2),
    ("m85", "a vector is the second of two", "add.w r1, r2, r3; vadd.i32 q0, q1, q2", 2),
    ("m85", "a sum over lanes is used", "vmladava.s8 r4, q0, q1; mla r4, r4, r5, r6", 5),
    ("m85", "words gathered", "vldrw.u32 q0, [r0, q1]", 2),
    ("m85", "bytes gathered", "vldrb.u8 q0, [r0, q1]", 8),
    ("m85", "an index from a load", "vldrw.u32 q1, [r1]; vldrw.u32 q0, [r0, q1]", 6),
    ("m85", "extensions do not share a cycle", "uxtb.w r0, r1; uxtb.w r2, r3", 2),
    ("m85", "UBFX does", "ubfx r0, r1, #0, #8; ubfx r2, r3, #0, #8", 1),
    ("m85", "LDRD does", "ldrd r0, r1, [r4]; ldrd r2, r3, [r4, #8]", 1),
    ("m85", "a word from a word's address", "ldr r4, [r4]", 2),
    ("m85", "a byte from a byte's address", "ldrb r4, [r4]", 3),
    ("m85", "a chain of products", "mul r0, r0, r1", 2),
    ("m85", "products accumulate", "mla r0, r1, r2, r0", 1),
    ("m85", "dependent sums share a cycle", "mov.w r0, r1; add.w r0, r0, r2", 1),
    ("m85", "VLD2's second half", "vld20.8 {q0,q1}, [r0]; vld21.8 {q0,q1}, [r0]", 4),
    (
        "m85",
        "a de-interleaved vector is used",
        "vld40.8 {q0,q1,q2,q3}, [r0]; vadd.i8 q4, q0, q5",
        5,
    ),
]

# The same of loops, with the address of the first instruction.
LOOPS = [
    ("m0", "a taken branch", "adds r0, #1; b .-2", CODE, 4),
    ("m0plus", "a taken branch", "adds r0, #1; b .-2", CODE, 3),
    ("m4", "a taken branch", "add.w r0, r1, r2; b .-4", CODE, 4),
    ("m4", "a branch into the middle of a word", "add.w r0, r1, r2; b .-4", CODE + 2, 5),
    ("m4", "two 32-bit instructions across words", "ldr r0, [r4]; add.w r1, r2, r3; "
     "add.w r1, r2, r3; b .-8", CODE, 7),
    ("m4", "three of them", "ldr r0, [r4]; add.w r1, r2, r3; add.w r1, r2, r3; "
     "add.w r1, r2, r3; b .-8", CODE, 9),
    ("m4", "three at words", "ldr r0, [r4]; add.w r1, r2, r3; add.w r1, r2, r3; "
     "add.w r1, r2, r3; b .-8", CODE + 2, 8),
    ("m33", "a branch after its flags", "subs r7, #1; bne .-2", CODE, 3),
    ("m33", "a branch after another", "subs r7, #1; add r0, r1; bne .-4", CODE, 3),
    ("m33", "a branch after LDM", "subs r7, #1; ldmia r6!, {r0-r3}; bne .-4", CODE, 6),
    ("m7", "a predicted branch", "subs r7, #1; bne .-2", CODE, 1),
    ("m55", "LE", "vldrw.u32 q0, [r0]; vmladava.s8 r4, q0, q1; le lr, .-8", CODE, 2),
    ("m55", "a taken branch", "add.w r0, r1, r2; b .-4", CODE, 4),
    ("m85", "LE", "vldrw.u32 q0, [r0]; vmladava.s8 r4, q0, q1; le lr, .-8", CODE, 2),
]  # fmt: skip


@pytest.mark.parametrize(("core", "rule", "code", "wanted"), STRAIGHT)
def test_straight_code(
    scoreboard: Scoreboard, tmp_path: Path, core: str, rule: str, code: str, wanted: float
) -> None:
    assert (rule, cycles(scoreboard, tmp_path, f"cortex-{core}", code)) == (rule, wanted)


@pytest.mark.parametrize(("core", "rule", "code", "address", "wanted"), LOOPS)
def test_loops(
    scoreboard: Scoreboard,
    tmp_path: Path,
    core: str,
    rule: str,
    code: str,
    address: int,
    wanted: float,
) -> None:
    got = cycles(scoreboard, tmp_path, f"cortex-{core}", code, address=address, loops=True)
    assert (rule, got) == (rule, wanted)


@pytest.mark.parametrize(
    ("core", "code", "wanted"),
    [
        ("m7", "subs r7, #1; bne .-2", 1 + 6 + 2),
        (
            "m7",
            "subs r7, #1; ldrd r0, r1, [r2]; ldrd r3, r4, [r2]; ldrd r5, r6, [r2]; bne .-14",
            5 + 6,
        ),
        ("m85", "subs r7, #1; bne .-2", 1 + 4 + 2),
    ],
)
def test_the_end_of_a_loop_is_mispredicted(
    scoreboard: Scoreboard, tmp_path: Path, core: str, code: str, wanted: int
) -> None:
    codes = assemble([line.strip() for line in code.split(";")], tmp_path)
    passes = scoreboard.passes(f"cortex-{core}", codes, [RAM] * len(codes), count=20, loops=True)
    assert passes[-1] == wanted


def test_m52_takes_twice_the_m55s_beats(scoreboard: Scoreboard, tmp_path: Path) -> None:
    code = "vmladava.s8 r4, q0, q1; vmladava.s8 r6, q2, q3"
    assert cycles(scoreboard, tmp_path, "cortex-m52", code) == 8


def test_m35p_is_an_m33_and_m23_divides() -> None:
    m33, m35p = cores.core("cortex-m33").timing, cores.core("cortex-m35p").timing
    m23, m0plus = cores.core("cortex-m23").timing, cores.core("cortex-m0plus").timing
    assert m33 is not None
    assert m35p is not None
    assert m23 is not None
    assert m0plus is not None
    assert m33.argument() == m35p.argument()
    assert {**m23.cycles, "divide": (1, 0)} == {**m0plus.cycles, "divide": (1, 0)}
    assert m23.cycles["divide"] == (17, 0)


def test_what_is_no_timing_model_is_refused(scoreboard: Scoreboard) -> None:
    timing = cores.core("cortex-m4").timing
    assert timing is not None
    text = timing.argument()
    assert scoreboard.reads(text)
    for wrong in ("", "cortex-a53", text[:-2], text + ":0", "-" + text, text.replace("14", "x")):
        assert not scoreboard.reads(wrong)


def test_latencies_are_those_of_data_and_the_stage_unless_said() -> None:
    timing = Timing(
        source="made up",
        refill=0,
        cycles={},
        stages={"address": 1, "store": -2},
        latency={"load": {"data": 2}, "multiply": {"data": 3, "store": 3}, BASE: {"data": 0}},
    )
    assert [timing.latency_of("load", use) for use in ("data", "address", "store")] == [2, 3, 0]
    assert timing.latency_of("multiply", "store") == 3
    assert timing.latency_of(BASE, "address") == 1
    assert all(timing.latency_of(name, "data") == 1 for name in CLASSES if name[0] == "v")
    assert len(USES) * (len(CLASSES) + 1) < len(timing.argument().split(":"))
