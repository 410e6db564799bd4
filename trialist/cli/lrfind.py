"""`trialist lr-find`: a learning-rate range test of a command, and the dial that it speaks for."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trialist.cli.options import WithCommand, command_behind_dashes, json_option
from trialist.errors import CommandError, shown

if TYPE_CHECKING:
    from trialist.cli.ratetest import Measured
    from trialist.space.parameter import Parameter

_LOW, _HIGH = 1e-6, 10.0
_PLACE = re.compile(r"(?<!\{)\{([A-Za-z_][\w.-]*)\}(?!\})")
_CALLED = re.compile(r"(?:.*[_.-])?(?:lr|learning_?rate|eta0?)(?:_?(?:init|peak|max|0))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Line:
    """A command line read: its template, which of its places is the rate's, and what the others are given."""

    template: tuple[str, ...]
    words: tuple[str, ...]
    dial: str
    declared: Parameter | None
    others: dict[str, Any]


@click.command("lr-find", cls=WithCommand, short_help="find bounds for a learning rate by short runs")
@click.option("--minimize", metavar="NAME", help="A metric that the command prints.")
@click.option("--maximize", metavar="NAME", help="The same, larger being better.")
@click.option("--low", type=float, help=f"Lowest rate [the dial's, else {_LOW:g}].")
@click.option("--high", type=float, help=f"Highest rate [the dial's, else {_HIGH:g}].")
@click.option("--points", type=int, default=12, metavar="N", help="Rates to try, one run each [12].")
@click.option("--budget", metavar="TIME", help="Start no run after: 90s, 10m.")
@click.option("--workers", type=int, default=1, metavar="N", help="Runs at the same time [1].")
@click.option("--trial-seconds", metavar="TIME", help="End a longer run: 90s, 10m.")
@click.option("--dial", metavar="NAME", help="Which dial is the learning rate [the one called so].")
@click.option("--seed", type=int, default=0, metavar="N", help="The same for all runs, as {trial.seed} [0].")
@click.option("--plot", default="lr_find.svg", metavar="FILE", help="Where to draw it [lr_find.svg].")
@json_option
def lr_find_command(as_json: bool, plot: str, **options: Any) -> int:
    """Try learning rates in short runs; propose bounds.

    The command behind -- has {lr} where the rate goes; let it train for a few steps only. Other dials in braces stand
    at their defaults, so that the line of `trialist run` can be used as it is. A command without braces is run once,
    has to raise its rate itself, and prints lines such as step=1 lr=1e-6 loss=2.3.

    \b
    Example:
      trialist lr-find --minimize val_loss --workers 2 -- \\
          python train.py --epochs 2 --lr '{lr}'
    """
    from trialist.cli.asjson import print_json
    from trialist.cli.table import width

    measured, line = _measured(options, quiet=as_json)
    drawn = measured.test.svg(plot)
    if as_json:
        print_json(_as_json(measured, line, drawn))
    else:
        click.echo("\n".join(_told(measured, line, options, drawn, width())))
    return 0 if measured.test.low is not None else 1


def _measured(options: dict[str, Any], quiet: bool) -> tuple[Measured, _Line]:
    from trialist.cli.amounts import seconds_of
    from trialist.cli.format import safe
    from trialist.cli.ratetest import Asked, run_at_each, run_once
    from trialist.cli.request import check_program
    from trialist.execute.command import Command
    from trialist.trials.amounts import whole
    from trialist.trials.plan import Limits

    words = command_behind_dashes()
    if not words:
        raise CommandError("command", "none is given", "Give it behind --: -- python train.py --epochs 2 --lr '{lr}'.")
    if (options["minimize"] is None) == (options["maximize"] is None):
        raise CommandError("minimize/maximize", "one metric is needed", "Give the command's loss: --minimize val_loss.")
    line = _read(words, options["dial"])
    check_program("command", line.template)
    limit, budget = options["trial_seconds"], options["budget"]
    asked = Asked(
        Command(line.template),
        metric=options["minimize"] or options["maximize"],
        sign=1 if options["minimize"] else -1,
        seed=options["seed"],
        limits=Limits(seconds=None if limit is None else seconds_of("trial_seconds", limit)),
        workers=whole("workers", options["workers"], at_least=1),
        seconds=math.inf if budget is None else seconds_of("budget", budget),
    )
    if not asked.command.names:
        return run_once(asked, line.dial), line
    rates = _rates(line, options["low"], options["high"], options["points"])
    return run_at_each(
        asked,
        rates,
        lambda rate: {**line.others, line.dial: rate},
        (lambda text: None) if quiet else (lambda text: click.echo(safe(f"{line.dial} {text}"))),
    ), line


