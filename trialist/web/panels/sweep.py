"""Sweeps of single dials: the score at each level with its interval, run on the same seeds, and what that shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialist.effects.sweep import Level, Sweep
from trialist.study.views.scale import Scale
from trialist.trials.plan import Direction
from trialist.web.numbers import gain, measured
from trialist.web.panels.plain import axis, cut, number, numbers

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_MOST = 12  # sweeps, the newest


def of(data: ReportData) -> dict[str, Any] | None:
    """None where no dial was swept."""
    drawn = [sweep for sweep in data.sweeps if any(level.values for level in sweep.levels)][-_MOST:]
    if not data.sweeps:
        return None
    if not drawn:
        return {"chart": "sweep", "empty": " ".join(f"{sweep.words}." for sweep in data.sweeps)}
    return {
        "chart": "sweep",
        "sweeps": [_sweep(sweep) for sweep in drawn],
        "legend": [("dot search", "mean of the runs, 95 % interval of its difference from the incumbent"),
                   ("dot faint", "one run"), ("line baseline", "the incumbent’s level"), ("square", "default"),
                   ("cross", "most runs failed")],
        "words": [f"{sweep.words}." for sweep in drawn],
        "label": "One dial at a time. " + " ".join(f"{sweep.words}." for sweep in drawn),
        "table": {
            "head": ["dial", "level", "runs", "mean", "better by", "95 % interval", ""],
            "rows": [_told(sweep, level) for sweep in drawn for level in sweep.levels],
            "caption": "Levels of each dial, compared with the incumbent's on the same seeds",
        },
    }  # fmt: skip


def _sweep(sweep: Sweep) -> dict[str, Any]:
    values = [v for level in sweep.levels for v in level.values if v is not None]
    ends = [v for level in sweep.levels for v in level.response or ()]
    scale = Scale.over([*values, *ends], Direction(sweep.direction)) if values else None
    return {
        "dial": sweep.dial,
        "metric": sweep.metric,
        "better": "lower" if sweep.direction == "minimize" else "higher",
        "verdict": sweep.verdict,
        "axis": None if scale is None else axis(scale),
        "category": sweep.kind == "choice",
        "levels": [_level(level) for level in sweep.levels],
    }


def _level(level: Level) -> dict[str, Any]:
    found: dict[str, Any] = {
        "label": cut(level.label, 40),
        "at": round(level.at, 4),
        "values": [v for v in numbers(level.values) if v is not None],
        "response": None if level.response is None else numbers(level.response),
        "mean": number(level.mean),
    }
    for claim in ("is_incumbent", "is_default", "fails"):
        if getattr(level, claim):
            found[claim.removeprefix("is_")] = 1
    return found


def _told(sweep: Sweep, level: Level) -> list[str]:
    marks = [word for word, holds in (("incumbent", level.is_incumbent), ("default", level.is_default)) if holds]
    noise = None if level.low is None or level.high is None else (level.high - level.low) / 2
    return [
        sweep.dial,
        level.label,
        f"{level.runs}" + (f", {level.failed} failed" if level.failed else ""),
        measured(level.mean),
        "–" if level.difference is None or level.is_incumbent else gain(level.difference, noise),
        "–" if level.low is None or level.high is None else f"{gain(level.low, noise)} to {gain(level.high, noise)}",
        ", ".join(marks) or level.error[:80],
    ]
