"""The data of every chart, as plain JSON: a function of a study's moment for each, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trialist.web.panels import (
    burndown,
    calibration,
    curves,
    failures,
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
    "calibration": calibration.of,
    "failures": failures.of,
}
