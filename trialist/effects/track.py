"""How good a model's predictions were: what it foretold of each trial before the trial ran, against what came.

Leave-one-out predictions (`effects.calibration`) know the trials that came later; these do not.  They are of the points
that a model chose, mostly where it hoped for much, so they come out worse than at points that nobody chose.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Sequence

import numpy as np
from scipy import special

from trialist.effects.findings import Came, Quality, TrackRecord
from trialist.numerics.orthonormal import Array
from trialist.numerics.transform import ranks
from trialist.trials.foretold import Foretold
from trialist.trials.history import History
from trialist.trials.plan import Objective
from trialist.trials.trial import State, TrialRecord

LEAST = 8  # scores that were foretold, before they are judged
PART = 10  # scores that each half needs to be told by itself
UNLIKELY = 0.05
HOPELESS = 100.0  # times as wide: then no width is worth naming


def track_record(history: History, objective: Objective) -> TrackRecord:
    """Of the trials of a history of which a model foretold this objective."""
    told = [r for r in history.explored if r.foretold is not None and objective.name in r.foretold.quantiles]
    judged = [r for r in told if r.is_scored and objective.name in r.metrics]
    so_far = _medians_before(history, judged, objective.name)
    came = tuple(_came(r, middle, objective.name) for r, middle in zip(judged, so_far, strict=True))
    unjudged, n = len(told) - len(came), len(came)
    if n < LEAST:
        words = _missing(n, unjudged)
        return TrackRecord(objective.name, came, unjudged, None, None, None, False, False, 1.0, False, words)
    whole, half = quality(came), n // 2
    first, last = (quality(came[:half]), quality(came[half:])) if half >= PART else (None, None)
    apart = [abs(c.came - c.median) - abs(c.came - c.so_far) for c in came]
    is_better = _as_many(sum(a < 0 for a in apart), sum(a != 0 for a in apart), 0.5) < UNLIKELY
    outside = sum(not c.is_within for c in came)
    is_too_sure = _as_many(outside, n, 0.05) < UNLIKELY
    widened = sorted(c.miss for c in came)[min(math.ceil(0.95 * n), n) - 1]
    words = _words(came, whole, unjudged, objective, is_better, widened if is_too_sure else None)
    return TrackRecord(objective.name, came, unjudged, whole, first, last, is_better, is_too_sure, widened, True, words)


def told_and_came(told: Foretold, metric: str, record: TrialRecord) -> str | None:
    """Of one trial, as a user reads it: "0.31 (0.22 to 0.45), came 0.35"; None where nothing was foretold."""
    if metric not in told.quantiles:
        return None
    low, high = told.interval(metric)
    spread = high - low
    places = 1 - math.floor(math.log10(spread)) if 0 < spread < math.inf else 9

    def short(value: float) -> str:
        """To two digits of the interval's width, where that is short."""
        return f"{value:.{max(places, 0)}f}" if places <= 6 and abs(value) < 1e6 else f"{value:.4g}"

    text = f"{short(told.median(metric))} ({short(low)} to {short(high)})"
    score = record.metrics.get(metric)
    if record.state is not State.COMPLETE or score is None:
        return text
    beyond = "" if low <= score.mean <= high else ", outside"
    # What came may be far smaller than what the interval can tell: 0.00019 is not 0.00.
    came = short(score.mean) if abs(score.mean) >= 10.0 ** (1 - places) else f"{score.mean:.2g}"
    return f"{text}, came {came}{beyond}"


def quality(came: Sequence[Came]) -> Quality:
    """Of some trials, one at least."""
    n = len(came)
    table = np.array([[c.came, c.median, c.so_far] for c in came])
    unit = float(np.abs(table).max()) or 1.0  # squares of what is near the ends of the floats have room
    scores, medians, so_far = (table / unit).T
    off, far = scores - medians, np.abs(scores - so_far)
    spread = float(((scores - scores.mean()) ** 2).sum())
    return Quality(
        n,
        sum(c.lower <= c.came <= c.upper for c in came) / n,
        sum(c.is_within for c in came) / n,
        unit * float(np.median(off)),
        1.0 - float((off**2).sum()) / spread if spread > 0 else None,
        _rank_correlation(scores, medians),
        float((np.abs(off) < far).mean()),
        unit * float(np.median(np.abs(off))),
        unit * float(np.median(far)),
    )


