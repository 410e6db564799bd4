"""What the response to one dial looks like: findings about levels run on the same seeds, each with its statistic.

Y (k, J): losses of k levels on J seeds or folds, NaN where there is none; smaller is better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trialist.numerics.crossed import Estimate, Floats, Spread, paired, spread, unsteady

CLIFF_TIMES = 3.0  # the next largest step between neighbours
CLIFF_P, FLAT_P = 0.01, 0.01
ONE_SIDED, TWO_SIDED = 0.025, 0.05
DIFFER_P = 0.02  # where noise grows with the loss, p is below 0.05 in one flat sweep of ten
FLAT_NOISE = 1.5  # times the noise of one run is what a flat dial moves its levels by, at most
UNSTEADY_TIMES, UNSTEADY_P = 4.0, 0.01  # times the noise of the others
MOST_REPLICATES = 20  # that are ever advised


class Shape(StrEnum):
    """What a finding says of a dial."""

    TOO_FEW = "too few runs"
    BETTER = "better level found"
    CLIFF = "cliff"
    EDGE = "edge"
    FLAT = "flat"
    TIE = "tie with the default"
    APART = "apart from the default"
    OPEN = "undecided"
    SENSITIVE = "sensitive"
    UNSTEADY = "unsteady level"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a sweep shows, in words, with the statistic behind it.

    level: the index of the level it speaks of, where there is one; of a cliff the last level before it falls.
    p: of the hypothesis that it rejects, allowing for all levels that were looked at.
    """

    shape: Shape
    words: str
    statistic: float | None = None
    p: float | None = None
    level: int | None = None

    def to_json(self) -> dict[str, Any]:
        statistic = self.statistic if self.statistic is None or math.isfinite(self.statistic) else None
        shape = self.shape.value
        return {"shape": shape, "words": self.words, "statistic": statistic, "p": self.p, "level": self.level}

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> Finding:
        return cls(Shape(obj["shape"]), obj["words"], obj["statistic"], obj["p"], obj["level"])


@dataclass(frozen=True, slots=True)
class Response:
    """Losses of a dial's levels, and what has to be known to read them.

    middle, default: indices of the incumbent's level and the default's.  ends: whether the first and the last level
    are the ends of the dial's range.  fails: levels at which most runs fail.  matters: the least difference of use.
    """

    Y: Floats
    labels: Sequence[str]
    middle: int
    default: int | None = None
    is_ordered: bool = True
    ends: tuple[bool, bool] = (False, False)
    fails: Sequence[int] = ()
    metric: str = "loss"
    sign: int = 1  # -1 where larger values of the metric are better
    overlap: float = 0.0
    replicates: int = 2
    matters: float | None = None

    def against(self, base: int) -> dict[int, Estimate]:
        """The loss of every other level less that of `base`, where the runs tell of it."""
        others = [i for i in range(len(self.Y)) if i != base and i not in self.fails]
        if base in self.fails or not others:
            return {}
        found = paired(_differences(self.Y[others], self.Y[base]), self.overlap)
        return {i: estimate for i, estimate in zip(others, found, strict=True) if estimate is not None}

    @property
    def spread(self) -> Spread | None:
        return spread(self.Y[[i for i in range(len(self.Y)) if i not in self.fails]], self.overlap)

    def means(self) -> dict[int, float]:
        """Mean loss by level, on the incumbent's seeds, so that a missing run does no harm."""
        known = {i: estimate.value for i, estimate in self.against(self.middle).items()}
        return {**known, self.middle: 0.0}

    def moved(self, loss: float, low: float, high: float) -> str:
        """A difference of losses in the metric's own terms: "0.12 [0.1, 0.14] higher"."""
        way = "higher" if loss * self.sign > 0 else "lower"
        ends = sorted((abs(low), abs(high))) if low * high > 0 else (low, high) if loss > 0 else (-high, -low)
        return f"{abs(loss):.2g} [{ends[0]:.2g}, {ends[1]:.2g}] {way}"


def findings(response: Response) -> tuple[Finding, ...]:
    """All that the response shows, what asks for something to be done first; never empty."""
    found, apart = response.spread, response.against(response.middle)
    if found is None or not apart:
        words = "too few runs came to a score to compare levels: at least two seeds that two levels have in common"
        failing = _failing(response)
        return (failing,) if failing else (Finding(Shape.TOO_FEW, words),)
    edge = _edge(response) if found.p < DIFFER_P else None
    told = [each for each in (_better(response, apart), _cliff(response), edge) if each is not None]
    flat = None if told else _flat(response, found, apart)
    told += [flat] if flat is not None else []
    default, wild = _default(response, apart), _unsteady(response)
    if not told and found.p < DIFFER_P:
        clear = f"by more than noise (F {found.F:.3g}, p {_p(found.p)})" if found.noise else "and runs have no noise"
        words = f"it matters: its levels differ {clear}, "
        words += f"and none is shown to be better than {response.labels[response.middle]}"
        worse = [i for i, e in apart.items() if 1 - e.below() < ONE_SIDED and e.value > 0]  # as their intervals say
        wild_ones = [finding.level for finding in wild]
        if close := [response.labels[i] for i in apart if i not in worse and i not in wild_ones]:
            words += f"; as far as told, {', '.join(close)} {'is' if len(close) == 1 else 'are'} as good"
        told.append(Finding(Shape.SENSITIVE, words, found.F, found.p))
    elif not told:
        told.append(_open(response, found))
    return (*told, *wild, *([] if default is None else [default]))


