# SPDX-License-Identifier: Apache-2.0
"""Registers read and written, as the profiling plugin decodes them: against objdump's text over all
that kernels of ours and CMSIS-NN's consist of, and against hand-written sets where it is easy to err.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.models.graphs import random_graph
from tests.models.image_graphs import ImageGraph
from tests.ops.generators import GENERATORS, random_model
from tests.run.disassembly import SPECIAL, Line, UnknownNameError, disassemble, registers_of
from tests.run.programs import need
from tinygen.compilation import compile_model
from tinygen.errors import TinygenError
from tinygen.hardware.cores import core
from tinygen.hardware.toolchain import host_toolchain
from tinygen.planning.options import KernelChoice, Options
from tinygen.resources import resource_root

SOURCES = resource_root() / "firmware" / "qemu-plugin"
CORES = ("cortex-m0", "cortex-m4", "cortex-m33", "cortex-m55")

# Read -> written. Before a register: @ it makes an address, + it is needed late, ~ it is shifted first,
# ! it is a base moved on.
TRICKY = """
movs r0, #1                       | -> r0 flags
lsls r0, r1, #2                   | ~r1 -> r0 flags
lsls r0, r1                       | ~r0 r1 -> r0 flags
adcs r0, r1                       | r0 r1 flags -> r0 flags
add r8, r0                        | r8 r0 -> r8
add r0, sp, #8                    | sp -> r0
cmp r8, r9                        | r8 r9 -> flags
bx lr                             | lr -> pc
blx r3                            | r3 -> lr pc
pop {r4, pc}                      | @sp -> !sp r4 pc
push {r4, lr}                     | @sp +r4 +lr -> !sp
ldm r0, {r0, r1, r2}              | @r0 -> r0 r1 r2
ldmia r0!, {r1, r2}               | @r0 -> !r0 r1 r2
stmia r0!, {r1, r2}               | @r0 +r1 +r2 -> !r0
ldmdb.w r9!, {r1, r2}             | @r9 -> !r9 r1 r2
stmdb.w sp!, {r4-r6}              | @sp +r4 +r5 +r6 -> !sp
ldrd r0, r1, [r2, #8]!            | @r2 -> !r2 r0 r1
ldrd r0, r1, [r2], #8             | @r2 -> !r2 r0 r1
strd r0, r1, [r2, #8]             | @r2 +r0 +r1 ->
ldr r0, [r1], #4                  | @r1 -> !r1 r0
ldr r0, [r1, r2, lsl #2]          | @r1 @r2 -> r0
ldr r0, [pc, #8]                  | -> r0
str r0, [r1, r2]                  | @r1 @r2 +r0 ->
str.w r0, [r1, #-4]!              | @r1 +r0 -> !r1
strex r0, r1, [r2]                | @r2 +r1 -> r0
pld [r0, #4]                      | @r0 ->
add.w r0, r1, r2, lsl #3          | r1 ~r2 -> r0
adds.w r0, r1, r8                 | r1 r8 -> r0 flags
mov.w r0, r8, rrx                 | ~r8 flags -> r0
tst.w r0, r8, lsr #1              | r0 ~r8 -> flags
sbcs.w r0, r8, #1                 | r8 flags -> r0 flags
movw r0, #1234                    | -> r0
movt r0, #1234                    | r0 -> r0
bfi r0, r1, #3, #4                | r0 ~r1 -> r0
bfc r0, #3, #4                    | r0 -> r0
ubfx r0, r1, #3, #4               | ~r1 -> r0
ssat r0, #8, r1, asr #3           | ~r1 -> r0 q
pkhbt r0, r1, r2, lsl #16         | r1 ~r2 -> r0
sxtb16 r0, r1, ror #8             | ~r1 -> r0
sxtab16 r0, r1, r2, ror #8        | r1 ~r2 -> r0
lsl.w r0, r1, r8                  | ~r1 r8 -> r0
uadd8 r0, r1, r2                  | r1 r2 -> r0 ge
uqadd8 r0, r1, r2                 | r1 r2 -> r0
sel r0, r1, r2                    | r1 r2 ge -> r0
rev.w r0, r8                      | ~r8 -> r0
clz r0, r1                        | r1 -> r0
mul r0, r1, r8                    | r1 r8 -> r0
mla r0, r1, r2, r3                | r1 r2 +r3 -> r0
mls r0, r1, r2, r3                | r1 r2 +r3 -> r0
smlad r0, r1, r2, r3              | r1 r2 +r3 -> r0 q
smlabt r0, r1, r2, r3             | r1 r2 +r3 -> r0 q
smull r0, r1, r2, r3              | r2 r3 -> r0 r1
smlal r0, r1, r2, r3              | r2 r3 +r0 +r1 -> r0 r1
smlald r0, r1, r2, r3             | r2 r3 +r0 +r1 -> r0 r1
umaal r0, r1, r2, r3              | r2 r3 +r0 +r1 -> r0 r1
sdiv r0, r1, r2                   | r1 r2 -> r0
csel r0, r1, r2, eq               | r1 r2 flags -> r0
cset r1, ne                       | flags -> r1
lsll r0, r1, #3                   | r0 r1 -> r0 r1 q
asrl r0, r1, r2                   | r0 r1 r2 -> r0 r1 q
sqrshr r0, r1                     | r0 r1 -> r0 q
clrm {r0, r1, apsr}               | -> r0 r1 flags
beq .+8                           | flags -> pc
bl .+8                            | -> lr pc
cbz r0, .+8                       | r0 -> pc
tbb [pc, r0]                      | @r0 -> pc
tbh [r1, r0, lsl #1]              | @r1 @r0 -> pc
msr apsr_nzcvq, r0                | r0 -> flags q ge
mrs r0, apsr                      | flags q ge -> r0
dsb                               | ->
dls lr, r0                        | r0 -> lr
dlstp.8 lr, r0                    | r0 -> lr
wls lr, r0, .+8                   | r0 -> lr pc
le lr, .-8                        | lr -> lr pc
letp lr, .-8                      | lr -> lr pc
vctp.8 r0                         | r0 -> vpr
vldr s0, [r1, #4]                 | @r1 -> s0
vldr d1, [r1, #4]                 | @r1 -> s2 s3
vstr s0, [r1]                     | @r1 +s0 ->
vldmia r0!, {s1-s3}               | @r0 -> !r0 s1 s2 s3
vpush {d8}                        | @sp +s16 +s17 -> !sp
vmov s0, r1                       | r1 -> s0
vmov r1, s0                       | s0 -> r1
vmov r0, r1, d2                   | s4 s5 -> r0 r1
vmov d2, r0, r1                   | r0 r1 -> s4 s5
vmov s2, s3, r0, r1               | r0 r1 -> s2 s3
vmov q1[2], q1[0], r0, r1         | r0 r1 -> s4 s6
vmov r0, r1, q1[3], q1[1]         | s5 s7 -> r0 r1
vmov.32 q1[3], r0                 | r0 -> s7
vmov.8 q1[5], r0                  | r0 s5 -> s5
vmov.u16 r0, q1[5]                | s6 -> r0
vdup.8 q1, r0                     | r0 -> s4 s5 s6 s7
vmrs APSR_nzcv, fpscr             | fps -> flags
vmsr p0, r0                       | r0 -> vpr
vfma.f32 s0, s1, s2               | s1 s2 +s0 -> s0
vmls.f64 d0, d1, d2               | s2 s3 s4 s5 +s0 +s1 -> s0 s1
vadd.f32 s0, s1, s2               | s1 s2 -> s0
vcmp.f32 s0, #0.0                 | s0 -> fps
vcmpe.f64 d0, d1                  | s0 s1 s2 s3 -> fps
vcvt.f64.f32 d1, s1               | s1 -> s2 s3
vcvt.f32.f64 s1, d1               | s2 s3 -> s1
vcvt.s32.f64 s1, d1               | s2 s3 -> s1
vcvt.f64.s32 d1, s1               | s1 -> s2 s3
vcvt.f32.s32 s0, s0, #4           | s0 -> s0
vseleq.f32 s0, s1, s2             | s1 s2 flags -> s0
vldrb.u8 q0, [r0], #16            | @r0 -> !r0 s0 s1 s2 s3
vldrb.s16 q0, [r0, #8]            | @r0 -> s0 s1 s2 s3
vstrw.32 q0, [r0, #16]!           | @r0 +s0 +s1 +s2 +s3 -> !r0
vldrb.u8 q0, [r0, q1]             | @r0 @s4 @s5 @s6 @s7 -> s0 s1 s2 s3
vstrw.32 q0, [r0, q1, uxtw #2]    | @r0 @s4 @s5 @s6 @s7 +s0 +s1 +s2 +s3 ->
vldrw.u32 q0, [q1, #4]!           | @s4 @s5 @s6 @s7 -> s0 s1 s2 s3 !s4 !s5 !s6 !s7
vld20.8 {q0, q1}, [r0]            | @r0 +s0-7 -> s0-7
vld43.8 {q0, q1, q2, q3}, [r0]!   | @r0 +s0-15 -> !r0 s0-15
vst21.8 {q0, q1}, [r0]!           | @r0 +s0-7 -> !r0
vmladav.s8 r0, q0, q1             | s0-7 -> r0
vmladava.s8 r0, q0, q1            | s0-7 +r0 -> r0
vmlaldav.s16 r0, r1, q0, q1       | s0-7 -> r0 r1
vmlaldava.s16 r0, r1, q0, q1      | s0-7 +r0 +r1 -> r0 r1
vaddva.s32 r0, q0                 | s0-3 +r0 -> r0
vmaxv.s8 r0, q0                   | s0-3 r0 -> r0
vabav.s8 r0, q0, q1               | s0-7 +r0 -> r0
vmla.s32 q0, q1, r0               | s4-7 r0 +s0-3 -> s0-3
vmlas.s32 q0, q1, r0              | s4-7 s0-3 +r0 -> s0-3
vqrdmulh.s32 q0, q1, r0           | s4-7 r0 -> s0-3
vqdmlash.s32 q0, q1, r0           | s4-7 s0-3 +r0 -> s0-3
vfma.f32 q0, q1, q2               | s4-11 +s0-3 -> s0-3
vadd.i32 q0, q1, r0               | s4-7 r0 -> s0-3
vadc.i32 q0, q1, q2               | s4-11 fps -> s0-3 fps
vidup.u8 q0, r2, #1               | r2 -> r2 s0-3
viwdup.u8 q0, r2, r3, #1          | r2 r3 -> r2 s0-3
vpnot                             | vpr -> vpr
vpst                              | vpr -> vpr
vaddt.i32 q0, q1, q2              | s4-11 -> s0-3
vcmp.s8 lt, q0, r1                | s0-3 r1 -> vpr
vpsel q0, q1, q2                  | s4-11 vpr -> s0-3
vqmovnb.s16 q0, q1                | s4-7 s0-3 -> s0-3
vqrshrnt.s32 q0, q1, #4           | s4-7 s0-3 -> s0-3
vmovlb.s8 q0, q1                  | s4-7 -> s0-3
vshl.s32 q0, r1                   | s0-3 r1 -> s0-3
vshl.s32 q0, q1, q2               | s4-11 -> s0-3
vsli.8 q0, q1, #2                 | s4-7 s0-3 -> s0-3
vshlc q0, r1, #4                  | s0-3 r1 -> s0-3 r1
vmov.i32 q0, #4                   | -> s0-3
vbic.i32 q0, #4                   | s0-3 -> s0-3
"""


class _Operands(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint64) for name in ("reads", "addresses", "late", "shifted")),
        *((name, ctypes.c_uint64) for name in ("writes", "base")),
        *((name, ctypes.c_bool) for name in ("flags_outside_it", "known")),
    )


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    need("cc")
    library = tmp_path_factory.mktemp("operands") / "liboperands.so"
    subprocess.run(
        [
            host_toolchain().driver,
            *("-std=c99", "-shared", "-fPIC", "-fsanitize=undefined", "-fno-sanitize-recover"),
            *("-o", str(library), str(SOURCES / "operands.c"), str(SOURCES / "operand_rows.c")),
        ],
        check=True,
    )
    loaded = ctypes.CDLL(str(library))
    loaded.thumb_operands_of.restype = _Operands
    return loaded


def decode(decoder: ctypes.CDLL, code: tuple[int, ...]) -> _Operands:
    decoded: _Operands = decoder.thumb_operands_of(code[0], code[-1], 2 * len(code))
    return decoded


def _mask(register: str) -> int:
    """A register's bit, or those of a range like ``s0-7``."""
    if register in SPECIAL:
        return 1 << SPECIAL[register]
    if register in ("sp", "lr", "pc"):
        return 1 << 13 + ("sp", "lr", "pc").index(register)
    first, _, last = register[1:].partition("-")
    offset = 32 if register[0] == "s" else 0
    return sum(1 << offset + number for number in range(int(first), int(last or first) + 1))


def _expected(sets: str) -> Mapping[str, int]:
    """The sets that a row of TRICKY stands for."""
    found = dict.fromkeys(("reads", "addresses", "late", "shifted", "writes", "base"), 0)
    marks = {"@": "addresses", "+": "late", "~": "shifted", "!": "base"}
    reads, _, writes = sets.partition("->")
    for kind, registers in (("reads", reads), ("writes", writes)):
        for register in registers.split():
            mask = _mask(register.lstrip("@+~!"))
            found[kind] |= mask
            if register[0] in marks:
                found[marks[register[0]]] |= mask
    return found


def test_hand_written_sets(decoder: ctypes.CDLL, tmp_path: Path) -> None:
    need("arm-none-eabi-as")
    rows = [line.split("|") for line in TRICKY.strip().splitlines()]
    source, assembled = tmp_path / "tricky.s", tmp_path / "tricky.o"
    source.write_text(
        ".syntax unified\n.thumb\n.arch armv8.1-m.main\n.arch_extension mve.fp\n.fpu fpv5-d16\n"
        + ".balign 4\n"
        + "".join(f"{text}\n" for text, _ in rows)
    )
    subprocess.run(["arm-none-eabi-as", str(source), "-o", str(assembled)], check=True)
    lines = list(disassemble([assembled]))
    assert len(lines) == len(rows)
    wrong = []
    for line, (text, sets) in zip(lines, rows, strict=True):
        decoded = decode(decoder, line.code)
        got = {kind: getattr(decoded, kind) for kind in _expected(sets)}
        if not decoded.known or got != _expected(sets):
            wrong.append((text.strip(), {k: f"{v:x}" for k, v in got.items()}))
    assert not wrong
    assert not list(differences(decoder, lines))


def test_flags_that_it_blocks_suppress(decoder: ctypes.CDLL) -> None:
    assert decode(decoder, (0x1888,)).flags_outside_it  # ADDS r0, r1, r2
    assert not decode(decoder, (0x4288,)).flags_outside_it  # CMP r0, r1
    assert not decode(decoder, (0xEB11, 0x0002)).flags_outside_it  # ADDS.W r0, r1, r2


def test_unknown_encodings_are_said_to_be(decoder: ctypes.CDLL) -> None:
    for code in ((0xFFFF, 0xFFFF), (0xEF00, 0x0000), (0xB800,)):
        decoded = decode(decoder, code)
        assert not decoded.known
        assert decoded.reads == decoded.writes == 0


def differences(decoder: ctypes.CDLL, lines: Sequence[Line]) -> Iterator[str]:
    """What decoder and text disagree about. Q is no operand in text, nor does anything wait for it."""
    for line in lines:
        decoded, text = decode(decoder, line.code), registers_of(line.text)
        writes = decoded.writes & ~(1 << SPECIAL["q"])
        if decoded.flags_outside_it:
            writes &= ~(1 << SPECIAL["flags"]) | text.writes
        pairs = {
            "reads": (decoded.reads & ~(1 << SPECIAL["q"]), text.reads),
            "writes": (writes, text.writes),
            "addresses": (decoded.addresses, text.addresses),
            "base": (decoded.base, text.base),
            "shifted": (decoded.shifted & text.shifted, text.shifted),
        }
        for name, (got, want) in pairs.items():
            if got != want or not decoded.known:
                yield f"{line.text}: {name} {got:x}, not {want:x}"


# What objdump writes of a random encoding that is no instruction of these cores: registers that are not
# there, PC and SP, which most may not name, lists past the last register, forms that are unpredictable.
NOT_THERE = re.compile(
    r"<|(?i:undef)|\bpc\b|\bsp\b|\bd(1[6-9]|2|3[01])|-s(3[2-9]|[4-9]\d|\d{3})|"
    r"^(msr|mrs|vldr |vstr |blx|clz|rev|rbit|pld|cs|cin|cneg|vpt|vldm|vstm)|\[[^]]*$|f\d+ (hi|cs)"
)
SPACES = (
    *(0xE800, 0xEA00, 0xEC00, 0xEE00, 0xEF00, 0xF000, 0xF200),
    *(0xF800, 0xFA00, 0xFB00, 0xFC00, 0xFE00, 0xFF00),
)
RANDOM = 20_000


def test_random_encodings(decoder: ctypes.CDLL, tmp_path: Path) -> None:
    """Those that objdump and decoder both take for an instruction."""
    need("arm-none-eabi-as")
    seed = 1
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    firsts = rng.choice(SPACES, RANDOM) | rng.integers(0, 1 << 10, RANDOM)
    source, assembled = tmp_path / "random.s", tmp_path / "random.o"
    source.write_text(
        ".syntax unified\n.thumb\n.arch armv8.1-m.main\n.arch_extension mve.fp\n"
        + "".join(
            f".inst.w {first << 16 | second:#x}\n"
            for first, second in zip(firsts, rng.integers(0, 1 << 16, RANDOM), strict=True)
        )
    )
    subprocess.run(["arm-none-eabi-as", str(source), "-o", str(assembled)], check=True)
    lines = []
    for line in disassemble([assembled]):
        if NOT_THERE.search(line.text):
            continue
        with contextlib.suppress(UnknownNameError):
            registers_of(line.text)
            lines.append(line)
    known = [line for line in lines if decode(decoder, line.code).known]
    print(f"{len(known)} instructions")
    assert len(known) > 2000
    assert not list(differences(decoder, known))


def _compiled(sources: Sequence[Path], flags: Sequence[str], folder: Path) -> list[Path]:
    """Objects of C and assembly files."""
    objects = [folder / f"{number}.o" for number in range(len(sources))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(
            pool.map(
                lambda source, compiled: subprocess.run(
                    ["arm-none-eabi-gcc", *flags, "-O2", "-w", "-c", source, "-o", compiled],
                    check=True,
                ),
                sources,
                objects,
            )
        )
    return objects


def _models() -> Iterator[bytes]:
    for seed in range(4):
        yield random_graph(seed)
        yield ImageGraph(np.random.default_rng(seed), 8).build()
    for opcode in GENERATORS:
        yield random_model(opcode, 0)


def _objects(core_name: str, kernels: KernelChoice, work: Path) -> list[Path]:
    """Programs of many small models."""
    options = Options(core=core(core_name), kernels=kernels)
    objects = []
    for number, model in enumerate(_models()):
        folder = work / str(number)
        folder.mkdir()
        (folder / "model.tflite").write_bytes(model)
        try:
            files = compile_model(folder / "model.tflite", options).files
        except TinygenError:
            continue  # an operator that this core has no kernel for
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        sources = sorted(path for path in folder.rglob("*") if path.suffix in (".c", ".S"))
        includes = (f"-I{folder}", f"-I{folder / 'cmsis-nn' / 'Include'}")
        objects += _compiled(sources, (*core(core_name).gcc_flags, *includes), folder)
    return objects


@pytest.mark.parametrize("core_name", CORES)
@pytest.mark.parametrize("kernels", [KernelChoice.TINYGEN, KernelChoice.CMSIS_NN])
def test_every_instruction_of_kernels(
    decoder: ctypes.CDLL, tmp_path: Path, core_name: str, kernels: KernelChoice
) -> None:
    need("arm-none-eabi-gcc")
    lines = sorted(
        set(disassemble(_objects(core_name, kernels, tmp_path))), key=lambda line: line.text
    )
    print(f"{len(lines)} distinct instructions")
    assert len(lines) > 500
    assert not list(differences(decoder, lines))
