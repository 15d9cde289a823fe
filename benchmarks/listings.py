# SPDX-License-Identifier: Apache-2.0
"""Our timing models beside SLOTHY's, over the listings that it optimized.

    python -m benchmarks.listings FOLDER [--all] [--cycles FILE:NUMBER]

SLOTHY (https://eprint.iacr.org/2022/1303, https://eprint.iacr.org/2025/366) schedules assembly for
models of M7, M55 and M85 that were fitted to silicon, and says above each block how many cycles its
model gives it. Here each block is assembled and issued by the model of our profiling plugin: a loop's
body once its state repeats, anything else from an empty core. Prints how many blocks are within 5 %,
and which are not.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks import run
from benchmarks.tables import markdown_table
from tinygen.errors import BuildError
from tinygen.hardware.cores import core
from tinygen.hardware.toolchain import arm_toolchain, host_toolchain
from tinygen.resources import resource_root

_PLUGIN = resource_root() / "firmware" / "qemu-plugin"
_DRIVER = Path(__file__).with_name("pipeline_driver.c")
_FILES = ("thumb.c", "thumb_vector.c", "operands.c", "operand_rows.c", "timing.c")
_FLAGS: Mapping[str, Sequence[str]] = {
    "cortex-m7": ("-mcpu=cortex-m7", "-mfpu=fpv5-d16"),
    "cortex-m55": ("-march=armv8.1-m.main+mve.fp+fp.dp",),
    "cortex-m85": ("-march=armv8.1-m.main+mve.fp+fp.dp",),
}
_PASSES = 40
"""Enough for the state at the start of a loop's body to repeat."""

_CLOSE = 0.05
_MARK = "tinygen_"


@dataclass(frozen=True)
class Block:
    """A scheduled block of a listing.

    Attributes:
        name: file and number.
        core: whose model it was scheduled for.
        expected: cycles that SLOTHY gives it.
        loops: it is the body of a loop.
        positions: cycle at which SLOTHY issues each instruction.
    """

    name: str
    core: str
    expected: int
    loops: bool
    positions: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    """A block, the instructions it was assembled to, and the cycle at which each issues."""

    block: Block
    texts: tuple[str, ...]
    cycles: tuple[int, ...]
    total: int

    @property
    def error(self) -> float:
        """By how much our cycles are off."""
        return self.total / self.block.expected - 1


def _core_of(path: Path) -> str:
    return f"cortex-{path.stem.rpartition('_')[2].lower()}"


def marked(path: Path) -> tuple[str, list[Block]]:
    """A listing with a symbol at the beginning and the end of each block, and these.

    A block's instructions are those lines below its header that have a cycle drawn beside them. Where
    one is cut from the listing, a loop's branch from what follows the loop, so are its cycles.
    """
    blocks: list[Block] = []
    lines: list[str] = []
    expected: int | None = None
    stated = count = 0
    positions: list[int] = []
    loops = False
    # A block ends at code without a cycle: what follows the listing is such.
    for line in (*path.read_text(encoding="utf-8").splitlines(), "nop"):
        code = line.partition("//")[0].strip()
        is_instruction = bool(code) and not code.startswith(".") and not code.endswith(":")
        drawn = re.search(r"// ([.]*)([*e])[.]*", line) if is_instruction else None
        header = re.search(r"// Expected cycles: +(\d+)", line)
        if match := re.search(r"// Instructions: +(\d+)", line):
            stated = int(match[1])
        if expected is not None and positions and (header or (code and not drawn)):
            lines.append(f"{_MARK}end_{len(blocks)}:")
            name = f"{path.name}:{len(blocks)}"
            if len(positions) < count:
                expected = min(expected, max(positions) + 1)
            blocks.append(Block(name, _core_of(path), expected, loops, tuple(positions)))
            expected = None
        if header:
            expected, count, positions, loops = int(header[1]), stated, [], False
        elif expected is not None and drawn:
            if not positions:
                lines.append(f"{_MARK}begin_{len(blocks)}:")
            positions.append(len(drawn[1]))
            loops = loops or drawn[2] == "e" or "@slothy:branch" in line
        lines.append(line)
    return "\n".join(lines) + "\n", blocks