def _better(response: Response, apart: Mapping[int, Estimate]) -> Finding | None:
    looked = len(apart)
    clear = {i: e for i, e in apart.items() if min(1.0, looked * e.below()) < ONE_SIDED and e.value < 0}
    if not clear:
        return None
    best = min(clear, key=lambda i: clear[i].value)
    estimate = clear[best]
    p = min(1.0, looked * estimate.below())
    moved = response.moved(estimate.value, *estimate.interval(1 - TWO_SIDED / looked))
    among = f", allowing for {looked} levels looked at" if looked > 1 else ""
    words = (
        f"better level found: at {response.labels[best]} {response.metric} is {moved} than at "
        f"{response.labels[response.middle]} (p {_p(p)}{among})"
    )
    return Finding(Shape.BETTER, words, _t(estimate), p, best)


def _cliff(response: Response) -> Finding | None:
    """Runs that fail beyond a level, else one step between neighbours that is many times every other one."""
    if (failing := _failing(response)) is not None:
        return failing
    rows = [i for i in range(len(response.Y)) if i not in response.fails]
    if not response.is_ordered or len(rows) < 4:
        return None
    steps = paired(_differences(response.Y[rows[1:]], response.Y[rows[:-1]]), response.overlap)
    known = [(abs(step.value), j, step) for j, step in enumerate(steps) if step is not None]
    if len(known) < 3:
        return None
    (size, at, step), (rest, *_) = sorted(known, key=lambda each: -each[0])[:2]
    p = min(1.0, 2 * len(known) * min(step.below(), 1 - step.below())) if step.se else 0.0
    if p >= CLIFF_P or size < CLIFF_TIMES * rest or size <= (response.matters or 0.0):
        return None
    low, high = rows[at], rows[at + 1]
    before, after = (low, high) if step.value > 0 else (high, low)
    ends = step.interval() if step.value > 0 else tuple(-x for x in reversed(step.interval()))
    times = f"{size / rest:.2g} times the next largest step" if rest > 0 else "the only step there is"
    words = (
        f"cliff between {response.labels[low]} and {response.labels[high]}: {response.metric} is "
        f"{response.moved(size, *ends)} at {response.labels[after]}, {times} between neighbours"
    )
    if _best(response) == before:
        words += f"; the best level, {response.labels[before]}, lies right before it: keep a distance"
    return Finding(Shape.CLIFF, words, size / rest if rest > 0 else math.inf, p, before)


def _failing(response: Response) -> Finding | None:
    fails, labels, k = sorted(response.fails), response.labels, len(response.Y)
    if not fails:
        return None
    sound = [i for i in range(k) if i not in fails]
    if not sound:
        return Finding(Shape.CLIFF, "runs fail at every level", None, None, None)
    if response.is_ordered and fails == list(range(fails[0], k)):
        return Finding(Shape.CLIFF, f"cliff: runs fail from {labels[fails[0]]} on", len(fails), None, fails[0] - 1)
    if response.is_ordered and fails == list(range(fails[-1] + 1)):
        return Finding(Shape.CLIFF, f"cliff: runs fail up to {labels[fails[-1]]}", len(fails), None, fails[-1] + 1)
    where = ", ".join(labels[i] for i in fails)
    return Finding(Shape.CLIFF, f"cliff: runs fail at {where}", len(fails), None, None)


def _edge(response: Response) -> Finding | None:
    """The best level is an end of the range, and better than the one two steps in."""
    rows = [i for i in range(len(response.Y)) if i not in response.fails]
    best = _best(response)
    if not response.is_ordered or len(rows) < 3 or best is None:
        return None
    for is_end, at, inner, way in (
        (response.ends[0], 0, rows[2], "downwards"),
        (response.ends[1], len(response.Y) - 1, rows[-3], "upwards"),
    ):
        if not is_end or best != at:
            continue
        estimate = response.against(at).get(inner)
        if estimate is None:
            continue
        p = 1.0 - estimate.below() if estimate.se else float(estimate.value <= 0)
        if p < ONE_SIDED and estimate.value > (response.matters or 0.0):
            end = "low" if way == "downwards" else "high"
            words = (
                f"edge: the best lies at the {end} end of the range, {response.labels[at]}, and {response.metric} is "
                f"{response.moved(estimate.value, *estimate.interval())} at {response.labels[inner]}: if it can go "
                f"further, widen it {way}"
            )
            return Finding(Shape.EDGE, words, _t(estimate), p, at)
    return None


