# SPDX-License-Identifier: Apache-2.0
"""GNU ld's map file: which object file put how many bytes where.

Format: "The GNU linker", option -Map. Three parts matter: the archive members and who asked for them
first, and the input sections in the order of the output sections they went to.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from tinygen.errors import BuildError

_ARCHIVE_HEADING = "Archive member included"
_MAP_HEADING = "Linker script and memory map"
_OUTPUT_SECTION = re.compile(r"^(\.\S+)")
_INPUT_SECTION = re.compile(r"^ (\S+)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S.*)$")
_REFERENCE = re.compile(r"^\s+(\S.*) \(\S+\)$")


@dataclass(frozen=True)
class Contribution:
    """An input section of a linked program.

    Attributes:
        section: the output section it is in, e.g. ``.text``.
        origin: the object file or ``archive(member)`` it came from; empty for padding.
        size: bytes.
    """

    section: str
    origin: str
    size: int


@dataclass(frozen=True)
class LinkMap:
    """What was linked.

    Attributes:
        contributions: input sections and padding with a size, in order of address.
        asked_by: for every archive member, the object or member that asked for it first.
    """

    contributions: tuple[Contribution, ...]
    asked_by: dict[str, str]

    def belongs_to(self, origin: str, objects: Collection[str]) -> bool:
        """Whether a file is one of ``objects``, or a library member that is there for one of them."""
        while origin not in objects and origin in self.asked_by:
            origin = self.asked_by[origin]
        return origin in objects


def read_link_map(path: Path) -> LinkMap:
    """Parses a map file.

    Raises:
        BuildError: it is none.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    head, heading, body = text.partition(_MAP_HEADING)
    if not heading:
        raise BuildError(f"{path}: not a map file of GNU ld")
    return LinkMap(tuple(_contributions(body)), dict(_references(head)))


def _references(text: str) -> Iterator[tuple[str, str]]:
    _, heading, after = text.partition(_ARCHIVE_HEADING)
    if not heading:
        return
    member = ""
    # The table ends with the first line that is neither a member nor who asked for it.
    for line in after.splitlines()[1:]:
        found = _REFERENCE.match(line)
        if found and member:
            yield member, found[1]
            member = ""
        elif line.endswith(")") and not line.startswith(" "):
            # Member and reference share a line if the member's name is short.
            name, _, rest = line.partition(" ")
            inline = _REFERENCE.match(" " + rest.strip()) if rest else None
            if inline:
                yield name, inline[1]
            else:
                member = line
        elif line.strip():
            return


def _contributions(text: str) -> Iterator[Contribution]:
    section = ""
    # Long section names have their numbers on the next line.
    for line in re.sub(r"^( \S+)\n +(?=0x)", r"\1 ", text, flags=re.MULTILINE).splitlines():
        if found := _OUTPUT_SECTION.match(line):
            section = found[1]
        elif fill := re.match(r"^ \*fill\*\s+0x[0-9a-f]+\s+0x([0-9a-f]+)", line):
            yield Contribution(section, "", int(fill[1], 16))
        elif (entry := _INPUT_SECTION.match(line)) and int(entry[3], 16):
            yield Contribution(section, entry[4], int(entry[3], 16))
