"""The report in a real browser: every odd study draws its charts offline, is told to screen readers, and prints."""

from __future__ import annotations

import pytest

from trialist.testing.odd_studies import ODD
from trialist.web.data import ReportData
from trialist.web.report import page, save

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The path of each odd study's report, by name; made once."""
    folder, made = tmp_path_factory.mktemp("reports"), {}

    def report(name):
        if name not in made:
            with ODD[name]("memory") as study:
                made[name] = save(page(ReportData.of(study, 1.8e9)), folder / f"{name}.html")
        return made[name].as_uri()

    return report


@pytest.mark.parametrize("name", list(ODD))
def test_a_report_opens_from_its_file_draws_all_charts_and_asks_for_nothing(name, reports, opened):
    found = opened(reports(name))
    found.draw()
    places = found.page.locator("figure.panel .canvas").count()
    assert places or name in ("empty",)
    # A chart that is drawn has marks, and not only an empty frame.
    bare = found.page.evaluate(
        "[...document.querySelectorAll('figure.panel .canvas')].filter((p) => p.querySelectorAll('path').length < 3)"
        ".map((p) => p.closest('figure').dataset.panel)"
    )
    assert bare == []
    assert found.hover() >= 2 or name == "empty"
    assert found.complaints == []
    assert [url for url in found.requests if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("name", list(ODD))
@pytest.mark.parametrize("width", [1280, 400])
def test_no_page_is_wider_than_its_window(name, width, reports, opened):
    found = opened(reports(name), width=width)
    found.draw()
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["verified", "conditional", "screened", "all_failed", "several_objectives"])
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(name, dark, reports, opened):
    found = opened(reports(name), dark=dark)
    found.draw()
    assert found.axe() == []


def test_no_name_becomes_markup_in_a_chart(reports, opened):
    found = opened(reports("hostile_names"))
    found.page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    found.draw()
    inside = "figure.panel script:not([type='application/json']), figure.panel .canvas b, figure.panel .canvas i"
    assert found.page.locator(inside).count() == 0
    assert "<script>" in found.page.locator("#history .canvas").first.text_content()


def test_a_printed_report_has_its_charts_within_the_paper(reports, opened):
    found = opened(reports("screened"))
    found.page.emulate_media(media="print")
    found.page.set_viewport_size({"width": 720, "height": 1000})
    found.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    found.page.wait_for_function("document.querySelectorAll('figure.panel .canvas svg').length >= 4")
    widths = found.page.evaluate(
        "[...document.querySelectorAll('figure.panel .canvas svg')].map((s) => s.getBoundingClientRect().right)"
    )
    assert all(right <= 720 for right in widths)
    assert len(found.page.pdf(format="A4")) > 20_000


def test_dark_and_light_differ_without_a_redrawing(reports, opened):
    found = opened(reports("verified"))
    found.draw()
    tint = "getComputedStyle(document.querySelector('#history .canvas svg text')).fill"
    light = found.page.evaluate(tint)
    found.page.emulate_media(color_scheme="dark")
    assert found.page.evaluate(tint) != light
