# SPDX-License-Identifier: Apache-2.0
"""``python -m tinygen.cli``."""

from tinygen.cli.main import main

main()
