# SPDX-License-Identifier: Apache-2.0
"""What the descriptors of the Helium kernels share."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.kernels.mve.requantization import ChannelConstants, Form

CYCLES_PER_INSTRUCTION = 1.3
"""A Helium kernel's cycles against its instructions, on the Cortex-M55 timing model."""
NEEDS_MVE = "needs the vector extension MVE"


def cut(total: int, most: int) -> list[tuple[int, int]]:
    """Pieces of ``most``, and one that is smaller if any is left over: (size, how many)."""
    whole, left = divmod(total, most)
    return [(size, count) for size, count in ((most, whole), (left, 1)) if size and count]


@dataclass(frozen=True)
class Epilogue:
    """What assembly does with finished sums, as parameters of a listing."""

    form: Form
    shift: int
    addend: int
    zero_point: int
    clamp_min: int
    clamp_max: int

    @classmethod
    def of(cls, constants: ChannelConstants) -> Epilogue:
        """The epilogue of a layer; other forms than the exact have its zero point in an addend."""
        return cls(
            constants.form,
            constants.shift,
            constants.addend,
            constants.zero_point if constants.form is Form.EXACT else 0,
            constants.clamp_min,
            constants.clamp_max,
        )

    @property
    def parameters(self) -> tuple[tuple[str, int], ...]:
        """In the order of the C shapes' last fields."""
        return (
            ("TG_FORM", int(self.form)),
            ("TG_SHIFT", self.shift),
            ("TG_ADDEND", self.addend),
            ("TG_ZERO_POINT", self.zero_point),
            ("TG_CLAMP_MIN", self.clamp_min),
            ("TG_CLAMP_MAX", self.clamp_max),
        )

    @property
    def stem(self) -> str:
        """The part of a function's name that says all of it; quantized values count from -128."""
        if self.form is Form.EXACT:
            name = f"exact{self.zero_point + 128}"
        elif self.form is Form.FITTED:
            name = f"fitted{self.shift}"
        else:
            name = f"aligned{self.shift}_plus{self.addend & 0xFFFFFFFF}"
        if (self.clamp_min, self.clamp_max) != (-128, 127):
            name += f"_clamp{self.clamp_min + 128}to{self.clamp_max + 128}"
        return name
