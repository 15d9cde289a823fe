# SPDX-License-Identifier: Apache-2.0
"""Other orders of the operators than the file's: least peak, side effects in place, the same bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tflite_micro.python.tflite_micro import runtime

from tests.kernels.host_batch import build
from tests.models.builder import ModelBuilder
from tests.models.graphs import random_graph
from tests.models.image_graphs import ImageGraph
from tests.ops.comparison import assert_equal
from tests.run.programs import need
from tinygen.compilation import Compilation
from tinygen.emit import render
from tinygen.hardware.boards import board
from tinygen.hardware.cores import HOST, core
from tinygen.ir import reference
from tinygen.ir.network import Network
from tinygen.measure.verify import verify
from tinygen.passes import rewrite
from tinygen.passes.lowering import lower
from tinygen.planning.as_data import plan_as_data
from tinygen.planning.layout import lay_out
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.planning.order import OrderSearch, dependences
from tinygen.planning.plan import Plan, Step
from tinygen.tflite.reader import read_model_bytes

_ANYTHING = 1 << 40
_MOST_ORDERS = 200


def planned(model: bytes, name: str = "m") -> tuple[Network, Plan]:
    """The network as the file has it, and its default plan."""
    network = lower(rewrite(read_model_bytes(model, name)))
    return network, make_plan(network, Options("m", core(HOST), KernelChoice.TINYGEN))


def steps_as_in_file(network: Network, plan: Plan) -> list[Step]:
    step = {step.layer: step for step in plan.steps}
    return [step[layer] for layer in network.layers]


def all_orders(before: Sequence[int], done: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Every order that the dependences allow."""
    if len(done) == len(before):
        yield done
    for number, needed in enumerate(before):
        if number not in done and all(not needed >> n & 1 or n in done for n in range(number)):
            yield from all_orders(before, (*done, number))


def moved(
    network: Network, steps: Sequence[Step], order: Sequence[int]
) -> tuple[Network, list[Step]]:
    layers = tuple(network.layers[number] for number in order)
    return replace(network, layers=layers), [steps[number] for number in order]


@pytest.mark.parametrize("seed", range(24))
def test_the_least_peak_of_all_orders_is_found(seed: int) -> None:
    network, plan = planned(random_graph(seed, 7), f"{seed}")
    steps = steps_as_in_file(network, plan)
    search = OrderSearch(network, steps)
    orders = list(all_orders(dependences(network, steps)))
    assert search.is_free == (len(orders) > 1)
    best = min(search.peak(order) for order in orders)
    found = search.least(_ANYTHING)
    assert found in orders
    assert search.peak(found) == best
    assert search.least(best) is None
    if len(orders) <= _MOST_ORDERS:
        arenas = [
            lay_out(*moved(network, steps, order), plan.options, 0.02).placement.extent
            for order in orders
        ]
        assert plan.arena_bytes <= min(arenas)
        assert plan.arena_bytes == plan.unstreamed_bytes <= plan.file_order_bytes
        assert plan.reordered == (plan.arena_bytes < plan.file_order_bytes)


@pytest.mark.parametrize("seed", range(2))
def test_a_beam_over_many_operators(seed: int) -> None:
    """Two hundred operators: an order, the same each time, and never worse than the file's."""
    network, plan = planned(ImageGraph(np.random.default_rng(seed), 200).build())
    steps = steps_as_in_file(network, plan)
    search = OrderSearch(network, steps)
    order = search.least(plan.file_order_bytes)
    assert plan.arena_bytes <= plan.file_order_bytes
    if order is not None:
        assert search.peak(order) < plan.file_order_bytes
        assert order == OrderSearch(network, steps).least(plan.file_order_bytes)


def _wide_first() -> bytes:
    """Two branches that are wide at first and narrow at last; the file has both wide parts first."""
    builder = ModelBuilder()
    rng = np.random.default_rng(1)

    def image(channels: int) -> int:
        return builder.tensor((1, 8, 8, channels), scale=0.05, zero_point=-3)

    def convolution(source: int, inside: int, outside: int) -> int:
        weights = builder.tensor(
            (outside, 1, 1, inside),
            scale=0.01,
            data=rng.integers(-127, 128, (outside, 1, 1, inside)),
        )
        bias = builder.tensor(
            (outside,), "INT32", scale=0.0005, data=rng.integers(-400, 400, outside)
        )
        target = image(outside)
        builder.operator("CONV_2D", [source, weights, bias], [target], stride_w=1, stride_h=1)
        return target

    x = image(4)
    wide = [convolution(x, 4, 32) for _ in range(3)]
    narrow = [convolution(tensor, 32, 2) for tensor in wide]
    joined = image(6)
    builder.operator("CONCATENATION", narrow, [joined], axis=3)
    return builder.inputs(x).outputs(joined).build()


