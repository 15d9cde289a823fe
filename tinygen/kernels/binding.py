# SPDX-License-Identifier: Apache-2.0
"""A kernel fitted to a layer, as data: calls, arguments, constants, assembly, memory.

Arguments are data, not text, because symbols and arena offsets are the planner's to give:

* ``TensorArgument``: pointer to a run-time tensor, cast to its element type;
* ``ScratchArgument``: pointer to the step's scratch memory;
* ``Constant``: pointer to that array of the generated program;
* ``Assembly``: the function that it defines;
* ``RingArgument``, ``RowArgument``, ``KeptArgument``, ``FIRST_ROW``, ``END_ROW``: what the call of a
  band of rows gets (``tinygen.kernels.bands``);
* ``Struct``: pointer to (or, as a field, value of) a parameter struct with named fields;
* ``int``, ``float`` or ``Raw`` text: a literal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tinygen.ir.graph import AnyArray

ARENA_ALIGNMENT = 4
"""Bytes to which everything in the arena is aligned, at least."""


@dataclass(frozen=True)
class TensorArgument:
    """Pointer to a run-time tensor; ``ctype`` overrides the pointed-to type if given."""

    tensor: int
    writable: bool = False
    ctype: str = ""


@dataclass(frozen=True)
class ScratchArgument:
    """Pointer to the step's scratch memory, as ``ctype *``."""

    ctype: str = "void"


@dataclass(frozen=True)
class RingArgument:
    """Pointer to slot 0 of the rows of an input; the kernel knows how many there are."""

    tensor: int
    ctype: str = ""


@dataclass(frozen=True)
class RowArgument:
    """Pointer to the row at which the band starts: of an output, or of an input read row for row."""

    tensor: int
    writable: bool = False
    ctype: str = ""


@dataclass(frozen=True)
class KeptArgument:
    """Pointer to the memory that an operator keeps from one band to the next, as ``ctype *``."""

    ctype: str = "int32_t"


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant array of the generated program, in the order the kernel reads it.

    ``values`` gives the C type through its dtype; ``ctype`` overrides it. ``alignment`` in bytes. As an
    argument or field it is a pointer to the array, cast to ``cast`` if given: there are libraries whose
    structs are not const-correct.
    """

    name: str
    values: AnyArray
    ctype: str = ""
    alignment: int = 4
    cast: str = ""


@dataclass(frozen=True)
class Raw:
    """A C expression that is a constant by itself: an enumerator, a macro, ``NULL``."""

    text: str


@dataclass(frozen=True)
class Assembly:
    """A hot loop in GNU assembly: a listing below ``firmware/kernels``, with its parameters.

    As an argument it stands for the function that it defines, with ``TG_STEPS`` the value of the
    parameter ``steps``, and so on. The function is of ``function_type``, a typedef of the kernel's
    headers. ``twin`` is the C function of the same bits; if there is a ``shape``, what the parameters
    say of the layer, the twin takes it before the other arguments.
    """

    listing: str
    function_type: str
    twin: str
    parameters: tuple[tuple[str, int], ...] = ()
    shape: Struct | int | None = None


FIRST_ROW = Raw("first_row")
"""The first row of a band, int32_t."""

END_ROW = Raw("end_row")
"""The row behind the last of a band, int32_t."""


@dataclass(frozen=True)
class Struct:
    """A parameter struct. As a call argument its address is passed; as a field it is nested.

    ``ctype`` may be empty for a nested struct. A struct that points into the arena cannot be a
    ``static const`` object, because the arena's address may be the application's to give.
    """

    ctype: str
    fields: tuple[tuple[str, Field], ...]
    label: str = "parameters"
    """Name of the C object when it is a call argument."""


Field = TensorArgument | ScratchArgument | Constant | Assembly | Raw | Struct | int | float
"""What a struct field or a call argument may be."""

Argument = Field | RingArgument | RowArgument | KeptArgument
"""What a call argument may be; the last three only in a call that computes a band."""


@dataclass(frozen=True)
class Call:
    """One call of a C function. ``checked``: it returns a status that must be 0.

    ``ends``: it returns whether the inference ends there, done; no call comes after it.
    """

    function: str
    arguments: tuple[Argument, ...]
    checked: bool = False
    ends: bool = False


@dataclass(frozen=True)
class Overlap:
    """Leave to write an output over an input that dies in the step.

    The kernel stays right if the output starts at least ``lead_bytes`` before the input: by the time
    it writes a byte, it has read what stood there. 0 allows the same place. ``exact`` allows no other
    distance than ``lead_bytes``: a kernel that goes through the image in another order than memory's.
    """

    input: int
    output: int
    lead_bytes: int
    exact: bool = False


@dataclass(frozen=True, eq=False)
class Binding:
    """A kernel fitted to a layer.

    ``constants`` are those of the calls, which come by themselves, and any others. ``headers`` are the
    files to include, below ``kernels/`` (or below the library for another
    provider); ``library_functions`` are the library's functions whose sources must be shipped;
    ``scratch_bytes`` live in the arena during the step (in a stream: during each of its bands), and
    ``kept_bytes`` from the operator's first band to its last. ``notes`` say what was proven or had to
    be given up, for the plan. ``prototypes`` declare functions that are defined elsewhere; ``sources``
    are the user's files that define them.
    """

    calls: tuple[Call, ...]
    headers: tuple[str, ...] = ()
    constants: tuple[Constant, ...] = ()
    scratch_bytes: int = 0
    kept_bytes: int = 0
    overlaps: tuple[Overlap, ...] = ()
    library_functions: tuple[str, ...] = ()
    prototypes: tuple[str, ...] = ()
    sources: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Add the constants that the calls point to."""
        constants = tuple(dict.fromkeys((*self.constants, *constants_of_calls(self.calls))))
        assert len({constant.name for constant in constants}) == len(constants), constants
        object.__setattr__(self, "constants", constants)

    @property
    def assembly(self) -> tuple[Assembly, ...]:
        """The assembly that its calls use."""
        return tuple(value for value in _all_values(self.calls) if isinstance(value, Assembly))


def constants_of_calls(calls: Iterable[Call]) -> Iterator[Constant]:
    """The constants that calls point to."""
    return (value for value in _all_values(calls) if isinstance(value, Constant))


def _all_values(calls: Iterable[Call]) -> Iterator[Argument]:
    """Every argument of the calls, each struct's fields behind it."""
    for call in calls:
        for argument in call.arguments:
            yield from _with_fields(argument)


def _with_fields(value: Argument) -> Iterator[Argument]:
    yield value
    if isinstance(value, Struct):
        for _, field in value.fields:
            yield from _with_fields(field)
