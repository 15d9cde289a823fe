# SPDX-License-Identifier: Apache-2.0
"""The profiling plugin of QEMU: building it for the QEMU there is, and reading what it counted.

The plugin's C is in firmware/qemu-plugin; docs/profile.md says what it counts and how well.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinygen.errors import BuildError, MachineError, TargetError
from tinygen.hardware.timing import Timing
from tinygen.hardware.toolchain import host_toolchain
from tinygen.resources import resource_root, user_cache
from tinygen.run.qemu import qemu_path

_FLAGS = ("-std=c99", "-O2", "-shared", "-fPIC", "-fvisibility=hidden")
_FIRST_WITH_COPIED_DATA = (9, 1)
_FIRST_WITH_VERSION_2 = (9, 0)
_QUERY_SECONDS = 30


@dataclass(frozen=True)
class Stalls:
    """Cycles in which the core waits for memory.

    ``code``: for instructions; ``data``: for constants in flash; ``ram``: for variables.
    """

    code: int = 0
    data: int = 0
    ram: int = 0

    @property
    def total(self) -> int:
        """Whatever for."""
        return self.code + self.data + self.ram

    def __add__(self, other: Stalls) -> Stalls:
        return Stalls(self.code + other.code, self.data + other.data, self.ram + other.ram)


@dataclass(frozen=True)
class Counters:
    """What was executed in a part of an inference: the function that begins at ``address``.

    An instruction whose condition fails counts too, and one may make several accesses to memory.
    ``cycles`` are estimated by the timing model, 0 without one; ``misaligned_cycles``, what M3 and M4
    add for unaligned loads, and ``stalls`` are not part of them.
    """

    address: int
    instructions: int
    cycles: int
    loads: int
    stores: int
    misaligned_cycles: int
    stalls: Stalls = Stalls()

    def __add__(self, other: Counters) -> Counters:
        """Both calls of the same function."""
        assert self.address == other.address
        sums = {name: value + vars(other)[name] for name, value in vars(self).items()}
        return Counters(**{**sums, "address": self.address})


@dataclass(frozen=True)
class Inference:
    """The last inference a program ran, and its ``number``: how many it had run by then.

    ``overhead`` is of the invoke function itself, ``steps`` of each step function in the order in
    which they ran; ``stack_bytes`` from the first to the last byte of the stack that was written.
    """

    number: int
    overhead: Counters
    steps: tuple[Counters, ...]
    stack_bytes: int


@dataclass(frozen=True)
class Watch:
    """What the plugin is to look at: first addresses of the invoke and step functions.

    ``stack`` is the first address of the stack and the one after its last; ``memories`` are what
    ``memories_argument`` makes of those that the core waits for.
    """

    invoke: int
    steps: Collection[int]
    stack: tuple[int, int]
    timing: Timing | None
    memories: str = ""


def qemu_version(text: str) -> tuple[int, int]:
    """Major and minor number in what ``qemu-system-arm --version`` prints.

    Raises:
        MachineError: there is none.
    """
    found = re.search(r"version (\d+)\.(\d+)", text)
    if not found:
        raise MachineError(f"the emulator does not tell its version: {text.strip()[:80]!r}")
    return int(found[1]), int(found[2])


def plugin_api(version: tuple[int, int]) -> int:
    """The version of the plugin interface to build for, out of those that a QEMU offers."""
    if version >= _FIRST_WITH_COPIED_DATA:
        return 3
    return 2 if version >= _FIRST_WITH_VERSION_2 else 1


def ask_qemu(qemu: str, option: str) -> str:
    """What QEMU prints when started with one option.

    Raises:
        MachineError: it does not run.
    """
    try:
        return subprocess.run(
            [qemu, option],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_QUERY_SECONDS,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise MachineError(f"the emulator {qemu} does not run: {error}") from error


def supports_plugins(qemu: str) -> bool:
    """Whether a QEMU was built with plugins: only then its help names the option."""
    return re.search(r"^-plugin\b", ask_qemu(qemu, "--help"), re.MULTILINE) is not None


def build_plugin(folder: Path | None = None, qemu: str | None = None) -> Path:
    """The plugin, compiled for the installed QEMU (or the one given).

    It is kept in ``folder``, by default in the user's cache, under a name that tells what it is made
    of: it is compiled once.

    Raises:
        MachineError: QEMU or a native compiler is missing, or QEMU was built without plugins.
        BuildError: the compiler refused the plugin.
    """
    qemu = qemu or qemu_path()
    if not supports_plugins(qemu):
        raise MachineError(
            f"the emulator {qemu} was built without plugins",
            "install one that was built with --enable-plugins, as Debian's and Homebrew's are",
        )
    compiler = host_toolchain()
    flags = (
        *_FLAGS,
        f"-DTINYGEN_PLUGIN_API={plugin_api(qemu_version(ask_qemu(qemu, '--version')))}",
        # QEMU provides its functions when it loads the plugin.
        *(("-undefined", "dynamic_lookup") if sys.platform == "darwin" else ()),
    )
    sources = sorted((resource_root() / "firmware" / "qemu-plugin").glob("*.[ch]"))
    made_of = hashlib.sha256(repr((compiler, flags)).encode())
    for source in sources:
        made_of.update(source.read_bytes())
    folder = folder or user_cache() / "qemu-plugin"
    plugin = folder / f"{made_of.hexdigest()[:16]}.so"
    if not plugin.is_file():
        _compile(compiler.driver, flags, [path for path in sources if path.suffix == ".c"], plugin)
    return plugin


def _compile(driver: str, flags: Sequence[str], sources: Sequence[Path], plugin: Path) -> None:
    plugin.parent.mkdir(parents=True, exist_ok=True)
    # Another process may want it at the same time: it appears whole or not at all.
    with tempfile.TemporaryDirectory(dir=plugin.parent) as work:
        output = Path(work) / plugin.name
        done = subprocess.run(
            [driver, *flags, *map(str, sources), "-o", str(output)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            raise BuildError(f"compiling the profiling plugin failed:\n{done.stderr.strip()}")
        output.replace(plugin)


def plugin_arguments(plugin: Path, watch: Watch, report: Path) -> tuple[str, ...]:
    """QEMU's arguments that load the plugin and have it write ``report`` after each inference."""
    options = [
        # QEMU separates options by commas and takes two for one.
        str(plugin).replace(",", ",,"),
        "output=" + str(report).replace(",", ",,"),
        f"invoke={watch.invoke:x}",
        "steps=" + ":".join(f"{address:x}" for address in sorted(set(watch.steps))),
        f"stack={watch.stack[0]:x}:{watch.stack[1]:x}",
    ]
    if watch.timing is not None:
        options.append(f"timing={watch.timing.argument()}")
    if watch.memories:
        options.append(f"memories={watch.memories}")
    return ("-plugin", ",".join(options))


def read_report(report: Path) -> Inference:
    """What the plugin wrote after the last inference.

    Raises:
        TargetError: no inference was seen.
    """
    try:
        data: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TargetError(f"the profiling plugin saw no inference: {error}") from error
    return Inference(
        number=data["inferences"],
        overhead=_counters(data["overhead"]),
        steps=tuple(_counters(step) for step in data["steps"]),
        stack_bytes=data["stack_bytes"],
    )


def _counters(told: dict[str, Any]) -> Counters:
    return Counters(**{**told, "stalls": Stalls(*told["stalls"])})
