"""One dial at a time: what each dial does alone, against the default on the same items; and what pairs do beyond that.

y (n,): scores by item.  The effect of a level is the mean of y - y_default; what two levels do together beyond their
sum is the mean of y_both - y_one - y_other + y_default.  Intervals are paired by item, and by group where there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from trialist.llm.answers import TOKENS, TRUNCATED, cut_words, measured, scores
from trialist.llm.dials import Dial, level_said
from trialist.llm.dialspace import RANGE, label_of
from trialist.study.events import Event, StageStarted
from trialist.trials.trial import State

if TYPE_CHECKING:
    import numpy as np

    from trialist.llm.evaluate import Evaluator
    from trialist.study.study import Study
    from trialist.trials.trial import TrialRecord

ONE_DIAL = "one_at_a_time"  # the stage
_CONFIDENCE = 0.95
_LEVELS = 3  # of a range
_PAIRS = 12  # pairs of dials, at most


@dataclass(frozen=True, slots=True)
class Effect:
    """A level alone, or two of them together.  difference: in score, against the default; better is positive.

    interval: of it, at 95 %.  beyond, beyond_interval: of a pair, what is more than the sum of both alone.
    is_clear: the interval, widened for as many effects as are told, holds no 0; of a pair, that of what is beyond.
    words: where the limit cut most answers.
    """

    dials: tuple[str, ...]
    levels: tuple[str, ...]
    score: float
    difference: float
    interval: tuple[float, float] | None
    is_clear: bool
    tokens: float
    words: str = ""
    beyond: float | None = None
    beyond_interval: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        return ", ".join(f"{dial}={level}" for dial, level in zip(self.dials, self.levels, strict=True))


@dataclass(frozen=True, slots=True)
class OneDial:
    """effects: of single levels, the largest first.  pairs: of two together, what is most beyond their sum first.

    left_out: levels that were not measured, each with the reason.
    """

    score: float
    items: int
    effects: tuple[Effect, ...]
    pairs: tuple[Effect, ...]
    left_out: Mapping[str, str]

    @staticmethod
    def of(study: Study, evaluator: Evaluator) -> OneDial:
        """What the study's trials tell; answers come from the cache."""
        table = _Table(study, evaluator)
        singles, pairs = _singles(evaluator), _pairs_of(table, evaluator)
        effects = [effect for level in singles if (effect := table.effect((level,), len(singles))) is not None]
        both = [effect for pair in pairs if (effect := table.effect(pair, len(pairs))) is not None]
        effects.sort(key=lambda effect: -abs(effect.difference))
        both.sort(key=lambda effect: -abs(effect.beyond or 0.0))
        left_out = {level.name: table.why_not((level,)) for level in singles if table.params((level,)) not in table}
        score = float(table.default.mean()) if table.default is not None else float("nan")
        return OneDial(score, len(table.items), tuple(effects), tuple(both), left_out)

    def to_json(self) -> dict[str, Any]:
        return {
            "score": self.score,
            "items": self.items,
            "effects": [asdict(effect) for effect in self.effects],
            "pairs": [asdict(effect) for effect in self.pairs],
            "left_out": dict(self.left_out),
        }


def one_dial_at_a_time(study: Study, evaluator: Evaluator) -> Iterator[Event]:
    """Measure the default, each level alone, then pairs of the strongest levels, as far as the budget goes."""
    singles = _singles(evaluator)
    table = _Table(study, evaluator)
    yield StageStarted("one at a time", f"the default, and {len(singles)} levels of {_count(singles)} dials alone")
    yield from _run(study, evaluator, table, [(level,) for level in singles], "alone against the default")
    table = _Table(study, evaluator)
    pairs = _pairs_of(table, evaluator)
    if pairs:
        yield StageStarted("pairs", f"{len(pairs)} pairs of the strongest levels, as far as the budget goes")
        yield from _run(study, evaluator, table, pairs, "together, for what they do beyond the sum of both")


@dataclass(frozen=True, slots=True)
class _Level:
    """A level of a dial that is not its default, and the parameters that make it."""

    dial: str
    level: str
    change: tuple[tuple[str, Any], ...]

    @property
    def name(self) -> str:
        return f"{self.dial}={self.level}"


