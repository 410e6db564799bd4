"""`trialist init`: a study.yaml from a script's own options."""

from __future__ import annotations

import json
from pathlib import Path

import click

from trialist.cli.options import WithCommand, command_behind_dashes, json_option
from trialist.errors import CommandError


@click.command("init", cls=WithCommand, short_help="write a study.yaml from a script's own options")
@click.option("--file", default="study.yaml", metavar="FILE", help="What to write [study.yaml].")
@click.option("--minimize", metavar="NAME", help="A metric that the script prints [val_loss].")
@click.option("--maximize", metavar="NAME", help="The same, larger being better.")
@click.option("--budget", metavar="AMOUNT", help='Trials ("20") or time ("5m") [20].')
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
@json_option
def init_command(
    file: str, minimize: str | None, maximize: str | None, budget: str | None, force: bool, as_json: bool
) -> None:
    """Write a study.yaml from a script's own options and their defaults.

    The script is run with --help, nothing else. Learning rates get log scales, sizes whole numbers, and so on; seeds,
    epochs and paths are left alone. Look the file over before you run it.

    \b
    Example:
      trialist init -- python train.py
    """
    from trialist.cli.draft import as_json as told_as_json
    from trialist.cli.draft import check_free, draft, told, write

    command = command_behind_dashes()
    if not command:
        raise CommandError("command", "none is given", "Give the script behind --: trialist init -- python train.py.")
    path = Path(file)
    check_free(path, force)
    drafted = draft(command, minimize, maximize, budget)
    write(path, drafted.text)
    if as_json:
        click.echo(json.dumps(told_as_json(drafted, path), ensure_ascii=False))
    else:
        click.echo("\n".join(told(drafted, path)))
