"""Pictures of odd studies: what is drawn, by the data of what stands in the axes; global settings stay as they were."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

import trialist as tl
from trialist.study.views.best import best_so_far
from trialist.study.views.curves import curves
from trialist.study.views.timeline import timeline
from trialist.testing.odd_studies import HOSTILE, ODD, SPACE, loss_of
from trialist.trials.trial import Stage, State

COURSE = ("history", "curves", "timeline", "budget", "noise", "front", "parallel")
GLYPHS = "ignore:Glyph .* missing from font:UserWarning"  # of the odd names, which the test's font lacks


@pytest.fixture
def studies(odd_studies):
    return odd_studies


@pytest.fixture(autouse=True)
def no_open_figures():
    yield
    plt.close("all")


def flat(drawn):
    return list(drawn.flat) if isinstance(drawn, np.ndarray) else [drawn]


def words(ax):
    """Everything written in an axes."""
    found = [text.get_text() for text in ax.texts] + [ax.get_title(loc="left"), ax.get_xlabel(), ax.get_ylabel()]
    found += [label.get_text() for label in (*ax.get_xticklabels(), *ax.get_yticklabels())]
    if (legend := ax.get_legend()) is not None:
        found += [text.get_text() for text in legend.get_texts()]
    return " ".join(" ".join(found).split())


def line(ax, label):
    return next(each for each in ax.get_lines() if each.get_label() == label)


@pytest.mark.filterwarnings(GLYPHS)
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("kind", COURSE)
def test_every_picture_of_an_odd_study_has_words_all_of_them_inside_the_figure(studies, name, kind):
    before = dict(mpl.rcParams)
    drawn = flat(getattr(studies[name].plot, kind)())
    assert all(isinstance(ax, Axes) and words(ax) for ax in drawn)
    figure = drawn[0].figure
    figure.canvas.draw()
    renderer, whole = figure.canvas.get_renderer(), figure.bbox
    for ax in drawn:
        assert_inside(ax, renderer, whole)
    assert dict(mpl.rcParams) == before


def assert_inside(ax, renderer, whole):
    texts = [*ax.texts, ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label]
    for axis, place in ((ax.xaxis, 0), (ax.yaxis, 1)):  # a tick outside of the limits is not drawn
        low, high = sorted(axis.get_view_interval())
        texts += [label for label in axis.get_ticklabels() if low <= label.get_position()[place] <= high]
    texts += [] if ax.get_legend() is None else ax.get_legend().get_texts()
    for text in texts:
        if not (text.get_visible() and text.get_text().strip() and ax.axison):
            continue
        box = text.get_window_extent(renderer)
        assert whole.x0 - 2 <= box.x0, text
        assert box.x1 <= whole.x1 + 2, text
        assert whole.y0 - 2 <= box.y0, text
        assert box.y1 <= whole.y1 + 2, text


def test_history_draws_each_score_the_best_the_default_and_failures(studies):
    study = studies["many"]
    ax = study.plot.history()
    view = best_so_far(study.history)
    best = line(ax, "best so far")
    assert best.get_xdata()[:-1].tolist() == [step.number for step in view.steps]
    assert best.get_ydata()[:-1].tolist() == [step.value for step in view.steps]
    (points,) = [c for c in ax.collections if c.get_label() == "trial"]
    assert len(points.get_offsets()) == sum(record.is_scored for record in study.trials)
    assert line(ax, "the default").get_ydata()[0] == study.baseline.value
    assert line(ax, "failed (8)").get_xdata().tolist() == [r.number for r in study.history.failed]
    assert ax.get_yscale() == "log"
    assert "lower is better" in ax.get_ylabel()
    assert "higher is better" in studies["conditional"].plot.history().get_ylabel()


def test_the_band_of_the_best_is_drawn_where_its_noise_is_known(studies):
    def bands(name):
        return [c for c in studies[name].plot.history().collections if "interval" in str(c.get_label())]

    (band,) = bands("raced")
    step = best_so_far(studies["raced"].history).steps[-1]
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(step.low)
    assert not bands("many")


def test_colour_is_never_the_only_sign(studies):
    ax = studies["screened"].plot.history()
    looks = [
        (c.get_paths()[0].vertices.shape, len(c.get_facecolors())) for c in ax.collections if c.get_offsets().size > 2
    ]
    assert len(set(looks)) == len(looks) >= 3
    drawn = [each for each in studies["screened"].plot.curves().get_lines() if len(each.get_xdata()) > 1]
    dashes = {str(each._dash_pattern) for each in drawn if not str(each.get_label()).startswith("_")}
    assert len(dashes) >= 3


def test_several_objectives_have_an_axes_each_and_one_where_it_is_named(studies):
    study = studies["several_objectives"]
    drawn = study.plot.history()
    for objective, ax in zip(study.declared.objectives, drawn, strict=True):
        assert objective.name in ax.get_title(loc="left")
    assert "accuracy" in study.plot.history("accuracy").get_title(loc="left")
    with pytest.raises(tl.PlanError, match="latency_ms"):
        study.plot.history("speed")


def test_curves_are_those_that_were_reported_with_the_looks(studies):
    study = studies["screened"]
    ax = study.plot.curves()
    view = curves(study.history, study.best.number)
    drawn = [
        each for each in ax.get_lines() if len(each.get_xdata()) > 1 and not str(each.get_label()).startswith("trials")
    ]
    for curve in view.curves:
        if len(curve.steps) > 1:
            assert any(list(each.get_ydata()) == list(curve.values) for each in drawn)
    best = line(ax, f"trial {study.best.number}, the best")
    assert list(best.get_ydata()) == [report.value for report in study.best.reports]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["1", "3", "9", "27"]
    counted = studies["stopped_early"].plot.curves().get_legend_handles_labels()[1]
    assert "stopped early (16)" in counted


def test_the_timeline_has_a_bar_for_each_trial_that_ran(studies):
    study = studies["under_way"]
    view = timeline(study.history, 2e9)
    ax = study.plot.timeline()
    drawn = {str(each.get_label()).split(" ")[0]: each.get_paths() for each in ax.collections}
    ran = [path.get_extents() for state, paths in drawn.items() if state != "idle" for path in paths]
    assert len(ran) == sum(record.state is not State.WAITING for record in study.trials)
    assert len({box.y0 for box in ran}) == view.lanes == 3
    assert len(drawn["running"]) == 3
    assert len({each.get_hatch() for each in ax.collections}) >= 3


def test_the_budget_ends_at_what_is_spent_of_each_limit(studies):
    ax = studies["raced"].plot.budget()
    by_label = {each.get_label().split(":")[0]: each for each in ax.get_lines()}
    assert by_label["trials"].get_ydata()[-1] == 1.0
    assert by_label["cost"].get_ydata()[-1] == pytest.approx(studies["raced"].spent["cost"] / 20.0)
    assert by_label["the limit"].get_ydata()[0] == 1.0


def test_noise_shows_each_score_and_the_best_configuration_at_the_top(studies):
    study = studies["raced"]
    ax = study.plot.noise()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[0] == f"trial {study.best.number}, the best"
    assert any("default" in label for label in labels)
    shown = {float(x) for each in ax.get_lines() if each.get_marker() == "o" for x in each.get_xdata()}
    assert set(study.baseline.score.replicates) <= shown
    low, high = ax.get_ylim()
    assert low > high  # the first row is the uppermost


def test_the_front_is_drawn_by_pairs_of_objectives(studies):
    study = studies["several_objectives"]
    drawn = study.plot.front()
    assert drawn.shape == (3,)
    marked = line(drawn[0], f"on the front ({len(study.front)})")
    latency = study.declared.objectives[0].name
    assert set(marked.get_xdata()) == {record.metrics[latency].mean for record in study.front}
    assert "violates a constraint" in words(drawn[0])


def test_effects_are_drawn_of_the_objective_that_is_named(studies):
    plot = studies["several_objectives"].plot
    for draw in (plot.importance, plot.interaction, plot.slice, plot.calibration):
        first, named = (str(words_of(draw(metric=metric))) for metric in (None, "accuracy"))
        assert first == str(words_of(draw(metric="latency_ms"))) != named
        with pytest.raises(tl.PlanError, match="'size', 'accuracy'"):
            draw(metric="speed")


def words_of(axes):
    return [words(ax) for ax in np.ravel(axes)]


def test_parallel_lines_break_where_a_dial_is_not_active(studies):
    study = studies["conditional"]
    ax = study.plot.parallel()
    best = line(ax, f"trial {study.best.number}, the best").get_ydata()
    active = [dial in study.best.params for dial in study.space.names]
    assert [bool(np.isfinite(y)) for y in best[:-1]] == active
    assert [label.get_text() for label in ax.get_xticklabels()][-1] == "accuracy"
    assert "ridge (log)" in words(ax)


def test_empty_pictures_say_what_to_do_next(studies):
    for kind, told in (("history", "study.optimize"), ("curves", "study.optimize"), ("parallel", "study.optimize")):
        assert told in words(getattr(studies["empty"].plot, kind)())
    assert "rerun" in words(studies["all_failed"].plot.history())
    assert "study.select" in words(studies["many"].plot.noise())
    assert "one objective" in words(studies["many"].plot.front())
    assert "trial.report" in words(studies["many"].plot.curves())


@pytest.mark.filterwarnings(GLYPHS)
def test_names_are_drawn_as_they_are_and_never_as_mathematics(studies):
    ax = studies["hostile_names"].plot.parallel()
    ax.figure.draw_without_rendering()
    drawn = words(ax)
    assert r"\$\alpha\$" in drawn  # an escaped dollar: drawn as one
    assert "<script>" in drawn
    assert HOSTILE not in drawn  # cut
    assert len(max(ax.get_title(loc="left").split(), key=len)) < 60


def test_axes_that_are_given_are_drawn_into(studies):
    _, mine = plt.subplots()
    figures = plt.get_fignums()
    for kind in COURSE:
        mine.clear()
        assert getattr(studies["raced"].plot, kind)(ax=mine) is mine
    _, three = plt.subplots(3)
    assert studies["several_objectives"].plot.history(ax=three)[2] is three[2]
    _, one = plt.subplots()
    assert studies["several_objectives"].plot.history(ax=one) is one
    assert len(plt.get_fignums()) == len(figures) + 2
    with pytest.raises(tl.PlanError, match="ax"):
        studies["raced"].plot.history(ax="left")


def test_the_selected_trial_is_the_best_of_the_picture_not_the_luckiest(studies):
    study = studies["screened"]
    assert study.selection is not None
    assert f"trial {study.best.number}, the best" in words(study.plot.curves())


def test_without_matplotlib_the_error_has_the_install_line():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from trialist.testing.odd_studies import ODD\n"
        "import trialist as tl\n"
        "study = ODD['one_trial']('memory')\n"
        "repr(study.plot)\n"
        "try:\n    study.plot.history()\n"
        "except tl.MissingExtraError as error:\n    print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'trialist[plots]'" in told


def test_drawing_is_not_loaded_before_a_picture_is_asked_for():
    code = (
        "import sys\nfrom trialist.testing.odd_studies import ODD\nstudy = ODD['one_trial']('memory')\n"
        "study.plot, study._repr_html_()\nprint('matplotlib' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_stages_of_finalists_are_marked_as_no_part_of_the_search(studies):
    ax = studies["screened"].plot.history()
    (again,) = [c for c in ax.collections if c.get_label() == "on a fresh seed"]
    fresh = [r.number for r in studies["screened"].trials if r.stage is Stage.SELECT]
    assert again.get_offsets()[:, 0].tolist() == fresh


def test_a_sweep_is_drawn_with_its_levels_their_intervals_and_what_is_chosen():
    study = tl.Study.create(SPACE, minimize="loss", budget=20, strategy="random", store="memory", name="swept")
    assert "study.sweep('rate'" in words(study.plot.sweep("rate"))
    study.optimize(loss_of)
    found = study.sweep("rate", loss_of, levels=5, replicates=3)
    study.sweep("solver", loss_of, replicates=3)
    ax = study.plot.sweep("rate")
    (bars,) = ax.containers
    x, y = bars.lines[0].get_data()
    told = [level for level in found.levels if level.response is not None]
    assert x.tolist() == [level.value for level in told]
    assert y.tolist() == pytest.approx([level.response[0] for level in told])
    ends = bars.lines[2][0].get_segments()
    assert [tuple(segment[:, 1]) for segment in ends] == [pytest.approx(level.response[1:]) for level in told]
    assert ax.get_xscale() == "log"
    assert f"chosen: {found.incumbent.value:.4g}" in words(ax)
    assert study.plot.sweep().get_title(loc="left").startswith("solver")  # the last one
    assert [label.get_text() for label in study.plot.sweep("solver").get_xticklabels()] == ["adam", "sgd"]
    marks = [c for c in study.plot.history().collections if c.get_label() == "a level of a sweep"]
    assert len(marks[0].get_offsets()) == len(study.history.swept)
    with pytest.raises(tl.SpaceError, match="solver"):
        study.plot.sweep("momentum")
