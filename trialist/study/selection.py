"""Select: finalists, the default among them, are scored again on fresh seeds, and the choice goes by those scores.

All are run on two fresh seeds; then those that fall behind are dropped, and the runs that they are spared go to the
others, look after look, until the stage's runs are used or one is left: sequential halving, by what the scores say.
Which runs are next is a function of the history: whoever asks, after a crash or beside others, gets the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from typing import Any

from trialist.numerics.keys import Key
from trialist.scoring.optimism import Optimism, optimism
from trialist.scoring.outlays import outlays
from trialist.scoring.selection import Finalist, Selection, select
from trialist.trials.feasibility import violations
from trialist.trials.history import History
from trialist.trials.trial import Cause, Proposal, Stage, State, TrialRecord
from trialist.trials.validation import Items

FIRST = 2  # fresh seeds before the first look: one alone tells no error, unless it scores block after block of items
SAME = 3  # scores that all agree to the last digit: so do the configurations, as far as they matter
NEAREST = 50  # of the expected best, among which the cheapest one is looked for

Runs = dict[int, list[TrialRecord]]  # by finalist, in the order of the fresh seeds


@dataclass(frozen=True, slots=True)
class Rescoring:
    """Where the stage stands.

    numbers: the finalists, the default's last.  done: runs on the seeds of which all that were to be run are over.
    going_on: who is scored further.  next: runs that are not there yet.  left: runs beyond these, at most.
    """

    numbers: tuple[int, ...] = ()
    done: Runs = field(default_factory=dict)
    going_on: tuple[int, ...] = ()
    next: tuple[Proposal, ...] = ()
    left: int = 0


def rescoring(history: History, finalists: int, replicates: int) -> Rescoring:
    """The stage as the history leaves it; no more than finalists x replicates runs in all.

    Without finalists where no trial satisfies its measured constraints: how well they score is beside the point then.
    """
    numbers = chosen_finalists(history, finalists) if replicates else []
    budget, seeds = finalists * replicates, fresh_seeds(history)
    done: Runs = {n: [] for n in numbers}
    going_on = numbers
    first = 1 if isinstance(history.plan.validation, Items) else FIRST
    rounds = min(replicates, first, budget // max(len(numbers), 1))
    while len(going_on) > 1 and rounds:
        block = [next(seeds) for _ in range(rounds)]
        missing = [(n, seed) for seed in block for n in going_on if _again(history, n, seed) is None]
        budget -= len(going_on) * rounds
        for seed in block:  # seed by seed: wherever a limit ends them, all have had the same ones
            runs = {n: _again(history, n, seed) for n in going_on}
            if not all(map(_is_over, runs.values())):
                proposals = tuple(_proposal(history, n, seed) for n, seed in missing)
                return Rescoring(tuple(numbers), done, tuple(going_on), proposals, budget)
            for n, run in runs.items():
                done[n] += [run] if run is not None else []
        going_on = _ahead(history, done, going_on)[:budget]
        rounds = max(1, budget // len(going_on) // 2) if len(going_on) > 1 else 0
    return Rescoring(tuple(numbers), done, tuple(going_on))


def most_runs(history: History, finalists: int, replicates: int) -> tuple[Proposal, ...]:
    """The runs that are not there yet, and those that may follow from them, if none falls behind."""
    now = rescoring(history, finalists, replicates)
    further = [now.going_on[i % len(now.going_on)] for i in range(now.left)] if now.going_on else []
    return now.next + tuple(_proposal(history, n, 0) for n in further)


def fresh_seeds(history: History) -> Iterator[int]:
    """Seeds that no trial of the search had, the same for every finalist, so that differences are paired."""
    return (fresh_seed(history.plan.seed, r) for r in count())


def fresh_seed(seed: int, place: int) -> int:
    """One of them, from 0 on, of a study with that seed."""
    return Key(seed, -1).child_seed(f"fresh {place}")


def announced(history: History, now: Rescoring) -> str:
    """What the stage is about to do."""
    names = ", ".join(_named(history, n) for n in now.going_on)
    most = len(now.next) + now.left
    return f"{names} scored again on fresh seeds, the same for all: {most} runs{' at most' if now.left else ''}"


def fell_behind(history: History, before: Rescoring, now: Rescoring) -> str:
    """Who is scored no further, in words; an empty text for nobody, and where the stage is over."""
    dropped = [n for n in before.going_on if n not in now.going_on]
    if not dropped or not now.next:
        return ""
    names = ", ".join(_named(history, n) for n in dropped)
    return f"select: {names} fell behind; what is left goes to {', '.join(_named(history, n) for n in now.going_on)}"


def selected(history: History, finalists: int, replicates: int) -> Selection:
    """The choice by fresh scores; by the search score alone, and saying so, where nothing was scored again.

    Among feasible trials where there are any. One that violates a constraint on a fresh seed comes after those that
    never do.
    """
    if history.best is None:
        raise LookupError("no trial has a score")
    done = rescoring(history, finalists, replicates).done
    chosen = _by_fresh_scores(history, done) if any(done.values()) else None
    return replace(chosen or _by_search(history, history.best), optimism=optimism(history))


def _by_fresh_scores(history: History, done: Runs) -> Selection | None:
    """None where none of them may be chosen."""
    from trialist.model.belief import belief_of  # a model: loaded where it is used

    plan, fresh = history.plan, _fresh(history, done)
    barred = _barred(history, done)
    if barred is None:
        return None
    baseline = history.baseline.number if history.baseline is not None else None
    chosen = select(
        fresh,
        {n: history[n].loss for n in done},
        baseline=baseline,
        direction=plan.objective.direction,
        violates=barred,
        belief=belief_of(history),
        per_run=_per_run(history, done),
        overlap=_overlap(history),
        outlays=outlays(history, history.space),
        prefer=plan.prefer,
    )
    words = _violations_of_all(history, chosen.number, done)
    return replace(chosen, reason=f"{chosen.reason}; on a fresh seed it {words}") if words else chosen


def _by_search(history: History, best: TrialRecord) -> Selection:
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
        "table": [asdict(row) | {"interval": list(row.interval) if row.interval else None} for row in selection.table],
        "optimism": None if selection.optimism is None else selection.optimism.to_json(),
    }


def from_json(obj: Mapping[str, Any]) -> Selection:
    rows = [
        Finalist(**{**row, "interval": tuple(row["interval"]) if row["interval"] else None}) for row in obj["table"]
    ]
    told = obj.get("optimism")
    return Selection(obj["number"], obj["reason"], tuple(rows), None if told is None else Optimism.from_json(told))


def chosen_finalists(history: History, finalists: int) -> list[int]:
    """Their numbers, the default's last; its configuration is one of them, feasible or not. None where no trial is.

    The best score, since a model of few scores takes for noise what it cannot explain, and fresh scores tell luck from
    merit anyway; then by what a model expects, those that are alike once: among many noisy scores the lowest ones are
    the luckiest.  With room for it, the cheapest of those that are within a standard error of the expected best.
    """
    if not history.feasible or history.best is None:
        return []
    from trialist.scoring.finalists import are_alike, choose_finalists  # arrays, and a model: loaded where used
    from trialist.search.incumbent import expected_losses
    from trialist.space.cube import Cube

    explored, cube = history.explored, Cube(history.space)
    baseline = next((i for i, r in enumerate(explored) if r.stage is Stage.BASELINE and r.is_scored), None)
    expected = expected_losses(history)
    losses = [expected.get(r.number) if r.is_scored and r.is_feasible else None for r in explored]
    identities = [history.space.identity(r.params) for r in explored]
    rows, active = cube.canonical(history.space.encode_many([r.params for r in explored]))
    near = are_alike(cube, rows, active)

    def alike(a: int, b: int) -> bool:
        """Near each other, or the same by every one of several scores: two dials that do nothing, say.

        Scores that are all one number, such as all items right, are alike of many that are not.
        """
        one, other = explored[a].score, explored[b].score
        is_same = one is not None and one == other and len(one.replicates) >= SAME and len(set(one.replicates)) > 1
        return is_same or near(a, b)

    place = {r.number: i for i, r in enumerate(explored)}

    def choose(first: Sequence[int], room: int) -> list[int]:
        """So many in all; the default is one of them by itself, or takes the last place."""
        chosen = choose_finalists(losses, identities, baseline, room, first=first, alike=alike)
        if len(chosen) > room:
            chosen = choose_finalists(losses, identities, baseline, room - 1, first=first, alike=alike)
        return chosen

    room, best = max(finalists, 2), place[history.best.number]
    chosen = choose([best], room)
    cheap = _cheapest(history, expected) if room >= (3 if history.plan.prefer == "cheaper" else 4) else None
    if cheap is not None and place[cheap] not in chosen:
        first = [index for index in choose([best], room - 1) if index != baseline]
        chosen = choose([*first, place[cheap]], room)
    return [explored[index].number for index in chosen]


def _cheapest(history: History, expected: Mapping[int, float]) -> int | None:
    """Of the trials within one standard error of the expected best, the one that takes least; None for itself."""
    from trialist.model.belief import belief_of

    believed, spent = belief_of(history), outlays(history.explored, history.space)
    feasible = [r.number for r in history.feasible if r.number in expected and r.number in spent.of]
    if believed is None or not feasible:
        return None
    near = sorted(feasible, key=lambda n: (expected[n], n))[:NEAREST]
    means, covariance = believed.of(near)
    behind = means - means[0]
    errors = covariance.diagonal() + covariance[0, 0] - 2 * covariance[0]
    within = [n for n, is_near in zip(near, behind**2 <= errors.clip(0.0), strict=True) if is_near]
    cheaper = [n for n in within if (spent.times(near[0], n) or 0.0) > 1]
    return min(cheaper, key=lambda n: (spent.of[n], expected[n], n), default=None)


def _ahead(history: History, done: Runs, going_on: Sequence[int]) -> list[int]:
    """Who is scored further, the leader first."""
    from trialist.scoring.finalists import going_on as are_ahead

    fresh, barred = _fresh(history, done), _barred(history, done)
    return [n for n in are_ahead(fresh, barred or (), _overlap(history)) if n in going_on]


def _fresh(history: History, done: Runs) -> dict[int, list[float]]:
    """Losses of the runs by finalist: one for each run, or, where folds were declared, one for each of its units."""
    each, objective = _per_run(history, done), history.plan.objective
    fresh: dict[int, list[float]] = {}
    for n, runs in done.items():
        fresh[n] = []
        for run in runs:
            if each > 1 and run.is_scored and run.score is not None:
                fresh[n] += [objective.loss(value) for value in run.score.replicates]
            else:
                fresh[n] += [_loss(run)] * each
    return fresh


def _per_run(history: History, done: Runs) -> int:
    validation = history.plan.validation
    units = 1 if validation is None else validation.units
    scores = [run.score for runs in done.values() for run in runs if run.is_scored]
    return units if all(score is not None and len(score.replicates) == units for score in scores) else 1


def _overlap(history: History) -> float:
    return 0.0 if history.plan.validation is None else history.plan.validation.overlap


def _barred(history: History, done: Runs) -> dict[int, str] | None:
    """Who may not be chosen, and what it violates: on any seed, or where all do, in the search; None where all are."""
    sound = [n for n, runs in done.items() if all(math.isfinite(_loss(run)) for run in runs)]
    always = {n: words for n in done if (words := violations(history[n]))}
    sometimes = {n: words for n in done if (words := _violations_of_all(history, n, done))}
    return next((barred for barred in (sometimes, always) if any(n not in barred for n in sound)), None)


def _violations_of_all(history: History, number: int, done: Runs) -> str:
    """What a finalist violates, be it in the search or on a fresh seed."""
    return next((words for run in (history[number], *done[number]) if (words := violations(run))), "")


def _proposal(history: History, number: int, seed: int) -> Proposal:
    reason = f"{'the default' if _is_default(history, number) else f'finalist {number}'} scored again on a fresh seed"
    return Proposal(history[number].params, reason, "select", Stage.SELECT, seed, number)


def _again(history: History, number: int, seed: int) -> TrialRecord | None:
    """The run of that finalist on that seed; a scored one before a failed one that was run again."""
    runs = [r for r in history if r.stage is Stage.SELECT and r.repeats == number and r.seed == seed]
    return next((r for r in runs if r.is_scored), runs[-1] if runs else None)


def _is_over(run: TrialRecord | None) -> bool:
    """Whether a run tells of its finalist: one that the budget ended does not."""
    if run is None or not run.state.is_closed or run.state is State.STOPPED:
        return False
    return run.failure is None or run.failure.cause is not Cause.BUDGET


def _named(history: History, number: int) -> str:
    return "the default" if _is_default(history, number) else f"trial {number}"


def _is_default(history: History, number: int) -> bool:
    return history[number].stage is Stage.BASELINE


def _loss(record: TrialRecord) -> float:
    return math.nan if record.loss is None else record.loss
