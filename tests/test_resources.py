# SPDX-License-Identifier: Apache-2.0
"""The data folders are found in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygen import resources


def test_checkout_has_templates_boards_and_firmware() -> None:
    root = resources.resource_root()
    assert (root / "templates" / "linker.ld.j2").is_file()
    assert (root / "boards" / "host.toml").is_file()
    assert (root / "firmware" / "runtime" / "wire.c").is_file()


def test_data_inside_the_package_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "tinygen" / "resources.py"
    monkeypatch.setattr(resources, "__file__", str(module))
    assert resources.resource_root() == tmp_path
    (tmp_path / "tinygen" / "_data").mkdir(parents=True)
    assert resources.resource_root() == tmp_path / "tinygen" / "_data"
