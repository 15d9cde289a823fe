# SPDX-License-Identifier: Apache-2.0
"""The stalls that our model of flash and caches counts, beside those of another simulator.

    python -m benchmarks.memories FLASHSIM.c [MODEL.tflite ...]

Both watch the same program run on the emulated Cortex-M4 (QEMU 7.2), whose flash is that of other
boards. Prints a table; ``FLASHSIM.c`` is the plugin of the timing study.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from benchmarks import run
from benchmarks.boards import DEFAULT_MODELS
from benchmarks.compare import MODELS
from benchmarks.tables import markdown_table
from tinygen.compilation import Compilation, compile_model
from tinygen.hardware.boards import board
from tinygen.hardware.elf import read_symbols
from tinygen.hardware.memories import Cache
from tinygen.hardware.toolchain import host_toolchain
from tinygen.ir import reference
from tinygen.ir.graph import AnyArray
from tinygen.measure.counts import count_by_plugin
from tinygen.measure.plugin import Stalls, build_plugin
from tinygen.planning.board_memory import on_board
from tinygen.planning.options import Options
from tinygen.run.qemu import QemuRunner
from tinygen.run.runner import Image
from tinygen.run.workspace import Workspace


@dataclass(frozen=True)
class Flash:
    """A flash as both simulators have it; ``code`` and ``data`` are caches, one if it is unified."""

    stall: int
    read_bytes: int
    prefetch: bool
    code: Cache | None = None
    data: Cache | None = None
    data_stall: int | None = None


def _art(line_bytes: int, code: int, data: int, stall: int) -> Flash:
    return Flash(
        stall, line_bytes, True, Cache("i", line_bytes, code), Cache("d", line_bytes, data)
    )


def _unified(line_bytes: int, lines: int, stall: int) -> Flash:
    cache = Cache("c", line_bytes, lines, 2)
    return Flash(stall, line_bytes, False, cache, cache)


FLASHES: Mapping[str, Flash] = {
    "F4 168MHz 5WS": _art(16, 64, 8, 5),
    "L4+ 120MHz 5WS dual": _art(8, 128, 32, 5),
    "L4+ 120MHz 5WS single": _art(16, 64, 16, 5),
    "nRF52840 icache 2K": Flash(3, 16, False, Cache("c", 16, 128, 2), data_stall=2),
    "nRF52840 no icache": Flash(2, 4, False),
    "U5 icache 8K 4WS": _unified(16, 512, 4),
    "RP2350 xip16K miss84": _unified(8, 2048, 84),
}
"""By the names of the other simulator."""


def with_flash(image: Image, flash: Flash) -> Image:
    """The program on its board, with another flash."""
    caches = tuple({cache.name: cache for cache in (flash.code, flash.data) if cache}.values())
    region = replace(
        image.board.flash[0],
        stall=flash.stall,
        data_stall=flash.data_stall,
        read_bytes=flash.read_bytes,
        prefetch=flash.prefetch,
        code_cache=flash.code.name if flash.code else "",
        data_cache=flash.data.name if flash.data else "",
    )
    return replace(image, board=replace(image.board, flash=(region,), cache=caches))


def ours(
    compilation: Compilation, image: Image, sample: list[AnyArray], flash: Flash, folder: Path
) -> Stalls:
    """What our plugin counts in the second inference."""
    counts = count_by_plugin(
        compilation.plan, with_flash(image, flash), build_plugin(), sample, 1, folder
    )
    parts = (*(part for step in counts.steps for part in step), counts.overhead)
    return sum((part.stalls for part in parts if part.stalls), Stalls())


def others(
    flashsim: Path, compilation: Compilation, image: Image, sample: list[AnyArray], folder: Path
) -> dict[str, Stalls]:
    """What the other simulator counts in it, by flash."""
    plugin = folder / "flashsim.so"
    driver = Path(__file__).with_name("flashsim_driver.c")
    subprocess.run(
        [
            *(host_toolchain().driver, "-w", "-O2", "-shared", "-fPIC", "-fvisibility=hidden"),
            *(f'-DFLASHSIM="{flashsim.resolve()}"', str(driver), "-o", str(plugin)),
        ],
        check=True,
    )
    invoke = read_symbols(image.elf)[compilation.interface.invoke].address
    log = folder / "flashsim.log"
    arguments = ("-plugin", f"{plugin},invoke={invoke:x}", "-d", "plugin", "-D", str(log))
    with QemuRunner(arguments=arguments).start(image) as session:
        for _ in range(2):
            session.run([value.tobytes() for value in sample])
    told = re.findall(r"^FS (.+?) +istall +(\d+) dstall +(\d+)", log.read_text(), re.MULTILINE)
    first, second = told[: len(told) // 2], told[len(told) // 2 :]
    return {
        name: Stalls(code=int(code) - int(before[1]), data=int(data) - int(before[2]))
        for before, (name, code, data) in zip(first, second, strict=True)
    }


def compared(flashsim: Path, model: Path, folder: Path) -> dict[str, tuple[Stalls, Stalls]]:
    """Ours and the others' stalls of a model, by flash."""
    place = board("qemu-mps2-an386")
    compilation = compile_model(model, on_board(place, Options("net")))
    (sample,) = reference.random_inputs(compilation.network, 1, seed=1)
    image = Workspace(compilation, place, folder).image()
    known = others(flashsim, compilation, image, sample, folder)
    return {
        name: (ours(compilation, image, sample, flash, folder), known[name])
        for name, flash in FLASHES.items()
    }


@click.command()
@click.argument("flashsim", type=click.Path(path_type=Path, exists=True))
@click.argument("models", nargs=-1, type=click.Path(path_type=Path))
def main(flashsim: Path, models: tuple[Path, ...]) -> None:
    """Print both simulators' stalls of MODELS, by default MLPerf Tiny's."""
    found = {}
    for model in models or [MODELS / f"{name}.tflite" for name in DEFAULT_MODELS]:
        with tempfile.TemporaryDirectory(prefix="tinygen-memories-") as work:
            found[model.stem] = compared(flashsim, model, Path(work))
        print(f"{model.stem} done", file=sys.stderr)
    headings = ("flash", *found, "largest difference")
    alignment = ["---", *["---:"] * (len(headings) - 1)]
    print("\n".join(markdown_table(headings, alignment, _rows(found))))


def _rows(found: Mapping[str, Mapping[str, tuple[Stalls, Stalls]]]) -> Iterator[tuple[str, ...]]:
    """A flash a row: thousands of our stalls for code + data, and how far they are off at most."""
    for name in FLASHES:
        pairs = [of_model[name] for of_model in found.values()]
        cells = (f"{ours.code / 1e3:,.1f} + {ours.data / 1e3:,.1f}" for ours, _ in pairs)
        largest = max(abs(ours.total / other.total - 1) for ours, other in pairs)
        yield (name, *cells, f"{100 * largest:.2f} %")


if __name__ == "__main__":
    run(main)
