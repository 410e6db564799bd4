"""`trialist importance`: which dials matter, which act together, and how far the trials can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from trialist.cli.options import load_study, study_options

if TYPE_CHECKING:
    from trialist.effects.effects import Effects
    from trialist.effects.findings import Importance, Interactions, Nearby, Share

_BAR, _LEAST_BAR = 24, 8  # columns of the picture at most and at least; without the least it is left out
_PAIRS = 5  # that are told
_NEAR = 3  # choices that are named


@click.command("importance", short_help="which dials matter, which act together, and how far to move them")
@click.option("--metric", metavar="NAME", help="Of several objectives the one to tell of [the first].")
@click.option(
    "--scale",
    type=click.Choice(["robust", "value"]),
    default="robust",
    show_default=True,
    help="robust: hopelessly bad scores count as less bad, or all that mattered would be how a run can be ruined; "
    "value: scores as they are.",
)
@study_options
def importance_command(metric: str | None, scale: str, study: str | None, store: str | None, as_json: bool) -> int:
    """Tell what each dial does to the metric over the declared space, by the trials that were run; runs nothing.

    The share that each causes alone with its interval, what it does with others, what tells the best tenth of the
    trials, what shuffling it costs, and how far it can be moved round the best. Exit code 1 where the trials say too
    little, with what is missing.

    \b
    Example:
      trialist importance --metric val_loss --scale value
    """
    from trialist.cli.asjson import print_json
    from trialist.cli.table import width
    from trialist.effects.effects import Effects

    with load_study(study, store) as found:
        effects = Effects(found.history, metric=metric, scale=scale)
        told = effects.importance()
        if as_json:
            parts = {"importance": told, "interactions": effects.interactions(), "local": effects.local()}
            parts |= {"calibration": effects.calibration(), "foretold": effects.foretold()}
            print_json({"study": found.name, **{name: part.to_json() for name, part in parts.items()}})
        else:
            click.echo("\n".join(lines_of(effects, width())))
        return 0 if told.enough else 1


def lines_of(effects: Effects, room: int) -> list[str]:
    """The table of the dials, the pairs that act together, and how good the predictions are."""
    from trialist.cli.format import safe
    from trialist.cli.table import labelled

    told = effects.importance()
    if not told.enough:
        return labelled("importance", safe(told.words), room, "yellow")
    local = effects.local()
    lines = [*_dials(told, {each.dial: each for each in local.shares} if local.enough else {}, room), ""]
    lines += labelled("together", safe(_together(effects.interactions())), room)
    lines += labelled("trust", safe(effects.calibration().words), room)
    if (before := effects.foretold()).enough:
        lines += labelled("before", safe(before.words), room)
    if told.clipped:
        far = (
            f"{told.clipped} hopeless scores count as less bad" if told.clipped > 1 else "a hopeless score counts less"
        )
        lines += labelled("", far, room)
    reading = (
        f"alone, with others: of the variance of {told.metric} over the space; top 10%: of what tells the best tenth;"
        " R2 lost: when it is shuffled; near the best: where it costs no more than noise"
    )
    return [*lines, *labelled("reading", safe(reading), room)]


def _dials(told: Importance, near: dict[str, Nearby], room: int) -> list[str]:
    from trialist.cli.format import columns, safe
    from trialist.cli.table import Column, table

    heads = [Column("dial", flexible=True), Column("alone [95 %]", right=True), Column("with", right=True)]
    heads += [Column("top 10%", right=True), Column("R2 lost", right=True), Column("near the best", flexible=True)]
    rows = [
        [
            safe(share.dial),
            f"{share.share:.0%} [{100 * share.low:.0f}, {100 * share.high:.0f}]",
            f"{share.interacting:.0%}",
            "-" if share.ped is None else f"{share.ped:.0%}",
            f"{share.permuted:.2f}",
            safe(_reach(near.get(share.dial))),
        ]
        for share in told.shares
    ]
    taken = sum(
        max(columns(text) for text in cells) + 2 for cells in zip(*[[h.title for h in heads], *rows], strict=True)
    )
    if (left := min(room - taken, _BAR)) >= _LEAST_BAR:
        heads.insert(1, Column(""))
        for row, line in zip(rows, bars(told.shares, left), strict=True):
            row.insert(1, line)
    return table(heads, rows, room)


def bars(shares: Sequence[Share], columns: int) -> list[str]:
    """A line for each dial from nothing to all of the variance: its share filled, its interval's end light."""
    found = []
    for share in shares:
        full = min(max(round(share.share * columns), 0), columns)
        end = min(max(round(share.high * columns), full), columns)
        found.append("█" * full + "░" * (end - full))
    return found


def _reach(near: Nearby | None) -> str:
    """From where to where a dial can be moved round the best, or the choices that are near."""
    if near is None:
        return "-"
    if near.near:
        more = f", {len(near.near) - _NEAR} more" if len(near.near) > _NEAR else ""
        return ", ".join(str(value) for value in near.near[:_NEAR]) + more
    return "-" if near.low is None else f"{_short(near.low)}..{_short(near.high)}"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _together(told: Interactions) -> str:
    """The pairs that are real, else what is said of them all."""
    real = [pair for pair in told.pairs if pair.is_real]
    if not real:
        return told.words
    named = [f"{p.a} and {p.b} {p.strength:.0%} [{p.low:.0%}, {p.high:.0%}]" for p in real[:_PAIRS]]
    more = f"; {len(real) - _PAIRS} more" if len(real) > _PAIRS else ""
    return f"what one does depends on the other: {'; '.join(named)}{more}"
