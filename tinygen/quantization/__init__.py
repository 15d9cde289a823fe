# SPDX-License-Identifier: Apache-2.0
"""From a float model to a quantized one, and what that cost.

``data`` loads samples; ``source`` makes a float .tflite of whatever was given; ``calibration``
measures the ranges of its activations; ``convert`` quantizes it after training, and ``training``
trains it on with quantization in the loop first. Only ``source``, ``calibration``, ``convert`` and
``training`` need TensorFlow, and import it through ``tensorflow_extra`` when they are called.
"""
