# SPDX-License-Identifier: Apache-2.0
"""What running a program tells: verdicts, cycles, flash and RAM."""
