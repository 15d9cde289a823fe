# SPDX-License-Identifier: Apache-2.0
"""The C kernels the planner chooses from.

``kernel`` is the interface; ``portable`` describes our C99 kernels, ``cmsis_nn`` CMSIS-NN's.
"""
