"""`trialist plan`: what a run would do, and why. Nothing is run, nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from trialist.cli.options import WithCommand, command_behind_dashes, json_option
from trialist.cli.request import Request, declaration_options, gather

if TYPE_CHECKING:
    from trialist.space.space import Space
    from trialist.trials.history import History
    from trialist.trials.plan import Plan


@click.command("plan", cls=WithCommand, short_help="say what a run would do, and why; runs nothing")
@click.argument("file", required=False)
@declaration_options
@json_option
def plan_command(file: str | None, as_json: bool, **options: Any) -> None:
    """Say which strategy a run would use and why, how many trials fit the budget, and what each stage gets.

    Takes what `trialist run` takes. Runs nothing, writes nothing. Time and cost are forecast from the trials of this
    study, where it has run before, or of those that it learns from.

    \b
    Example:
      trialist plan --budget 20 --minimize val_loss -- \\
          python train.py --lr '{1e-4..1 log =0.01}' --act '{relu,tanh}'
    """
    from trialist.cli.asjson import print_json
    from trialist.cli.braces import brace
    from trialist.cli.format import params, safe
    from trialist.cli.table import Column, labelled, table, width
    from trialist.search.choose import choose
    from trialist.study.forecast import forecast_of, typical

    request = gather(file, command_behind_dashes(), options)
    plan, space = request.plan, request.space
    history = _known(request)
    seconds, cost = typical(history, "seconds"), typical(history, "cost")
    choice = choose(space, plan, request.workers, seconds, cost_per_trial=cost)
    forecast = forecast_of(history, choice.stages, {}, request.workers, 0.0)
    if as_json:
        print_json(
            {
                "study": plan.name,
                "strategy": choice.strategy,
                "reason": choice.reason,
                "stages": asdict(choice.stages),
                "fits": choice.fits,
                "budget": str(plan.budget),
                "forecast": None
                if forecast.is_unknown
                else {"from_earlier_studies": forecast.is_borrowed, "in_all": [asdict(o) for o in forecast.outlays]},
                "fidelity": None if plan.fidelity is None else plan.fidelity.to_json(),
                "stopping": plan.stopping.to_json(),
                "warm_start": plan.warm_start,
                "baseline": space.baseline(),
                "undeclared_defaults": space.undeclared_defaults,
                "dials": {name: brace(parameter) for name, parameter in space.items()},
                "command": request.command.template,
                "test": None if request.test is None else request.test.template,
                "notes": request.notes,
            }
        )
        return
    room = width()
    aims = ", ".join(f"{o.direction} {safe(o.name)}" for o in plan.objectives)
    lines = labelled("study", f"{safe(plan.name)}: {aims}", room)
    lines += labelled("strategy", choice.reason, room)
    fits = "not known before the first trial has run" if choice.fits is None else f"{choice.fits:,} runs of the command"
    workers = f"{request.workers} worker{'s' if request.workers > 1 else ''}"
    lines += labelled("budget", f"{plan.budget}, {workers}; fits {fits}", room)
    if plan.fidelity is not None:
        lines += labelled("fidelity", f"{safe(str(plan.fidelity))} ({safe(plan.scheduler)})", room)
    if plan.stopping.rules:
        lines += labelled("stopping", safe(str(plan.stopping)), room)
    if plan.warm_start:
        lines += labelled("warm start", f"from {', '.join(map(safe, plan.warm_start))}", room)
    for line in choice.stages.words:
        stage, _, words = line.partition(": ")
        takes = forecast.stage(stage)
        lines += labelled(stage, f"{words}; {takes}" if takes else words, room)
    is_over = not forecast.is_unknown and all(
        each.total is not None and not each.total.high for each in forecast.outlays
    )
    takes = "nothing more: all of it has run" if is_over else forecast.words
    lines += labelled("cost", takes or _cost(choice.fits, plan, request.workers), room)
    lines += labelled("kept", forecast.aside, room) if forecast.aside else []
    baseline = space.baseline()
    rows = [[safe(name), brace(parameter), _default(space, name, baseline)] for name, parameter in space.items()]
    heads = [Column("dial", flexible=True), Column("range", flexible=True), Column("default", flexible=True)]
    lines += ["", *table(heads, rows, room), ""]
    for name, parameter in space.items():
        if parameter.when is not None:
            lines += labelled("condition", f"{safe(name)} is active when {safe(str(parameter.when))}", room)
    for constraint in space.constraints:
        lines += labelled("rule", safe(str(constraint)), room)
    lines += labelled("baseline", params(baseline), room)
    for note in request.notes:
        lines += labelled("note", note, room)
    click.echo("\n".join(lines))


def _known(request: Request) -> History:
    """What there is to forecast from: the trials of this very study, or those of its warm start, or none."""
    from trialist.errors import StoreError, StudyError
    from trialist.study.declaring import store_of
    from trialist.study.earlier import histories, snapshot
    from trialist.trials.history import History

    plan, nothing = request.plan, History(request.plan, request.space)
    try:
        with closing(store_of(request.store, create=False)) as store:
            if plan.name in store.studies():
                return History(plan, request.space, store.changes(plan.name).records)
            known = histories(snapshot(request.warm_start, plan, store)) if request.warm_start else ()
            return History(plan, request.space, (), known)
    except (StoreError, StudyError):  # no store yet, or no such study in it: a run would say so
        return nothing


def _default(space: Space, name: str, baseline: Mapping[str, Any]) -> str:
    """A dial's value in the baseline, and whether it only stands in for a default."""
    from trialist.cli.format import value
    from trialist.space.parameter import Categorical

    if name not in baseline:
        return "inactive"
    if name not in space.undeclared_defaults:
        return value(baseline[name])
    return f"{value(baseline[name])} (the {'first' if isinstance(space[name], Categorical) else 'middle'})"


def _cost(fits: int | None, plan: Plan, workers: int) -> str:
    """The most that it can take, as far as budget and limits tell; each of them may be missing."""
    from trialist.trials.amounts import duration

    seconds, each = plan.budget.seconds, plan.limits.seconds
    if fits is not None and each is not None and (seconds is None or fits * each / workers < seconds):
        return f"at most {duration(fits * each / workers)}, by the limit of {duration(each)} a trial"
    if seconds is not None:
        return f"at most {duration(seconds)}, by the budget"
    return "known once the first trials have run: see trialist status"
