# SPDX-License-Identifier: Apache-2.0
"""The operators: one file a family, for all its types.

Every file here is imported, so that what it registers (``registry``) is known.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
