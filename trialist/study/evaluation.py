"""Evaluation: an estimator's folds, scores and sealed test in one declaration, for `tune` to take the rest from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from trialist.errors import PlanError, ResultError, shown
from trialist.execute.worker import Trial
from trialist.scoring.metrics import Metric, Needs, metric_of
from trialist.scoring.split import Split
from trialist.trials.plan import Direction, Plan, objectives_of
from trialist.trials.validation import Folds, Holdout, Items, Seeds, Validation

if TYPE_CHECKING:
    import numpy as np

MANY = 10_000  # rows from which on a single draw says enough
FEW = 1_000  # rows below which one division says too little


@dataclass(frozen=True, eq=False, init=False)
class Evaluation:
    """Scores the estimators that `make(params, seed)` returns on the folds of a split; an objective for `tune`.

    make: of params, or of (params, seed); returns anything with fit(X, y) and predict(X), and predict_proba or
    decision_function where the metric needs it.  metric: by its name in scikit-learn, a function of (y, output) or a
    Metric: it is what is tuned.  metrics: others, reported beside it.

    `tl.tune(Evaluation(...), space, budget=60)` takes direction, validation and test from it.  Called with a trial it
    trains on each fold and reports its score; `test(params, seed)` trains on all rows but the sealed ones and scores
    on those, in verification alone.  Raises PlanError for what cannot be evaluated so.

    >>> class Mean:
    ...     def fit(self, X, y): self.mean = sum(y) / len(y)
    ...     def predict(self, X): return [self.mean] * len(X)
    >>> evaluation = Evaluation(lambda params: Mean(), Split(list(range(60)), list(range(60))), metric="rmse")
    >>> print(evaluation.validation)
    5-fold cross-validation, 2 divisions
    """

    make: Callable[..., Any]
    split: Split
    metric: Metric
    metrics: tuple[Metric, ...]

    def __init__(
        self,
        make: Callable[..., Any],
        split: Split,
        metric: str | Callable[[Any, Any], Any] | Metric = "accuracy",
        metrics: str | Sequence[str | Callable[[Any, Any], Any] | Metric] = (),
    ) -> None:
        _takes_seed(make)
        if not isinstance(split, Split):
            raise PlanError("split", f"{shown(split)} is no Split", "Give tl.Split(X, y).")
        main = metric_of(metric)
        others = tuple(metric_of(each) for each in ([metrics] if isinstance(metrics, str) else metrics))
        names = [main.name, *(each.name for each in others)]
        for name in names:
            if names.count(name) > 1:
                raise PlanError("metrics", f"{shown(name)} is named twice", "Name each metric once.")
        for field, value in (("make", make), ("split", split), ("metric", main), ("metrics", others)):
            object.__setattr__(self, field, value)

    def __call__(self, trial: Trial) -> None:
        """Train on each fold and report its score: the objective."""
        for fold in trial.folds(self.split):
            X, y = fold.train
            model = self._fitted(trial.params, fold.seed, X, y)
            held, truth = fold.validation
            scores = [
                _defined(metric, self._compared(metric, model, y, held, truth))
                for metric in (self.metric, *self.metrics)
            ]
            trial.report(scores[0], None, **{m.name: score for m, score in zip(self.metrics, scores[1:], strict=True)})

    def test(self, params: dict[str, Any], seed: int) -> Any:
        """Trained on all rows but the sealed ones, scored on those: a value per example, or Predictions of them.

        Raises SealedError outside verification.
        """
        X, y = self.split.train_and_validation
        model = self._fitted(params, seed, X, y)
        held, truth = self.split.test
        metric, true, output = self._compared(self.metric, model, y, held, truth)
        values = metric.per_example(true, output)
        if values is not None and metric.squares is None:
            return values
        from trialist.scoring.predictions import Predictions

        return Predictions(true, output, metric)

    @property
    def minimize(self) -> str | None:
        """The metric's name, if smaller is better."""
        return self.metric.name if self.metric.direction is Direction.MINIMIZE else None

    @property
    def maximize(self) -> str | None:
        """The metric's name, if larger is better."""
        return self.metric.name if self.metric.direction is Direction.MAXIMIZE else None

    @property
    def validation(self) -> Folds | Holdout:
        """How configurations are scored, chosen by the number of rows and how the split was made."""
        return chosen(self.split)[0]

    @property
    def reason(self) -> str:
        """Why they are scored so, in words."""
        return chosen(self.split)[1]

    def _fitted(self, params: dict[str, Any], seed: int, X: Any, y: Any) -> Any:
        model = self.make(dict(params), seed) if _takes_seed(self.make) else self.make(dict(params))
        for method in ("fit", "predict"):
            if not callable(getattr(model, method, None)):
                remedy = "Return a new estimator, such as SVC(C=params['C'])."
                raise ResultError("make", f"{shown(model)} has no method {method}", remedy)
        model.fit(X, y)
        return model

    def _compared(self, metric: Metric, model: Any, trained: Any, X: Any, y: Any) -> tuple[Metric, Any, Any]:
        """The metric, the truth and the output that it compares, classes and columns matched."""
        if metric.needs is Needs.PREDICT:
            return metric, y, model.predict(X)
        methods = ["predict_proba"] if metric.needs is Needs.PROBA else ["decision_function", "predict_proba"]
        method = next((name for name in methods if hasattr(model, name)), None)
        if method is None:
            remedy = "Make estimators that have it, or choose a metric of predicted labels."
            raise ResultError(
                "metric", f"{metric.name} needs {' or '.join(methods)}, {type(model).__name__} has none", remedy
            )
        output = getattr(model, method)(X)
        if metric.labels is not None or not isinstance(metric.measure, str):
            return metric, y, output
        return _matched(metric, output, getattr(model, "classes_", None), trained, y)


