# SPDX-License-Identifier: Apache-2.0
"""The C kernels the planner chooses from.

``kernel`` is the interface, ``binding`` what a kernel fitted to a layer is; ``libraries`` finds our
kernels in the packages beside it, ``cmsis_nn`` describes CMSIS-NN's.
"""
