"""Verdict: whether the selected configuration beats the default on sealed data, by how much, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from trialist.errors import ResultError, shown
from trialist.numerics.keys import Key
from trialist.scoring.digits import digits_for, rounded
from trialist.trials.outcome import number
from trialist.trials.plan import Direction

if TYPE_CHECKING:
    import numpy as np

    from trialist.numerics.resampling import Interval

CONFIDENCE = 0.95


class Outcome(StrEnum):
    """What a verification shows; "no difference shown" does not say that there is none."""

    IMPROVED = "improved"
    NO_DIFFERENCE = "no difference shown"
    WORSE = "worse"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The selected configuration against the baseline on sealed test data; printed, it is one plain sentence.

    difference: how much better the selected one is, in the metric's own units: positive is better whichever way the
    metric runs.  interval: the same's two ends, or None where none can be given; `reason` then says why.
    examples: test rows where the test gave a value for each, otherwise None.  seeds: trainings of each configuration
    (of the one with fewer).  looks: which look at these data this is; from the second on the interval is widened, so
    that all looks together err no more often than one would (Bonferroni).
    """

    outcome: Outcome
    metric: str
    direction: Direction
    baseline_score: float  # means over seeds and examples, in the metric's own sign
    selected_score: float
    difference: float
    interval: tuple[float, float] | None
    examples: int | None
    seeds: int
    method: str  # "paired bootstrap over 360 examples and 5 seeds"
    reason: str | None = None
    confidence: float = CONFIDENCE  # of all looks together
    looks: int = 1
    same_configuration: bool = False
    baseline_is_declared: bool = True  # False: for dials without a default the middle of the scale stood in
    fingerprint: str | None = None  # of the data that were opened
    opened_at: str | None = None  # ISO 8601

    def __post_init__(self) -> None:
        if self.looks < 1 or self.seeds < 1:
            raise ValueError(f"a verdict has at least one look and one seed, not {self.looks} and {self.seeds}")
        if self.interval is not None and not self.interval[0] <= self.difference <= self.interval[1]:
            raise ValueError(f"the difference {self.difference} lies outside its interval {self.interval}")

    @property
    def level(self) -> float:
        """The interval's own level: 0.95 at the first look, 0.975 at the second."""
        return 1 - (1 - self.confidence) / self.looks

    @property
    def sentence(self) -> str:
        """The verdict in one sentence, with digits that match its uncertainty."""
        half = (self.interval[1] - self.interval[0]) / 2 if self.interval else 0.0
        decimals = digits_for(half, self.baseline_score, self.selected_score)
        told = [self._interval_in_words(decimals), self._sizes(), self._looks()]
        if not self.baseline_is_declared:
            told.append("dials without a default stood at the middle of their scale, or their first choice")
        if self.same_configuration:
            score = f"test {self.metric} {rounded(self.baseline_score, decimals)}"
            return f"{self.outcome}: the default itself was selected, {score} ({'; '.join(told[1:])})"
        scores = f"{rounded(self.baseline_score, decimals)} -> {rounded(self.selected_score, decimals)}"
        return f"{self.outcome}: test {self.metric} {scores}, {self._size(decimals)} ({'; '.join(told)})"

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the store and for --json."""
        interval = list(self.interval) if self.interval else None
        words = {"outcome": self.outcome.value, "direction": self.direction.value}
        return {**asdict(self), **words, "interval": interval, "level": self.level, "sentence": self.sentence}

    @classmethod
    def from_json(cls, obj: dict[str, Any]) -> Verdict:
        """The verdict that `to_json` wrote."""
        given = {name: value for name, value in obj.items() if name not in ("level", "sentence")}
        interval = given["interval"]
        return cls(
            **{
                **given,
                "outcome": Outcome(given["outcome"]),
                "direction": Direction(given["direction"]),
                "interval": (interval[0], interval[1]) if interval else None,
            }
        )

    def __str__(self) -> str:
        return self.sentence

    def _size(self, decimals: int) -> str:
        if self.difference == 0:
            return "the same"
        return f"{'worse' if self.difference < 0 else 'better'} by {rounded(abs(self.difference), decimals)}"

    def _interval_in_words(self, decimals: int) -> str:
        if self.interval is None:
            return f"no interval: {self.reason}"
        # An interval of how much worse, where the sentence says "worse by".
        low, high = self.interval if self.difference >= 0 else (-self.interval[1], -self.interval[0])
        return f"{100 * self.level:.4g} % interval {rounded(low, decimals)} to {rounded(high, decimals)}"

    def _sizes(self) -> str:
        seeds = f"{self.seeds} seed{'s' if self.seeds > 1 else ''}"
        if self.examples is not None:
            return f"{self.examples:,} examples, {seeds}"
        return f"{seeds} alone, not the choice of test examples" if self.interval else seeds

    def _looks(self) -> str:
        if self.looks == 1:
            return "first look at these data"
        return f"look {self.looks} at these data, so the interval is widened"


def judge(
    *,
    metric: str,
    direction: Direction | str,
    baseline: Sequence[Any],
    selected: Sequence[Any],
    looks: int = 1,
    groups: Any = None,
    same_configuration: bool = False,
    baseline_is_declared: bool = True,
    fingerprint: str | None = None,
    opened_at: str | None = None,
    seed: int = 0,
) -> Verdict:
    """The verdict on test values of two configurations.

    baseline, selected: one entry per training seed, in the metric's own sign: a number, or one value per test example,
    the examples in the same order everywhere.  groups: a label per example, where examples hang together.
    looks: which look at these data this is.  seed: for the bootstrap; the same values and seed give the same verdict.
    Per-example values give a paired interval over examples and seeds; 0/1 values of one seed each an exact test; plain
    numbers an interval over seeds, which knows nothing of the choice of test examples.

    Raises ResultError for values that are missing, not finite, or of unequal length.
    """
    way = Direction(direction)
    arms = _arm("baseline", baseline), _arm("selected", selected)
    widths = {arm.shape[1] for arm in arms}
    if len(widths) > 1:
        raise ResultError(
            "selected",
            f"{arms[1].shape[1]} test values per seed do not pair with the {arms[0].shape[1]} of the baseline",
            "Return the same test examples, in the same order, for every configuration.",
        )
    examples = widths.pop()
    if groups is not None and len(groups) != examples:
        raise ResultError(
            "groups", f"{len(groups)} labels do not match {examples} test values", "Give one label for each example."
        )
    scores = [float(arm.mean()) for arm in arms]
    verdict = Verdict(
        outcome=Outcome.NO_DIFFERENCE,
        metric=metric,
        direction=way,
        baseline_score=scores[0],
        selected_score=scores[0] if same_configuration else scores[1],
        difference=0.0,
        interval=(0.0, 0.0),
        examples=examples if examples > 1 else None,
        seeds=min(len(arm) for arm in arms),
        method="none needed: the default itself was selected",
        looks=looks,
        same_configuration=same_configuration,
        baseline_is_declared=baseline_is_declared,
        fingerprint=fingerprint,
        opened_at=opened_at,
    )
    if same_configuration:
        return verdict
    losses = way.sign * arms[0], way.sign * arms[1]
    interval, words = _compare(losses[0], losses[1], groups, verdict.level, seed)
    if interval is None:
        difference = way.sign * (scores[0] - scores[1])
        return replace(verdict, difference=difference, interval=None, method="means alone", reason=words)
    outcome = Outcome.IMPROVED if interval.low > 0 else Outcome.WORSE if interval.high < 0 else Outcome.NO_DIFFERENCE
    ends = (interval.low, interval.high)
    return replace(verdict, outcome=outcome, difference=interval.estimate, interval=ends, method=words)


def smallest_difference(
    *,
    seeds: int,
    sd_seeds: float,
    examples: int | None = None,
    sd_examples: float = 0.0,
    looks: int = 1,
    power: float = 0.8,
) -> float:
    """The smallest true difference that a test of this size would show in `power` of all cases, before it is opened.

    sd_seeds: standard deviation of one configuration's mean test score from seed to seed.  sd_examples: of the paired
    difference of the two configurations from example to example.  Infinite with a single seed and no examples.

    >>> round(smallest_difference(seeds=5, sd_seeds=0.01, examples=360, sd_examples=0.3), 3)
    0.048
    """
    from trialist.numerics.gaussian import student_quantile

    over_examples = sd_examples**2 / examples if examples and examples > 1 else 0.0
    over_seeds = 2 * sd_seeds**2 / seeds if seeds > 1 else 0.0
    if not (examples and examples > 1) and seeds < 2:
        return math.inf
    total = over_examples + over_seeds
    if total == 0:
        return 0.0
    # Satterthwaite's degrees of freedom of the sum
    freedom = (over_examples**2 / (examples - 1) if over_examples and examples else 0.0) + (
        over_seeds**2 / (2 * seeds - 2) if over_seeds else 0.0
    )
    df = total**2 / freedom
    level = 1 - (1 - CONFIDENCE) / looks
    return (student_quantile((1 + level) / 2, df) + student_quantile(power, df)) * math.sqrt(total)


def _arm(field: str, values: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Test values by seed and example: (s, n), with n = 1 for plain numbers."""
    import numpy as np

    rows = [_row(field, entry) for entry in values]
    if not rows:
        raise ResultError(field, "there are no test values", "Give one entry for each seed.")
    if len({len(row) for row in rows}) > 1:
        raise ResultError(
            field,
            f"the seeds gave {' and '.join(str(n) for n in sorted({len(row) for row in rows}))} test values",
            "Return the same test examples, in the same order, for every seed.",
        )
    arm = np.stack(rows)
    if not np.isfinite(arm).all():
        s, n = (int(place[0]) for place in np.nonzero(~np.isfinite(arm)))
        raise ResultError(
            field,
            f"{arm[s, n]} from seed {s + 1}, value {n + 1}, is not finite",
            "Return finite test values: a capped loss, or a metric that is defined for every example.",
        )
    return arm