def test_a_bad_order_is_mended_and_every_operator_keeps_its_number(tmp_path: Path) -> None:
    need("gcc")
    network, plan = planned(_wide_first())
    wide, narrow = 8 * 8 * 32, 8 * 8 * 2
    assert plan.file_order_bytes >= 3 * wide
    assert plan.arena_bytes <= wide + 2 * narrow + 2 * 8 * 8 * 4
    data = plan_as_data(plan)
    assert data["reordered"]
    assert data["file_order_arena_bytes"] == plan.file_order_bytes
    numbers = [layer.operator.index for layer in plan.network.layers]
    assert numbers != sorted(numbers)
    compilation = Compilation(plan.network.graph, plan.network, plan, render(plan))
    samples = reference.random_inputs(network, 2, seed=4)
    verdict = verify(compilation, board(HOST), samples, tmp_path, layers=True)
    assert verdict.bit_exact
    assert [layer.index for layer in verdict.layers] == numbers
    assert [layer.operator for layer in verdict.layers] == [
        network.layers[number].operator.label for number in numbers
    ]


def test_streams_are_searched_for_in_both_orders() -> None:
    network, plan = planned(_wide_first())
    smallest = make_plan(network, replace(plan.options, optimize=Optimize.RAM))
    assert smallest.arena_bytes <= plan.arena_bytes


def _variable_read_late() -> bytes:
    """A variable that is written while a wide tensor of its old value is still to be read.

    The sooner it is read the more is alive; the file writes the new value last.
    """
    builder = ModelBuilder()

    def values(size: int) -> int:
        return builder.tensor((1, size), scale=0.05, zero_point=2)

    x = values(64)
    handle = builder.tensor((), "RESOURCE")
    old, doubled, new, total = (values(64) for _ in range(4))
    tall = builder.tensor((4, 64), scale=0.05, zero_point=2)
    low = values(64)
    builder.operator("VAR_HANDLE", [], [handle], container="", shared_name="kept")
    builder.operator("CONCATENATION", [x, x, x, x], [tall], axis=0)
    builder.operator("READ_VARIABLE", [handle], [old])
    axis = builder.tensor((1,), "INT32", data=[0])
    builder.operator("REDUCE_MAX", [tall, axis], [low], keep_dims=True)
    builder.operator("ADD", [x, x], [doubled])
    builder.operator("ADD", [doubled, low], [new])
    builder.operator("ASSIGN_VARIABLE", [handle, new], [])
    builder.operator("ADD", [old, new], [total])
    return builder.inputs(x).outputs(total).build()


def test_variables_are_read_and_written_in_the_order_of_the_file(tmp_path: Path) -> None:
    need("gcc")
    model = _variable_read_late()
    network, plan = planned(model)
    assert plan.reordered
    effects = [layer.operator.opcode for layer in plan.network.layers if layer.has_effects]
    assert effects == ["READ_VARIABLE", "ASSIGN_VARIABLE"]
    (host,) = build([network], tmp_path, optimize=Optimize.SPEED, flags=("-O1",), compiler="gcc")
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 16)
    for (sample,) in reference.random_inputs(network, 6, seed=3):
        interpreter.set_input(sample, 0)
        interpreter.invoke()
        assert_equal(np.array(interpreter.get_output(0)), host.run([sample])[0], "C")


def test_nothing_passes_an_operator_that_may_end_the_inference() -> None:
    builder = ModelBuilder()
    x = builder.tensor((1, 1, 1, 4), scale=0.1, zero_point=0)
    kept = builder.tensor((1, 3, 1, 4), scale=0.1, zero_point=0)
    before, after = (builder.tensor((1, 1, 1, 4), scale=0.1, zero_point=0) for _ in range(2))
    # The last four bytes are the number of inferences that make a cycle, as a FlexBuffer would say it.
    builder.operator("ADD", [x, x], [before])
    builder.custom("CIRCULAR_BUFFER", [x], [kept])
    builder.operator("ADD", [x, before], [after])
    network = lower(rewrite(read_model_bytes(builder.inputs(x).outputs(kept, after).build(), "m")))
    plan = make_plan(network, Options("m", core(HOST), KernelChoice.TINYGEN))
    (place,) = (n for n, layer in enumerate(network.layers) if layer.may_end)
    found = dependences(network, steps_as_in_file(network, plan))
    assert found[place] == (1 << place) - 1
    assert all(later >> place & 1 for later in found[place + 1 :])


def test_side_effects_depend_on_each_other() -> None:
    network, plan = planned(_variable_read_late())
    steps = steps_as_in_file(network, plan)
    found = dependences(network, steps)
    places = [n for n, step in enumerate(steps) if step.layer.has_effects]
    assert len(places) == 2
    assert all(found[b] >> a & 1 for a, b in pairwise(places))


@pytest.mark.parametrize("seed", range(12))
def test_the_beam_lies_between_the_exact_search_and_the_file(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On graphs small enough for both: never less, and never more than the file's order needs."""
    network, plan = planned(random_graph(seed, 12), f"{seed}")
    steps = steps_as_in_file(network, plan)
    search = OrderSearch(network, steps)
    exact = search.least(_ANYTHING)
    assert exact is not None
    monkeypatch.setattr("tinygen.planning.order._MOST_SETS", 0)
    found = search.least(_ANYTHING)
    assert found is not None
    assert sorted(found) == list(range(len(steps)))
    assert search.peak(exact) <= search.peak(found) <= search.peak(range(len(steps)))
