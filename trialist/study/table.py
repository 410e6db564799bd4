"""The trials as a table: one row a trial, one column a dial, a metric, or a fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialist.errors import MissingExtraError
from trialist.trials.history import History
from trialist.trials.trial import TrialRecord

if TYPE_CHECKING:
    from pandas import DataFrame


def rows(history: History) -> list[dict[str, Any]]:
    """Plain rows with the same keys in each: dials as `params.NAME`, metrics as `metrics.NAME`; None where inactive.

    Measured constraints, where there are any, are `constraints.NAME`.
    """
    dials = list(history.space.names)
    metrics = list(dict.fromkeys(name for r in history for name in r.metrics))
    constraints = list(dict.fromkeys(name for r in history for name in r.constraints))
    return [_row(record, dials, metrics, constraints) for record in history]


def dataframe(history: History) -> DataFrame:
    """The rows as a pandas frame."""
    try:
        import pandas
    except ImportError:
        raise MissingExtraError("Data frames need", "dataframes") from None
    return pandas.DataFrame(rows(history))


def _row(record: TrialRecord, dials: list[str], metrics: list[str], constraints: list[str]) -> dict[str, Any]:
    scores = record.metrics
    return {
        "number": record.number,
        "state": record.state.value,
        "stage": record.stage.value,
        **{f"params.{name}": record.params.get(name) for name in dials},
        **{f"metrics.{name}": scores[name].mean if name in scores else None for name in metrics},
        **{f"stderr.{name}": scores[name].stderr if name in scores else None for name in metrics},
        **{f"constraints.{name}": record.constraints.get(name) for name in constraints},
        "strategy": record.strategy,
        "reason": record.reason,
        "seed": record.seed,
        "repeats": record.repeats,
        "fidelity": record.fidelity,
        "used": record.used,
        "seconds": record.seconds,
        "cost": record.cost,
        "opened_at": record.opened_at,
        "closed_at": record.closed_at,
        "worker": record.worker or None,
        "cause": record.failure.cause.value if record.failure else None,
        "message": record.failure.message if record.failure else record.stop_reason or None,
    }
