"""Charts that answer: ranges of dials filter the table by mouse and by keyboard; all is reached without a mouse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trialist.testing.odd_studies import ODD
from trialist.web.data import ReportData
from trialist.web.report import page, save

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    with ODD["verified"]("memory") as study:
        path = save(page(ReportData.of(study, 1.8e9)), tmp_path_factory.mktemp("charts") / "report.html")
        yield path.as_uri(), study.trials


def rows(found):
    return found.page.locator("#trials tbody tr:not([hidden])").count()


def test_a_range_by_mouse_filters_the_table_and_can_be_taken_back(report, opened):
    url, trials = report
    found = opened(url)
    found.draw()
    whole = rows(found)
    assert whole == len(trials)
    canvas = found.page.locator("#parallel .canvas")
    canvas.scroll_into_view_if_needed()
    offset = found.page.evaluate(
        "trialist.instances.get(document.querySelector('#parallel figure')).instance.getModel()"
        ".getComponent('parallel').coordinateSystem.getAxisLayout('dim0').position[0]"
    )
    box = canvas.bounding_box()
    found.page.mouse.move(box["x"] + offset, box["y"] + 60)
    found.page.mouse.down()
    found.page.mouse.move(box["x"] + offset, box["y"] + 120, steps=6)
    found.page.mouse.up()
    found.page.wait_for_function("document.querySelector('#parallel .chosen-told').textContent.includes(' of ')")
    left = rows(found)
    assert 0 < left < whole
    told = found.page.locator("#parallel .chosen-told").text_content()
    assert told.startswith(f"{left} of ") and str(left) in found.page.locator("#filtered").text_content()
    found.page.locator("#parallel .clear").click()
    found.page.wait_for_function("document.querySelector('#parallel .chosen-told').textContent.startsWith('No range')")
    assert rows(found) == whole
    assert found.complaints == []


def _axis(found, k):
    """Where an axis of the parallel lines stands on the page, and its places 0 and of the lane, in pixels down."""
    canvas = found.page.locator("#parallel .canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, zero, none = found.page.evaluate(
        """(k) => {
          const model = trialist.instances.get(document.querySelector('#parallel figure')).instance.getModel();
          const system = model.getComponent('parallel').coordinateSystem;
          return [system.getAxisLayout('dim' + k).position[0], system.dataToPoint(0, 'dim' + k)[1],
                  system.dataToPoint(-0.16, 'dim' + k)[1]];
        }""",
        k,
    )
    return box["x"] + x, box["y"] + zero, box["y"] + none


def test_dials_that_are_not_active_have_a_lane_of_their_own_apart_from_the_axis(tmp_path, opened):
    with ODD["conditional"]("memory") as study:
        path = save(page(ReportData.of(study, 1.8e9)), tmp_path / "report.html")
        dials, trials = list(study.space.names), [r for r in study.trials if r.stage.is_explored]
    found = opened(path.as_uri())
    found.draw()
    x, zero, none = _axis(found, dials.index("ridge"))
    assert none - zero > 20  # below the end of the axis, which is no value of it
    assert "not active" in found.page.locator("#parallel .canvas").inner_text()
    inactive = sum("ridge" not in record.params for record in trials)
    mouse, told = found.page.mouse, found.page.locator("#parallel .chosen-told")
    mouse.move(x, none - 9)
    mouse.down()
    mouse.move(x, none + 9, steps=5)
    mouse.up()
    found.page.wait_for_function("document.querySelector('#parallel .chosen-told').textContent.includes(' of ')")
    assert told.text_content().startswith(f"{inactive} of ")
    found.page.locator("#parallel .clear").click()
    found.page.locator("#parallel summary", has_text="keyboard").click()
    found.page.get_by_label("ridge from").select_option(label="not active")
    assert told.text_content().startswith(f"{inactive} of ")
    found.page.get_by_label("ridge from").select_option(label="lowest")
    assert found.complaints == []


def test_a_line_across_a_chart_stands_exactly_at_its_value(tmp_path, opened):
    """Rounded to two digits, as the library would have it, the level of 0.2742 stood at 0.27."""
    with ODD["swept"]("memory") as study:
        path = save(page(ReportData.of(study, 1.8e9)), tmp_path / "report.html")
    found = opened(path.as_uri())
    found.draw()
    wanted, drawn = found.page.evaluate(
        """() => {
          const figure = document.querySelector('#sweeps figure'), {instance} = trialist.instances.get(figure);
          const level = instance.getOption().series.find((series) => series.markLine).markLine.data[0].yAxis;
          const path = figure.querySelector('.canvas path[stroke-dasharray]').getAttribute('d');
          return [instance.convertToPixel({yAxisIndex: 0}, level), Number(path.match(/^M\\S+ (\\S+)L/)[1])];
        }"""
    )
    assert abs(wanted - drawn) <= 0.51  # lines are drawn at whole pixels


def test_the_same_ranges_are_chosen_by_keyboard_alone(report, opened):
    url, trials = report
    found = opened(url)
    found.draw()
    summary = found.page.locator("#parallel summary", has_text="keyboard")
    summary.focus()
    found.page.keyboard.press("Enter")
    choice = found.page.locator("#parallel .ranges select[aria-label='solver is']")
    choice.focus()
    found.page.keyboard.press("ArrowDown")
    found.page.wait_for_function("document.querySelector('#parallel .chosen-told').textContent.includes(' of ')")
    value = choice.evaluate("(node) => node.selectedOptions[0].textContent")
    wanted = {str(t.number) for t in trials if t.params["solver"] == value and t.repeats is None}
    shown = found.page.evaluate(
        "[...document.querySelectorAll('#trials tbody tr:not([hidden])')].map((row) => row.cells[0].dataset.v)"
    )
    assert set(shown) == wanted and wanted


def test_every_control_is_reached_by_the_tabulator(report, opened):
    found = opened(report[0])
    found.draw()
    wanted = found.page.locator("summary, #filter, th button, .scroll").count()
    reached = found.page.evaluate(
        "[...document.querySelectorAll('summary, #filter, th button, .scroll')].filter((n) => n.tabIndex >= 0).length"
    )
    assert reached == wanted
    seen = set()
    for _ in range(12):
        found.page.keyboard.press("Tab")
        seen.add(found.page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    assert len(seen) == 12


def test_a_column_is_sorted_by_its_button(report, opened):
    found = opened(report[0])
    button = found.page.locator("#trials th button", has_text="loss").first
    button.focus()
    found.page.keyboard.press("Enter")
    values = found.page.evaluate(
        "[...document.querySelectorAll('#trials tbody tr')].map((row) => Number(row.cells[3].dataset.v))"
    )
    assert values == sorted(values) and len(values) > 30


def test_a_page_redraws_what_it_is_told_to_and_keeps_the_ranges(report, opened):
    found = opened(report[0])
    found.draw()
    kept = found.page.evaluate(
        """async () => {
          const figure = document.querySelector('#parallel figure');
          const choice = figure.querySelector("select[aria-label='solver is']");
          choice.selectedIndex = 1; choice.dispatchEvent(new Event('change'));
          const before = figure.querySelector('.chosen-told').textContent;
          await trialist.redraw(document.getElementById('parallel'));
          return [before, figure.querySelector('.chosen-told').textContent];
        }"""
    )
    assert kept[0] == kept[1] and " of " in kept[0]


@pytest.fixture(scope="module")
def with_effects(tmp_path_factory, known_effects):
    with ODD["many"]("memory") as study:
        data = ReportData.of(study, 1.8e9)
        data = replace(data, effects=known_effects(study.history))
    return save(page(data), tmp_path_factory.mktemp("effects") / "report.html").as_uri()


@pytest.mark.parametrize("width", [1280, 400])
def test_what_the_dials_do_is_drawn(with_effects, opened, width):
    found = opened(with_effects, width=width)
    found.draw()
    for panel in ("importance", "interactions", "slices", "calibration"):
        assert found.page.locator(f"#{panel} .canvas path").count() > 10
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width
    assert found.hover() >= 10
    assert found.complaints == [] and found.axe() == []


@pytest.fixture(scope="module")
def with_predictions(tmp_path_factory):
    with ODD["foretold"]("memory") as study:
        data = ReportData.of(study, 1.8e9)
    return data, save(page(data), tmp_path_factory.mktemp("foretold") / "report.html").as_uri()


@pytest.mark.parametrize("width", [1280, 400])
def test_what_was_foretold_is_drawn_with_what_came(with_predictions, opened, width):
    data, address = with_predictions
    found = opened(address, width=width)
    found.page.locator("#calibration details.objective").first.evaluate("(node) => (node.open = true)")
    found.draw()
    figures = found.page.locator("figure[data-panel=foretold]")
    assert figures.count() == 2  # one for each objective
    told = sum(record.foretold is not None for record in data.history.scored)
    drawn = found.page.evaluate(
        """() => [...trialist.instances].filter(([figure]) => figure.dataset.panel === 'foretold').map(
          ([, {instance}]) => instance.getOption().series.filter((each) => each.type === 'scatter').map(
            (each) => each.data.length))"""
    )
    assert [sum(marks) for marks in drawn] == [told, told]
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width
    assert found.hover() >= 4
    assert found.complaints == [] and found.axe() == []


def test_a_pair_of_dials_is_chosen_by_the_matrix_and_by_keyboard(with_effects, opened):
    found = opened(with_effects)
    found.draw()
    chosen = found.page.locator("#interactions .controls select")
    shown = "trialist.instances.get(document.querySelector('#interactions figure')).instance.getOption().xAxis[1].name"
    first = found.page.evaluate(shown)
    chosen.focus()
    found.page.keyboard.press("ArrowDown")
    second = found.page.evaluate(shown)
    assert second != first and chosen.evaluate("(node) => node.selectedOptions[0].textContent").startswith(second)
    spot = found.page.evaluate(
        """() => {
          const figure = document.querySelector('#interactions figure');
          const {instance, data} = trialist.instances.get(figure);
          const place = figure.querySelector('.canvas');
          place.scrollIntoView();
          const box = place.getBoundingClientRect(), {dial, by} = data.slices[0];
          const at = instance.convertToPixel({gridIndex: 0}, [data.dials.indexOf(dial), data.dials.indexOf(by)]);
          return {x: box.x + at[0], y: box.y + at[1]};
        }"""
    )
    found.page.mouse.click(spot["x"], spot["y"])
    found.page.wait_for_function(f"{shown} === {first!r}")
    assert chosen.input_value() == "0"
