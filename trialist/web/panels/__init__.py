"""The data of every chart, as plain JSON: a function of a study's moment for each, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trialist.web.panels import curves, front, history, parallel, timeline

if TYPE_CHECKING:
    from trialist.web.data import ReportData

# None where the study has nothing of the kind; {"empty": advice} where it will have, but has nothing yet.
PANELS: Mapping[str, Callable[[ReportData], dict[str, Any] | None]] = {
    "history": history.of,
    "curves": curves.of,
    "front": front.of,
    "timeline": timeline.of,
    "parallel": parallel.of,
}
