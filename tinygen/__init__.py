# SPDX-License-Identifier: Apache-2.0
"""tinygen: compiles a quantized TensorFlow Lite model into C for Arm Cortex-M and proves the result.

The way of the data, one module a stage::

    bytes ─tflite_reader─▶ Graph ─passes─▶ Graph ─lowering─▶ Network ─plan─▶ Plan ─emit─▶ C files
                                                       └─reference─▶ expected outputs
"""

__version__ = "0.1.0"
