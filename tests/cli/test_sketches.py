"""Small pictures of a terminal: bars that tell the truth, within the width, without colour."""

import time

import click
import pytest

from trialist.cli.format import columns
from trialist.cli.sketches import bar, best_lines, budget_lines
from trialist.cli.status import status_lines
from trialist.study.views.best import best_so_far
from trialist.study.views.burndown import Purse, burndown
from trialist.testing.odd_studies import ODD


def purse(spent, committed, limit):
    return Purse("trials", "trials", spent, committed, None, limit, ())


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("room", [40, 80, 200])
def test_the_status_of_any_study_fits_the_terminal_with_its_pictures(name, room):
    for line in status_lines(ODD[name]("memory"), [], room):
        assert columns(click.unstyle(line)) <= room


def test_a_bar_is_as_long_as_the_share_and_never_hides_what_is_left_or_spent():
    assert bar(purse(0, 0, 10), 20) == "░" * 20
    assert bar(purse(5, 0, 10), 20) == "█" * 10 + "░" * 10
    assert bar(purse(10, 0, 10), 20) == bar(purse(12, 0, 10), 20) == "█" * 20
    assert bar(purse(1, 0, 10_000), 20).count("█") == 1
    assert bar(purse(9_999, 0, 10_000), 20).count("█") == 19
    assert bar(purse(2, 3, 10), 20) == "█" * 4 + "▒" * 6 + "░" * 10
    assert bar(purse(9, 5, 10), 10) == "█" * 9 + "▒"


def test_the_best_so_far_rises_whichever_way_is_better():
    for name in ("many", "conditional"):
        (line,) = best_lines(best_so_far(ODD[name]("memory").history), 80)
        bars = [letter for letter in click.unstyle(line) if letter in "▁▂▃▄▅▆▇█"]
        assert bars == sorted(bars)
        assert (bars[0], bars[-1]) == ("▁", "█")
    assert "0.2888 to 0.005071" in click.unstyle(best_lines(best_so_far(ODD["many"]("memory").history), 80)[0])
    assert best_lines(best_so_far(ODD["one_trial"]("memory").history), 80) == []


def test_a_bar_stands_for_each_limit_with_what_runs_now():
    study = ODD["under_way"]("memory")
    lines = budget_lines(burndown(study.history, study.spent, study.forecast().outlays, time.time()), 80)
    assert [line.split()[0] for line in lines] == ["trials", "time"]
    assert "15 %, 5 open" in lines[0]
    assert "▒" in lines[0]
    assert "below 1 %" in lines[1]
    free = ODD["many"]("memory")
    without = burndown(free.history, free.spent, (), time.time())
    assert len(budget_lines(without, 80)) == 1
