"""Small pictures for a terminal: the best so far as a row of bars, and how much of each limit is used.

Letters alone: nothing depends on colour, and a log has the same lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialist.cli.format import cut, number, sparkline
from trialist.cli.table import LABEL, labelled

if TYPE_CHECKING:
    from trialist.study.views.best import BestSoFar
    from trialist.study.views.burndown import BurnDown, Purse

_SPENT, _CLAIMED, _LEFT = "█", "▒", "░"
_MOST = 30  # columns of a bar


def best_lines(view: BestSoFar, room: int, name: str = "") -> list[str]:
    """From the first score to the best one, the higher the better; nothing before there are two scores.

    name: of the metric, where there are several.
    """
    path = view.path() if view.steps else ()
    if len(path) < 2:
        return []
    told = f"best {cut(name, 20)} so far" if name else "best so far"
    told += f": {number(path[0])} to {number(path[-1])}"
    up = 1.0 if view.direction == "maximize" else -1.0
    bars = sparkline([up * view.scale.at(value) for value in path], max(room - LABEL - len(told) - 1, 10))
    return labelled("history", f"{bars} {told}", room)


def budget_lines(view: BurnDown, room: int) -> list[str]:
    """A bar for each limit: what is spent, what running trials claim, what is left."""
    limited = [purse for purse in view.purses if purse.limit is not None]
    if not limited:
        return []
    titles = max(len(purse.title) for purse in limited)
    width = min(max(room - LABEL - titles - 24, 10), _MOST)
    lines = [f"{'':{LABEL}}{purse.title:<{titles}} {bar(purse, width)} {_share(purse)}" for purse in limited]
    return [cut(line, room) for line in lines]


def bar(purse: Purse, width: int) -> str:
    """A limit as a bar of so many columns; what is not nothing takes one at least, and what is not all leaves one.

    >>> from trialist.study.views.burndown import Purse
    >>> bar(Purse("trials", "trials", 30.0, 10.0, None, 80.0, ()), 16)
    '██████▒▒░░░░░░░░'
    >>> bar(Purse("cost", "cost", 0.001, 0.0, None, 5.0, ()), 8)
    '█░░░░░░░'
    """
    limit = purse.limit or 1.0
    spent = _columns(purse.spent / limit, width)
    claimed = max(_columns((purse.spent + purse.committed) / limit, width) - spent, 0)
    return _SPENT * spent + _CLAIMED * claimed + _LEFT * (width - spent - claimed)


def _columns(share: float, width: int) -> int:
    if share <= 0.0:
        return 0
    return width if share >= 1.0 else min(max(round(share * width), 1), width - 1)


def _share(purse: Purse) -> str:
    share = purse.share or 0.0
    told = f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else "below 1 %"
    return f"{told}, {purse.told(purse.committed)} open" if purse.committed > 0 else told
