"""`trialist sweep`: one dial at several levels round the chosen configuration, and what the response looks like."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from trialist.cli.options import load_study, study_options
from trialist.errors import CommandError, shown

if TYPE_CHECKING:
    from trialist.effects.sweep import Level, Sweep
    from trialist.space.parameter import Parameter
    from trialist.study.events import Event
    from trialist.study.study import Study

_LEAST_PICTURE = 12  # columns; without them the picture is left out


@click.command("sweep", short_help="one dial at a time round the chosen configuration")
@click.argument("dial")
@click.option("--levels", default="7", metavar="N|VALUES", help='How many, or which: "5", "0.01,0.03,0.1" [7].')
@click.option("--replicates", type=int, default=3, metavar="N", help="Seeds that all levels share [3].")
@click.option("--budget", metavar="AMOUNT", help='Of the sweep alone: runs, time, money: "15", "5m" [levels x seeds].')
@click.option("--around", multiple=True, metavar="NAME=VALUE", help="Look round another value of a dial; repeatable.")
@click.option("--objective", metavar="FILE.py:NAME", help="The function that is tuned [where the study saw it].")
@click.option("--workers", type=int, default=1, metavar="N", help="Runs at the same time [1].")
@study_options
@click.pass_context
def sweep_command(
    ctx: click.Context,
    /,
    dial: str,
    levels: str,
    replicates: int,
    budget: str | None,
    around: tuple[str, ...],
    objective: str | None,
    workers: int,
    study: str | None,
    store: str | None,
    as_json: bool,
) -> int:
    """Run one dial at several levels, all else as in the chosen configuration, each on the same fresh seeds.

    Tells the response with intervals, paired with the chosen level, and whether it is flat, has a cliff, is best at the
    edge of its range, or ties with the default. Has a budget of its own; run again, only what is missing is run.

    \b
    Example:
      trialist sweep learning_rate --workers 2
    """
    from trialist.cli.amounts import budget_of
    from trialist.cli.asjson import print_json
    from trialist.cli.notice import answered
    from trialist.cli.request import workers_of
    from trialist.cli.run import tell_stopped
    from trialist.cli.table import width
    from trialist.study.interrupt import Interrupted

    workers_of(workers)
    with load_study(study, store) as found:
        say: Callable[[str], None] = (lambda line: None) if as_json else (lambda line: click.echo(line, err=True))
        wanted = _levels(found.space[dial], levels)  # a wrong dial is said before the script is looked for
        center = dict(_setting(found, text) for text in around) or None
        events = found.sweeping(
            dial,
            None if objective is None else found.work(objective),
            levels=wanted,
            replicates=replicates,
            budget=None if budget is None else budget_of(budget),
            around=center,
            workers=workers,
        )
        try:
            with answered(say):
                for event in events:
                    for line in _progress(event, found, dial):
                        say(line)
        except Interrupted:
            again = shlex.join(["trialist", *ctx.find_root().obj])
            tell_stopped("stopped; nothing is lost", again, as_json)
            return 130
        told = next(sweep for sweep in found.sweeps if sweep.dial == dial)
        if as_json:
            print_json({"study": found.name, **told.to_json()})
        else:
            click.echo("\n".join(lines_of(told, width())))
        return 0 if told.enough else 1


def lines_of(sweep: Sweep, room: int) -> list[str]:
    """A sweep as a table with a picture of the response, and its findings."""
    from trialist.cli.format import number, safe
    from trialist.cli.format import params as configuration
    from trialist.cli.table import Column, labelled, table

    heads = [Column(safe(sweep.dial), right=sweep.kind != "choice"), Column(""), Column("runs", right=True)]
    heads += [Column(safe(sweep.metric), right=True), Column("difference [95 %]")]
    rows = [
        [safe(level.label), _mark(level), _runs(level), number(level.mean), _difference(level)]
        for level in sweep.levels
    ]
    taken = sum(max(len(row[i]) for row in [*rows, [head.title for head in heads]]) + 2 for i in range(len(heads)))
    if (left := room - taken) >= _LEAST_PICTURE:
        heads.append(Column("better >" if left < 21 else "better to the right >"))
        rows = [[*row, line] for row, line in zip(rows, picture(sweep.levels, min(left, 40)), strict=True)]
    styles = ["green" if level is sweep.better else "red" if level.fails else "" for level in sweep.levels]
    lines = table(heads, rows, room, styles)
    others = {name: value for name, value in sweep.around.items() if name != sweep.dial}
    lines.append("")
    if others:
        lines += labelled("all else", configuration(others), room)
    for finding in sweep.findings:
        lines += labelled("finding", safe(finding.words), room)
    if sweep.note:
        lines += labelled("note", safe(sweep.note), room)
    pairs = f"differences are paired on {sweep.replicates} seeds, better is +; each interval holds for its level alone"
    lines += labelled("reading", pairs, room)
    if (better := sweep.better) is not None:
        how = f"study.enqueue({{..., {sweep.dial!r}: {better.value!r}}}), then trialist run scores it and chooses anew"
        lines += labelled("next", safe(how), room)
    return lines


def picture(levels: Sequence[Level], columns: int) -> list[str]:
    """A line for each level: its interval as a bar with the difference in it; the incumbent's stands upright.

    The scale holds all differences, and of the intervals what lies within half a range beyond them.
    """
    known = [level for level in levels if level.difference is not None]
    if not known:
        return ["" for _ in levels]
    middles = [level.difference for level in known if level.difference is not None]
    spread = max(middles) - min(middles)
    ends = [end for level in known for end in (level.low, level.high) if end is not None]
    slack = 0.5 * spread if spread > 0 else max((abs(end) for end in ends), default=1.0) or 1.0
    low = max(min([*ends, *middles]), min(middles) - slack)
    high = min(max([*ends, *middles]), max(middles) + slack)
    size = (high - low) or 1.0

    def column(x: float) -> int:
        return min(max(round((x - low) / size * (columns - 1)), 0), columns - 1)

    return [_drawn(level, column, columns) for level in levels]


def _drawn(level: Level, column: Callable[[float], int], columns: int) -> str:
    line = [" "] * columns
    line[column(0.0)] = "│"
    if level.difference is None:
        return "fails" if level.fails else ""
    if level.low is not None and level.high is not None:
        start, stop = column(level.low), column(level.high)
        line[start : stop + 1] = ["─"] * (stop - start + 1)
        line[start], line[stop] = "├", "┤"
    line[column(level.difference)] = "◆" if level.is_incumbent else "●"
    return "".join(line).rstrip()


def _mark(level: Level) -> str:
    told = [word for word, holds in (("chosen", level.is_incumbent), ("default", level.is_default)) if holds]
    return ", ".join(told)


def _runs(level: Level) -> str:
    return f"{level.runs - level.failed}/{level.runs}" if level.failed else str(level.runs)


def _difference(level: Level) -> str:
    if level.is_incumbent:
        return "0"
    if level.difference is None:
        return "runs fail" if level.fails else "-"
    if level.low is None or level.high is None:
        return f"{level.difference:+.2g}"
    half = (level.high - level.low) / 2
    digits = 4 if half <= 0 else max(0, 1 - math.floor(math.log10(half)))
    if digits > 6:
        return f"{level.difference:+.2g} [{level.low:+.2g}, {level.high:+.2g}]"
    texts = [f"{x:+.{digits}f}" for x in (level.difference, level.low, level.high)]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"


def _progress(event: Event, study: Study, dial: str) -> list[str]:
    """The stage's lines, and one for each run."""
    from trialist.cli.format import failure_of, measured, safe
    from trialist.cli.progress import lines_of as stage_lines
    from trialist.cli.table import log_width
    from trialist.study.events import StageEnded, TrialClosed

    if isinstance(event, TrialClosed):
        record = event.record
        at = record.reason.partition(",")[0]
        if record.value is None:
            return [f"  trial {record.number}, {safe(at)}: {failure_of(record) if record.failure else record.state}"]
        score = measured(record.value, record.score.stderr if record.score else None)
        return [f"  trial {record.number}, {safe(at)}: {safe(study.declared.objective.name)} {score}"]
    return [] if isinstance(event, StageEnded) else stage_lines(event, log_width())


def _levels(parameter: Parameter, text: str) -> int | list[Any]:
    """A number of levels, or the values between commas."""
    if "," not in text:
        if not text.strip().isdigit():
            raise CommandError("levels", f"{shown(text)} is no number of levels", 'Give one, or values: "0.01,0.1".')
        return int(text)
    return [_value(parameter, word.strip()) for word in text.split(",") if word.strip()]


def _setting(study: Study, text: str) -> tuple[str, Any]:
    name, equals, word = text.partition("=")
    if not equals:
        raise CommandError("around", f"{shown(text)} sets no dial", "Give NAME=VALUE, such as solver=sgd.")
    return name, _value(study.space[name], word)


def _value(parameter: Parameter, word: str) -> Any:
    """A choice by what it is called, a number by how it is written."""
    from trialist.cli.literals import literal
    from trialist.space.categorical import Categorical

    if isinstance(parameter, Categorical):
        return next((choice for choice in parameter.choices if str(choice) == word), literal(word))
    return literal(word)
