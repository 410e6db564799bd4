"""Nested evaluation: what the whole process, tuning included, delivers on rows that none of it saw.

Each outer fold is a study of its own, tuned on the other rows and verified on those of the fold: Stone 1974; Varma and
Simon 2006, "Bias in error estimation when using cross-validation for model selection".
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialist.errors import PlanError, StudyError, shown
from trialist.numerics.gaussian import student_quantile
from trialist.scoring.digits import digits_for, rounded
from trialist.scoring.outer import outer_splits
from trialist.scoring.verdict import CONFIDENCE, Outcome
from trialist.study.declaring import DEFAULT_STORE
from trialist.study.evaluation import Evaluation
from trialist.study.study import Study
from trialist.study.tune import tune
from trialist.study.work import default_name
from trialist.trials.budget import Budget
from trialist.trials.plan import Direction
from trialist.trials.trial import Score
from trialist.trials.validation import Folds

if TYPE_CHECKING:
    from trialist.protocols import Store
    from trialist.scoring.split import Split
    from trialist.space.space import Space


@dataclass(frozen=True, slots=True)
class OuterFold:
    """One study: what it selected, and how default and selected did on the fold; scores in the metric's own sign.

    search: the selected configuration's score in the search; None where it has none.  rows: of the fold.
    """

    study: str
    params: Mapping[str, Any]
    rows: int
    search: float | None
    default: float
    selected: float


@dataclass(frozen=True, slots=True)
class Nested:
    """What the process delivers, over all outer folds; printed, it is two sentences.

    score, default: of what was selected and of the default configuration, with their noise.  difference: how much
    better the former is, positive is better.  interval: the same's two ends (95 %), whose error counts that outer
    folds share training rows (Nadeau and Bengio 2003); None with a single fold.
    """

    metric: str
    direction: Direction
    folds: tuple[OuterFold, ...]
    overlap: float

    @property
    def score(self) -> Score:
        return Score(tuple(fold.selected for fold in self.folds), self.overlap)

    @property
    def default(self) -> Score:
        return Score(tuple(fold.default for fold in self.folds), self.overlap)

    @property
    def difference(self) -> float:
        return self._ahead.mean

    @property
    def interval(self) -> tuple[float, float] | None:
        error = self._ahead.stderr
        if error is None:
            return None
        half = student_quantile((1 + CONFIDENCE) / 2, len(self.folds) - 1) * error
        return self.difference - half, self.difference + half

    @property
    def outcome(self) -> Outcome:
        """Whether tuning helps, by the interval."""
        if self.interval is None or self.interval[0] <= 0 <= self.interval[1]:
            return Outcome.NO_DIFFERENCE
        return Outcome.IMPROVED if self.interval[0] > 0 else Outcome.WORSE

    @property
    def optimism(self) -> float | None:
        """By how much the searches' own scores were better than what came of them; None where some have none."""
        told = [fold.search for fold in self.folds if fold.search is not None]
        if len(told) < len(self.folds):
            return None
        return self.direction.sign * (self.score.mean - math.fsum(told) / len(told))

    @property
    def sentence(self) -> str:
        error = self.score.stderr or 0.0
        decimals = digits_for(error, self.score.mean, self.default.mean)
        noise = f" ± {rounded(error, decimals)}" if error else ""
        over = f"{len(self.folds)} outer fold{'s' if len(self.folds) > 1 else ''}"
        ahead = f"{'better' if self.difference >= 0 else 'worse'} by {rounded(abs(self.difference), decimals)}"
        ends = "no interval from one fold"
        if self.interval is not None:
            low, high = self.interval if self.difference >= 0 else (-self.interval[1], -self.interval[0])
            ends = f"95 % interval {rounded(low, decimals)} to {rounded(high, decimals)}"
        told = [
            f"{self.outcome}: tuned like this, {self.metric} on new rows is {rounded(self.score.mean, decimals)}"
            f"{noise} over {over}, against {rounded(self.default.mean, decimals)} of the default, {ahead} ({ends})"
        ]
        if self.optimism is not None:
            good = "too good" if self.optimism >= 0 else "too bad"
            told.append(f"the searches' own scores were {rounded(abs(self.optimism), decimals)} {good}")
        return "; ".join(told)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        words = {name: getattr(self, name) for name in ("metric", "difference", "optimism", "sentence", "overlap")}
        scores = {name: [each.mean, each.stderr] for name, each in (("score", self.score), ("default", self.default))}
        return {
            **words,
            **scores,
            "direction": self.direction.value,
            "interval": None if self.interval is None else list(self.interval),
            "outcome": self.outcome.value,
            "folds": [{**asdict(fold), "params": dict(fold.params)} for fold in self.folds],
        }

    def __str__(self) -> str:
        return self.sentence

    @property
    def _ahead(self) -> Score:
        sign = self.direction.sign
        return Score(tuple(sign * (fold.default - fold.selected) for fold in self.folds), self.overlap)


def nested(
    make: Callable[..., Any],
    X: Any,
    y: Any,
    space: Space | Mapping[str, Any],
    *,
    budget: Budget | int,
    metric: Any = "accuracy",
    metrics: Sequence[Any] = (),
    outer: Folds | int = 5,
    stratify: bool = False,
    groups: Any = None,
    time: Any = None,
    store: str | Path | Store = DEFAULT_STORE,
    name: str | None = None,
    seed: int = 0,
    progress: bool = True,
    **options: Any,
) -> Nested:
    """Tune anew for each outer fold, on the other rows, and verify on the fold; the same call resumes.

    make, metric, metrics: as of Evaluation.  budget: of each study; options: others of `tune`, such as validation,
    strategy, workers or test_seeds.  outer: folds that the rows are divided into; Folds(5, repeats=2) divides twice.
    stratify, groups, time: as of Split.  The studies are kept under the name and their number.
    Raises PlanError for what cannot be, before any work.
    """
    division = Folds(outer) if isinstance(outer, int) and not isinstance(outer, bool) else outer
    if not isinstance(division, Folds) or division.seeds > 1:
        raise PlanError("outer", f"{shown(outer)} is no division into folds", "Give a number, or tl.Folds(5).")
    splits = outer_splits(X, y, division, stratify=stratify, groups=groups, time=time, seed=seed)
    evaluations = [Evaluation(make, split, metric, metrics) for split in splits]
    called = default_name(make) if name is None else name
    folds = []
    for i, (split, evaluation) in enumerate(zip(splits, evaluations, strict=True), start=1):
        if progress:
            print(f"\nouter fold {i} of {len(splits)}: {split}", file=sys.stderr, flush=True)
        study = tune(
            evaluation, space, budget=budget, store=store, name=f"{called}, outer fold {i} of {len(splits)}", seed=seed,
            progress=progress, **options,
        )  # fmt: skip
        folds.append(_told(study, split))
    found = Nested(evaluations[0].metric.name, evaluations[0].metric.direction, tuple(folds), division.overlap)
    if progress:
        print(f"\n{found}", file=sys.stderr, flush=True)
    return found


def _told(study: Study, split: Split) -> OuterFold:
    verdict, best = study.verdict, study.best
    if verdict is None or best is None:
        raise StudyError(f"{study.name}: it ended without a verdict, so the nested evaluation has none of this fold")
    return OuterFold(
        study.name,
        best.params,
        split.sizes["test"],
        best.value,
        verdict.baseline_score,
        verdict.selected_score,
    )