def _object(path: Path, text: str, flags: Sequence[str], work: Path) -> Path:
    source, made = work / "listing.s", work / "listing.o"
    source.write_text(text, encoding="utf-8")
    naive = Path(str(path.parent).replace("/opt/", "/naive/"))
    done = subprocess.run(
        [
            arm_toolchain().driver,
            *("-x", "assembler-with-cpp", "-mthumb", "-mfloat-abi=hard", *flags),
            *(
                f"-I{path.parent}",
                f"-I{naive}",
                "-DSHIFT=1",
            ),  # which one listing leaves to its user
            *("-c", str(source), "-o", str(made)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"{path.name} does not assemble: {done.stderr.splitlines()[1]}")
    return made


def _instructions(made: Path, blocks: int) -> list[list[tuple[str, str]]]:
    """Halfwords and text of each block's instructions."""
    places = {
        name: int(place, 16)
        for place, _, name in map(str.split, _shown("nm", "--defined-only", str(made)))
    }
    code = {
        int(match[1], 16): (match[2], re.split("[@;]", match[3])[0].strip().replace("\t", " "))
        for line in _shown("objdump", "-d", "-m", "armv8.1-m.main", str(made))
        if (match := re.match(r" *([0-9a-f]+):\t([0-9a-f ]+?) *\t(.*)", line))
    }
    return [
        [
            code[place]
            for place in range(places[f"{_MARK}begin_{number}"], places[f"{_MARK}end_{number}"], 2)
            if place in code
        ]
        for number in range(blocks)
    ]


def _shown(tool: str, *arguments: str) -> list[str]:
    command = [f"arm-none-eabi-{tool}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def _access(text: str) -> int:
    """Where an instruction accesses memory: SLOTHY knows the constant only, be it offset or update."""
    match = re.search(r"\[\w+(?:\]|, )(?:, )?#(-?\d+)", text)
    return (1 << 20) + int(match[1]) if match else 0


def _conditional(texts: Sequence[str]) -> list[bool]:
    """Whether an IT makes each instruction conditional."""
    left = 0
    found = []
    for text in texts:
        found.append(left > 0)
        name = text.split()[0]
        left = len(name) - 1 if re.fullmatch("it[te]{0,3}", name) else max(left - 1, 0)
    return found


def build_driver(work: Path) -> Path:
    """The timing models as a program of this machine."""
    driver = work / "driver"
    subprocess.run(
        [
            host_toolchain().driver,
            *("-std=c99", "-O2", f"-I{_PLUGIN}", "-o", str(driver), str(_DRIVER)),
            *(str(_PLUGIN / name) for name in _FILES),
        ],
        check=True,
    )
    return driver


def issued(driver: Path, block: Block, instructions: Sequence[tuple[str, str]]) -> Result:
    """The block by our model."""
    timing = core(block.core).timing
    assert timing is not None
    texts = [text for _, text in instructions]
    rows = zip(instructions, map(_access, texts), _conditional(texts), strict=True)
    given = "".join(
        f"{code if ' ' in code else code + ' 0'} {access:x} {int(conditional)}\n"
        for (code, _), access, conditional in rows
    )
    passes = _PASSES if block.loops else 1
    shown = subprocess.run(
        [str(driver), timing.argument(), str(passes)],
        input=given,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    last = [int(cycle) for cycle in shown[-1].split()]
    if block.loops:
        half = [int(cycle) for cycle in shown[passes // 2 - 1].split()]
        total = round((last[-1] - half[-1]) / (passes - passes // 2))
    else:
        total = last[-1] - last[0] + 1
    return Result(block, tuple(texts), tuple(cycle - last[0] for cycle in last), total)


def results(checkout: Path) -> Iterator[Result]:
    """Every block of the listings that can be assembled, by our models."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        driver = build_driver(work)
        for path in sorted((checkout / "examples" / "opt").rglob("*.s")):
            if _core_of(path) not in _FLAGS:
                continue
            text, blocks = marked(path)
            if not blocks:
                continue
            try:
                made = _object(path, text, _FLAGS[_core_of(path)], work)
            except BuildError as error:
                print(error, file=sys.stderr)
                continue
            for block, instructions in zip(blocks, _instructions(made, len(blocks)), strict=True):
                yield issued(driver, block, instructions)


def _schedule(result: Result) -> str:
    rows = zip(result.cycles, result.block.positions, result.texts, strict=True)
    return "\n".join(f"{ours:5} {theirs:5}  {text}" for ours, theirs, text in rows)


@click.command()
@click.argument("checkout", type=click.Path(exists=True, path_type=Path))
@click.option("--all", "show_all", is_flag=True, help="all blocks, not only those that are off")
@click.option("--cycles", metavar="FILE:NUMBER", help="both schedules of one block")
def main(checkout: Path, show_all: bool, cycles: str | None) -> None:
    """Beside SLOTHY's cycles, ours, for each block in a checkout of SLOTHY."""
    found = list(results(checkout))
    if cycles:
        print("\n".join(_schedule(r) for r in found if r.block.name == cycles))
        return
    rows = []
    for name in _FLAGS:
        errors = [abs(result.error) for result in found if result.block.core == name]
        close = sum(error <= _CLOSE for error in errors)
        share, mean = f"{close / len(errors):.0%}", f"{statistics.mean(errors):.1%}"
        rows.append((name, str(len(errors)), str(close), share, mean))
    heads = ("core", "blocks", "within 5 %", "share", "mean error")
    print("\n".join(markdown_table(heads, ("---", *("---:",) * 4), iter(rows))), end="\n\n")
    off = [result for result in found if show_all or abs(result.error) > _CLOSE]
    listed = sorted(off, key=lambda result: (result.block.core, result.error))
    heads = ("block", "instructions", "SLOTHY", "ours", "error")
    rows = [
        (r.block.name, str(len(r.texts)), str(r.block.expected), str(r.total), f"{r.error:+.0%}")
        for r in listed
    ]
    print("\n".join(markdown_table(heads, ("---", *("---:",) * 4), iter(rows))))


if __name__ == "__main__":
    run(main)
