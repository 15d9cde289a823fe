# SPDX-License-Identifier: Apache-2.0
"""The profiling plugin: its counts against QEMU's own log of every instruction executed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.run.programs import need
from tinygen.emit import Interface, Port
from tinygen.errors import MachineError, TargetError
from tinygen.hardware import cores
from tinygen.hardware.boards import board
from tinygen.hardware.elf import read_symbols
from tinygen.hardware.timing import Timing
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

M4 = cores.core("cortex-m4").timing


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("api", [1, 2, 3])
def test_plugin_compiles_without_warnings(tmp_path: Path, compiler: str, api: int) -> None:
    need(compiler)
    flags = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wundef", "-Werror")
    for source in sorted((resource_root() / "firmware" / "qemu-plugin").glob("*.c")):
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


LOOP_SOURCE = """
#include "stepped.h"
static int8_t data[64] __attribute__((aligned(16)));
int8_t *stepped_input_0(void) {{ return data; }}
const int8_t *stepped_output_0(void) {{ return data; }}
void stepped_reset(void) {{}}
int stepped_invoke(void);
__asm__(
    ".syntax unified\\n .thumb\\n .text\\n .balign 4\\n"
    ".macro step name passes\\n .thumb_func\\n .type \\\\name, %function\\n"
    ".balign 4\\n \\\\name: push {{r4, r5, r6, r7, lr}}\\n ldr r4, =data\\n"
    "movs r7, #\\\\passes\\n .balign 4\\n 1:\\n {body}\\n subs r7, #1\\n bne 1b\\n"
    "pop {{r4, r5, r6, r7, pc}}\\n .ltorg\\n .endm\\n"
    "step stepped_step_00 100\\n"
    "step stepped_step_01 200\\n"
    "step stepped_step_02 100\\n"
    ".global stepped_invoke\\n .thumb_func\\n .type stepped_invoke, %function\\n"
    "stepped_invoke: push {{r4, lr}}\\n"
    "bl stepped_step_00\\n bl stepped_step_01\\n bl stepped_step_02\\n"
    "movs r0, #0\\n pop {{r4, pc}}\\n"
    ".size stepped_invoke, . - stepped_invoke\\n"
);
"""

# Of a pass through the body, SUBS, and BNE taken; what test_timing.py has of each, one after the
# other. An M0+, M23, M35P, M52 or M85 is timed on the nearest core that QEMU emulates.
LOOPS_IN_QEMU = [
    ("m0", "qemu-microbit", "ldr r0, [r4]", 2 + 1 + 3),
    ("m0plus", "qemu-mps2-an385", "ldr r0, [r4]", 2 + 1 + 2),
    ("m3", "qemu-mps2-an385", "mla r0, r1, r2, r3", 2 + 1 + 3),
    ("m4", "qemu-mps2-an386", "ldr r0, [r4]; ldr r1, [r4, #4]", 3 + 1 + 3),
    ("m23", "qemu-mps2-an505", "udiv r0, r1, r2", 17 + 1 + 2),
    ("m33", "qemu-mps2-an505", "smlad r0, r1, r2, r0; smlad r0, r3, r1, r0", 2 + 3),
    ("m33", "qemu-mps2-an505", "adds r0, #1; it eq; addeq r1, #1", 2 + 3),
    ("m35p", "qemu-mps2-an505", "ldrd r0, r1, [r4]", 2 + 3),
    ("m7", "qemu-mps2-an500", "smlad r0, r1, r2, r0; ldr r3, [r4]", 1 + 1),
    ("m55", "qemu-mps3-an547", "vldrw.u32 q0, [r4]; vmladava.s8 r6, q0, q1", 2 + 3),
    ("m52", "qemu-mps3-an547", "vmladava.s8 r6, q0, q1; vmladava.s8 r2, q2, q3", 8),
    ("m85", "qemu-mps3-an547", "ubfx r0, r1, #0, #8; ubfx r2, r3, #0, #8", 1 + 1),
]


def _need_plugins() -> None:
    need("cc", "arm-none-eabi-gcc", "qemu-system-arm")
    if not supports_plugins(qemu_path()):
        pytest.skip("QEMU was built without plugins")


def build(text: str, board_name: str, folder: Path) -> Image:
    """A stepped model for an emulated board."""
    _need_plugins()
    source = folder / "generated"
    source.mkdir()
    (source / "stepped.h").write_text(STEPPED_HEADER)
    (source / "stepped.c").write_text(text)
    return build_image(source, STEPPED, board(board_name), folder / "build", trace=False)


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return build(STEPPED_SOURCE, "qemu-mps2-an386", tmp_path_factory.mktemp("stepped"))


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
    # STR and POP wait a cycle for SP.
    # count_down: 1 + 100 * 2 + 1 instructions, 99 of its branches taken.
    leaf = (202, 202 + 99 * 2)
    assert (calls.instructions, calls.cycles) == (
        6 + leaf[0],
        2 + (3 + 1 + (1 + 1) + 1) + 2 + leaf[1] + 2 + (1 + (1 + 3)),
    )
    assert calls.stores == 3
    for branch in branches:
        assert (branch.instructions, branch.cycles) == (1 + leaf[0], 2 + 1 + 2 + leaf[1])
    assert inference.overhead.instructions == 7
    # Three of the returns lead to a BL in the middle of a word.
    assert inference.overhead.cycles == 2 + 3 + 4 + 4 * 2 + 3 + 1 + 3
    # invoke's frame of 8, the step's of 8 and 256.
    assert inference.stack_bytes == 8 + 8 + 256


@pytest.mark.qemu
def test_no_timing_model(stepped: Image, tmp_path: Path) -> None:
    timed = count(stepped, M4, tmp_path / "timed")
    untimed = count(stepped, None, tmp_path / "untimed")
    assert all(step.cycles == 0 for step in untimed.steps)
    assert [s.instructions for s in untimed.steps] == [s.instructions for s in timed.steps]


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


@pytest.mark.qemu
@pytest.mark.parametrize(("core", "board_name", "body", "wanted"), LOOPS_IN_QEMU)
def test_loops_of_every_core(
    core: str, board_name: str, body: str, wanted: int, tmp_path: Path
) -> None:
    image = build(LOOP_SOURCE.format(body=body), board_name, tmp_path)
    inference = count(image, cores.core(f"cortex-{core}").timing, tmp_path)
    hundred, two_hundred, again = (step.cycles for step in inference.steps)
    assert hundred == again
    assert (two_hundred - hundred) / 100 == wanted
