# SPDX-License-Identifier: Apache-2.0
"""What a model occupies in flash and RAM, as linked: the harness around it is left out.

Counted are the sections that survived the link from the model's own objects (generated code, weights,
the library kernels shipped with it) and from library members that are linked because one of those
asked for them first. Padding between sections, at most a few bytes each, is nobody's.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.emit import Interface
from tinygen.errors import BuildError
from tinygen.hardware.elf import read_sections, read_symbols
from tinygen.hardware.link_map import read_link_map
from tinygen.run.runner import Image


@dataclass(frozen=True)
class Footprint:
    """Bytes of a model in a linked program.

    ``flash_code`` has parameter structs and initial values of variables too; ``flash_weights`` are the
    constant arrays of ``<name>_weights.c``; ``ram_arena`` is the arena in all its memories, and
    ``ram_static`` the variables beside it. ``stack_peak`` is None if nothing watched.
    """

    flash_code: int
    flash_weights: int
    ram_arena: int
    ram_static: int
    stack_peak: int | None = None


def measure_footprint(image: Image, program: Interface) -> Footprint:
    """Adds up what the model's objects put into a program.

    Raises:
        BuildError: the map and the program are not of the same link, or there is no map.
    """
    elf, map_file = image.elf, image.map_file
    if map_file is None:
        raise BuildError(f"{elf}: linked without a map")
    sections = {section.name: section for section in read_sections(elf)}
    link = read_link_map(map_file)
    for section in sections.values():
        mapped = sum(c.size for c in link.contributions if c.section == section.name)
        # The program's section also counts what aligns its end.
        if not mapped <= section.size < mapped + 16:
            raise BuildError(
                f"{map_file}: section {section.name} has {mapped} bytes here, "
                f"but {section.size} in {elf}"
            )
    objects = {str(path) for path in image.model_objects}
    weights = {str(p) for p in image.model_objects if p.stem.endswith(f"{program.name}_weights")}
    sizes = {"code": 0, "weights": 0, "ram": 0}
    for part in link.contributions:
        found = sections.get(part.section)
        if found is None or not link.belongs_to(part.origin, objects):
            continue
        if found.stored:
            sizes["weights" if part.origin in weights else "code"] += part.size
        if found.writable:
            sizes["ram"] += part.size
    symbols = read_symbols(elf)
    arena = sum(symbols[array].size for array in program.arenas)
    return Footprint(sizes["code"], sizes["weights"], arena, sizes["ram"] - arena)