class Completed(NamedTuple):
    """What a study is declared with, as far as the objective tells it."""

    minimize: str | list[str] | None
    maximize: str | list[str] | None
    test: Any
    validation: Validation | None


def completed(
    objective: Any,
    minimize: str | list[str] | None = None,
    maximize: str | list[str] | None = None,
    test: Any = None,
    validation: Validation | None = None,
) -> Completed:
    """Direction, test and validation as they are given; of an Evaluation, what is not given is its own.

    Raises PlanError where what is given does not go with it.
    """
    if not isinstance(objective, Evaluation):
        return Completed(minimize, maximize, test, validation)
    if minimize is None and maximize is None:
        minimize, maximize = objective.minimize, objective.maximize
    known = {metric.name: metric.direction for metric in (objective.metric, *objective.metrics)}
    declared = objectives_of(minimize, maximize)
    for each in declared:
        if known.get(each.name) is not each.direction:
            have = " and ".join(f"{way.value}={name!r}" for name, way in known.items())
            problem = f"{each.direction.value}={each.name!r} is not what this Evaluation measures"
            remedy = f"It has {have}; leave both out to tune {objective.metric.name}."
            raise PlanError("minimize/maximize", problem, remedy)
    if declared[0].name != objective.metric.name:
        problem = f"{declared[0].name} would be the first objective, the Evaluation's metric is {objective.metric.name}"
        raise PlanError("metric", problem, f"Give Evaluation(metric={declared[0].name!r}, metrics=...).")
    if isinstance(validation, (Seeds, Items)):
        raise PlanError("validation", f"{validation} divide no rows", "Give tl.Folds(5, seeds=3), or tl.Holdout(0.25).")
    found = objective.validation if validation is None else validation
    objective.split.folds(found)  # whether the rows can be divided so is said before any work
    return Completed(minimize, maximize, objective.test if test is None else test, found)


def check(work: Any, plan: Plan) -> None:
    """PlanError where an Evaluation is to run under a plan that was declared for something else."""
    if not isinstance(work, Evaluation):
        return
    if plan.validation is None:
        problem = "the study declares no folds, and an Evaluation scores on folds"
        raise PlanError("validation", problem, "Declare it with validation=evaluation.validation.")
    names: dict[Direction, list[str]] = {Direction.MINIMIZE: [], Direction.MAXIMIZE: []}
    for each in plan.objectives:
        names[each.direction].append(each.name)
    completed(work, names[Direction.MINIMIZE] or None, names[Direction.MAXIMIZE] or None, validation=plan.validation)


