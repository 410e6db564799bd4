"""The commands that steer a study which is there: rerun, stop, pause, resume, note, extend."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from trialist.cli.options import load_study, study_options
from trialist.errors import CommandError

if TYPE_CHECKING:
    from trialist.trials.instruction import Instruction


@click.command("rerun", short_help="try failed trials again")
@click.option("--failed", is_flag=True, help="All failed trials, each as a new trial with the same dials.")
@click.option("--workers", type=int, default=1, metavar="N", help="Trials at the same time [1].")
@study_options
def rerun_command(failed: bool, workers: int, study: str | None, store: str | None, as_json: bool) -> int:
    """Try failed trials again, and then go on with the study.

    The failed ones stay as they are; the new ones say which they repeat.

    \b
    Example:
      trialist rerun --failed
    """
    from trialist.cli.asjson import print_json
    from trialist.cli.request import stored, workers_of
    from trialist.cli.run import follow

    if not failed:
        raise CommandError("rerun", "nothing is named to be run again", "Give --failed.")
    workers_of(workers)
    with load_study(study, store) as found:
        work, test = stored(found)
        numbers = found.rerun_failed()
        if not numbers:
            if as_json:
                print_json({"study": found.name, "rerun": numbers})
            else:
                click.echo("no trial failed: nothing to try again")
            return 0
        if not as_json:
            click.echo(f"{len(numbers)} failed trial{'s' if len(numbers) > 1 else ''} to be tried again", err=True)
        return follow(found, work, test, workers, as_json, _resume(found.name, store))


reason_option = click.option("--reason", default="", metavar="TEXT", help="Kept with it, and shown.")


@click.command("stop", short_help="end a trial that runs or waits")
@click.argument("number", type=int)
@reason_option
@study_options
def stop_command(number: int, reason: str, study: str | None, store: str | None, as_json: bool) -> None:
    """End a trial that runs, wherever that is, or take a waiting one out of the queue. What it reported counts.

    \b
    Example:
      trialist stop 7 --reason "it diverges"
    """
    with load_study(study, store, thin=True) as found:
        _tell(
            found.name,
            found.stop(number, reason),
            f"trial {number} is to stop: who runs it reads so in a second",
            as_json,
        )


@click.command("pause", short_help="start nothing new until resume")
@reason_option
@study_options
def pause_command(reason: str, study: str | None, store: str | None, as_json: bool) -> None:
    """Let what runs come to its end, and start nothing new until trialist resume. Who runs the study waits meanwhile.

    \b
    Example:
      trialist pause --reason "the machine is needed"
    """
    with load_study(study, store, thin=True) as found:
        _tell(found.name, found.pause(reason), "it is paused; to go on: trialist resume", as_json)


@click.command("resume", short_help="go on after a pause")
@reason_option
@study_options
def resume_command(reason: str, study: str | None, store: str | None, as_json: bool) -> None:
    """Let a paused study go on.

    \b
    Example:
      trialist resume
    """
    with load_study(study, store, thin=True) as found:
        line = "it goes on where somebody still runs it, else with: " + _resume(found.name, store)
        _tell(found.name, found.resume(reason), line, as_json)


@click.command("note", short_help="keep a remark on a study or a trial")
@click.argument("text")
@click.option("--trial", type=int, metavar="N", help="The trial that it is about, else the study.")
@study_options
def note_command(text: str, trial: int | None, study: str | None, store: str | None, as_json: bool) -> None:
    """Keep a remark, with who made it and when; trialist show and the dashboard tell it.

    \b
    Example:
      trialist note "the data were cleaned after this one" --trial 7
    """
    with load_study(study, store, thin=True) as found:
        _tell(found.name, found.note(text, trial), "noted", as_json)


@click.command("extend", short_help="give a study a larger budget")
@click.option("--budget", required=True, metavar="AMOUNT", help='The whole of it from now on: "60", "10m" or both.')
@click.option("--reason", default="", metavar="TEXT", help="Kept with the change.")
@study_options
def extend_command(budget: str, reason: str, study: str | None, store: str | None, as_json: bool) -> None:
    """Give a study another budget: the whole of it, trials already run included. Recorded as a revision of its plan.

    \b
    Example:
      trialist extend --budget 60
    """
    from trialist.cli.amounts import budget_of
    from trialist.cli.asjson import print_json
    from trialist.study.onwards import is_command, to_go_on

    amount = budget_of(budget)
    with load_study(study, store, thin=True) as found:
        before = found.declared.budget
        found.extend(amount, reason)
        after = found.declared.budget
        if as_json:
            print_json({"study": found.name, "budget": str(after), "before": str(before)})
            return
        click.echo(f"study {found.name}: the budget was {before}, and is {after} now")
        line = _resume(found.name, store)
        onwards = f"go on with: {line}" if is_command(found.declared) else to_go_on(found.declared)
        click.echo(f"where it runs, it goes on with that; else {onwards}")


def _tell(name: str, kept: Instruction, line: str, as_json: bool) -> None:
    from dataclasses import asdict

    from trialist.cli.asjson import print_json
    from trialist.cli.format import safe

    if as_json:
        print_json({"study": name, "kept": asdict(kept)})
    else:
        click.echo(f"study {safe(name)}: {line}")


def _resume(name: str, store: str | None) -> str:
    return shlex.join(["trialist", "run", "--name", name, *(["--store", store] if store else [])])
