"""Pictures of what dials do: bars, cells, lines and points are those of the study's own effects."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

import trialist as tl
from trialist.testing.odd_studies import ODD

DIALS = ("importance", "interaction", "slice", "calibration", "foretold", "sweep")
GLYPHS = "ignore:Glyph .* missing from font:UserWarning"


@pytest.fixture
def studies(odd_studies):
    return odd_studies


@pytest.fixture(autouse=True)
def no_open_figures():
    yield
    plt.close("all")


def flat(drawn):
    return list(drawn.flat) if isinstance(drawn, np.ndarray) else [drawn]


@pytest.mark.filterwarnings(GLYPHS)
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("kind", DIALS)
def test_every_picture_of_dials_of_an_odd_study_has_its_words(studies, name, kind):
    drawn = flat(getattr(studies[name].plot, kind)())
    for ax in drawn:
        assert isinstance(ax, Axes)
        assert ax.get_title(loc="left")
        assert ax.has_data() or any(len(text.get_text()) > 20 for text in ax.texts)
    drawn[0].figure.canvas.draw()


def test_bars_are_the_shares_with_their_intervals_the_largest_first(studies):
    study = studies["many"]
    found, ax = study.effects.importance(), study.plot.importance()
    assert found.enough
    widths = [patch.get_width() for patch in ax.patches]
    assert widths == pytest.approx([share.share for share in found.shares])
    assert [label.get_text() for label in ax.get_yticklabels()] == [share.dial for share in found.shares]
    (segments,) = [
        bars.lines[2][0].get_segments() for bars in ax.containers if hasattr(bars, "has_xerr") and bars.has_xerr
    ]
    for segment, share in zip(segments, found.shares, strict=True):
        assert segment[0, 0] == pytest.approx(min(share.low, share.share))
        assert segment[1, 0] == pytest.approx(max(share.high, share.share))


def test_the_matrix_has_a_cell_for_each_pair_and_frames_what_is_real(studies):
    study = studies["many"]
    found, ax = study.effects.interactions(), study.plot.interaction()
    table = ax.images[0].get_array()
    dials = list(found.dials)
    for pair in found.pairs:
        i, j = sorted((dials.index(pair.a), dials.index(pair.b)))
        assert float(table[j - 1, i]) == pytest.approx(pair.strength)
    assert len(ax.patches) == sum(bool(pair.is_real) for pair in found.pairs)
    assert [label.get_text() for label in ax.get_yticklabels()] == dials[1:]


def test_a_slice_is_the_models_mean_on_the_dials_own_axis(studies):
    study = studies["many"]
    found, ax = study.effects.slice("rate"), study.plot.slice("rate")
    mean = next(line for line in ax.get_lines() if line.get_label() == "expected by the model")
    low, high = ax.get_ylim()
    assert mean.get_xdata().tolist() == pytest.approx(list(found.at))
    assert mean.get_ydata().tolist() == pytest.approx(np.clip(found.mean, low, high).tolist())
    assert ax.get_xscale() == "log"
    chosen = next(line for line in ax.get_lines() if line.get_label() == "chosen")
    assert chosen.get_xdata()[0] == study.best.params["rate"]


def test_two_dials_give_a_line_for_each_value_of_the_second(studies):
    ax = studies["many"].plot.interaction("rate", "solver")
    labels = ax.get_legend_handles_labels()[1]
    assert {"solver = adam", "solver = sgd"} <= set(labels)
    styles = [
        (line.get_color(), str(line._dash_pattern)) for line in ax.get_lines() if "solver" in str(line.get_label())
    ]
    assert len({style for _, style in styles}) == len(styles) == 2


def test_all_dials_have_a_slice_each(studies):
    study = studies["conditional"]
    drawn = study.plot.slice()
    assert [ax.get_title(loc="left") for ax in drawn] == list(study.space.names)
    assert [label.get_text() for label in drawn[0].get_xticklabels()] == ["linear", "forest", "boosted"]


def test_predictions_stand_against_scores(studies):
    study = studies["many"]
    found, ax = study.effects.calibration(), study.plot.calibration()
    points = {(float(x), float(y)) for bars in ax.containers for x, y in zip(*bars.lines[0].get_data(), strict=True)}
    assert points == {(float(predicted), float(actual)) for _, predicted, _, actual in found.points}


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_what_was_foretold_stands_beside_what_came(studies, metric):
    study = studies["foretold"]
    found, ax = tl.Effects(study.history, metric=metric).foretold(), study.plot.foretold(metric=metric)
    drawn = {line.get_label(): line for line in ax.get_lines()}
    inside = [t.number for t in found.trials if t.is_within]
    assert drawn[f"came within ({len(inside)})"].get_xdata().tolist() == inside
    outside = {t.number for t in found.trials} - set(inside)
    marked = drawn.get(f"came outside ({len(outside)})")
    assert (set() if marked is None else set(marked.get_xdata().tolist())) == outside
    low, high = ax.get_ylim()
    assert all(low <= y <= high for line in ax.get_lines() for y in line.get_ydata())  # nothing leaves the picture
    assert studies["many"].plot.foretold().get_title(loc="left") and not studies["many"].plot.foretold().get_lines()


def test_wrong_dials_are_named_with_those_there_are(studies):
    plot = studies["many"].plot
    for draw in (lambda: plot.slice("rat"), lambda: plot.interaction("rate", "rat"), lambda: plot.sweep("rat")):
        with pytest.raises(tl.SpaceError, match="'rate', 'width' and 'solver'"):
            draw()
    with pytest.raises(tl.PlanError, match="two"):
        plot.interaction("rate")
