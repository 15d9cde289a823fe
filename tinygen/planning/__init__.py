# SPDX-License-Identifier: Apache-2.0
"""Network to Plan: kernels, orders, streams and places in memory."""