def _row(field: str, entry: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    import numpy as np

    if (
        isinstance(entry, (str, bytes, Set, Mapping))
        or getattr(entry, "shape", None) == ()
        or not hasattr(entry, "__len__")
    ):
        return np.array([number(field, entry)])
    try:
        row = np.asarray(entry)
    except ValueError as problem:
        raise ResultError(field, f"{shown(entry)} is ragged", "Return one number for each example.") from problem
    if row.ndim == 2 and row.shape[1] == 1:  # a column, as data frames and networks give it
        row = row[:, 0]
    if row.ndim != 1 or row.size == 0 or row.dtype.kind not in "biuf":
        row = np.array([number(field, value) for value in entry])
        if not len(row):
            raise ResultError(field, f"{shown(entry)} holds no values", "Return one number for each example.")
    return row.astype(np.float64)


def _compare(
    a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], groups: Any, level: float, seed: int
) -> tuple[Interval | None, str]:
    """The interval of mean(a) - mean(b) by what the losses are, and its method; or None, and why there is none."""
    import numpy as np

    from trialist.numerics import resampling

    seeds = str(len(a)) if len(a) == len(b) else f"{len(a)} and {len(b)}"
    if a.shape[1] == 1:
        if np.ptp(a) == 0 and np.ptp(b) == 0 and a[0, 0] != b[0, 0]:
            return None, _why_numbers_do_not_do(len(a), len(b))
        interval = resampling.welch_interval(a[:, 0], b[:, 0], level=level)
        if interval is None:
            return None, _why_numbers_do_not_do(len(a), len(b))
        return interval, f"Welch's t over {seeds} seeds; the choice of test examples is not in it"
    over = f"{a.shape[1]:,} examples"
    if len(a) == len(b) == 1:
        if groups is None and _is_binary(a, b):
            return resampling.paired_binary(a[0], b[0], level=level), f"exact paired test over {over}, one seed"
        words = f"paired bootstrap over {over}; one seed, so it is about these two trained models"
    else:
        words = f"paired bootstrap over {over} and {seeds} seeds"
    if groups is not None:
        words = words.replace(over, f"{over} in {len(np.unique(groups)):,} groups")
    rng = Key(seed, -1).generator("verdict")
    interval = resampling.paired_bootstrap(a, b, rng, level=level, groups=groups)
    return interval, words if interval else "all test examples are of one group"


def _why_numbers_do_not_do(s_a: int, s_b: int) -> str:
    remedy = "return one value for each test example"
    if s_a == s_b == 1:
        return f"one number each tells nothing of the noise; use more seeds, or {remedy}"
    return f"all seeds gave the same number, which tells nothing of the choice of test examples; {remedy}"


def _is_binary(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    """Whether all losses are 0 and 1, or 0 and -1 where more is better."""
    import numpy as np

    return bool(np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all()) or bool(
        np.isin(a, (0, -1)).all() and np.isin(b, (0, -1)).all()
    )
