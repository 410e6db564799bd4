"""The commands that steer a study which is there: rerun, extend."""

from __future__ import annotations

import shlex

import click

from trialist.cli.options import load_study, study_options
from trialist.errors import CommandError


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

    amount = budget_of(budget)
    with load_study(study, store) as found:
        before = found.declared.budget
        found.extend(amount, reason)
        after = found.declared.budget
        if as_json:
            print_json({"study": found.name, "budget": str(after), "before": str(before)})
            return
        click.echo(f"study {found.name}: the budget was {before}, and is {after} now")
        click.echo(f"go on with: {_resume(found.name, store)}")


def _resume(name: str, store: str | None) -> str:
    return shlex.join(["trialist", "run", "--name", name, *(["--store", store] if store else [])])
