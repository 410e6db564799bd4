"""The commands that only look: status, trials, show, best, ledger."""

from __future__ import annotations

import click

from trialist.cli.options import load_study, study_options
from trialist.errors import UnknownStudyError


@click.command("status", short_help="where a study stands")
@study_options
def status_command(study: str | None, store: str | None, as_json: bool) -> None:
    """Say where a study stands: best against default, budget, failures, and what to do next.

    \b
    Example:
      trialist status
    """
    from trialist.cli.asjson import print_json, study_json
    from trialist.cli.status import status_lines
    from trialist.cli.table import width

    with load_study(study, store) as found:
        others = [name for name in found.store.studies() if name != found.name]
        if as_json:
            print_json({**study_json(found), "other_studies": others})
        else:
            click.echo("\n".join(status_lines(found, others, width())))


@click.command("trials", short_help="all trials, with scores and reasons")
@click.option("--reasons", is_flag=True, help="Say under each trial why it was tried.")
@study_options
def trials_command(study: str | None, store: str | None, as_json: bool, reasons: bool) -> None:
    """List all trials, with their scores against the default's.

    \b
    Example:
      trialist trials --reasons
    """
    from trialist.cli.asjson import print_json, trial_json
    from trialist.cli.table import width
    from trialist.cli.trials import trials_lines

    with load_study(study, store) as found:
        if as_json:
            print_json({"study": found.name, "trials": [trial_json(record) for record in found.history]})
        else:
            click.echo("\n".join(trials_lines(found, width(), reasons)))


@click.command("show", short_help="one trial in full")
@click.argument("number", type=int)
@study_options
def show_command(number: int, study: str | None, store: str | None, as_json: bool) -> None:
    """Show one trial in full: its dials, reports and notes, why it was tried, its log, why it failed.

    \b
    Example:
      trialist show 7
    """
    from trialist.cli.asjson import print_json, trial_json
    from trialist.cli.result import command_line
    from trialist.cli.table import width
    from trialist.cli.trials import trial_lines
    from trialist.study.onwards import to_start

    with load_study(study, store) as found:
        record = next((r for r in found.history if r.number == number), None)
        if record is None:
            last = len(found.history) - 1
            have = f"Give a number from 0 to {last}." if last >= 0 else f"It has none yet: {to_start(found.declared)}."
            raise UnknownStudyError(f"number: study {found.name!r} has no trial {number}. {have}")
        if as_json:
            print_json({**trial_json(record, reports=True), "command": command_line(found, record)})
        else:
            click.echo("\n".join(trial_lines(found, record, width())))


@click.command("best", short_help="the chosen configuration, ready to paste")
@study_options
def best_command(study: str | None, store: str | None, as_json: bool) -> None:
    """Show the chosen configuration beside the default, and the command line to paste.

    With several objectives also the front, whose trials none beats in all of them, and its knee.

    \b
    Example:
      trialist best --json
    """
    from trialist.cli.asjson import front_json, print_json, trial_json
    from trialist.cli.result import command_line, result_lines
    from trialist.cli.table import width

    with load_study(study, store) as found:
        if not as_json:
            click.echo("\n".join(result_lines(found, width())))
            return
        best, baseline, verdict, incumbent = found.best, found.baseline, found.verdict, found.incumbent
        print_json(
            {
                "study": found.name,
                "best": None if best is None else trial_json(best),
                "baseline": None if baseline is None else trial_json(baseline),
                "is_selected": found.selection is not None,
                "incumbent": None if incumbent is None else incumbent.number,
                **front_json(found),
                "verdict": None if verdict is None else verdict.to_json(),
                "doubt": found.doubt or None,
                "command": None if best is None else command_line(found, best),
            }
        )


@click.command("ledger", short_help="every look at the sealed test data")
@study_options
def ledger_command(study: str | None, store: str | None, as_json: bool) -> None:
    """List every look at the sealed test data: who, when, at what, and what came of it.

    \b
    Example:
      trialist ledger
    """
    from dataclasses import asdict, replace

    from trialist.cli.asjson import print_json
    from trialist.cli.looks import ledger_lines
    from trialist.cli.table import width

    with load_study(study, store) as found:
        looks = found.ledger
        if as_json:
            print_json({"study": found.name, "looks": [asdict(replace(look, sketch="")) for look in looks]})
        else:
            click.echo("\n".join(ledger_lines(found, looks, width())))