def _came(record: TrialRecord, so_far: float, metric: str) -> Came:
    assert record.foretold is not None
    low, lower, median, upper, high = record.foretold.quantiles[metric]
    return Came(record.number, low, lower, median, upper, high, so_far, record.metrics[metric].mean)


def _medians_before(history: History, judged: Sequence[TrialRecord], metric: str) -> list[float]:
    """Of each trial, the median of the scores known when it began; without times, of those with lower numbers."""
    known = [r for r in history.scored if metric in r.metrics]
    is_timed = all(r.closed_at is not None for r in known) and all(_began(r) is not None for r in judged)
    ended = sorted((_end(r) if is_timed else r.number, r.number, r.metrics[metric].mean) for r in known)
    ends, so_far, medians = [end for end, _, _ in ended], list[float](), [0.0]
    for _, _, value in ended:
        insort(so_far, value)
        low, high = so_far[(len(so_far) - 1) // 2], so_far[len(so_far) // 2]
        medians.append(low / 2 + high / 2)  # a sum of the largest floats would have no room
    found = []
    for record in judged:
        # Before any full run had ended the first one that did: so much the other is given.
        count = max(bisect_left(ends, (_began(record) or 0.0) + 1e-9 if is_timed else record.number), 1)
        found.append(medians[count])
    return found


def _began(record: TrialRecord) -> float | None:
    return record.runs[0].began if record.runs else record.opened_at


def _end(record: TrialRecord) -> float:
    return record.closed_at or 0.0


def _rank_correlation(a: Array, b: Array) -> float | None:
    """Spearman's, of (n,) and (n,); None where all of one are alike."""
    if len(np.unique(a)) < 2 or len(np.unique(b)) < 2:
        return None
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def _as_many(hits: int, trials: int, chance: float) -> float:
    """How often chance alone would give as many hits, or more."""
    return float(special.bdtrc(hits - 1, trials, chance)) if hits else 1.0


def _missing(judged: int, unjudged: int) -> str:
    if not judged and not unjudged:
        return "No trial was foretold: no model of the scores has proposed one, or an earlier Trialist kept the study."
    return f"Not enough data: {judged} of the trials that a model foretold have a score, and {LEAST} are needed."


def _words(
    came: Sequence[Came], whole: Quality, unjudged: int, objective: Objective, is_better: bool, widened: float | None
) -> str:
    """Whether predictions could be believed, how far they were off, and whether they were worth anything."""
    n = whole.trials
    inside, middle = (round(share * n) for share in (whole.within95, whole.within50))
    found = (
        f"Foretold before they ran, {inside} of {n} scores ({whole.within95:.0%}) came within their 95 % interval,"
        f" {middle} ({whole.within50:.0%}) within their 50 %"
    )
    if widened is not None:
        wide = f": {widened:.2g} times as wide they would have held" if widened < HOPELESS else ""
        found += f"; the model was too sure{wide}"
    found += f". {_side(came, whole, objective)}"
    near = round(whole.nearer * n)
    rank = "" if whole.rank is None else f"; rank correlation {whole.rank:.2f}"
    told = "They were nearer than the median so far in" if is_better else "No better than the median so far: nearer in"
    found += f" {told} {near} of {n}{rank}."
    if unjudged:
        found += f" {unjudged} more have no score of a full run and are not judged."
    return found


def _side(came: Sequence[Came], whole: Quality, objective: Objective) -> str:
    """Whether more came worse, or better, than chance would have it."""
    off = [objective.loss(c.came) - objective.loss(c.median) for c in came]
    worse, better = sum(x > 0 for x in off), sum(x < 0 for x in off)
    if 2 * _as_many(max(worse, better), worse + better, 0.5) >= UNLIKELY:
        return "About as many came better than foretold as worse."
    which = f"{worse} came worse" if worse > better else f"{better} came better"
    return f"{which} than foretold, typically by {abs(whole.bias):.2g}."
