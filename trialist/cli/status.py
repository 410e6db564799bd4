"""Where a study stands, in lines that fit the terminal: best against default, budget, failures, what to do next."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trialist.cli.format import (
    failure_of,
    params,
    place,
    safe,
    score,
)
from trialist.cli.result import verdict_lines
from trialist.cli.sketches import best_lines, budget_lines
from trialist.cli.table import labelled
from trialist.cli.trials import against_default
from trialist.study import onwards
from trialist.study.objective import STAGE as OBJECTIVE
from trialist.study.summary import constraint_note
from trialist.study.views.best import best_so_far
from trialist.trials.amounts import duration
from trialist.trials.history import History
from trialist.trials.trial import Stage, State

if TYPE_CHECKING:
    from trialist.study.study import Study


def status_lines(study: Study, others: Sequence[str], room: int) -> list[str]:
    """Where a study stands, and what to do next. others: further studies of the same store."""
    # The other commands look at no budget, and need not wait for the mathematics of costs.
    from trialist.study.views.burndown import burndown

    history, planned, spent = study.history, study.planned(), study.spent
    began = datetime.fromtimestamp(study.created_at).strftime("%d %B %Y %H:%M")
    aims = ", ".join(f"{o.direction} {safe(o.name)}" for o in study.declared.objectives)
    lines = labelled("study", f"{safe(study.name)} in {place(study.store.url)}, since {began}", room)
    lines += labelled("aim", aims, room)
    if study.declared.source:
        lines += labelled("tunes", safe(study.declared.source), room)
    lines += labelled("strategy", safe(planned.reason), room)
    lines += labelled("budget", _budget(study, len(history) - len(history.swept), spent["seconds"]), room)
    forecast = study.forecast()
    lines += budget_lines(burndown(history, spent, forecast.outlays, datetime.now().timestamp()), room)
    lines += labelled("kept", forecast.aside, room) if forecast.aside else []
    lines += labelled("trials", _states(history), room)
    if pause := study.paused:
        lines += labelled("paused", safe(f"{pause}; to go on: trialist resume"), room, "yellow")
    for sweep in study.sweeps if history.swept else ():
        lines += labelled("sweep", f"{safe(sweep.dial)}: {', '.join(f.shape.value for f in sweep.findings)}", room)
    if study.declared.fidelity is not None:
        used = f"{history.full_runs_used:.3g} full runs used"
        lines += labelled("fidelity", f"{safe(str(study.declared.fidelity))}; {used}", room)
    lines += _standing(study, history, room)
    if study.screening:
        lines += labelled("screening", safe(study.screening), room)
    if study.stopping:
        lines += labelled("stopping", safe(study.stopping), room)
    if refinement := study.refinement:
        for edge in refinement.edges:
            lines += labelled("widen", safe(str(edge)), room, "yellow")
    if history.failed:
        causes = Counter(r.failure.cause.value for r in history.failed if r.failure)
        told = ", ".join(f"{count} {cause}" for cause, count in causes.most_common())
        lines += labelled(
            "failures", f"{told}; last: trial {history.failed[-1].number}, {failure_of(history.failed[-1])}", room
        )
    if study.best is not None:
        lines += verdict_lines(study, room)
    lines += labelled("next", _next(study, history), room)
    if others:
        lines += labelled("also there", ", ".join(safe(name) for name in others) + " (--study NAME)", room)
    return lines


def _standing(study: Study, history: History, room: int) -> list[str]:
    objective, best, baseline = study.declared.objective, study.best, history.baseline
    lines = []
    if baseline is not None:
        lines += labelled("default", f"{safe(objective.name)} {score(baseline.score)} (trial {baseline.number})", room)
    elif len(history) and history[0].state is State.FAILED:
        lines += labelled("default", f"no score: trial 0 failed, {failure_of(history[0])}", room, "red")
    if best is not None:
        against = against_default(best, history)
        is_default = baseline is not None and best.number == baseline.number
        told = "the default itself" if is_default else f"{against} than the default" if against else ""
        label = "chosen" if study.selection else "best yet" if best.is_feasible else "nearest"
        text = f"{safe(objective.name)} {score(best.score)} (trial {best.number}){', ' if told else ''}{told}"
        lines += labelled(label, text, room, "green" if best.is_feasible else "yellow")
        lines += labelled("", params(best.params), room)
    if any(r.constraints for r in history):
        lines += labelled("constraint", _feasibility(history), room)
        if note := constraint_note(baseline, best):
            lines += labelled("", safe(note), room, "yellow")
    if len(history.feasible) > 1:
        lines += best_lines(
            best_so_far(history), room, safe(objective.name) if len(study.declared.objectives) > 1 else ""
        )
    return lines


def _feasibility(history: History) -> str:
    """How many trials satisfy the measured constraints, and how often each is violated."""
    counts = Counter(name for r in history.scored for name in r.violated)
    often = ", ".join(f"{safe(name)} {count}×" for name, count in counts.most_common())
    violated = f"; violated: {often}" if often else ""
    return f"{len(history.feasible)} of {len(history.scored)} scored trials satisfy all of them{violated}"


def _budget(study: Study, trials: int, seconds: float) -> str:
    budget = study.declared.budget
    used = [f"{trials} of {budget.trials} trials" if budget.trials and trials <= budget.trials else f"{trials} trials"]
    used += [f"planned were {budget.trials}"] if budget.trials and trials > budget.trials else []
    used.append(f"{duration(seconds)} of {duration(budget.seconds)}" if budget.seconds else duration(seconds))
    if budget.full_runs:
        used.append(f"{study.spent['full_runs']:.3g} of {budget.full_runs:g} full runs")
    used += [str(outlay) for outlay in study.forecast().outlays if outlay.name != "seconds"]
    return ", ".join(used)


def _states(history: History) -> str:
    counts = Counter(record.state for record in history if record.stage is not Stage.SWEEP)
    told = [f"{counts[state]} {state.value}" for state in State if counts[state]]
    again = sum(1 for record in history if record.stage is Stage.SELECT)
    swept = f"; beside them {len(history.swept)} of sweeps" if history.swept else ""
    return (", ".join(told) or "none yet") + (f"; {again} of them finalists on fresh seeds" if again else "") + swept


def _next(study: Study, history: History) -> str:
    plan = study.declared
    if not len(history):
        return onwards.to_start(plan)
    if study.best is None and not history.pending:
        return f"trialist show {history[0].number} shows why; {onwards.to_try_again(plan)}"
    if study.selection is None:
        line = f"trialist run --name {shlex.quote(study.name)}"
        return safe(onwards.to_go_on(plan, line, study.stage(OBJECTIVE)))
    if study.verdict is None and plan.test is not None:
        return onwards.to_verify(plan)
    return "trialist report writes a page; trialist best has the line to paste"
