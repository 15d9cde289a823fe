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
            ("form", int(self.form)),
            ("shift", self.shift),
            ("addend", self.addend),
            ("zero_point", self.zero_point),
            ("clamp_min", self.clamp_min),
            ("clamp_max", self.clamp_max),
        )
