# SPDX-License-Identifier: Apache-2.0
"""The bytes of a .tflite file to a Graph."""
