# SPDX-License-Identifier: Apache-2.0
"""Operators of the user: a NumPy reference and a C function (docs/custom-operators.md).

Nothing is registered: a model is compiled with the operators that are handed over with it.
"""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinygen.errors import InputError

Reference = Callable[..., Any]
"""``reference(options, *inputs)`` gives the output, or a tuple of them; ``options`` are bytes."""


@dataclass(frozen=True)
class CustomOperator:
    """A custom operator: its code in the model, its reference, its C function and where that is.

    It is called as its reference is.
    """

    code: str
    reference: Reference
    function: str
    sources: tuple[Path, ...] = ()

    def __call__(self, options: bytes, *inputs: Any) -> Any:
        """What the reference gives."""
        return self.reference(options, *inputs)


def custom_operator(
    code: str, *, function: str, sources: Sequence[str | Path] = ()
) -> Callable[[Reference], CustomOperator]:
    """Make a custom operator of the decorated reference.

    Args:
        code: the operator's custom code in the model.
        function: name of the C function.
        sources: C files that have it, copied beside the generated ones; relative to the file of the
            reference if they are there, else to the working directory.

    Raises:
        InputError: a source does not exist, or the function's name is none in C.
    """
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", function):
        raise InputError(f"custom operator {code!r}: {function!r} is no name of a C function.")

    def decorate(reference: Reference) -> CustomOperator:
        folder = Path(reference.__code__.co_filename).parent
        paths = tuple(_existing(code, folder / source, Path(source)) for source in sources)
        return CustomOperator(code, reference, function, paths)

    return decorate


def _existing(code: str, *places: Path) -> Path:
    for place in places:
        if place.is_file():
            return place.resolve()
    raise InputError(f"custom operator {code!r}: the source {places[-1]} does not exist.")


def load_custom_operators(path: Path) -> tuple[CustomOperator, ...]:
    """The custom operators that a Python file makes.

    Raises:
        InputError: there is no such file, it fails, or it makes none.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist.", "It is a Python file with custom operators.")
    try:
        made = runpy.run_path(str(path)).values()
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{path} fails: {type(error).__name__}: {error}.") from error
    found = tuple(value for value in made if isinstance(value, CustomOperator))
    if not found:
        raise InputError(
            f"{path} makes no custom operator.",
            "Decorate a reference with tinygen.custom_operator: see docs/custom-operators.md.",
        )
    return found


def as_custom_operators(
    given: Sequence[Path | str | CustomOperator],
) -> tuple[CustomOperator, ...]:
    """Operators, those that files make among them.

    Raises:
        InputError: two are for the same code, or two sources would get the same name.
    """
    found: list[CustomOperator] = []
    for one in given:
        found += load_custom_operators(Path(one)) if isinstance(one, str | Path) else [one]
    codes = [one.code for one in found]
    names = [source.name for source in {source for one in found for source in one.sources}]
    for what, all_of_them in (("operators", codes), ("sources", names)):
        for name in all_of_them:
            if all_of_them.count(name) > 1:
                raise InputError(f"two custom {what} are called {name!r}.", "Leave one out.")
    return tuple(found)
