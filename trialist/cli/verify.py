"""`trialist verify`: the one look at sealed test data, and later ones that are said to be such."""

from __future__ import annotations

import shlex

import click

from trialist.cli.options import load_study, study_options
from trialist.errors import CommandError


@click.command("verify", short_help="score default and chosen once on test data; recorded")
@click.option(
    "--test", metavar="COMMAND", help="The test command, where the study has none; ... stands for the command."
)
@click.option("--again", is_flag=True, help="Look once more: recorded, and said in every later verdict.")
@click.option("--workers", type=int, default=1, metavar="N", help="Trainings at the same time [1].")
@study_options
@click.pass_context
def verify_command(
    ctx: click.Context,
    /,
    test: str | None,
    again: bool,
    workers: int,
    study: str | None,
    store: str | None,
    as_json: bool,
) -> int:
    """Train default and chosen configuration anew with several seeds, and score them once on the sealed test data.

    The look is written to the ledger before the data are opened.

    \b
    Example:
      trialist verify --test '... --split test'
    """
    from contextlib import closing

    from trialist.cli.asjson import print_json
    from trialist.cli.notice import answered
    from trialist.cli.progress import progress_for
    from trialist.cli.request import stored, test_of, workers_of
    from trialist.cli.result import verdict_lines
    from trialist.cli.run import tell_stopped
    from trialist.cli.table import width
    from trialist.study.interrupt import Interrupted

    workers_of(workers)
    with load_study(study, store) as found:
        _ = found.ledger  # a broken chain is told before all else
        command = stored(found)[1] if test is None else test_of(test, found)
        if command is None:
            remedy = "Give one, such as --test '... --split test', where ... stands for the command that is tuned."
            raise CommandError("test", "the study was declared without a test command", remedy)

        try:
            with closing(progress_for(found, workers, quiet=as_json)) as progress, answered(progress.say):
                for event in found.verification(command, again=again, workers=workers):
                    progress.take(event)
        except Interrupted:
            again_line = shlex.join(["trialist", *ctx.find_root().obj])
            tell_stopped("stopped; the look goes on where it was", again_line, as_json)
            return 130
        verdict = found.verdict
        if as_json:
            print_json({"study": found.name, "verdict": None if verdict is None else verdict.to_json()})
        else:
            click.echo("\n".join(verdict_lines(found, width())))
        return 0
