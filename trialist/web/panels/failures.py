"""Failures by region: along each dial, which part of the trials failed, and where that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trialist.trials.trial import State, TrialRecord
from trialist.web.numbers import setting
from trialist.web.panels.dialaxis import DialAxis, axis_of
from trialist.web.panels.plain import cut

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_BINS, _MOST = 8, 8  # along a number; dials, the most telling first
_LEAST, _P = 8, 0.01  # trials; probability under chance of what is told


def of(data: ReportData) -> dict[str, Any] | None:
    """None where none failed, or none of what a configuration could be to blame for."""
    ended = [r for r in data.records if r.state.is_closed and not _is_blameless(r)]
    failed = sum(r.state is State.FAILED for r in ended)
    if not failed or failed == len(ended) or len(ended) < _LEAST:
        return None
    found = sorted((_dial(dial, data, ended) for dial in data.space.names), key=lambda row: row["p"])
    drawn = [row for row in found if len(row["bins"]) > 1][:_MOST]
    if not drawn:
        return None
    told = [row["told"] for row in drawn if row["p"] < _P]
    words = f"{failed} of {len(ended)} trials failed. " + (
        "; ".join(told) + "." if told else "No dial alone tells where: their failures lie as chance would have it."
    )
    for row in drawn:
        del row["p"]
    return {
        "chart": "failures",
        "rows": drawn,
        "legend": [("bar failed", "share of the trials there that failed")],
        "words": words,
        "label": f"Failures along each dial. {words}",
        "table": {
            "head": ["dial", "where", "trials", "failed"],
            "rows": [[row["dial"], b["label"], b["n"], b["failed"]] for row in drawn for b in row["bins"]],
            "caption": "Failures by dial and region",
        },
    }


def _is_blameless(record: TrialRecord) -> bool:
    return record.failure is not None and record.failure.cause.is_blameless


def _dial(dial: str, data: ReportData, ended: Sequence[TrialRecord]) -> dict[str, Any]:
    axis = axis_of(dial, data.space)
    placed = [(place, r) for r in ended if dial in r.params and (place := axis.place(r.params[dial])) is not None]
    groups = _choices(dial, placed) if axis.is_category else _ranges(dial, axis, data, placed)
    rest = [r for r in ended if dial not in r.params]
    if rest:
        groups.append(("not active", rest))
    bins = [
        {"label": cut(label, 40), "n": len(records), "failed": sum(r.state is State.FAILED for r in records)}
        for label, records in groups
        if records
    ]
    p, told = _telling(dial, bins, len(ended), sum(r.state is State.FAILED for r in ended))
    return {"dial": dial, "bins": bins, "p": p, "told": told}


def _choices(dial: str, placed: Sequence[tuple[float, TrialRecord]]) -> list[tuple[str, list[TrialRecord]]]:
    groups: dict[float, list[TrialRecord]] = {}
    for place, record in placed:
        groups.setdefault(place, []).append(record)
    return [(setting(groups[place][0].params[dial]), groups[place]) for place in sorted(groups)]


def _ranges(
    dial: str, axis: DialAxis, data: ReportData, placed: Sequence[tuple[float, TrialRecord]]
) -> list[tuple[str, list[TrialRecord]]]:
    """Equal parts of the dial's scale."""
    parameter = data.space[dial]
    groups: list[list[TrialRecord]] = [[] for _ in range(_BINS)]
    for place, record in placed:
        groups[min(int(place * _BINS), _BINS - 1)].append(record)
    ends = [setting(_short(parameter.decode(k / _BINS))) for k in range(_BINS + 1)]
    return [(f"{ends[k]} to {ends[k + 1]}", group) for k, group in enumerate(groups)]


def _short(value: Any) -> Any:
    return float(f"{value:.2g}") if isinstance(value, float) else value


def _telling(dial: str, bins: Sequence[dict[str, Any]], n: int, failed: int) -> tuple[float, str]:
    """The run of neighbouring parts that failures crowd into most, and how probable that is by chance.

    One-sided test of Fisher for each run of parts, times the number of runs that were looked at.
    """
    best, told, looked = 1.0, "", 0
    for first in range(len(bins)):
        for last in range(first, len(bins)):
            part = bins[first : last + 1]
            there, bad = sum(b["n"] for b in part), sum(b["failed"] for b in part)
            looked += 1
            if there == n or not bad:
                continue
            p = _hypergeometric_tail(bad, there, failed, n)
            if p < best:
                labels = part[0]["label"], part[-1]["label"]
                where = labels[0] if first == last else f"{labels[0].split(' to ')[0]} to {labels[1].split(' to ')[-1]}"
                best = p
                told = f"{dial} {where}: {bad} of {there} failed, elsewhere {failed - bad} of {n - there}"
    return min(best * max(looked, 1), 1.0), told


def _hypergeometric_tail(k: int, drawn: int, marked: int, n: int) -> float:
    """P(at least k of `marked` among `drawn` of n)."""

    def log_choose(a: int, b: int) -> float:
        return math.lgamma(a + 1) - math.lgamma(b + 1) - math.lgamma(a - b + 1)

    whole = log_choose(n, drawn)
    most = min(drawn, marked)
    return math.fsum(
        math.exp(log_choose(marked, i) + log_choose(n - marked, drawn - i) - whole)
        for i in range(k, most + 1)
        if drawn - i <= n - marked
    )