def _unsteady(response: Response) -> list[Finding]:
    """Levels at which runs vary many times as much as elsewhere: a mean says little there, and a bad run is ahead."""
    rows = [i for i in range(len(response.Y)) if i not in response.fails]
    found = []
    for at, times, p in unsteady(response.Y[rows]):
        if times >= UNSTEADY_TIMES and p < UNSTEADY_P:
            label = response.labels[rows[at]]
            told = f"{times:.2g}" if times < 10 else f"{times:.0f}"
            words = f"unsteady at {label}: its runs vary {told} times as much as those of other levels"
            found.append(Finding(Shape.UNSTEADY, words, times, p, rows[at]))
    return found


def _flat(response: Response, found: Spread, apart: Mapping[int, Estimate]) -> Finding | None:
    """Shown to make no difference: to any use where it was said what matters, else beside the noise of one run."""
    metric = response.metric
    if (matters := response.matters) is not None:
        ends = [estimate.interval(0.9) for estimate in apart.values()]
        if all(-matters < low and high < matters for low, high in ends):
            most = max(max(abs(low), abs(high)) for low, high in ends)
            words = f"flat: no level moves {metric} by more than {most:.2g} from the incumbent's; {matters:.2g} matters"
            return Finding(Shape.FLAT, words, most, None)
        return None
    if found.noise == 0.0 and found.bound == 0.0:
        return Finding(Shape.FLAT, f"flat: {metric} is the same at every level", 0.0, None)
    least = min(min(1.0, 2 * len(apart) * min(e.below(), 1 - e.below())) for e in apart.values())
    if least < FLAT_P or found.bound > FLAT_NOISE:
        return None
    words = (
        f"flat: its levels differ by no more than {found.bound:.2g} times the noise of one run, which is "
        f"{found.noise:.2g} of {metric} (root mean square, 95 %)"
    )
    return Finding(Shape.FLAT, words, found.bound, found.p)


def _open(response: Response, found: Spread) -> Finding:
    times = found.bound / FLAT_NOISE
    more = min(max(math.ceil(response.replicates * times**2), response.replicates + 1), MOST_REPLICATES)
    words = (
        f"undecided: no difference is shown, and its levels may differ by {found.bound:.2g} times the noise of one "
        f"run, which is {found.noise:.2g} of {response.metric}: some {more} replicates would tell"
    )
    return Finding(Shape.OPEN, words, found.F, found.p)


def _default(response: Response, apart: Mapping[int, Estimate]) -> Finding | None:
    """The incumbent's level beside the default's, where these are two."""
    default, middle = response.default, response.labels[response.middle]
    estimate = None if default is None else apart.get(default)
    if default is None or estimate is None:
        return None
    label, (low, high) = response.labels[default], estimate.interval()
    moved = f"{response.metric} is {response.moved(estimate.value, low, high)} there"
    p = min(1.0, 2 * min(estimate.below(), 1 - estimate.below())) if estimate.se else float(estimate.value == 0)
    if estimate.value == 0 and estimate.se == 0:
        return Finding(Shape.TIE, f"tie with the default: {label} gives the same {response.metric}", 0.0, 1.0, default)
    if p < TWO_SIDED and abs(estimate.value) > (response.matters or 0.0):
        way = "worse" if estimate.value > 0 else "better"
        return Finding(Shape.APART, f"the default, {label}, is {way} than {middle}: {moved}", _t(estimate), p, default)
    ends = estimate.interval(0.9)
    if response.matters is not None and -response.matters < ends[0] and ends[1] < response.matters:
        words = f"tie with the default: {label} and {middle} differ by less than matters; {moved}"
    else:
        words = f"tie with the default as far as these runs tell: {moved}, at {label}"
    return Finding(Shape.TIE, words, _t(estimate), p, default)


def _best(response: Response) -> int | None:
    means = response.means() if response.middle not in response.fails else {}
    return min(means, key=lambda i: means[i], default=None)


def _differences(a: Floats, b: Floats) -> Floats:
    """a - b, without what is a rounding error of them: an objective without noise has none."""
    import numpy as np

    size = np.nanmax(np.abs(np.concatenate([a.ravel(), b.ravel()])), initial=0.0)
    D = a - b
    return np.where(np.abs(D) <= 1e-13 * size, 0.0, D)


def _t(estimate: Estimate) -> float:
    return estimate.value / estimate.se if estimate.se else math.copysign(math.inf, estimate.value)


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.2g}"
