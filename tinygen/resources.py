# SPDX-License-Identifier: Apache-2.0
"""Where templates/, boards/ and firmware/ are, inside a wheel or in the repository; and the cache."""

from __future__ import annotations

import os
from pathlib import Path

VERSION = "0.1.0"


def resource_root() -> Path:
    """The folder that holds templates/, boards/ and firmware/.

    A wheel carries them as ``tinygen/_data`` (see pyproject.toml, ``force-include``); in a checkout
    they are beside the package.
    """
    package = Path(__file__).resolve().parent
    packaged = package / "_data"
    return packaged if packaged.is_dir() else package.parent


def user_cache() -> Path:
    """The folder for what can be fetched or built again, below the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tinygen"
