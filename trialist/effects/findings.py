"""What effects are told as: shares of the variance, pairs, slices, reach round the best, predictions; plain data.

Metrics are in their own sign and unit; shares are of the metric's variance over the declared space, noise left out.
enough: whether the trials say enough to be believed; where they do not, `words` says what is missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


class _Told:
    """A finding as JSON."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is not finite is None."""
        found: dict[str, Any] = _plain(asdict(self))  # type: ignore[call-overload]
        return found


@dataclass(frozen=True, slots=True)
class Share:
    """A dial's part of the variance.

    share: its effect alone, with its 95 % interval low to high.  interacting: what it does together with others.
    ped: of what tells the best tenth of the trials from all of them (PED-ANOVA), with the 95 % interval ped_interval;
    None with too few trials.
    permuted: by how much R^2 falls when its values are shuffled among the trials.
    active: how often it is active over the space.
    """

    dial: str
    share: float
    low: float
    high: float
    interacting: float
    ped: float | None
    ped_interval: tuple[float, float] | None
    permuted: float
    active: float


@dataclass(frozen=True, slots=True)
class Importance(_Told):
    """The shares of all dials, the largest first.

    explained: R^2 of predictions of each trial by all the others.  clipped: losses that counted as less bad.
    """

    metric: str
    method: str
    trials: int
    enough: bool
    words: str
    explained: float
    clipped: int
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two dials' part of the variance that both cause only together, with its 95 % interval.

    p: how often so strong a sign would show where there is no interaction, corrected for the number of pairs (Holm); 1
    where it is less than half a per cent of the variance.  is_real: p below 5 %; where it is not, low is 0.  Both are
    None where the pair was not tested.
    """

    a: str
    b: str
    strength: float
    low: float
    high: float
    is_real: bool | None
    p: float | None


@dataclass(frozen=True, slots=True)
class Interactions(_Told):
    """All pairs that can act together, the strongest first."""

    metric: str
    dials: tuple[str, ...]
    pairs: tuple[Pair, ...]
    enough: bool
    words: str


@dataclass(frozen=True, slots=True)
class Slice(_Told):
    """What is expected along a dial: at values `at`, the mean and its 95 % band, over all values of the other dials.

    given: dials that are held at a value.  points: (number, value, metric) of the trials.
    """

    dial: str
    kind: str
    at: tuple[Any, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    points: tuple[tuple[int, Any, float], ...]
    given: Mapping[str, Any] | None
    enough: bool
    words: str


@dataclass(frozen=True, slots=True)
class Nearby:
    """A dial round one configuration.

    share: of the variance along all dials, each moved alone.  low, high: as far as it can be moved before the metric
    is expected to worsen by more than the noise of a score; of a choice, the choices that are so near in `near`.
    """

    dial: str
    share: float
    low: Any
    high: Any
    near: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Local(_Told):
    """Dials round the configuration `around`, the largest share first.  noise: standard deviation of a score."""

    metric: str
    around: Mapping[str, Any]
    noise: float
    shares: tuple[Nearby, ...]
    enough: bool
    words: str


@dataclass(frozen=True, slots=True)
class Best:
    """The best value of a dial where another is at `given`, with its 95 % interval, and what is expected there."""

    given: Any
    value: Any
    low: Any
    high: Any
    mean: float


@dataclass(frozen=True, slots=True)
class BestAt(_Told):
    """The best value of `dial` at each value of `by`: whether it moves is what an interaction means in practice."""

    dial: str
    by: str
    rows: tuple[Best, ...]
    enough: bool
    words: str


@dataclass(frozen=True, slots=True)
class Calibration(_Told):
    """Each trial as foretold by all the others: (number, predicted, sd, actual).

    coverage: share of scores within their 95 % intervals.  r2: of the predictions.  spread: standard deviation of
    (actual - predicted) / sd, 1 where the model knows how much it knows.
    """

    metric: str
    points: tuple[tuple[int, float, float, float], ...]
    coverage: float
    r2: float
    spread: float
    enough: bool
    words: str


@dataclass(frozen=True, slots=True)
class Came:
    """A trial: its quantiles as foretold, `so_far` the median of the scores before it, and what came.

    low to high: where the score was to lie with 95 % probability, lower to upper with 50 %.  All in the metric's sign.
    """

    number: int
    low: float
    lower: float
    median: float
    upper: float
    high: float
    so_far: float
    came: float

    @property
    def is_within(self) -> bool:
        return self.low <= self.came <= self.high

    @property
    def miss(self) -> float:
        """How far from the median, in units of the half of the 95 % interval on that side; infinite for a half of 0."""
        off = self.came - self.median
        half = self.high - self.median if off > 0 else self.median - self.low
        return 0.0 if not off else abs(off) / half if half > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Quality:
    """How good predictions of some trials were.

    within50, within95: share of scores in their intervals.  bias: median of came - foretold, in the metric's own sign.
    r2: of the medians; rank: Spearman's correlation; both None where all scores or all medians are alike.
    nearer: share of trials that lay nearer to what was foretold than to the median before.  error, error_so_far:
    the median distance of each.
    """

    trials: int
    within50: float
    within95: float
    bias: float
    r2: float | None
    rank: float | None
    nearer: float
    error: float
    error_so_far: float


@dataclass(frozen=True, slots=True)
class TrackRecord(_Told):
    """What was foretold of each trial, and what came.

    unjudged: trials that were foretold and have no score of a full run, for they failed, were stopped early, or still
    run.  whole: over all of `trials`; first, last: over the older and the newer half, None with few.
    is_better: than the median of the scores before, by more than chance (sign test, 5 %).  is_too_sure: more scores lie
    outside of the 95 % intervals than by chance; widened: how many times as wide they would have held 95 %.
    """

    metric: str
    trials: tuple[Came, ...]
    unjudged: int
    whole: Quality | None
    first: Quality | None
    last: Quality | None
    is_better: bool
    is_too_sure: bool
    widened: float
    enough: bool
    words: str


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    return value
