# SPDX-License-Identifier: Apache-2.0
"""What the stages hand on: graph, layers, network."""
