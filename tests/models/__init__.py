# SPDX-License-Identifier: Apache-2.0
"""Small models built in memory, and the interpreters that say what they compute."""