class _Table:
    """Scores by item of the configurations that were measured on all blocks."""

    def __init__(self, study: Study, evaluator: Evaluator) -> None:
        self._study, self._evaluator, self.space = study, evaluator, study.space
        self.items = [item for block in evaluator.blocks for item in block]
        self._whole: dict[Any, TrialRecord] = {
            self.space.identity(record.params): record
            for record in reversed(study.history.records)
            if record.state is State.COMPLETE
        }
        self._found: dict[Any, tuple[np.ndarray[Any, Any], float, str]] = {}
        first = self.of(self.space.baseline())
        self.default = None if first is None else first[0]

    def __contains__(self, params: object) -> bool:
        return isinstance(params, Mapping) and self.space.identity(params) in self._whole

    def params(self, levels: Sequence[_Level]) -> dict[str, Any] | None:
        """The default with those levels; None where one of them would be inactive there."""
        changed = {name: value for level in levels for name, value in level.change}
        wanted = {**self.space.baseline(), **changed}
        active = {name: value for name, value in wanted.items() if name in self.space.active(wanted)}
        if not changed.keys() <= active.keys():
            return None
        return self.space.complete(active)

    def why_not(self, levels: Sequence[_Level]) -> str:
        if self.params(levels) is None:
            return "it does nothing where the other dials are at their defaults"
        return "the budget did not reach so far"

    def of(self, params: Mapping[str, Any]) -> tuple[np.ndarray[Any, Any], float, str] | None:
        """(1, n) scores by item, means of its replicates; tokens of an answer; words on truncation."""
        import numpy as np

        key = self.space.identity(params)
        if key not in self._whole:
            return None
        if key not in self._found:
            answers, r = self._evaluator.replayed(params, self.items), self._evaluator.replicates
            values, settings = measured(answers), self._evaluator.recipe.dials.settings(params)
            found = np.array(scores(answers)).reshape(1, -1, r).mean(axis=2)
            self._found[key] = found, values[TOKENS], cut_words(values[TRUNCATED], settings)
        return self._found[key]

    def effect(self, levels: Sequence[_Level], comparisons: int) -> Effect | None:
        params = self.params(levels)
        told = None if params is None else self.of(params)
        if told is None or self.default is None:
            return None
        y, tokens, words = told
        difference, interval, is_clear = self._difference(self.default, y, comparisons)
        beyond = beyond_interval = None
        if len(levels) == 2:
            alone = [self.of(self.params((level,)) or {}) for level in levels]
            if alone[0] is None or alone[1] is None:
                return None
            beyond, beyond_interval, is_clear = self._difference(
                alone[0][0] + alone[1][0], y + self.default, comparisons
            )
        return Effect(
            tuple(level.dial for level in levels),
            tuple(level.level for level in levels),
            float(y.mean()),
            difference,
            interval,
            is_clear,
            tokens,
            words,
            beyond,
            beyond_interval,
        )

    def _difference(
        self, before: np.ndarray[Any, Any], after: np.ndarray[Any, Any], comparisons: int
    ) -> tuple[float, tuple[float, float] | None, bool]:
        """The mean of after - before with its interval, and whether it is clear among so many (Bonferroni)."""
        from trialist.numerics.intervals import paired_interval

        groups = self._groups
        found = paired_interval(-before, -after, level=_CONFIDENCE, groups=groups)
        wide = paired_interval(-before, -after, level=1 - (1 - _CONFIDENCE) / max(1, comparisons), groups=groups)
        if found is None or wide is None:
            return float(after.mean() - before.mean()), None, False
        return found.estimate, (found.low, found.high), wide.low > 0 or wide.high < 0

    @property
    def _groups(self) -> list[str]:
        return [f"group {item.group}" if item.group is not None else f"item {item.id}" for item in self.items]


def _run(
    study: Study, evaluator: Evaluator, table: _Table, wanted: Sequence[Sequence[_Level]], why: str
) -> Iterator[Event]:
    """Queue what was not measured yet and run it; nothing else is proposed."""
    known = {study.space.identity(record.params) for record in study.history if record.state is not State.FAILED}
    for levels in wanted:
        params = table.params(levels)
        if params is None or study.space.identity(params) in known:
            continue
        known.add(study.space.identity(params))
        study.enqueue(params, f"{', '.join(level.name for level in levels)} {why}")
    waiting = sum(1 for record in study.history if record.state is State.WAITING)
    if not study.history.records:
        waiting = 1  # the default, which is alone
    if waiting:
        yield from study.run(evaluator, trials=waiting)


def _singles(evaluator: Evaluator) -> list[_Level]:
    """All levels but the default's; of a range its ends and its middle."""
    dials = evaluator.recipe.dials
    default, found = dials.space.baseline(), []
    for name, dial in dials.dials.items():
        for level, change in _levels(name, dial):
            if any(default.get(each) != value for each, value in change):
                found.append(_Level(name, level, change))
    return found


def _levels(name: str, dial: Dial) -> Iterator[tuple[str, tuple[tuple[str, Any], ...]]]:
    for level in dial.levels:
        change = ((dial.switch, label_of(level)),) if dial.is_mixed else ((name, level),)
        yield level_said(level), change
    if dial.span is not None:
        for value in dial.span.levels(_LEVELS):
            at = (name, value)
            yield f"{value:g}", ((dial.switch, RANGE), at) if dial.is_mixed else (at,)


def _pairs_of(table: _Table, evaluator: Evaluator) -> list[tuple[_Level, _Level]]:
    """Of each two dials the levels with the largest effects, the strongest pairs first."""
    strongest: dict[str, tuple[float, _Level]] = {}
    for level in _singles(evaluator):
        effect = table.effect((level,), 1)
        if effect is not None and abs(effect.difference) > strongest.get(level.dial, (-1.0, level))[0]:
            strongest[level.dial] = abs(effect.difference), level
    pairs = [(a + b, one, other) for (a, one), (b, other) in combinations(strongest.values(), 2)]
    pairs.sort(key=lambda pair: -pair[0])
    return [(one, other) for _, one, other in pairs if table.params((one, other)) is not None][:_PAIRS]


def _count(levels: Sequence[_Level]) -> int:
    return len({level.dial for level in levels})