def scored_by(work: Any, plan: Plan) -> str:
    """In words, how each configuration is scored, and why so; empty where the plan does not say."""
    given = plan.validation
    if given is None:
        return ""
    is_chosen = isinstance(work, Evaluation) and work.validation == given
    return f"scored by {given}: {work.reason if is_chosen else given.reason}"


def chosen(split: Split) -> tuple[Folds | Holdout, str]:
    """How configurations are scored by default, and why."""
    n = split.sizes["train"] + split.sizes["validation"]
    rows = f"{n:,} rows beside the test part"
    most = next((k for k in (5, 4, 3) if _divides(split, k)), 2)
    if split.how == "by time":
        return Folds(most), f"{rows}, in the order of time: each fold is later than what is trained on"
    if n > MANY:
        # Draws of their own for each configuration chose worse than one for all: on 4,000 rows of simulated classes by
        # 0.3 points of accuracy and 0.5 of AUC, among 50 random configurations. What suits the one draw by chance is
        # found out by the finalists' fresh draws.
        draw = Holdout(0.2)
        return draw, f"{rows} are many: one draw of {draw.share:.0%} says enough, and {draw.reason}"
    k, what = most, "groups" if split.how == "grouped" else "rows of the rarest class"
    rare = f"; {k} folds, as the {what} are too few for more" if k < 5 else ""
    if n < FEW:
        # At equal cost two divisions choose no worse than one or four, and five folds no worse than ten: measured with
        # kernel classifiers on 60 to 250 rows of three data sets. A single draw loses up to twice as much there.
        return Folds(k, repeats=2), f"{rows} are few: one division would say too little, so there are two{rare}"
    return Folds(k), f"{rows}: {Folds(k).reason}{rare}"


def _divides(split: Split, k: int) -> bool:
    try:
        split.folds(Folds(k))
    except PlanError:
        return False
    return True


def _takes_seed(make: Any) -> bool:
    """Whether it is called with (params, seed): it names a seed, or asks for two values; PlanError for no function."""
    if not callable(make):
        raise PlanError("make", f"{shown(make)} cannot be called", "Give a function of (params, seed).")
    try:
        parameters = inspect.signature(make).parameters
    except (TypeError, ValueError):  # some built-in functions tell nothing of themselves
        return False
    given = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in given if p.default is p.empty]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):
        return True
    if not given or len(required) > 2:
        problem = f"{shown(make)} does not take (params, seed)"
        raise PlanError("make", problem, "Give a function such as lambda params, seed: SVC(C=params['C']).")
    return len(required) == 2 or (len(given) > 1 and given[1].name == "seed")


def _matched(metric: Metric, output: Any, classes: Any, trained: Any, y: Any) -> tuple[Metric, Any, Any]:
    """Classes as numbers from 0 on, in sorted order, and a column of the output for each of them.

    A class that no row trained on has, has the probability 0.
    """
    import numpy as np

    all_classes = np.unique(np.concatenate([np.asarray(trained).ravel(), np.asarray(y).ravel()]))
    told: np.ndarray[Any, Any] = np.asarray(output)
    codes = np.searchsorted(all_classes, np.asarray(y).ravel())
    k = len(all_classes)
    if told.ndim == 2 and classes is not None and told.shape[1] == len(classes) != k:
        missing = 0.0 if metric.needs is Needs.PROBA else float(told.min()) - 1.0  # ranks behind all others
        whole = np.full((len(told), k), missing)
        whole[:, np.searchsorted(all_classes, np.asarray(classes))] = told
        told = whole
    return metric_of(metric, labels=range(max(k, 2))), codes, told


def _defined(metric: Metric, compared: tuple[Metric, Any, Any]) -> float:
    """The score; ResultError where these rows have none, whatever the configuration."""
    matched, y, output = compared
    score = matched.score(y, output)
    if score != score and metric.needs is Needs.DECISION:
        import numpy as np

        there, asked = len(np.unique(np.asarray(y))), len(matched.labels or ()) or 2
        if there < asked and np.isfinite(np.asarray(output, dtype=float)).all():
            problem = f"{metric.name} is not defined on a fold whose {len(y)} rows are of {there} of {asked} classes"
            raise ResultError(metric.name, problem, "Use Split(stratify=True), or fewer folds.")
    return score
