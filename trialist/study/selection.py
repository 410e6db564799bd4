"""Select: finalists, the default among them, are scored again on fresh seeds, and the choice goes by those scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trialist.numerics.keys import Key
from trialist.scoring.selection import Finalist, Selection, choose_finalists, select
from trialist.trials.feasibility import violations
from trialist.trials.history import History
from trialist.trials.trial import Cause, Proposal, Stage, State, TrialRecord


def fresh_runs(history: History, finalists: int, replicates: int) -> tuple[Proposal, ...]:
    """The runs that the choice needs and that are not there yet: each finalist on each fresh seed, the same for all.

    None where no trial satisfies its measured constraints: how well they score is beside the point then.
    """
    if not replicates:
        return ()
    numbers, runs = _finalists(history, finalists), []
    for seed in fresh_seeds(history, replicates):  # seed by seed: wherever the budget ends, all have had the same ones
        for number in numbers:
            record = history[number]
            if _again(history, number, seed) is None:
                what = "the default" if record.stage is Stage.BASELINE else f"finalist {number}"
                reason = f"{what} scored again on a fresh seed"
                runs.append(Proposal(record.params, reason, "select", Stage.SELECT, seed, number))
    return tuple(runs)


def rounds(history: History, finalists: int, replicates: int) -> int:
    """On how many of the fresh seeds every finalist was run; the budget may have ended before all were."""
    numbers = _finalists(history, finalists) if replicates else []
    for count, seed in enumerate(fresh_seeds(history, replicates)):
        if not all(_is_over(_again(history, number, seed)) for number in numbers):
            return count
    return replicates


def fresh_seeds(history: History, replicates: int) -> list[int]:
    """Seeds that no trial of the search had, the same for every finalist, so that differences are paired."""
    return [Key(history.plan.seed, -1).child_seed(f"fresh {r}") for r in range(replicates)]


def announced(history: History, numbers: list[int], replicates: int) -> str:
    """What the stage is about to do."""
    names = ", ".join("the default" if history[n].stage is Stage.BASELINE else f"trial {n}" for n in numbers)
    seeds = f"{replicates} fresh seeds" if replicates > 1 else "1 fresh seed"
    return f"{names} scored again on {seeds}, the same for all"


def selected(history: History, finalists: int, replicates: int) -> Selection:
    """The choice by fresh scores; by the search score alone, and saying so, where nothing was scored again.

    Among feasible trials where there are any. One that violates a constraint on a fresh seed comes after those that
    never do.
    """
    numbers = _finalists(history, finalists) if replicates else []
    search = {n: history[n].loss for n in numbers}
    fresh = {n: [_loss(_again(history, n, seed)) for seed in fresh_seeds(history, replicates)] for n in numbers}
    baseline = history.baseline.number if history.baseline is not None else None
    best = history.best
    if best is None:
        raise LookupError("no trial has a score")
    sound = [n for n, losses in fresh.items() if all(map(math.isfinite, losses))]
    always = {n: words for n in numbers if (words := violations(history[n]))}
    sometimes = {n: words for n in numbers if (words := _violations_of_all(history, n, replicates))}
    for barred in (sometimes, always):
        if any(n not in barred for n in sound):
            direction = history.plan.objective.direction
            chosen = select(fresh, search, baseline=baseline, direction=direction, violates=barred)
            if chosen.number in sometimes:
                return replace(chosen, reason=f"{chosen.reason}; on a fresh seed it {sometimes[chosen.number]}")
            return chosen
    if best.is_feasible:
        reason = f"trial {best.number} has the best search score; nothing was scored again, so some of it is luck"
    else:
        reason = (
            f"no trial satisfies the measured constraints; trial {best.number} comes nearest, it {violations(best)}"
        )
    row = Finalist(best.number, best.loss, None, None, None, None, is_tied=True, violates=violations(best))
    return Selection(best.number, reason, (row,))


def to_json(selection: Selection, explored: int) -> dict[str, Any]:
    """`explored`: how many trials the choice was made from."""
    return {
        "number": selection.number,
        "reason": selection.reason,
        "explored": explored,
        "table": [
            {name: getattr(row, name) for name in _FINALIST}
            | {"interval": list(row.interval) if row.interval else None}
            for row in selection.table
        ],
    }


def from_json(obj: Mapping[str, Any]) -> Selection:
    rows = [
        Finalist(**{**row, "interval": tuple(row["interval"]) if row["interval"] else None}) for row in obj["table"]
    ]
    return Selection(obj["number"], obj["reason"], tuple(rows))


_FINALIST = ("number", "search", "fresh", "stderr", "behind", "is_tied", "violates")


def _finalists(history: History, finalists: int) -> list[int]:
    """Their numbers, the default's last; its configuration is one of them, feasible or not. None where no trial is."""
    if not history.feasible:
        return []
    explored = history.explored
    baseline = next((i for i, r in enumerate(explored) if r.stage is Stage.BASELINE and r.is_scored), None)
    from trialist.search.incumbent import expected_losses  # a model: loaded where it is used

    # The best score, and then by what a model expects: among many noisy scores the lowest ones are the luckiest. But a
    # model of few scores takes for noise what it cannot explain, and fresh scores tell luck from merit anyway.
    expected = expected_losses(history)
    if history.best is not None and expected:
        expected = {**expected, history.best.number: min(expected.values()) - 1.0}
    losses = [expected.get(r.number) if r.is_scored and r.is_feasible else None for r in explored]
    identities = [history.space.identity(r.params) for r in explored]
    chosen = choose_finalists(losses, identities, baseline, max(finalists - 1, 1))
    return [explored[index].number for index in chosen]


def _again(history: History, number: int, seed: int) -> TrialRecord | None:
    """The run of that finalist on that seed; a scored one before a failed one that was run again."""
    runs = [r for r in history if r.stage is Stage.SELECT and r.repeats == number and r.seed == seed]
    return next((r for r in runs if r.is_scored), runs[-1] if runs else None)


def _is_over(run: TrialRecord | None) -> bool:
    """Whether a run tells of its finalist: one that the budget ended does not."""
    if run is None or not run.state.is_closed or run.state is State.STOPPED:
        return False
    return run.failure is None or run.failure.cause is not Cause.BUDGET


def _violations_of_all(history: History, number: int, replicates: int) -> str:
    """What a finalist violates, be it in the search or on a fresh seed."""
    runs = [history[number], *(_again(history, number, seed) for seed in fresh_seeds(history, replicates))]
    return next((words for run in runs if run is not None and (words := violations(run))), "")


def _loss(record: TrialRecord | None) -> float:
    return math.nan if record is None or record.loss is None else record.loss
