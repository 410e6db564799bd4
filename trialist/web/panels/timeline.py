"""Who ran what when: a lane for each worker, trials as bars, time in which nobody worked in grey."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from trialist.study.views.timeline import timeline
from trialist.trials.plan import duration
from trialist.web.panels.plain import MOST_REASONS, cut, number

if TYPE_CHECKING:
    from trialist.web.data import ReportData

_MOST = 1_000  # bars; of more the newest
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
    busy = [sum(b.end - b.start for b in view.bars if b.lane == lane) for lane in range(view.lanes)]
    words = f"{view.words}."
    if len(bars) < len(view.bars):
        words += f" The newest {len(bars):,} are drawn."
    return {
        "chart": "timeline",
        "lanes": view.lanes,
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
            "head": ["lane", "trials", "busy", "idle"],
            "rows": [
                [lane + 1, sum(bar.lane == lane for bar in view.bars), duration(busy[lane]),
                 duration(max(view.seconds - busy[lane], 0.0))]
                for lane in range(view.lanes)
            ],
            "caption": "What each lane did; when each trial ran is in the table of trials",
        },
    }  # fmt: skip
