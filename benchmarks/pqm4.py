# SPDX-License-Identifier: Apache-2.0
"""Our timing model of the Cortex-M4 beside cycles measured on hardware, over programs of pqm4.

    git clone --recursive https://github.com/mupq/pqm4
    python -m benchmarks.pqm4 pqm4

The hardware's cycles are those of pqm4's ``benchmarks.csv``: a NUCLEO-L4R5ZI at 24 MHz, without wait
states. Programs are built as pqm4 builds them, run in QEMU under the profiling plugin with other random
numbers each time, and the mean of the runs is taken. Signing is left out: how often it starts anew is
left to chance.
"""

from __future__ import annotations

import csv
import statistics
import struct
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from benchmarks.tables import markdown_table
from tinygen.emit import Interface, Port
from tinygen.hardware.boards import board
from tinygen.hardware.toolchain import Source, arm_toolchain, compile_sources
from tinygen.measure.counts import watch_of
from tinygen.measure.plugin import build_plugin, plugin_arguments, read_report
from tinygen.run.build import build_image
from tinygen.run.qemu import QemuRunner
from tinygen.run.runner import Image

_PROGRAM = Path(__file__).with_name("pqm4_program")
_INTERFACE = Interface(
    "pqm4",
    "00",
    inputs=(Port("int8_t", 4),),
    outputs=(Port("int8_t", 4),),
    steps=tuple((f"pqm4_step_{number:02d}",) for number in range(3)),
)
_BOARD = replace(board("qemu-mps2-an386"), stack_bytes=1 << 17)
_COMMON = ("mupq/common/fips202.c", "common/keccakf1600.S")
"""Sources of every scheme."""

_FLAGS = ("-std=gnu99", "-O3", "-fno-common", "-w", "-DMUPQ", "-DMUPQ_NAMESPACE=", "-DPQM4")
"""From mk/config.mk and mupq/mk/config.mk."""

_SCHEMES: Mapping[str, tuple[str, ...]] = {
    "crypto_kem/ml-kem-512/m4fspeed": ("key generation", "encapsulation", "decapsulation"),
    "crypto_kem/ml-kem-768/m4fspeed": ("key generation", "encapsulation", "decapsulation"),
    "crypto_sign/ml-dsa-44/m4f": ("key generation", "", "verification"),
    "crypto_sign/ml-dsa-65/m4f": ("key generation", "", "verification"),
}
"""Implementations, and what their three steps are called; one without a name is left out."""


@dataclass(frozen=True)
class Program:
    """One program on hardware and by our model, in cycles."""

    name: str
    hardware: int
    model: int

    @property
    def error(self) -> float:
        """By how much the model is off."""
        return self.model / self.hardware - 1


def measured(checkout: Path, scheme: str) -> tuple[int, ...]:
    """Mean cycles of the three steps on hardware."""
    _, name, implementation = scheme.split("/")
    with (checkout / "benchmarks.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if row[:1] and row[0].startswith(f"{name} (") and row[1] == implementation:
                return tuple(int(row[column]) for column in (2, 5, 8))
    raise click.ClickException(f"benchmarks.csv has no cycles of {scheme}")


def _image(checkout: Path, scheme: str, work: Path) -> Image:
    folder = checkout / scheme
    includes = [folder, checkout / "common", checkout / "mupq" / "common", _PROGRAM]
    flags = (
        *(*_BOARD.core.gcc_flags, *_FLAGS, *(f"-I{include}" for include in includes)),
        *(("-DSIGNS",) if scheme.startswith("crypto_sign") else ()),
    )
    sources = [
        *sorted(path for path in folder.iterdir() if path.suffix in (".c", ".S", ".s")),
        *(checkout / name for name in _COMMON),
        _PROGRAM / "pqm4.c",
    ]
    made = compile_sources(arm_toolchain(), [Source(path, flags) for path in sources], work)
    objects = [compiled for _, compiled in made]
    return build_image(
        _PROGRAM, _INTERFACE, _BOARD, work / "build", trace=False, model_objects=objects
    )


def counted(image: Image, runs: int, seed: int, work: Path) -> list[tuple[int, ...]]:
    """Cycles of the three steps by our model, for each run."""
    watch = watch_of(image, _INTERFACE, _BOARD.core.timing)
    report = work / "report.json"
    arguments = plugin_arguments(build_plugin(), watch, report)
    found = []
    with QemuRunner(arguments=arguments).start(image) as session:
        for number in range(runs):
            outputs = session.run([struct.pack("<I", seed + number)])
            assert outputs[0][0] == 1, "both sides disagree: the program was built wrong"
            steps = read_report(report).steps
            found.append(tuple(step.cycles + step.misaligned_cycles for step in steps))
    return found


def programs(checkout: Path, runs: int, seed: int) -> Iterator[Program]:
    """Every program on hardware and by our model."""
    for scheme, names in _SCHEMES.items():
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            cycles = counted(_image(checkout, scheme, work), runs, seed, work)
        hardware = measured(checkout, scheme)
        _, title, implementation = scheme.split("/")
        for name, theirs, ours in zip(names, hardware, zip(*cycles, strict=True), strict=True):
            if name:
                label = f"{title.upper()} {implementation}, {name}"
                yield Program(label, theirs, round(statistics.mean(ours)))


@click.command()
@click.argument("checkout", type=click.Path(exists=True, path_type=Path))
@click.option("--runs", default=10, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(checkout: Path, runs: int, seed: int) -> None:
    """Beside the hardware's cycles, ours, of programs in a checkout of pqm4."""
    if not (checkout / "mupq" / "common").is_dir():
        raise click.ClickException(
            "the submodule mupq is missing: git submodule update --init mupq"
        )
    print(f"seed {seed}", file=sys.stderr)
    found = list(programs(checkout, runs, seed))
    rows = [(p.name, f"{p.hardware:,}", f"{p.model:,}", f"{p.error:+.1%}") for p in found]
    heads = ("program", "hardware", "model", "error")
    print("\n".join(markdown_table(heads, ("---", *("---:",) * 3), iter(rows))))
    print(f"\nmean absolute error {statistics.mean(abs(p.error) for p in found):.1%}")


if __name__ == "__main__":
    main()
