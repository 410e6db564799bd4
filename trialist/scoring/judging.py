"""The judgement: from test values of two configurations to a Verdict, by the method that their kind asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trialist.errors import ResultError, shown
from trialist.scoring.verdict import Outcome, Verdict
from trialist.trials.outcome import number
from trialist.trials.plan import Direction

if TYPE_CHECKING:
    import numpy as np

    from trialist.numerics.intervals import Interval

    Array = np.ndarray[Any, np.dtype[np.float64]]


def judge(
    *,
    metric: str,
    direction: Direction | str,
    baseline: Sequence[Any],
    selected: Sequence[Any],
    looks: int = 1,
    groups: Any = None,
    strata: Any = None,
    squares: float | None = None,
    by: str = "",
    matters: float | None = None,
    detectable: float | None = None,
    same_configuration: bool = False,
    baseline_is_declared: bool = True,
    fingerprint: str | None = None,
    opened_at: str | None = None,
) -> Verdict:
    """The verdict on test values of two configurations.

    baseline, selected: one entry per training seed, in the metric's own sign: a number, or one value per test example,
    the examples in the same order everywhere.  groups: a label per example, where examples hang together.
    strata: the class of each example, where values of a class vary about a mean of their own; by: what made values
    per example of a metric that is no mean.  squares: where the metric is a mean square to some power, which: 0.5 for
    an RMSE.  All three as `Predictions` has them.
    matters: the smallest difference of practical size.  detectable: what the test can show, known beforehand.
    looks: which look at these data this is.
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
    for field, labels in (("groups", groups), ("strata", strata)):
        if labels is not None and len(labels) != examples:
            raise ResultError(
                field, f"{len(labels)} labels do not match {examples} test values", "Give one label for each example."
            )
    if matters is not None and not 0 < number("matters", matters) < math.inf:
        raise ResultError(
            "matters", f"{shown(matters)} is not above 0", "Give the smallest difference that matters, such as 0.005."
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
        matters=matters,
        detectable=detectable,
    )
    if same_configuration:
        return verdict
    losses = way.sign * arms[0], way.sign * arms[1]
    if squares is not None and examples > 1:
        from trialist.numerics.intervals import at_each_others_level

        losses = at_each_others_level(*losses, squares)
    interval, words = _compare(losses[0], losses[1], groups, strata, verdict.level)
    if interval is None:
        difference = way.sign * (scores[0] - scores[1])
        return replace(verdict, difference=difference, interval=None, method="means alone", reason=words)
    outcome = Outcome.IMPROVED if interval.low > 0 else Outcome.WORSE if interval.high < 0 else Outcome.NO_DIFFERENCE
    ends = (interval.low, interval.high)
    return replace(
        verdict,
        outcome=outcome,
        difference=interval.estimate,
        interval=ends,
        method=", by ".join(filter(None, (words, by))),
    )


def _arm(field: str, values: Sequence[Any]) -> Array:
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


def _row(field: str, entry: Any) -> Array:
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


def _compare(a: Array, b: Array, groups: Any, strata: Any, level: float) -> tuple[Interval | None, str]:
    """The interval of mean(a) - mean(b) by what the losses are, and its method; or None, and why there is none."""
    import numpy as np

    from trialist.numerics import intervals

    seeds = str(len(a)) if len(a) == len(b) else f"{len(a)} and {len(b)}"
    if a.shape[1] == 1:
        if np.ptp(a) == 0 and np.ptp(b) == 0 and a[0, 0] != b[0, 0]:
            return None, _why_numbers_do_not_do(len(a), len(b))
        interval = intervals.welch_interval(a[:, 0], b[:, 0], level=level)
        if interval is None:
            return None, _why_numbers_do_not_do(len(a), len(b))
        return interval, f"Welch's t over {seeds} seeds; the choice of test examples is not in it"
    over = f"{a.shape[1]:,} examples"
    if groups is not None:
        over = f"{over} in {len(np.unique(groups)):,} groups"
    if len(a) == len(b) == 1:
        if groups is None and strata is None and intervals.is_binary(a, b):
            from trialist.numerics.binary import paired_binary

            return paired_binary(a[0], b[0], level=level), f"exact paired test over {over}, one seed"
        words = f"paired over {over}, for this one seed alone"
    else:
        words = f"paired over {over} and {seeds} seeds"
    twice = 0.0
    if groups is None and strata is not None and len(np.unique(strata)) == 2:
        from trialist.numerics.influence import counted_twice

        twice = counted_twice(a, b, np.asarray(strata) == np.max(strata))
    interval = intervals.paired_interval(a, b, level=level, groups=groups, strata=strata, twice=twice)
    if interval is None:
        return None, "all test examples are of one group" if groups is not None else "a class has a single test example"
    return interval, words


def _why_numbers_do_not_do(s_a: int, s_b: int) -> str:
    remedy = "return one value for each test example"
    if s_a == s_b == 1:
        return f"one number each tells nothing of the noise; use more seeds, or {remedy}"
    return f"all seeds gave the same number, which tells nothing of the choice of test examples; {remedy}"
