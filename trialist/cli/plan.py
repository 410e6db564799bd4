"""`trialist plan`: what a run would do, and why. Nothing is run, nothing is written."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from trialist.cli.options import WithCommand, command_behind_dashes, json_option
from trialist.cli.request import declaration_options, gather

if TYPE_CHECKING:
    from trialist.space.parameter import Parameter


@click.command("plan", cls=WithCommand, short_help="say what a run would do, and why; runs nothing")
@click.argument("file", required=False)
@declaration_options
@json_option
def plan_command(file: str | None, as_json: bool, **options: Any) -> None:
    """Say which strategy a run would use and why, how many trials fit the budget, and what each stage gets.

    Takes what `trialist run` takes. Runs nothing, writes nothing.

    \b
    Example:
      trialist plan --budget 20 --minimize val_loss -- \\
          python train.py --lr '{1e-4..1 log =0.01}' --act '{relu,tanh}'
    """
    from trialist.cli.asjson import print_json
    from trialist.cli.braces import brace
    from trialist.cli.format import params, safe, value
    from trialist.cli.table import Column, labelled, table, width
    from trialist.search.choose import choose

    request = gather(file, command_behind_dashes(), options)
    plan, space = request.plan, request.space
    choice = choose(space, plan, request.workers)
    if as_json:
        print_json(
            {
                "study": plan.name,
                "strategy": choice.strategy,
                "reason": choice.reason,
                "stages": asdict(choice.stages),
                "fits": choice.fits,
                "budget": str(plan.budget),
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
    for line in choice.stages.words:
        stage, _, words = line.partition(": ")
        lines += labelled(stage, words, room)
    lines += labelled("cost", _cost(choice.fits, plan.limits.seconds, request.workers), room)
    baseline = space.baseline()
    rows = [
        [
            safe(name),
            brace(parameter),
            value(baseline[name]) if name in baseline else "inactive",
            _stand_in(parameter) if name in space.undeclared_defaults else "",
            "" if parameter.when is None else f"when {safe(str(parameter.when))}",
        ]
        for name, parameter in space.items()
    ]
    heads = [Column("dial"), Column("range", flexible=True), Column("default"), Column(""), Column("", flexible=True)]
    lines += ["", *table(heads, rows, room), ""]
    for constraint in space.constraints:
        lines += labelled("rule", safe(str(constraint)), room)
    lines += labelled("baseline", params(baseline), room)
    for note in request.notes:
        lines += labelled("note", note, room)
    click.echo("\n".join(lines))


def _stand_in(parameter: Parameter) -> str:
    from trialist.space.parameter import Categorical

    return "the first stands in" if isinstance(parameter, Categorical) else "the middle stands in"


def _cost(fits: int | None, seconds: float | None, workers: int) -> str:
    from trialist.trials.plan import duration

    if fits is not None and seconds is not None:
        return f"at most {duration(fits * seconds / workers)} by the limit of {duration(seconds)} a trial"
    return "known once the first trials have run: see trialist status"
