# SPDX-License-Identifier: Apache-2.0
"""What a program can be built for: cores, boards, and the compilers that build for them."""
