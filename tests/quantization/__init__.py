# SPDX-License-Identifier: Apache-2.0
"""From float to quantized: data, calibration, training."""
