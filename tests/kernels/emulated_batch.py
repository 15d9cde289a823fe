# SPDX-License-Identifier: Apache-2.0
"""Many models in one program on an emulated board, each as its user would get it.

Compiling and starting one program takes seconds, running a small model in it milliseconds. So every
model is planned and rendered for itself, and a model that is none stands before them: it has all their
inputs and outputs, and its ``invoke`` calls theirs one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import jinja2
import numpy as np

from tinygen.emit import GeneratedFiles, Interface, Port, render
from tinygen.hardware.boards import board
from tinygen.ir.graph import AnyArray
from tinygen.ir.network import Network
from tinygen.kernels import cmsis_nn
from tinygen.planning.make import make_plan
from tinygen.planning.options import KernelChoice, Optimize, Options
from tinygen.run.build import build_image
from tinygen.run.runners import runner_for

_NAME = "batch"
_DIGEST = "0" * 64

_HEADER = """
#ifndef BATCH_H
#define BATCH_H
#include <stdint.h>
{% for model in models %}
#include "{{ model.name }}.h"
{% endfor %}
#define BATCH_MODEL_SHA256 "{{ digest }}"
#define BATCH_KERNELS "tinygen"
{% for kind, tensors in ports.items() %}
{% for model, k, bytes in tensors %}
#define BATCH_{{ kind | upper }}_{{ loop.index0 }}_BYTES {{ bytes }}
{% endfor %}
{% endfor %}
{% for model, k, bytes in ports.input %}
void *batch_input_{{ loop.index0 }}(void);
{% endfor %}
{% for model, k, bytes in ports.output %}
const void *batch_output_{{ loop.index0 }}(void);
{% endfor %}
int batch_invoke(void);
void batch_reset(void);
#endif
"""

_SOURCE = """
#include "batch.h"
{% for model in models %}
#include "{{ model.name }}.inc"
#include "{{ model.name }}_weights.inc"
{% endfor %}
{% for model, k, bytes in ports.input %}
void *batch_input_{{ loop.index0 }}(void) { return {{ model.name }}_input_{{ k }}(); }
{% endfor %}
{% for model, k, bytes in ports.output %}
const void *batch_output_{{ loop.index0 }}(void) { return {{ model.name }}_output_{{ k }}(); }
{% endfor %}
int batch_invoke(void)
{
{% for model in models %}
    if ({{ model.name }}_invoke() != 0) {
        return {{ loop.index }};
    }
{% endfor %}
    return 0;
}
void batch_reset(void)
{
{% for model in models %}
    {{ model.name }}_reset();
{% endfor %}
}
"""


def run_batch(
    networks: Sequence[Network],
    samples: Sequence[Sequence[Sequence[AnyArray]]],
    board_name: str,
    directory: Path,
    optimize: Optimize = Optimize.SIZE,
    cmsis_nn_tree: cmsis_nn.CmsisNN | None = None,
) -> list[list[list[AnyArray]]]:
    """Run every network's samples in one program: the outputs, networks × samples × outputs.

    Args:
        networks: the models.
        samples: networks × samples × inputs; the same number of samples for each.
        board_name: an emulated board.
        directory: for what is generated and built.
        optimize: what the plans are good at.
        cmsis_nn_tree: a CMSIS-NN tree, whose kernels are then preferred; else ours are used.
    """
    target = board(board_name)
    models = [{"name": f"m{number:03d}"} for number in range(len(networks))]
    generated = directory / "generated"
    generated.mkdir(parents=True)
    for model, network in zip(models, networks, strict=True):
        options = Options(
            name=model["name"],
            core=target.core,
            kernels=KernelChoice.CMSIS_NN if cmsis_nn_tree else KernelChoice.TINYGEN,
            optimize=optimize,
        )
        for path, content in _files(network, options, cmsis_nn_tree).items():
            place = generated / path
            if path in (f"{model['name']}.c", f"{model['name']}_weights.c"):
                # Included by the one translation unit, not compiled by themselves.
                place = place.with_suffix(".inc")
            place.parent.mkdir(exist_ok=True, parents=True)
            place.write_bytes(content)
    program = Interface(
        _NAME,
        _DIGEST,
        inputs=tuple(port for network in networks for port in _ports(network, network.inputs)),
        outputs=tuple(port for network in networks for port in _ports(network, network.outputs)),
        optimize=optimize,
    )
    ports = {
        kind: [
            (model, k, network.tensors[index].nbytes)
            for model, network in zip(models, networks, strict=True)
            for k, index in enumerate(network.inputs if kind == "input" else network.outputs)
        ]
        for kind in ("input", "output")
    }
    for path, template in (("batch.h", _HEADER), ("batch.c", _SOURCE)):
        text = jinja2.Template(template, trim_blocks=True).render(
            models=models, ports=ports, digest=_DIGEST
        )
        (generated / path).write_text(text)
    image = build_image(generated, program, target, directory / "build", trace=False)
    outputs: list[list[list[AnyArray]]] = [[] for _ in networks]
    with runner_for(target).start(image) as session:
        for number in range(len(samples[0])):
            sent = [value.tobytes() for each in samples for value in each[number]]
            answers = iter(session.run(sent))
            for network, found in zip(networks, outputs, strict=True):
                found.append([_array(network, index, next(answers)) for index in network.outputs])
    return outputs


def _ports(network: Network, tensors: Sequence[int]) -> Iterator[Port]:
    for index in tensors:
        tensor = network.tensors[index]
        yield Port(tensor.dtype.ctype, tensor.elements)


def _files(network: Network, options: Options, tree: cmsis_nn.CmsisNN | None) -> GeneratedFiles:
    if tree is None:
        return render(make_plan(network, options))
    plan = make_plan(network, options, cmsis_nn.kernels(tree))
    return render(plan, tree)


def _array(network: Network, index: int, data: bytes) -> AnyArray:
    tensor = network.tensors[index]
    return np.frombuffer(data, tensor.dtype.numpy).reshape(tensor.shape)
