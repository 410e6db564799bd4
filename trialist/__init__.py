"""Trialist: hyperparameter tuning that ends with a verified verdict.

Declare the space, the budget and the test; `tune` searches, refines, selects and verifies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from trialist.effects.effects import Effects
    from trialist.errors import (
        CommandError,
        ExecutionError,
        InputError,
        LeaseLostError,
        MissingExtraError,
        PlanChangedError,
        PlanError,
        ResultError,
        ScoringError,
        SealedError,
        SpaceError,
        StateError,
        StoreError,
        StudyError,
        StudyExistsError,
        SuiteError,
        TrialistError,
        UnknownStudyError,
    )
    from trialist.execute.command import Command
    from trialist.execute.reporting import report
    from trialist.execute.worker import Trial
    from trialist.rates.range_test import RangeTest, lr_range_test
    from trialist.rates.rate import Rate
    from trialist.rates.schedule import Schedule, schedule
    from trialist.scoring.leaks import Leak, check_leaks
    from trialist.scoring.metrics import Metric
    from trialist.scoring.predictions import Predictions
    from trialist.scoring.split import Split
    from trialist.scoring.verdict import Outcome, Verdict
    from trialist.space.condition import above, below, between
    from trialist.space.parameter import Categorical, Float, Int, Normal
    from trialist.space.space import Space
    from trialist.stopping.ending import Ending
    from trialist.study.evaluation import Evaluation
    from trialist.study.nested import Nested, nested
    from trialist.study.study import Study
    from trialist.study.tune import tune
    from trialist.trials.budget import Budget
    from trialist.trials.fidelity import Fidelity
    from trialist.trials.history import History
    from trialist.trials.stopping import Plateau, Target, Worth
    from trialist.trials.trial import Cause, Score, Stage, State, TrialRecord
    from trialist.trials.validation import Folds, Holdout, Items, Seeds

# Each public name and its home, which is loaded on first use: `import trialist` stays in milliseconds.
_HOMES = {
    "trialist.errors": (
        "CommandError ExecutionError InputError LeaseLostError MissingExtraError PlanChangedError PlanError "
        "ResultError ScoringError SealedError SpaceError StateError StoreError StudyError StudyExistsError SuiteError "
        "TrialistError UnknownStudyError"
    ),
    "trialist.effects.effects": "Effects",
    "trialist.execute.command": "Command",
    "trialist.execute.reporting": "report",
    "trialist.execute.worker": "Trial",
    "trialist.rates.range_test": "RangeTest lr_range_test",
    "trialist.rates.rate": "Rate",
    "trialist.rates.schedule": "Schedule schedule",
    "trialist.scoring.metrics": "Metric",
    "trialist.scoring.leaks": "Leak check_leaks",
    "trialist.scoring.predictions": "Predictions",
    "trialist.scoring.split": "Split",
    "trialist.scoring.verdict": "Outcome Verdict",
    "trialist.space.condition": "above below between",
    "trialist.space.parameter": "Categorical Float Int Normal",
    "trialist.space.space": "Space",
    "trialist.stopping.ending": "Ending",
    "trialist.study.evaluation": "Evaluation",
    "trialist.study.nested": "Nested nested",
    "trialist.study.study": "Study",
    "trialist.study.tune": "tune",
    "trialist.trials.budget": "Budget",
    "trialist.trials.fidelity": "Fidelity",
    "trialist.trials.history": "History",
    "trialist.trials.stopping": "Plateau Target Worth",
    "trialist.trials.trial": "Cause Score Stage State TrialRecord",
    "trialist.trials.validation": "Folds Holdout Items Seeds",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Budget",
    "Categorical",
    "Cause",
    "Command",
    "CommandError",
    "Effects",
    "Ending",
    "Evaluation",
    "ExecutionError",
    "Fidelity",
    "Float",
    "Folds",
    "History",
    "Holdout",
    "InputError",
    "Int",
    "Items",
    "Leak",
    "LeaseLostError",
    "Metric",
    "MissingExtraError",
    "Nested",
    "Normal",
    "Outcome",
    "PlanChangedError",
    "PlanError",
    "Plateau",
    "Predictions",
    "RangeTest",
    "Rate",
    "ResultError",
    "Schedule",
    "Score",
    "ScoringError",
    "SealedError",
    "Seeds",
    "Space",
    "SpaceError",
    "Split",
    "Stage",
    "State",
    "StateError",
    "StoreError",
    "Study",
    "StudyError",
    "StudyExistsError",
    "SuiteError",
    "Target",
    "Trial",
    "TrialRecord",
    "TrialistError",
    "UnknownStudyError",
    "Verdict",
    "Worth",
    "above",
    "below",
    "between",
    "check_leaks",
    "lr_range_test",
    "nested",
    "report",
    "schedule",
    "tune",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'trialist' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
