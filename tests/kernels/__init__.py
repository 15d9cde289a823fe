# SPDX-License-Identifier: Apache-2.0
"""Generated C against the reference."""
