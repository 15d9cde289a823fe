# SPDX-License-Identifier: Apache-2.0
"""The templates of generated files, linker scripts and emulators' scripts."""

from __future__ import annotations

import functools

import jinja2

from tinygen.resources import resource_root


@functools.cache
def template(name: str) -> jinja2.Template:
    """A template of ``templates/``, whose text is no HTML: names in C pass through c_syntax.comment."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_root() / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - no HTML
    )
    return environment.get_template(name)
