# SPDX-License-Identifier: Apache-2.0
"""Registers that instructions read and write, as told by objdump's text.

Shares nothing with the decoder it is compared with: names of instructions say which operands are
written, operands say which registers they are.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

OBJDUMP = "arm-none-eabi-objdump"

SPECIAL = {"flags": 16, "q": 17, "ge": 18, "vpr": 19, "fps": 20}
"""Bits of a register set (firmware/qemu-plugin/operands.h) that are no registers with numbers."""

FLAGS, GE, VPR, FPS = (1 << SPECIAL[name] for name in ("flags", "ge", "vpr", "fps"))
PC, LR, SP = 1 << 15, 1 << 14, 1 << 13

_ALIASES = {"sb": 9, "sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14, "pc": 15}
_SYSTEM = {
    **{"apsr_nzcv": FLAGS, "apsr": FLAGS, "cpsr": FLAGS | GE, "cpsr_f": FLAGS | GE},
    **{"fpscr": FPS, "vpr": VPR, "p0": VPR},
}

# What is done with the operands, in their order: w written, r read, m both. The last letter stands for
# all that follow.
_ROLES = {
    "wr": """mov mvn neg sxtb sxth uxtb uxth sxtb16 uxtb16 rev rev16 revsh rbit clz adr
        movw add sub adc sbc and orr orn eor bic rsb lsl lsr asr ror rrx mul addw subw
        sxtab sxtah uxtab uxtah sxtab16 uxtab16 pkhbt pkhtb ssat usat ssat16 usat16 sbfx ubfx sel
        sadd8 sadd16 ssub8 ssub16 uadd8 uadd16 usub8 usub16 sasx ssax uasx usax
        qadd qsub qdadd qdsub qadd8 qadd16 qsub8 qsub16 qasx qsax uqadd8 uqadd16 uqsub8 uqsub16
        shadd8 shadd16 shsub8 shsub16 uhadd8 uhadd16 uhsub8 uhsub16
        mla mls sdiv udiv smulbb smulbt smultb smultt smulwb smulwt smlabb smlabt smlatb smlatt
        smlawb smlawt smlad smladx smlsd smlsdx smuad smuadx smusd smusdx smmul smmulr smmla smmlar
        smmls smmlsr usad8 usada8 ldr ldrb ldrh ldrsb ldrsh ldrex ldrexb ldrexh
        csel csinc csinv csneg cinc cinv cneg cset csetm mrs
        vmov vmvn vabs vneg vadd vsub vmul vnmul vdiv vsqrt vcvt vcvta vcvtn vcvtp vcvtm vcvtb vcvtt
        vcvtr vrinta vrintn vrintp vrintm vrintx vrintz vrintr vsel vmaxnm vminnm vldr vmrs vmsr vdup
        vand vorr vorn vbic veor vmax vmin vabd vhadd vrhadd vhsub vqadd vqsub vshl vqshl vrshl vqrshl
        vshr vrshr vqdmulh vqrdmulh vmulh vrmulh vmullb vmullt vqdmullb vqdmullt vrev16 vrev32 vrev64
        vcls vclz vqabs vqneg vmovlb vmovlt vshllb vshllt vcadd vhcadd vcmul vbrsr vpsel
        vldrb vldrh vldrw vldrd vadc vadci vsbc vsbci vqshlu
        vmlav vmladav vmladavx vmlsdav vmlsdavx vaddv dls dlstp wls wlstp clrm""",
    "mr": """bfi bfc movt vmla vmls vnmla vnmls vfma vfms vfnma vfnms vmlas vfmas
        vqdmlah vqrdmlah vqdmlash vqrdmlash vsri vsli
        vmovnb vmovnt vqmovnb vqmovnt vqmovunb vqmovunt vshrnb vshrnt vrshrnb vrshrnt vqshrnb vqshrnt
        vqrshrnb vqrshrnt vqshrunb vqshrunt vqrshrunb vqrshrunt vmaxa vmina vcmla
        vqdmladh vqdmladhx vqrdmladh vqrdmladhx vqdmlsdh vqdmlsdhx
        vmlava vmladava vmladavax vmlsdava vmlsdavax vaddva vabav
        vmaxv vminv vmaxav vminav vmaxnmv vminnmv vmaxnmav vminnmav
        vld20 vld21 vld40 vld41 vld42 vld43
        sqshl sqrshr srshr uqshl uqrshl urshr le letp""",
    "wmr": "vidup vddup viwdup vdwdup",
    "mmr": """smlal umlal umaal smlald smlaldx smlsld smlsldx smlalbb smlalbt smlaltb smlaltt
        vmlalva vmlaldava vmlaldavax vmlsldava vmlsldavax vrmlaldavha vrmlalvha vaddlva
        asrl lsll lsrl sqrshrl sqshll srshrl uqrshll uqshll urshrl vshlc""",
    "wwr": """smull umull ldrd vmlalv vmlaldav vmlaldavx vmlsldav vmlsldavx vrmlaldavh vrmlalvh
        vaddlv""",
    "r": """cmp cmn tst teq cbz cbnz b bl bx blx tbb tbh pld str strb strh strd stm stmia stmdb
        vstr vstm vstmia vstmdb vcmp vcmpe vpt vctp vstrb vstrh vstrw vstrd msr
        vst20 vst21 vst40 vst41 vst42 vst43""",
    "rwr": "ldm ldmia ldmdb vldm vldmia vldmdb",
    "wrr": "strex strexb strexh",
    "none": """nop it dsb dmb isb udf svc bkpt cpsie cpsid push pop vpush vpop vpst vpnot lctp
        wfi wfe sev yield""",
}
_OF_NAME = {name: roles for roles, names in _ROLES.items() for name in names.split()}

_KINDS = {
    kind: set(names.split())
    for kind, names in {
        "may end with S": "mov mvn neg add sub adc sbc and orr orn eor bic rsb lsl lsr asr ror rrx mul",
        "first operand is a source if there are two": """add sub adc sbc and orr orn eor bic rsb
            lsl lsr asr ror mul vshl vqshl vrshl vqrshl vorr vbic""",
        "reads flags": "adc sbc rrx vsel csel csinc csinv csneg cinc cinv cneg cset csetm",
        "sets GE": """sadd8 sadd16 ssub8 ssub16 uadd8 uadd16 usub8 usub16
            sasx ssax uasx usax""",
        "branches": "b bl bx blx cbz cbnz tbb tbh le letp wls wlstp",
    }.items()
}
_CONDITION = "(eq|ne|cs|cc|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)"


class UnknownNameError(ValueError):
    """An instruction that this parser does not know."""


@dataclass(frozen=True)
class Line:
    """One instruction of a listing.

    Attributes:
        code: its two or four bytes as they lie in memory, halfword by halfword.
        text: name and operands.
    """

    code: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class Registers:
    """Register sets of one instruction, as bits.

    Attributes:
        reads, writes: everything read and written.
        addresses: part of ``reads`` that makes an address.
        base: part of ``writes`` that is an address register moved on.
        shifted: part of ``reads`` that the text shifts.
    """

    reads: int
    writes: int
    addresses: int
    base: int
    shifted: int


def disassemble(objects: Sequence[Path]) -> Iterator[Line]:
    """Every instruction of object files; data between them is left out."""
    shown = subprocess.run(
        [OBJDUMP, "-d", "-m", "armv8.1-m.main", *map(str, objects)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for match in re.finditer(r"^ *[0-9a-f]+:\t([0-9a-f ]+?) *\t([^\n]*)", shown, re.MULTILINE):
        text = re.sub(r"\b[0-9a-f]+ <[^>]*>|[@;].*", "", match[2]).strip(" ,\t")
        if match[1] == "46c0":
            text = "mov r8, r8"  # what Armv6-M has for NOP
        if not text.startswith("."):
            yield Line(tuple(int(half, 16) for half in match[1].split()), text.replace("\t", " "))


def _name(text: str) -> tuple[str, str, bool]:
    """Name without suffixes, type after the point, and whether flags are set."""
    full, _, kind = text.partition(".")
    for name in sorted(_OF_NAME, key=len, reverse=True):
        if full.startswith(name):
            s = "(s?)" if name in _KINDS["may end with S"] else "()"
            more = (
                "[te]{0,4}" if name in ("it", "vpst", "vpt") else "[te]?" if name[0] == "v" else ""
            )
            if match := re.fullmatch(f"{s}(?:{_CONDITION}|{more})?", full[len(name) :]):
                return name, kind, bool(match[1])
    raise UnknownNameError(text)


def _split(operands: str) -> list[str]:
    return [part.strip() for part in re.findall(r"(?:\[[^\]]*\]!?|\{[^}]*\}|[^,\[{])+", operands)]


def _register(text: str, element_bits: int) -> int:
    if match := re.fullmatch(r"([sdq])(\d+)(?:\[(\d+)\])?", text):
        words = {"s": 1, "d": 2, "q": 4}[match[1]]
        first = 32 + words * int(match[2])
        if match[3] is not None:
            return 1 << first + int(match[3]) * element_bits // 32
        return ((1 << words) - 1) << first
    if match := re.fullmatch(r"r(\d+)", text):
        return 1 << int(match[1])
    if text in _ALIASES:
        return 1 << _ALIASES[text]
    return _SYSTEM.get(text.lower(), 0)


def _registers(text: str, element_bits: int) -> int:
    """All registers named in an operand, ranges like ``s16-s31`` included."""
    found = 0
    if text.startswith("["):
        text = text.strip("[]!")
    for part in re.split(r"[,\s{}!]+", text):
        first, _, last = part.partition("-")
        found |= _register(first, element_bits)
        if last and text.startswith("{"):
            for number in range(int(first[1:]), int(last[1:]) + 1):
                found |= _register(f"{first[0]}{number}", element_bits)
    return found


def registers_of(text: str) -> Registers:
    """What an instruction does with registers."""
    name_text, _, operand_text = text.partition(" ")
    name, kind, sets_flags = _name(name_text)
    operands = _split(operand_text)
    bits = int(match[1]) if (match := re.match(r"[a-z]?(8|16|32)", kind)) else 32
    roles = _roles(name, kind, operands)
    reads = writes = addresses = base = shifted = 0
    for number, operand in enumerate(operands):
        found = _registers(operand, bits)
        if operand.startswith("[") or (roles in ("rwr", "r") and operand.endswith("!")):
            addresses |= found & ~PC
            last = number + 1 == len(operands)
            if operand.endswith("!") or (operand.startswith("[") and not last):
                base |= found
            continue
        if name in ("ldm", "ldmia", "ldmdb", "stm", "stmia", "stmdb") and number == 0:
            addresses |= found
            continue
        if name.startswith(("vldm", "vstm")) and number == 0:
            addresses |= found
            continue
        role = roles[min(number, len(roles) - 1)]
        reads |= found if role in "rm" else 0
        writes |= found if role in "wm" else 0
        if re.match(
            r"(lsl|lsr|asr|ror) #|rrx", operands[number + 1] if operands[number + 1 :] else ""
        ):
            shifted |= found
        reads |= FLAGS if operand == "rrx" else 0
    reads, writes = reads | addresses, writes | base
    if name in ("push", "vpush", "pop", "vpop"):
        moved = _registers(operand_text, bits)
        reads |= SP | (moved if "push" in name else 0)
        writes |= SP | (moved if "pop" in name else 0)
        addresses, base = SP, SP
    return Registers(
        (reads | _implied_reads(name, name_text)) & ~PC,
        writes | _implied_writes(name, operands, sets_flags),
        addresses,
        base,
        shifted,
    )


def _roles(name: str, kind: str, operands: Sequence[str]) -> str:
    roles = _OF_NAME[name]
    vectors = [operand for operand in operands if operand.startswith("q")]
    if name == "vmov" and len(operands) > 2:
        to_core = not operands[0].startswith(("s", "d", "q")) or operands[0] in _ALIASES
        return "wwr" if to_core or len(operands) == 4 else "wr"
    if name == "vmov" and "[" in operands[0] and kind in ("8", "16"):
        return "mr"
    if len(operands) == 2 and name in _KINDS["first operand is a source if there are two"]:
        return "mr"
    if name in ("vmla", "vfma", "vfms") and vectors:
        return "mr"
    if name in ("vcvtb", "vcvtt") and kind.startswith("f16"):
        return "mr"
    if name in ("msr", "vmsr"):
        return "wr"
    return roles


def _implied_reads(name: str, full: str) -> int:
    found = (
        FLAGS
        if name in _KINDS["reads flags"] or (name == "b" and full not in ("b", "b.n", "b.w"))
        else 0
    )
    found |= GE if name == "sel" else 0
    found |= VPR if name in ("vpsel", "vpnot", "vpst") else 0
    return found | (FPS if name in ("vadc", "vsbc") else 0)


def _implied_writes(name: str, operands: Sequence[str], sets_flags: bool) -> int:
    found = FLAGS if sets_flags or name in ("cmp", "cmn", "tst", "teq") else 0
    found |= GE if name in _KINDS["sets GE"] else 0
    if name in ("vcmp", "vcmpe", "vpt"):
        found |= VPR if any(operand.startswith("q") for operand in operands) else FPS
    found |= VPR if name in ("vctp", "vpst", "vpnot") else 0
    found |= FPS if name in ("vadc", "vadci", "vsbc", "vsbci") else 0
    found |= PC if name in _KINDS["branches"] else 0
    return found | (LR if name in ("bl", "blx") else 0)
