# SPDX-License-Identifier: Apache-2.0
"""A compilation, its verdict and its profile, together on one page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinygen.emit import write_text
from tinygen.ir.data import Result
from tinygen.measure.profile import Profile
from tinygen.measure.verify import Verdict
from tinygen.planning.analysis import Analysis
from tinygen.reporting.page import report_page


@dataclass(frozen=True, eq=False)
class Report(Result):
    """What ``tinygen report`` shows; ``plan`` is the Plan as it is written beside the C."""

    analysis: Analysis
    plan: Mapping[str, Any]
    verdict: Verdict
    profile: Profile

    def write(self, directory: Path | str) -> Path:
        """Write the page, and its data as JSON beside it; gives the page."""
        page = Path(directory) / "report.html"
        write_text(page, self._repr_html_())
        write_text(page.with_suffix(".json"), json.dumps(self.to_dict(), indent=1) + "\n")
        return page

    def _repr_html_(self) -> str:
        return report_page(**self.to_dict())
