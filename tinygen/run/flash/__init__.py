# SPDX-License-Identifier: Apache-2.0
"""Getting a program onto a real board with whichever tool is installed, and finding its port."""
