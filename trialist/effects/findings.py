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


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    return value
