"""The front of several objectives, for people: its trials from one end to the other, its knee, what is chosen."""

from __future__ import annotations

from collections.abc import Sequence

from trialist.cli.format import params, safe, score
from trialist.cli.table import Column, labelled, table
from trialist.scoring.front import front, knee
from trialist.trials.history import History
from trialist.trials.trial import TrialRecord

_MOST = 9  # trials in the table


def front_lines(history: History, chosen: int, room: int) -> list[str]:
    """The front as a table, thinned evenly where it is long, and its knee; `chosen` is the selected trial's number."""
    records, bend = front(history), knee(history)
    if not records:
        return labelled("front", "no trial satisfies the constraints", room, "yellow")
    marks = {chosen: "chosen"}
    if bend is not None:
        marks[bend.number] = "knee, chosen" if bend.number == chosen else "knee"
    shown = _thinned(records, marks)
    objectives = history.plan.objectives
    heads = [Column("trial", right=True), *(Column(safe(o.name), right=True, flexible=True) for o in objectives)]
    heads += [Column(""), Column("dials", flexible=True)]
    rows = [
        [
            str(record.number),
            *(score(record.metrics.get(objective.name)) for objective in objectives),
            marks.get(record.number, ""),
            params(record.params),
        ]
        for record in shown
    ]
    count = f"{len(records)} trials, each" if len(records) > 1 else "1 trial"
    lines = labelled("front", f"{count} beaten by no other in all objectives", room) + table(heads, rows, room)
    if len(shown) < len(records):
        lines += labelled("", f"{len(records) - len(shown)} more lie between: trialist best --json has all", room)
    if len(records) > 1:
        lines += labelled("knee", _told(bend), room)
    return lines


def _thinned(records: Sequence[TrialRecord], marks: dict[int, str]) -> list[TrialRecord]:
    if len(records) <= _MOST:
        return list(records)
    even = {round(i * (len(records) - 1) / (_MOST - 1)) for i in range(_MOST)}
    return [record for i, record in enumerate(records) if i in even or record.number in marks]


def _told(bend: TrialRecord | None) -> str:
    if bend is None:
        return "none: the front does not bend towards the better side, so that no compromise stands out"
    return f"trial {bend.number}, where the front bends most: beyond it a little of one objective costs much of another"
