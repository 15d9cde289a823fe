# SPDX-License-Identifier: Apache-2.0
"""Models with several entry points, each a signature with a subgraph of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tinygen.errors import InputError
from tinygen.ir.graph import Graph, Operator, Subgraph

_REFERENCES = (
    "then_subgraph_index",
    "else_subgraph_index",
    "cond_subgraph_index",
    "body_subgraph_index",
    "init_subgraph_index",
)
"""Options of IF, WHILE and CALL_ONCE that name a subgraph."""


def of_signature(graph: Graph, key: str) -> Graph:
    """The model with the subgraph of a signature as the one that runs; the first without a ``key``.

    Raises:
        InputError: there is no such signature; the message names those that are there.
    """
    if not key:
        return graph
    found = [signature for signature in graph.signatures if signature.key == key]
    if not found:
        names = ", ".join(repr(signature.key) for signature in graph.signatures)
        raise InputError(
            f"{graph.source} has no signature {key!r}.",
            f"It has {names}." if names else "It has none: leave --signature out.",
        )
    chosen = found[0].subgraph

    def moved(number: int) -> int:
        return {0: chosen, chosen: 0}.get(number, number)

    def operators(subgraph: Subgraph) -> Iterator[Operator]:
        for operator in subgraph.operators:
            changed = {
                name: moved(number)
                for name in _REFERENCES
                if isinstance(number := operator.options.get(name), int)
            }
            yield (
                replace(operator, options={**operator.options, **changed}) if changed else operator
            )

    order = [moved(number) for number in range(len(graph.subgraphs))]
    return replace(
        graph,
        subgraphs=tuple(
            replace(graph.subgraphs[n], operators=tuple(operators(graph.subgraphs[n])))
            for n in order
        ),
        signatures=tuple(replace(s, subgraph=moved(s.subgraph)) for s in graph.signatures),
    )


def left_out(graph: Graph) -> tuple[str, ...]:
    """A sentence for each signature of which nothing is compiled."""
    return tuple(
        f"Signature {signature.key!r} is not compiled (--signature {signature.key} does, under a "
        "--name of its own)."
        for signature in graph.signatures
        if signature.subgraph != 0
    )
