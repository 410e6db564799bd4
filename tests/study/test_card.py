"""The card of a study in a notebook: well-formed, escaped, and as high as its scores are good."""

import re
from xml.etree import ElementTree

import pytest

from trialist.study.card import sparkline
from trialist.study.views.best import best_so_far
from trialist.testing.odd_studies import HOSTILE, ODD


def parsed(html):
    return ElementTree.fromstring(html.replace("&nbsp;", " "))


@pytest.mark.parametrize("name", ODD)
def test_the_card_of_any_study_is_well_formed_and_names_it(name):
    study = ODD[name]("memory")
    table = parsed(study._repr_html_())
    told = "".join(table.itertext())
    assert study.name[:30] in told.replace("\\'", "'")
    if study.best is not None:
        assert f"(trial {study.best.number})" in told
    if study.verdict is not None:
        assert str(study.verdict) in told


def test_nothing_of_a_hostile_name_becomes_markup():
    html = ODD["hostile_names"]("memory")._repr_html_()
    assert HOSTILE.startswith("<script>")
    assert "<script" not in html
    assert "<b> " not in html
    assert {element.tag.rpartition("}")[2] for element in parsed(html).iter()} <= {
        "table", "caption", "b", "tbody", "tr", "th", "td", "svg", "title", "line", "path", "circle",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["many", "conditional"])
def test_the_line_rises_with_every_improvement_whichever_way_is_better(name):
    view = best_so_far(ODD[name]("memory").history)
    heights = [float(y) for y in re.findall(r"V([0-9.]+)", sparkline(view))]
    assert len(heights) == len(view.steps) - 1
    assert heights == sorted(heights, reverse=True)  # y grows downwards
    assert 'stroke-dasharray="4 3"' in sparkline(view)


def test_a_single_score_has_no_line():
    assert sparkline(best_so_far(ODD["one_trial"]("memory").history)) is None
    assert "<svg" not in ODD["empty"]("memory")._repr_html_()
