"""What a response looks like: planted shapes are said, their absence too, and words keep to the metric's sign."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trialist.effects.shape import Finding, Response, Shape, findings

STEPS = np.arange(7.0)


def response(means, noise=1.0, seed=0, replicates=3, **given) -> Response:
    rng = np.random.default_rng(seed)
    k = len(means)
    Y = np.array(means, dtype=float)[:, None] + noise * rng.normal(size=(k, replicates)) + rng.normal(size=replicates)
    known = {"middle": 3, "ends": (True, True), "replicates": replicates, **given}
    return Response(Y, [f"l{i}" for i in range(k)], **known)


def shapes(given: Response) -> list[Shape]:
    return [finding.shape for finding in findings(given)]


def share(wanted: Shape, means, **given) -> float:
    return float(np.mean([wanted in shapes(response(means, seed=seed, **given)) for seed in range(200)]))


def test_planted_shapes_are_said():
    assert share(Shape.FLAT, 0 * STEPS) > 0.9
    assert share(Shape.CLIFF, np.where(STEPS > 4, 10.0, 0.0)) > 0.9
    assert share(Shape.EDGE, 2 * STEPS[::-1]) > 0.9
    assert share(Shape.EDGE, 2 * STEPS) > 0.9
    assert share(Shape.BETTER, np.where(STEPS == 5, -6.0, 0.0)) > 0.9


def test_what_is_not_there_is_not_said():
    bowl = 3 * (STEPS - 3) ** 2 / 3
    for shape in (Shape.CLIFF, Shape.EDGE, Shape.FLAT, Shape.BETTER):
        assert share(shape, bowl) < 0.05
    for shape in (Shape.CLIFF, Shape.EDGE, Shape.BETTER):
        assert share(shape, 0 * STEPS) < 0.05
    assert share(Shape.FLAT, 2 * (-1) ** STEPS) < 0.05


def test_an_end_of_the_levels_that_is_none_of_the_range_is_no_edge():
    assert Shape.EDGE in shapes(response(2 * STEPS))
    assert Shape.EDGE not in shapes(response(2 * STEPS, ends=(False, True)))


def test_choices_have_neither_cliffs_nor_edges():
    cliff = np.where(STEPS > 4, 30.0, 0.0)
    assert Shape.CLIFF in shapes(response(cliff))
    assert Shape.CLIFF not in shapes(response(cliff, is_ordered=False))
    assert Shape.EDGE not in shapes(response(4 * STEPS, is_ordered=False))


def test_levels_that_fail_are_a_cliff_and_told_where():
    given = response(0 * STEPS)
    Y = given.Y.copy()
    Y[5:] = np.nan
    found = findings(replace(given, Y=Y, fails=[5, 6]))
    assert found[0].shape is Shape.CLIFF and "fail from l5 on" in found[0].words and found[0].level == 4
    Y[:] = given.Y
    Y[:2] = np.nan
    assert "fail up to l1" in findings(replace(given, Y=Y, fails=[0, 1]))[0].words


def test_the_best_right_before_a_cliff_is_told():
    means = [4.0, 3.0, 2.0, 1.0, -3.0, 40.0, 41.0]
    cliff = next(f for f in findings(response(means, noise=0.1)) if f.shape is Shape.CLIFF)
    assert "keep a distance" in cliff.words and cliff.level == 4


def test_flat_goes_by_what_matters_where_that_was_said():
    given = response(np.where(STEPS == 1, 3.0, 0.0), noise=0.1)
    assert Shape.FLAT in shapes(replace(given, matters=5.0))
    assert Shape.FLAT not in shapes(replace(given, matters=2.0))


def test_nothing_shown_says_how_many_replicates_would_tell():
    given = response([0.0, 0.9, -0.9, 0.0, 0.9], noise=1.0, replicates=2, middle=0, seed=4)
    (found,) = findings(given)
    assert found.shape is Shape.OPEN and "replicates would tell" in found.words


def test_a_level_whose_runs_scatter_is_told_and_hides_nothing_of_the_others():
    given = response([30.0, 20.0, 10.0, 0.0, 0.0, 0.0, 0.0])
    Y = given.Y.copy()
    Y[6] += np.array([0.0, 300.0, 40.0])
    found = {finding.shape: finding for finding in findings(replace(given, Y=Y))}
    assert found[Shape.UNSTEADY].level == 6 and found[Shape.UNSTEADY].statistic > 20
    assert "l4, l5 are as good" in found[Shape.SENSITIVE].words
    assert share(Shape.UNSTEADY, 0 * STEPS) < 0.03


def test_the_default_ties_or_stands_apart():
    tied = findings(response(0 * STEPS, default=1))
    assert tied[-1].shape is Shape.TIE and "l1" in tied[-1].words
    apart = findings(response(np.where(STEPS == 1, 9.0, 0.0), default=1))
    assert apart[-1].shape is Shape.APART and "worse" in apart[-1].words
    shown = findings(response(0 * STEPS, noise=0.01, default=1, matters=1.0))
    assert "differ by less than matters" in shown[-1].words


def test_a_default_that_is_told_to_be_worse_is_not_told_to_be_as_good():
    bowl, both = 2.0 * (STEPS - 3) ** 2, 0
    for seed in range(50):
        found = {f.shape: f for f in findings(response(bowl, seed=seed, default=2))}
        if Shape.SENSITIVE in found and Shape.APART in found and "worse" in found[Shape.APART].words:
            both += 1
            assert "l2" not in found[Shape.SENSITIVE].words.partition("; as far as told, ")[2]
    assert both > 10


@pytest.mark.parametrize(("sign", "way"), [(1, "lower"), (-1, "higher")])
def test_words_keep_to_the_metrics_sign(sign, way):
    found = findings(response(np.where(STEPS == 5, -8.0, 0.0), sign=sign, metric="score"))
    assert found[0].shape is Shape.BETTER and f"{way} than at l3" in found[0].words and "score" in found[0].words


def test_one_seed_compares_nothing():
    assert shapes(response(STEPS, replicates=1)) == [Shape.TOO_FEW]
    given = response(STEPS)
    Y = np.full_like(given.Y, np.nan)
    assert shapes(replace(given, Y=Y, fails=list(range(7)))) == [Shape.CLIFF]


def test_without_noise_every_difference_counts():
    assert shapes(response(0 * STEPS, noise=0.0)) == [Shape.FLAT]
    assert shapes(response(STEPS / 7, noise=0.0, middle=0, ends=(False, False))) == [Shape.SENSITIVE]  # rounding aside
    assert shapes(response((STEPS - 3) ** 2, noise=0.0)) == [Shape.SENSITIVE]
    assert shapes(response(np.where(STEPS == 5, -1e-9, 0.0), noise=0.0))[0] is Shape.BETTER


def test_findings_read_back():
    for finding in findings(response(2 * STEPS, default=1)):
        assert Finding.from_json(finding.to_json()) == finding
