# SPDX-License-Identifier: Apache-2.0
"""Calls fitted to the prototypes and structs that a CMSIS-NN tree declares.

Releases differ in parameters and fields, so argument lists are made by name from the tree's own
headers. A parameter or field that tinygen has no value for is a ``Mismatch``: the kernel then
declines the layer, and says why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tinygen.kernels.binding import Call, Field, Struct
from tinygen.kernels.cmsis_nn.tree import CmsisNN
from tinygen.kernels.structs import Variable, declared_structs, variable

Values = Mapping[str, "Field | Values"]
"""What a struct's fields, or a call's parameters, are to be; a mapping is a nested struct."""

_PROTOTYPE = re.compile(r"^([\w ]+?)\s+(arm_\w+)\s*\(([^()]*)\)\s*;", re.MULTILINE)
_STATUS = "arm_cmsis_nn_status"


class Mismatch(Exception):  # noqa: N818 - an outcome the kernels ask for
    """The tree's declarations are not ones that tinygen can call; says which."""


@dataclass(frozen=True)
class Prototype:
    """A function as declared."""

    returns: str
    parameters: tuple[Variable, ...]

    def has(self, name: str) -> bool:
        """Whether it has a parameter of that name."""
        return any(parameter.name == name for parameter in self.parameters)


@dataclass(frozen=True)
class Declarations:
    """The functions and structs that a tree declares."""

    tree: CmsisNN

    @cached_property
    def prototypes(self) -> Mapping[str, Prototype]:
        """By function name."""
        return {
            name: Prototype(
                returns.split()[-1], tuple(variable(p) for p in parameters.split(",") if p.strip())
            )
            for returns, name, parameters in _PROTOTYPE.findall(
                self.tree.header("arm_nnfunctions.h")
            )
        }

    @cached_property
    def structs(self) -> Mapping[str, tuple[Variable, ...]]:
        """The fields by struct name."""
        return dict(declared_structs(self.tree.header("arm_nn_types.h")))

    def missing(self, function: str) -> str | None:
        """Why the function cannot be called at all, or None if the tree declares and defines it."""
        if function in self.prototypes and function in self.tree.sources:
            return None
        return f"CMSIS-NN {self.tree.version} here lacks {function}"

    def struct(self, ctype: str, values: Values, label: str = "parameters") -> Struct:
        """A struct with all of its fields set.

        Raises:
            Mismatch: the tree's struct has other fields than ``values``.
        """
        fields = self.structs.get(ctype)
        if fields is None:
            raise Mismatch(f"CMSIS-NN {self.tree.version} does not declare {ctype}")
        if {field.name for field in fields} != set(values):
            raise Mismatch(
                f"{ctype} of CMSIS-NN {self.tree.version} has the fields "
                f"{', '.join(field.name for field in fields)}, not those that tinygen knows"
            )
        return Struct(
            ctype,
            tuple((field.name, self._value(field.ctype, values[field.name])) for field in fields),
            label,
        )

    def _value(self, ctype: str, value: Field | Values) -> Field:
        return self.struct(ctype, value) if isinstance(value, Mapping) else value

    def call(self, function: str, values: Mapping[str, Field]) -> Call:
        """A call with the arguments in the order of the prototype; extra ``values`` are left out.

        Raises:
            Mismatch: it has a parameter, or a struct as a parameter, that tinygen does not know.
        """
        prototype = self.prototypes[function]
        for parameter in prototype.parameters:
            value = values.get(parameter.name)
            known = value is not None and (
                not isinstance(value, Struct) or parameter.ctype == f"{value.ctype} *"
            )
            if not known:
                raise Mismatch(
                    f"{function} of CMSIS-NN {self.tree.version} takes "
                    f"'{parameter.ctype} {parameter.name}', which tinygen does not know"
                )
        return Call(
            function,
            tuple(values[parameter.name] for parameter in prototype.parameters),
            checked=prototype.returns == _STATUS,
        )
