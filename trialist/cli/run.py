"""`trialist run`: the whole process, told as it goes on; the same command resumes it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trialist.cli.options import WithCommand, command_behind_dashes, json_option, load_study
from trialist.cli.request import DEFAULT_FILE, check_program, declaration_options, gather, stored, workers_of
from trialist.errors import CommandError, ExecutionError

if TYPE_CHECKING:
    from trialist.execute.command import Command
    from trialist.study.study import Study

_RESUMES = ("name", "store", "workers")  # options that say which study, and how fast


@click.command("run", cls=WithCommand, short_help="search, refine, select and verify; run again, it resumes")
@click.argument("file", required=False)
@declaration_options
@json_option
@click.pass_context
def run_command(ctx: click.Context, /, file: str | None, as_json: bool, **options: Any) -> int:
    """Search, refine, select and verify.

    FILE is a study file [study.yaml]. Without one, the command behind -- holds the dials in quoted braces: {low..high}
    with log, int, step 8 and =default, or {a,b,c}. The command prints its result, as in val_loss=0.41. Run the same
    again to resume; without file and command, a study that is there goes on.

    \b
    Examples:
      trialist run study.yaml
      trialist run --budget 20 --minimize val_loss -- \\
          python train.py --lr '{1e-4..1 log =0.01}' --act '{relu,tanh}'
    """
    study, work, test, workers, notes = _asked(file, options)
    with study:
        for note in notes:
            click.echo(f"note: {note}", err=True)
        again = shlex.join(["trialist", *ctx.find_root().obj])
        return follow(study, work, test, workers, as_json, resume=again)


def follow(study: Study, work: Command, test: Command | None, workers: int, as_json: bool, resume: str) -> int:
    """Run a study to its end and tell its result; the exit code. `resume`: the command that goes on after Ctrl-C."""
    from contextlib import closing

    from trialist.cli.notice import answered
    from trialist.cli.progress import progress_for
    from trialist.study.interrupt import Interrupted

    try:
        with closing(progress_for(study, workers, quiet=as_json)) as progress, answered(progress.say):
            for event in study.process(work, test, workers=workers):
                progress.take(event)
    except Interrupted:
        tell_stopped("stopped; nothing is lost", resume, as_json)
        return 130
    except ExecutionError:
        # The search is not lost with a test command that fails: what was chosen is told before the error is.
        if study.selection is not None and not as_json:
            _tell(study, False, as_json)
        raise
    was_finished = not progress.course.opened_here and progress.course.tests is None
    _tell(study, was_finished, as_json)
    return 0 if study.best is not None else 1


def tell_stopped(what: str, resume: str, as_json: bool) -> None:
    """After Ctrl-C: what became of the work, and the command that goes on with it."""
    if as_json:
        from trialist.cli.asjson import json_line

        click.echo(json_line({"interrupted": True, "resume": resume}), err=True)
    else:
        click.echo(f"{what}. Go on with: {resume}", err=True)


def _asked(file: str | None, options: dict[str, Any]) -> tuple[Study, Command, Command | None, int, tuple[str, ...]]:
    from trialist.study.study import Study

    command = command_behind_dashes()
    if file is None and not command and not Path(DEFAULT_FILE).exists():
        if declared := [key for key, value in options.items() if value not in (None, ()) and key not in _RESUMES]:
            problem = f"none is given to go with --{declared[0].replace('_', '-')}"
            raise CommandError("command", problem, "Give it behind --, or a study file.")
        if options["store"] is None and not any(Path().glob("*.db")):
            problem = f"there is neither a command behind --, nor a {DEFAULT_FILE}, nor a study to go on with"
            raise CommandError("command", problem, "Give a command: see `trialist run --help`.")
        study = load_study(options["name"], options["store"])
        return study, *stored(study), workers_of(options["workers"] or 1), ()
    request = gather(file, command, options)
    check_program("command", request.command.template)
    if request.test is not None:
        check_program("test", request.test.template)
    study = Study.open(request.plan, request.space, request.store, request.warm_start)
    return study, request.command, request.test, request.workers, request.notes


def _tell(study: Study, was_finished: bool, as_json: bool) -> None:
    from trialist.cli.asjson import print_json, study_json
    from trialist.cli.result import command_line, result_lines
    from trialist.cli.table import width

    if as_json:
        best = study.best
        print_json({**study_json(study), "command": None if best is None else command_line(study, best)})
        return
    if was_finished:
        click.echo(f"study {study.name} was finished already; this is its result")
    click.echo("\n".join(result_lines(study, width())))
