"""Predictions: what a test gives for metrics that are no mean over examples, and how they become values per example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trialist.errors import ResultError, shown
from trialist.numerics.keys import Key
from trialist.scoring.metrics import Metric, metric_of
from trialist.trials.plan import Direction

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class PerExample:
    """A metric as values per example, of which it is the mean.

    strata: the class of each example, where the values of a class vary about a mean of their own.  groups: examples
    that come and go together.  by: what made the values, "" where the metric is a mean as it stands.  squares: of a
    metric that is a mean square to some power, which.
    """

    metric: str
    direction: Direction
    values: tuple[float, ...]
    strata: tuple[int, ...] | None = None
    groups: tuple[int, ...] | None = None
    by: str = ""
    squares: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """A model's answers for the test rows, for a test to return where a metric such as AUC, F1 or RMSE is to be judged.

    y (n,): the true labels or numbers.  output: what the metric looks at, in the order of the rows: (n,) predictions or
    scores, (n, k) probabilities.  metric: a name, "roc_auc" or "rmse" say, a function of (y, output), or a tl.Metric.
    labels: the classes in the order of the output's columns, where they are not sorted.

    Raises ResultError for lengths that do not match, PlanError for an unknown metric.

    >>> Predictions([0, 1, 1, 0], [0.2, 0.9, 0.4, 0.3], "roc_auc").score
    1.0
    """

    y: Any
    output: Any
    metric: str | Callable[[Any, Any], Any] | Metric
    labels: Any = None
    _metric: Metric = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_metric", metric_of(self.metric, self.labels))
        if len(self.y) != len(self.output):
            raise ResultError(
                "Predictions", f"{len(self.output)} outputs do not match {len(self.y)} labels", "Give one for each row."
            )

    def __len__(self) -> int:
        return len(self.y)

    @property
    def score(self) -> float:
        """The metric of all rows."""
        return self._metric.score(self.y, self.output)

    def per_example(self, groups: Any = None) -> PerExample:
        """Values per example of which the metric is the mean; groups (n,): examples that hang together, if any do.

        Means have such values as they are. RMSE and AUC have pseudo-values in closed form, see `numerics.influence`;
        everything else is computed anew with bundles of rows left out, by the jackknife.
        Raises ResultError where the metric is not defined for these rows.
        """
        import numpy as np

        metric = self._metric
        whole = None if groups is None else tuple(int(group) for group in np.unique(groups, return_inverse=True)[1])
        given = metric.per_example(self.y, self.output)
        if given is not None:
            return self._checked(given, groups=whole)
        positive = self._positive()
        if metric.measure == "roc_auc" and positive is not None:
            from trialist.numerics.influence import area

            values = area(positive, _scores(self.output))
            strata = None if groups is not None else tuple(int(each) for each in positive)
            return self._checked(values, strata=strata, groups=whole, by="DeLong's placements")
        if metric.measure == "root_mean_squared":
            from trialist.numerics.influence import root_of_mean
            from trialist.scoring.measures import column, squared_each

            squares = squared_each(column("y", self.y), column("output", self.output))
            return self._checked(metric.sign * root_of_mean(squares), groups=whole, by="the delta method")
        from trialist.numerics.resampling import bundles_of, jackknife

        bundles = bundles_of(len(self), Key(0, -1).generator("bundles"), groups)
        y, output = np.asarray(self.y), np.asarray(self.output)
        values = jackknife(lambda rows: metric.score(y[rows], output[rows]), bundles)
        return self._checked(values, groups=tuple(bundles.tolist()), by="the jackknife")

    def _checked(
        self,
        values: np.ndarray[Any, Any],
        strata: tuple[int, ...] | None = None,
        groups: tuple[int, ...] | None = None,
        by: str = "",
    ) -> PerExample:
        import numpy as np

        if not np.isfinite(values).all():
            remedy = "Use Split(stratify=True), so that each class is in the test part, and look for NaN in the output."
            raise ResultError(self._metric.name, f"it is not defined for these {len(self)} test rows", remedy)
        metric, told = self._metric, tuple(float(v) for v in values)
        return PerExample(metric.name, metric.direction, told, strata, groups, by, metric.squares)

    def _positive(self) -> np.ndarray[Any, Any] | None:
        """Whether each row is of the second of two classes; None where there are more."""
        import numpy as np

        y = np.asarray(self.y).reshape(-1)
        classes = np.unique(y) if self._metric.labels is None else np.asarray(self._metric.labels)
        if len(classes) > 2 or np.asarray(self.output).reshape(len(y), -1).shape[1] > 2:
            return None
        if len(classes) < 2:
            raise ResultError(
                self._metric.name, f"all test rows are of class {shown(classes[0])}", "Use Split(stratify=True)."
            )
        positive: np.ndarray[Any, Any] = y == classes[1]
        return positive


def _scores(output: Any) -> np.ndarray[Any, Any]:
    """What ranks the rows: (n,) scores, or the second of two columns."""
    import numpy as np

    columns = np.asarray(output, dtype=float).reshape(len(output), -1)
    return columns[:, -1]
