# SPDX-License-Identifier: Apache-2.0
"""Building the generated C into a program, running it somewhere, and talking to it."""