def _read(words: Sequence[str], asked_for: str | None) -> _Line:
    """Which place of the command is the rate's: the one that is asked for, that has no range, or that is called so."""
    from trialist.cli.braces import parse
    from trialist.execute.command import TRIAL
    from trialist.space.space import Space

    bare = [name for name in dict.fromkeys(_PLACE.findall(" ".join(words))) if name not in TRIAL]
    if not any("{" in word for word in words):
        return _Line(tuple(words), tuple(words), asked_for or "lr", None, {})
    braced = parse(words, bare)
    names = [*bare, *braced.dials]
    called = [name for name in names if _CALLED.fullmatch(name)]
    likely = [asked_for] if asked_for else bare or called or names
    if len(likely) != 1 or likely[0] not in names:
        problem = f"which of {', '.join(names)} is the learning rate is not clear"
        if asked_for:
            problem = f"no place in the command is called {shown(asked_for)}"
        raise CommandError("dial", problem, f"Give one of them as --dial, such as --dial {names[0]}.")
    dial = likely[0]
    if others := [name for name in bare if name != dial]:
        remedy = "Give it a range with a default, or write its value."
        raise CommandError("command", f"nothing says what {{{others[0]}}} is", remedy)
    rest = {name: parameter for name, parameter in braced.dials.items() if name != dial}
    return _Line(braced.template, tuple(words), dial, braced.dials.get(dial), Space(rest).baseline())


def _rates(line: _Line, low: float | None, high: float | None, points: int) -> list[float]:
    from trialist.space.number import Float

    declared = line.declared
    if declared is not None and not isinstance(declared, Float):
        raise CommandError(line.dial, "it has no range of real numbers", "Give one, such as {1e-5..1 log}, or {lr}.")
    low = low if low is not None else _LOW if declared is None else declared.low
    high = high if high is not None else _HIGH if declared is None else declared.high
    if not 0 < low < high < math.inf:
        remedy = "Give --low and --high above 0, such as --low 1e-6 --high 1."
        if 0 < high < low < math.inf:
            remedy = f"Swap them: --low {high:g} --high {low:g}."
        raise CommandError(line.dial, f"{low:g} to {high:g} is no range of rates", remedy)
    if points < 5:
        raise CommandError("points", f"{points} show no curve", "Give at least 5.")
    return [float(f"{low * (high / low) ** (i / (points - 1)):.3g}") for i in range(points)]


def _brace(measured: Measured, line: _Line) -> str | None:
    """The dial that the bounds make, with the default that the command line gave, which it always holds."""
    from trialist.cli.braces import brace
    from trialist.space.number import Float

    test = measured.test
    if test.low is None or test.high is None:
        return None
    default = line.declared.default if isinstance(line.declared, Float) else None
    # To two digits, so that it can be read.
    low, high = (float(f"{bound:.1e}") for bound in test.bounds)
    if default is not None:
        low, high = min(low, default), max(high, default)
    return brace(Float(low, high, log=True, default=default))


def _command(line: _Line, made: str) -> list[str] | None:
    """The words of the command with the new brace in its place; None where the command has no place for the rate."""
    from trialist.cli.braces import parse

    if not any("{" in word for word in line.words):
        return None
    found = []
    for word, template in zip(line.words, line.template, strict=True):
        place = f"{{{line.dial}}}"
        if place not in template:
            found.append(word)
        elif template.count("{") == 1:
            found.append(template.replace(place, made))
        else:  # several in one word: by name
            found.append(word.replace(place, f"{{{line.dial}: {made[1:]}") if place in word else word)
    parse(found)  # what is proposed can be read
    return found


def _told(measured: Measured, line: _Line, options: dict[str, Any], drawn: Path, room: int) -> list[str]:
    from trialist.cli.format import safe
    from trialist.cli.table import labelled

    test, metric = measured.test, options["minimize"] or options["maximize"]
    rates = f"{len(test.rates)} rates from {test.rates[0]:.2g} to {test.rates[-1]:.2g}"
    runs = f"{measured.runs} run{'s' if measured.runs > 1 else ''}"
    what = metric if options["minimize"] else f"-{metric}, so that smaller is better"
    lines = ["", test.sketch(min(room, 90), 10), ""]
    lines += labelled("measured", safe(f"{what}, at {rates}, in {runs}"), room)
    lines += labelled("reading", test.reason, room)
    if measured.failure:
        lines += labelled("failed", safe(measured.failure), room, "red")
    made = _brace(measured, line)
    if made is not None:
        low, high = (float(bound) for bound in made.strip("{}").split()[0].split(".."))
        lines += labelled("dial", safe(f"{line.dial} {shlex.quote(made)}"), room, "green")
        lines += labelled("in Python", f"tl.schedule({low!r}, {high!r})", room)
        if (command := _command(line, made)) is not None:
            objective = ["--minimize", metric] if options["minimize"] else ["--maximize", metric]
            again = shlex.join(["trialist", "run", "--budget", "20", *objective, "--", *command])
            lines.append(click.style("search".ljust(11), bold=True) + safe(again))  # not wrapped: it is to be copied
    lines += labelled("picture", safe(str(drawn)), room)
    return lines


def _as_json(measured: Measured, line: _Line, drawn: Path) -> dict[str, Any]:
    test, made = measured.test, _brace(measured, line)
    return {
        "dial": line.dial,
        "low": test.low,
        "high": test.high,
        "steepest": test.steepest,
        "diverged_at": test.diverged_at,
        "reason": test.reason,
        "brace": made,
        "command": None if made is None else _command(line, made),
        "runs": measured.runs,
        "failure": measured.failure or None,
        "rates": test.rates,
        "losses": test.losses,
        "smoothed": test.smoothed,
        "plot": str(drawn),
    }
