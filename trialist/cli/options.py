"""Options that several commands share, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trialist.errors import CommandError, UnknownStudyError

if TYPE_CHECKING:
    from trialist.study.study import Study

STORE = "trialist.db"
AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
store_option = click.option("--store", default=None, metavar="FILE", help=f"Where studies are kept [{STORE}].")


def study_options(function: AnyFunction) -> AnyFunction:
    """--study, --store and --json, for commands that look at a study that is there."""
    study = click.option("--study", default=None, metavar="NAME", help="Which one; the newest where none is named.")
    return study(store_option(json_option(function)))


def load_study(name: str | None, store: str | None, thin: bool = False) -> Study:
    """The named study, else the newest of the store; typed errors where there is none. thin: without most reports."""
    from trialist.store import open_store
    from trialist.study.study import Study

    kept = open_store(store or store_here(), create=False)
    if name is None:
        names = kept.studies()
        if not names:
            kept.close()
            place = kept.url.removeprefix("sqlite:///")
            raise UnknownStudyError(f"{place} has no study yet. Start one: trialist run --help shows an example.")
        name = names[-1]
    return Study.load(name, kept, thin=thin)


def store_here() -> str:
    """The store of this folder: trialist.db, or the only other database, which is said."""
    others = sorted(path.name for path in Path().glob("*.db"))
    if Path(STORE).exists() or not others:
        return STORE
    if len(others) > 1:
        raise UnknownStudyError(f"store: {STORE} is not here, but {', '.join(others)} are. Give one as --store.")
    click.echo(f"note: the store is {others[0]}", err=True)
    return others[0]


class WithCommand(click.Command):
    """A click command that takes a foreign command line behind `--`, whatever options that has."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, foreign = args, []
        if "--" in args:
            cut = args.index("--")
            own, foreign = args[:cut], args[cut + 1 :]
            if not foreign:
                remedy = "Give it, such as: -- python train.py --lr '{1e-4..1 log}'."
                raise CommandError("command", "nothing stands behind --", remedy)
        ctx.meta["trialist.command"] = tuple(foreign)
        try:
            return super().parse_args(ctx, list(own))
        except click.UsageError as error:
            if foreign or not any(_is_program(word) for word in own):
                raise
            raise click.UsageError(f"{error.format_message()} Put -- before the command to run.", ctx) from None

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


def command_behind_dashes() -> tuple[str, ...]:
    """The foreign command line of the command that is being run."""
    words: tuple[str, ...] = click.get_current_context().meta["trialist.command"]
    return words


def _is_program(word: str) -> bool:
    return word.startswith("python") or word.endswith((".py", ".sh"))
