"""Verdict: whether the selected configuration beats the default on sealed data, by how much, and how sure that is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from trialist.scoring.digits import digits_for, in_digits, rounded
from trialist.trials.plan import Direction

CONFIDENCE = 0.95
_POWER = 1 + 0.8416 / 1.96  # half-widths of an interval at which four tests of five exclude 0


class Size(StrEnum):
    """How a difference compares with the smallest one that matters, by all of its interval."""

    MATTERS = "of practical size"
    TOO_SMALL = "too small to matter"
    OPEN = "of practical size or not, the data do not tell"


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
    matters: the smallest difference of practical size, where one was declared; `size` compares the interval with it.
    detectable: about the smallest true difference that this test shows four times of five, as far as it was known
    before the data were opened.
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
    method: str  # "paired over 360 examples and 5 seeds"
    reason: str | None = None
    confidence: float = CONFIDENCE  # of all looks together
    looks: int = 1
    same_configuration: bool = False
    baseline_is_declared: bool = True  # False: for dials without a default the middle of the scale stood in
    fingerprint: str | None = None  # of the data that were opened
    opened_at: str | None = None  # ISO 8601
    matters: float | None = None
    detectable: float | None = None

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
    def size(self) -> Size | None:
        """Whether the difference is of practical size; None where nothing was declared to matter, or is not known."""
        if self.matters is None or self.interval is None:
            return None
        low, high = self.interval
        if low >= self.matters or high <= -self.matters:
            return Size.MATTERS
        return Size.TOO_SMALL if max(abs(low), abs(high)) < self.matters else Size.OPEN

    @property
    def shown(self) -> float | None:
        """A true difference that this test shows four times of five; None where that was not known beforehand.

        What was foretold, or what its interval turned out to allow where that is more: the noise of the test rows need
        not have been known.
        """
        if not self.detectable or self.interval is None:
            return self.detectable
        return max(self.detectable, _POWER * (self.interval[1] - self.interval[0]) / 2)

    @property
    def sentence(self) -> str:
        """The verdict in one sentence, with digits that match its uncertainty."""
        half = (self.interval[1] - self.interval[0]) / 2 if self.interval else 0.0
        decimals = digits_for(half, self.baseline_score, self.selected_score)
        told = [self._interval_in_words(decimals), self._sizes(), self._looks()]
        if self.outcome is Outcome.NO_DIFFERENCE and self.shown and not self.same_configuration:
            told.append(f"it would likely have shown one of {in_digits(self.shown)}")
        if not self.baseline_is_declared:
            told.append("dials without a default stood at the middle of their scale, or their first choice")
        if self.same_configuration:
            score = f"test {self.metric} {rounded(self.baseline_score, decimals)}"
            return f"{self.outcome}: the default itself was selected, {score} ({'; '.join(told[1:])})"
        scores = f"{rounded(self.baseline_score, decimals)} -> {rounded(self.selected_score, decimals)}"
        size = f"{self._amount(decimals)}{self._practical()}"
        return f"{self.outcome}: test {self.metric} {scores}, {size} ({'; '.join(told)})"

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the store and for --json."""
        interval = list(self.interval) if self.interval else None
        words = {name: each and each.value for name, each in (("outcome", self.outcome), ("size", self.size))}
        found = {**asdict(self), **words, "direction": self.direction.value, "interval": interval}
        return {**found, "level": self.level, "sentence": self.sentence}

    @classmethod
    def from_json(cls, obj: dict[str, Any]) -> Verdict:
        """The verdict that `to_json` wrote."""
        given = {name: value for name, value in obj.items() if name not in ("level", "sentence", "size")}
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

    def _practical(self) -> str:
        if self.size is None or self.matters is None:
            return ""
        than = in_digits(self.matters)
        if self.size is Size.TOO_SMALL:
            return f", less than the {than} that matters"
        if self.size is Size.MATTERS:
            return f", at least the {than} that matters"
        return f", whether by {than} or more, which matters, is open"

    def _amount(self, decimals: int) -> str:
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
