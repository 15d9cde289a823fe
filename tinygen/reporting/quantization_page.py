# SPDX-License-Identifier: Apache-2.0
"""The page that compares a float model with what was made of it: one file that loads no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tinygen.hardware.cores import core
from tinygen.reporting.console import grouped
from tinygen.reporting.page import page_environment
from tinygen.reporting.plots import Bar, bars, confusion, histogram, noise
from tinygen.resources import VERSION

Data = Mapping[str, Any]


def quantization_page(comparison: Data) -> str:
    """The page, from data as ``Comparison.to_dict()`` gives it."""
    variants = comparison["variants"]
    environment = page_environment()
    environment.filters["count"] = grouped
    environment.filters["decibels"] = _decibels
    memory_board = variants[0]["costs"][0] if variants[0]["costs"] else None
    return environment.get_template("quantization.html.j2").render(
        version=VERSION,
        c=comparison,
        baseline=variants[0],
        compared=sum(variant["compared"] for variant in variants),
        summaries=[_summary(variants[0], variant) for variant in variants[1:]],
        scores=list(_scores(variants)),
        confusions=[
            {
                "name": variant["name"],
                "plot": confusion(
                    f"Confusion matrix of {variant['name']}",
                    variant["compiled_accuracy"]["confusion"],
                    series,
                ),
            }
            for series, variant in enumerate(variants)
            if variant["compiled_accuracy"]["confusion"]
        ],
        cycles_plot=bars("Cycles of one inference", _time_bars(variants)),
        costs=list(_cost_rows(variants)),
        memory_plot=bars("Memory", _memory_bars(variants)),
        memory_board=_place(memory_board) if memory_board else "no board",
        energies=list(_energies(variants)),
        noises=[
            _noise(variant, series) for series, variant in enumerate(variants) if variant["noise"]
        ],
        models=[
            (
                _core(cost),
                next(
                    (v["costs"][k]["cycle_model"] for v in variants if v["costs"][k]["cycles"]), ""
                ),
            )
            for k, cost in enumerate(variants[0]["costs"])
        ],
    )


def _core(cost: Data) -> str:
    return core(str(cost["core"])).title


def _place(cost: Data) -> str:
    fpu = "with FPU" if cost["fpu"] else "without FPU"
    return f"{_core(cost)} {fpu}"


def _decibels(value: float | None) -> str:
    return "–" if value is None else "exact" if value >= 200 else f"{value:.1f}"


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}×"


def _bytes(value: float) -> str:
    return f"{value / 1024:,.1f} KB" if value >= 1024 else f"{value:.0f} bytes"


def _large(value: float) -> str:
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:,.2f}{unit}"
    return f"{value:.0f}"


def _microjoules(value: float) -> str:
    return f"{value / 1000:.2f} mJ" if value >= 1000 else f"{value:.3g} µJ"


def score_text(score: Data) -> str:
    """A score for people: accuracies in percent."""
    return f"{100 * score['value']:.2f} %" if score["in_percent"] else f"{score['value']:.4g}"


def _summary(baseline: Data, variant: Data) -> dict[str, Any]:
    """The promises of quantization, one card each."""
    before, after = (v["compiled_accuracy"]["scores"][0] for v in (baseline, variant))
    ratios = variant["ratios"]
    cards = [
        _card(after["name"], score_text(after), f"{baseline['name']}: {score_text(before)}"),
        _size_card("smaller file", ratios["file"], baseline["file_bytes"], variant["file_bytes"]),
    ]
    cards += [
        _speed_card(baseline, cost, ratios["boards"][cost["board"]]) for cost in variant["costs"]
    ]
    if variant["costs"]:
        first = variant["costs"][0]
        times = ratios["boards"][first["board"]]
        for what, key in (("flash", "flash"), ("RAM", "ram")):
            sizes = (v["costs"][0][f"{key}_bytes"] for v in (baseline, variant))
            cards.append(_size_card(f"less {what}, {_core(first)}", times[key], *sizes))
    return {"name": variant["name"], "cards": cards, "advice": variant["advice"]}


def _card(title: str, value: str, note: str) -> dict[str, str]:
    return {"title": title, "value": value, "note": note}


def _size_card(title: str, ratio: float | None, before: int, after: int) -> dict[str, str]:
    return _card(title, _times(ratio), f"{_bytes(after)} instead of {_bytes(before)}")


def _measure(cost: Data) -> str:
    """What tells a variant's time on a board."""
    return "instructions" if cost["cycles"] is None else "cycles"


