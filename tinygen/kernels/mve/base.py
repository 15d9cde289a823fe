# SPDX-License-Identifier: Apache-2.0
"""What the descriptors of the Helium kernels share."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.kernels.mve.requantization import ChannelConstants

CYCLES_PER_INSTRUCTION = 1.3
"""A Helium kernel's cycles against its instructions, on the Cortex-M55 timing model."""
NEEDS_MVE = "needs the vector extension MVE"


@dataclass(frozen=True)
class Epilogue:
    """What assembly does with finished sums, as parameters of a listing."""

    exact: int
    shift: int
    zero_point: int
    clamp_min: int
    clamp_max: int

    @classmethod
    def of(cls, constants: ChannelConstants) -> Epilogue:
        """The epilogue of a layer; the fitted form has its zero point in the addends."""
        return cls(
            int(constants.exact),
            constants.shift,
            constants.zero_point if constants.exact else 0,
            constants.clamp_min,
            constants.clamp_max,
        )

    @property
    def parameters(self) -> tuple[tuple[str, int], ...]:
        """In the order of the C shapes' last fields."""
        return (
            ("TG_EXACT", self.exact),
            ("TG_SHIFT", self.shift),
            ("TG_ZERO_POINT", self.zero_point),
            ("TG_CLAMP_MIN", self.clamp_min),
            ("TG_CLAMP_MAX", self.clamp_max),
        )

    @property
    def stem(self) -> str:
        """The part of a function's name that says all of it; quantized values count from -128."""
        name = f"exact{self.zero_point + 128}" if self.exact else f"fit{self.shift}"
        if (self.clamp_min, self.clamp_max) != (-128, 127):
            name += f"_clamp{self.clamp_min + 128}to{self.clamp_max + 128}"
        return name
