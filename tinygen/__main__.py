# SPDX-License-Identifier: Apache-2.0
"""``python -m tinygen``: the command line where the script ``tinygen`` is not on the path."""

from tinygen.cli.main import main

main()