def _speed_card(baseline: Data, cost: Data, ratios: Data) -> dict[str, str]:
    """How much faster on one board, if both variants ran there."""
    what = _measure(cost)
    if cost[what] is None:
        return _card(_place(cost), "–", "does not fit")
    if ratios[what] is None:
        unfit = f"{baseline['name']} does not fit"
        return _card(f"{what}, {_place(cost)}", _large(cost[what]), unfit)
    return _card(f"faster, {_place(cost)}", _times(ratios[what]), f"{_large(cost[what])} {what}")


def _scores(variants: Sequence[Data]) -> Iterator[dict[str, Any]]:
    for position, score in enumerate(variants[0]["accuracy"]["scores"]):
        yield {
            "name": score["name"],
            "compiled": [
                score_text(variant["compiled_accuracy"]["scores"][position]) for variant in variants
            ],
        }


def _time_bars(variants: Sequence[Data]) -> dict[str, list[Bar]]:
    groups: dict[str, list[Bar]] = {_place(cost): [] for cost in variants[0]["costs"]}
    for series, variant in enumerate(variants):
        for cost in variant["costs"]:
            what = _measure(cost)
            if cost[what] is None:
                continue
            text = f"{_large(cost[what])} {what}"
            times = variant["ratios"]["boards"][cost["board"]][what]
            if series and times:
                text += f", {_times(times)} fewer"
            groups[_place(cost)].append(Bar(series, cost[what], text))
    return {place: group for place, group in groups.items() if group}


def _cost_rows(variants: Sequence[Data]) -> Iterator[dict[str, Any]]:
    for position, _ in enumerate(variants[0]["costs"]):
        for number, variant in enumerate(variants):
            cost = variant["costs"][position]
            times = variant["ratios"]["boards"][cost["board"]]["cycles"]
            yield {
                **cost,
                "place": f"{_place(cost)} ({cost['board']})",
                "first": number == 0,
                "variant": variant["name"],
                "ratio": _times(times) if number else "",
            }


def _memory_bars(variants: Sequence[Data]) -> dict[str, list[Bar]]:
    groups: dict[str, list[Bar]] = {}
    for series, variant in enumerate(variants):
        sizes = {"model file": variant["file_bytes"]}
        if variant["costs"] and not variant["costs"][0]["problem"]:
            sizes["flash"] = variant["costs"][0]["flash_bytes"]
            sizes["RAM"] = variant["costs"][0]["ram_bytes"]
        sizes["weights moved"] = variant["traffic"]["weights"]
        sizes["activations moved"] = variant["traffic"]["activations"]
        for label, size in sizes.items():
            groups.setdefault(label, []).append(Bar(series, size, _bytes(size)))
    return groups


def _energies(variants: Sequence[Data]) -> Iterator[dict[str, Any]]:
    """A row a real board, for the emulated board of its core."""
    for position, cost in enumerate(variants[0]["costs"]):
        for number, energy in enumerate(cost["energy"]):
            figures = [variant["costs"][position]["energy"] for variant in variants]
            yield {
                "board": energy["board"],
                "values": [
                    _microjoules(found[number]["microjoules"]) if found else "–"
                    for found in figures
                ],
                "current": f"{energy['run_ua_per_mhz']} µA/MHz at {energy['volts']:g} V",
                "source": energy["source"],
            }


def _noise(variant: Data, series: int) -> dict[str, Any]:
    found = variant["noise"]
    layers = {layer["index"]: layer for layer in found["layers"]}
    return {
        "name": variant["name"],
        "series": series,
        "samples": found["samples"],
        "trained": variant["trained"],
        "plot": noise(
            f"Signal to quantization noise of {variant['name']} by layer",
            found["layers"],
            found["worst"],
        ),
        "worst": [
            {
                "layer": layers[index],
                "ratio": f"{_decibels(layers[index]['own_db'])} dB alone, "
                f"{_decibels(layers[index]['accumulated_db'])} dB accumulated",
                "plot": histogram(f"Values of layer {index}", layers[index]["histogram"], series),
            }
            for index in found["worst"]
        ],
        "worst_numbers": found["worst"],
        "layers": found["layers"],
        "unmatched": found["unmatched"],
    }
