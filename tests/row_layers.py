# SPDX-License-Identifier: Apache-2.0
"""Random layers of one int8 image, whose rows can be computed one by one."""

from __future__ import annotations

import numpy as np

from tests.kernels.cmsis_nn_programs import networks
from tests.models.builder import ModelBuilder, Option
from tests.ops.comparison import lower_bytes
from tests.streams import can_be_streamed
from tinygen.errors import InputError
from tinygen.ir.network import Network

WINDOWS = ("AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D")
BINARY = ("ADD", "MUL", "SUB")
UNARY = ("ELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE", "RELU", "TANH")
OPCODES = (*WINDOWS, *BINARY, *UNARY, "GLOBAL_POOL", "MEAN")
"""``GLOBAL_POOL`` is the AVERAGE_POOL_2D of a whole image."""

_ACTIVATIONS = ("NONE", "RELU", "RELU6")
_FIXED_OUTPUTS = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}


def _image(rng: np.random.Generator, most: int) -> tuple[int, int, int, int]:
    height, width = (int(extent) for extent in rng.integers(1, most + 1, 2))
    return 1, height, width, int(rng.choice([1, 3, 4, 5, 8, 17]))


def _random_layer(opcode: str, rng: np.random.Generator) -> bytes:
    builder = ModelBuilder()
    shape = _image(rng, 24 if opcode in ("MEAN", "GLOBAL_POOL") else 11)

    def tensor(dimensions: tuple[int, ...] = shape, **values: object) -> int:
        scale, zero_point = float(rng.uniform(0.02, 0.1)), int(rng.integers(-128, 128))
        return builder.tensor(dimensions, scale=scale, zero_point=zero_point, **values)  # type: ignore[arg-type]

    inputs = [tensor()]
    chosen = inputs[:]
    options: dict[str, Option] = {}
    if opcode in BINARY:
        constant = rng.random() < 0.3
        per_channel = (shape[3],) if rng.random() < 0.5 else (1, 1, shape[2], shape[3])
        data = rng.integers(-128, 128, per_channel)
        chosen.append(tensor(per_channel, data=data) if constant else tensor())
        inputs += [] if constant else chosen[1:]
        options["fused_activation_function"] = str(rng.choice(_ACTIVATIONS))
        output = tensor()
    elif opcode == "MEAN":
        keeps = bool(rng.integers(2))
        chosen.append(builder.tensor((2,), "INT32", data=np.array([1, 2])))
        options["keep_dims"] = keeps
        output = tensor((1, 1, 1, shape[3]) if keeps else (1, shape[3]))
    elif opcode == "GLOBAL_POOL":
        return _global_pool(shape, rng)
    elif opcode in _FIXED_OUTPUTS:
        scale, zero_point = _FIXED_OUTPUTS[opcode]
        output = builder.tensor(shape, scale=scale, zero_point=zero_point)
    else:
        if opcode == "LEAKY_RELU":
            options["alpha"] = 0.25
        output = tensor()
    builder.operator(opcode, chosen, [output], **options)  # type: ignore[arg-type]
    return builder.inputs(*inputs).outputs(output).build()


def _global_pool(shape: tuple[int, int, int, int], rng: np.random.Generator) -> bytes:
    builder = ModelBuilder()
    x = builder.tensor(shape, scale=0.05, zero_point=3)
    y = builder.tensor((1, 1, 1, shape[3]), scale=0.05, zero_point=3)
    builder.operator(
        "AVERAGE_POOL_2D",
        [x],
        [y],
        padding=str(rng.choice(["SAME", "VALID"])) if shape[1] == shape[2] == 1 else "VALID",
        filter_height=shape[1],
        filter_width=shape[2],
        stride_h=1,
        stride_w=1,
        fused_activation_function=str(rng.choice(_ACTIVATIONS)),
    )
    return builder.inputs(x).outputs(y).build()


def random_row_layers(opcode: str, count: int) -> list[Network]:
    """The first random networks of one such layer."""
    if opcode in WINDOWS:
        drawn = networks(opcode, range(4 * count))
        return [network for network in drawn if can_be_streamed(network)][:count]
    found: list[Network] = []
    seed = 0
    while len(found) < count:
        rng = np.random.default_rng([seed, *opcode.encode()])
        seed += 1
        assert seed < 4 * count, opcode
        try:
            network = lower_bytes(_random_layer(opcode, rng))
        except InputError:
            continue
        if can_be_streamed(network):
            found.append(network)
    return found
