"""Who ran what when: a lane for each worker, trials as bars, time in which nobody worked in grey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trialist.study.views.timeline import timeline
from trialist.trials.amounts import duration
from trialist.web.panels.plain import MOST_REASONS, cut, number

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_MOST = 1_000  # bars; of more the newest
_MOST_NAMES = 3  # of the workers of a lane
_KEYS = {
    "complete": ("bar complete", "complete"),
    "running": ("bar running", "running"),
    "stopped": ("bar stopped", "stopped early"),
    "paused": ("bar paused", "paused"),
    "failed": ("bar failed", "failed"),
}


def of(data: ReportData) -> dict[str, Any]:
    view = timeline(data.history, data.written_at)
    if not view.bars:
        return {"chart": "timeline", "empty": view.words}
    bars = sorted(view.bars, key=lambda bar: bar.start)[-_MOST:]
    since = bars[0].start if len(bars) < len(view.bars) else 0.0
    least = (view.seconds - since) * 2e-3  # what a picture cannot show
    idle = [each for each in view.idle if each.end > since and each.end - each.start > least]
    with_reason = len(bars) <= MOST_REASONS
    states = Counter(bar.state for bar in view.bars)
    busy, idled, trials = [0.0] * view.lanes, [0.0] * view.lanes, [set[int]() for _ in range(view.lanes)]
    for bar in view.bars:
        busy[bar.lane] += bar.end - bar.start
        trials[bar.lane].add(bar.number)
    for each in view.idle:
        idled[each.lane] += each.end - each.start
    words = f"{view.words}."
    if len(bars) < len(view.bars):
        words += f" The newest {len(bars):,} are drawn."
    return {
        "chart": "timeline",
        "lanes": list(view.names),
        "from": number(since),
        "to": number(max(view.seconds, 1e-3)),
        "bars": [
            {
                "n": bar.number,
                "lane": bar.lane,
                "a": number(bar.start),
                "b": number(bar.end),
                "state": bar.state,
                "stage": bar.stage,
                "v": number(bar.value),
                **({"who": bar.worker} if with_reason and bar.worker else {}),
                **({"run": bar.attempt + 1} if bar.attempt else {}),
                **({"why": cut(bar.reason)} if with_reason and bar.reason else {}),
            }
            for bar in bars
        ],
        "idle": [[each.lane, number(max(each.start, since)), number(each.end)] for each in idle],
        "breaks": [[number(at), duration(length)] for at, length in view.breaks if at >= since],
        "legend": [_KEYS[state] for state in _KEYS if states.get(state)] + ([("bar idle", "idle")] if idle else []),
        "words": words,
        "label": f"Timeline: {words}",
        "height": 74 + 34 * min(view.lanes, 24),
        "table": {
            "head": ["lane", "who", "trials", "busy", "idle"],
            "rows": [
                [name, _who(view.workers[lane]), len(trials[lane]), duration(busy[lane]), duration(idled[lane])]
                for lane, name in enumerate(view.names)
            ],
            "caption": "What each worker did; when each trial ran is in the table of trials",
        },
    }  # fmt: skip


def _who(workers: Sequence[str]) -> str:
    """The names of those who worked in a lane; of many the last ones."""
    if len(workers) <= _MOST_NAMES:
        return ", ".join(workers) or "not kept"
    return f"{len(workers) - _MOST_NAMES} earlier ones, " + ", ".join(workers[-_MOST_NAMES:])
