"""`trialist statement`: the study as one paragraph to paste into a paper, or the same as JSON."""

from __future__ import annotations

import sys

import click

from trialist.cli.options import load_study, study_options


@click.command("statement", short_help="one paragraph for a paper; --json for machines")
@study_options
def statement_command(study: str | None, store: str | None, as_json: bool) -> None:
    """Say in one paragraph what was tuned, how, and what the test data showed, to paste into a paper.

    With --json the same facts, the expected best by budget among them, for programs.

    \b
    Example:
      trialist statement > methods.txt
    """
    from trialist.cli.asjson import print_json
    from trialist.cli.format import safe, wrapped
    from trialist.cli.table import width

    with load_study(study, store) as found:
        statement = found.statement()
        if as_json:
            print_json(statement.to_json())
        elif sys.stdout.isatty():
            click.echo("\n".join(wrapped(safe(statement.text), width())))
        else:
            click.echo(safe(statement.text))  # one line: whoever pastes it breaks it as the paper does
