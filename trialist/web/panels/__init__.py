"""The data of every chart, as plain JSON: a function of a study's moment for each, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trialist.web.panels import (
    burndown,
    calibration,
    curves,
    failures,
    foretold,
    front,
    history,
    importance,
    interactions,
    noise,
    parallel,
    slices,
    stopping,
    sweep,
    timeline,
)

if TYPE_CHECKING:
    from trialist.web.data import ReportData

# None where the study has nothing of the kind; {"empty": advice} where it will have, but has nothing yet.
PANELS: Mapping[str, Callable[[ReportData], dict[str, Any] | None]] = {
    "history": history.of,
    "curves": curves.of,
    "front": front.of,
    "timeline": timeline.of,
    "budget": burndown.of,
    "stopping": stopping.of,
    "importance": importance.of,
    "interactions": interactions.of,
    "slices": slices.of,
    "parallel": parallel.of,
    "sweeps": sweep.of,
    "noise": noise.of,
    "foretold": foretold.of,
    "calibration": calibration.of,
    "failures": failures.of,
}
# Whether a study may have something of the kind, told without computing it; of all others it may.
_APPLIES: Mapping[str, Callable[[ReportData], bool]] = {
    "curves": lambda data: data.plan.fidelity is not None or any(record.reports for record in data.records),
    "front": lambda data: len(data.plan.objectives) > 1,
    "stopping": lambda data: bool(data.standings),
    "importance": lambda data: bool(data.space.names),
    "interactions": lambda data: len(data.space.names) > 1,
    "slices": lambda data: bool(data.space.names),
    "parallel": lambda data: bool(data.space.names),
    "sweeps": lambda data: bool(data.sweeps),
    "noise": lambda data: data.noise is not None,
    "foretold": foretold.applies,
    "calibration": lambda data: bool(data.space.names),
    "failures": lambda data: 0 < len(data.failed) < len(data.records),
}


def applies(panel: str, data: ReportData) -> bool:
    """Whether a panel's place should stand on a page whose charts come later."""
    return panel not in _APPLIES or _APPLIES[panel](data)
