"""The choice rests on fresh scores and what the search knew; it leaves the default for what is surely better alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialist as tl
from tests.stopping.histories import history, record, searched
from trialist.errors import ResultError
from trialist.model.belief import belief_of
from trialist.scoring.finalists import are_alike, choose_finalists, going_on
from trialist.scoring.outlays import Outlays
from trialist.scoring.selection import select
from trialist.space.cube import Cube
from trialist.trials.history import History
from trialist.trials.plan import Direction

scores = st.lists(st.one_of(st.none(), st.sampled_from([math.nan, math.inf]), st.floats(0, 1)), min_size=1, max_size=20)


@given(scores, st.integers(1, 6), st.data())
def test_finalists_are_distinct_the_best_and_the_default(
    losses: list[float | None], k: int, data: st.DataObject
) -> None:
    identities = data.draw(st.lists(st.integers(0, 6), min_size=len(losses), max_size=len(losses)))
    baseline = data.draw(st.integers(0, len(losses) - 1))
    chosen = choose_finalists(losses, identities, baseline, k)
    assert baseline in chosen
    assert len({identities[index] for index in chosen}) == len(chosen) <= k + 1
    means = {}
    for identity in set(identities):
        finite = [
            x for x, i in zip(losses, identities, strict=True) if i == identity and x is not None and math.isfinite(x)
        ]
        if finite:
            means[identity] = sum(finite) / len(finite)
    worst = max((means[identities[i]] for i in chosen if i != baseline), default=-1.0)
    left_out = [mean for identity, mean in means.items() if identity not in {identities[i] for i in chosen}]
    assert all(mean >= worst - 1e-12 for mean in left_out)


def test_a_configuration_that_was_lucky_once_counts_by_its_mean() -> None:
    assert choose_finalists([0.5, 0.1, 0.4, 0.9], ["d", "lucky", "steady", "lucky"], 0, k=1) == [2, 0]


def test_a_failed_default_is_a_finalist_all_the_same() -> None:
    assert choose_finalists([math.nan, 0.4, None], ["d", "a", "b"], 0, k=3) == [1, 0]
    assert choose_finalists([None, 0.4, None], ["d", "a", "b"], None, k=3) == [1]


def test_the_lucky_minimum_of_the_search_is_not_chosen() -> None:
    selection = select(
        {0: [0.50, 0.51, 0.52], 7: [0.44, 0.45, 0.46], 9: [0.40, 0.41, 0.42]}, {0: 0.5, 7: 0.30, 9: 0.39}, baseline=0
    )
    assert selection.number == 9
    assert [row.number for row in selection.table] == [9, 7, 0]
    assert [row.search for row in selection.table] == [0.39, 0.30, 0.5]
    assert [row.fresh for row in selection.table] == pytest.approx([0.41, 0.45, 0.51])
    assert selection.ties == ()
    assert selection.reason == "trial 9 has the best mean of 3 fresh scores each, 0.4100, against 0.5100 of the default"


def test_the_default_stays_where_the_leader_is_not_surely_better() -> None:
    selection = select({0: [0.50, 0.52, 0.51], 7: [0.49, 0.53, 0.50]}, {0: 0.5, 7: 0.4}, baseline=0)
    assert selection.number == 0
    assert selection.reason.startswith("the default stays: trial 7 is ahead by 0.0033 over 3 fresh scores each; ")
    assert "67% likely to be the better one, and 70% is asked" in selection.reason
    assert selection.ties == (7,)


def test_more_is_asked_of_the_leader_of_several() -> None:
    default, noise = np.array([0.50, 0.52, 0.51, 0.53]), 0.008 * np.array([1, -1, 1, -1])
    alone = {0: list(default), 7: list(default - 0.004 + noise)}  # better with 77 %
    others = {8 + k: list(default + 0.1 + k / 10 + noise[[0, 2, 1, 3]]) for k in range(2)}
    assert select(alone, {}, baseline=0).number == 7
    among_more = select(alone | others, {}, baseline=0)
    assert among_more.number == 0
    assert "77% likely to be the better one, and 80% is asked" in among_more.reason


def test_a_lead_that_is_small_but_steady_wins_because_scores_are_paired() -> None:
    seeds = np.array([0.1, 0.5, 0.9, 0.3])
    selection = select({0: list(seeds), 7: list(seeds - [0.01, 0.011, 0.01, 0.009])}, {}, baseline=0)
    assert selection.number == 7
    assert selection.ties == ()
    assert selection.table[0].stderr is not None and selection.table[0].stderr > 0.1


def test_a_tie_with_the_default_is_said() -> None:
    selection = select({0: [0.5, 0.6, 0.7], 7: [0.49, 0.57, 0.60]}, {}, baseline=0)
    assert selection.number == 7
    assert "a tie with the default (90 % interval of the difference holds 0)" in selection.reason


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.integers(0, 3))
def test_equal_scores_go_to_the_default_and_without_one_to_the_earliest(losses: list[float], baseline: int) -> None:
    fresh = dict.fromkeys((3, 1, 2, 0), losses)
    assert select(fresh, {}, baseline=baseline).number == baseline
    assert select(fresh, {}, baseline=None).number == 0


def test_with_one_fresh_score_each_the_lowest_wins_and_no_error_is_claimed() -> None:
    selection = select({0: [0.5], 4: [0.4]}, {0: 0.5, 4: 0.3}, baseline=0)
    assert selection.number == 4
    assert selection.table[0].stderr is None and selection.table[1].interval is None
    assert "1 fresh score each" in selection.reason


def test_a_finalist_that_fails_with_fresh_seeds_is_set_aside_and_it_is_said() -> None:
    selection = select({0: [0.5, math.nan], 4: [0.4, 0.41], 5: [math.inf, 0.1]}, {}, baseline=0)
    assert selection.number == 4
    assert selection.reason.endswith("set aside, because fresh scores failed: the default, trial 5")
    assert [row.fresh for row in selection.table[1:]] == [None, None]


def test_the_reason_has_the_metrics_own_sign() -> None:
    assert (
        "best mean of 1 fresh score each, 0.9200, against 0.9000 of the default"
        in select({0: [-0.90], 7: [-0.92]}, {}, baseline=0, direction=Direction.MAXIMIZE).reason
    )


@pytest.mark.parametrize("fresh", [{}, {0: [math.nan], 1: [math.inf]}, {0: [], 1: []}])
def test_nothing_to_choose_from_is_refused(fresh: dict[int, list[float]]) -> None:
    with pytest.raises(ResultError, match="fresh: "):
        select(fresh, {}, baseline=0)


def test_keeping_the_default_within_one_error_spares_equals_from_most_idle_switches() -> None:
    """Five equals and the default: the plain minimum leaves it five times of six, this rule far more rarely."""
    rng = np.random.default_rng(0)
    fresh = [{number: list(row) for number, row in enumerate(rng.normal(size=(6, 4)))} for _ in range(300)]
    lowest = sum(int(min(f, key=lambda n: sum(f[n])) != 0) for f in fresh)
    switched = sum(int(select(f, {}, baseline=0).number != 0) for f in fresh)
    assert lowest > 225
    assert switched < 0.85 * lowest


def test_a_finalist_that_violates_a_constraint_is_shown_but_not_chosen_nor_tied() -> None:
    fresh = {0: [0.1, 0.11], 3: [0.5, 0.52], 4: [0.5, 0.53], 5: [math.nan, 0.1]}
    search = dict.fromkeys(fresh, 0.1)
    chosen = select(fresh, search, baseline=0, violates={0: "violates ms by 3"})
    assert chosen.number == 3
    assert [row.number for row in chosen.table] == [3, 4, 0, 5]
    assert 0 not in chosen.ties and chosen.table[2].fresh == pytest.approx(0.105)
    assert "not to be chosen: the default (violates ms by 3)" in chosen.reason
    with pytest.raises(ResultError, match="without violating"):
        select(fresh, search, baseline=0, violates=dict.fromkeys((0, 3, 4), "violates ms by 3"))


def noisy_search(n: int = 50, noise: float = 0.1, seed: int = 0) -> History:
    """A default at trial 0 and a search that goes where its scores were lucky."""
    return history(searched(n, noise=noise, seed=seed))


def test_what_the_model_expected_decides_where_fresh_scores_are_few() -> None:
    told = noisy_search()
    belief = belief_of(told)
    assert belief is not None
    order = sorted(belief.place, key=lambda n: belief.means[belief.place[n]])
    good, bad = order[0], order[-1]
    search = {n: told[n].loss for n in (good, bad)}
    fresh = {bad: [0.500], good: [0.502]}
    assert select(fresh, search, baseline=None).number == bad
    chosen = select(fresh, search, baseline=None, belief=belief)
    assert chosen.number == good
    assert f"trial {good} is the best by 1 fresh score each and the search together" in chosen.reason
    assert f"trial {bad} had 0.5000, but less in the search" in chosen.reason
    many = {bad: [0.500 + 0.001 * i for i in range(40)], good: [0.700 + 0.001 * i for i in range(40)]}
    assert select(many, search, baseline=None, belief=belief).number == bad


def test_a_steady_lead_on_shared_seeds_is_not_drowned_in_the_noise_of_the_search() -> None:
    """In the search each trial had a seed of its own; on shared ones the same is added to all."""
    told = noisy_search(noise=0.3)
    belief = belief_of(told)
    rng = np.random.default_rng(0)
    assert belief is not None and belief.noise > 0.1
    two = sorted(belief.place, key=lambda n: belief.means[belief.place[n]])[:2]
    seeds = rng.normal(0, 0.3, 4)
    fresh = {two[0]: list(seeds + 0.01 + rng.normal(0, 1e-4, 4)), two[1]: list(seeds)}
    chosen = select(fresh, {n: told[n].loss for n in two}, baseline=two[0], belief=belief)
    assert chosen.number == two[1] and chosen.ties == ()


def test_dropped_finalists_are_compared_on_the_seeds_that_they_had() -> None:
    fresh = {0: [0.50, 0.90, 0.52, 0.91], 4: [0.40, 0.80, 0.43, 0.80], 9: [0.60, 1.01]}
    chosen = select(fresh, {}, baseline=0)
    assert chosen.number == 4
    assert [row.number for row in chosen.table] == [4, 0, 9] and [row.runs for row in chosen.table] == [4, 4, 2]
    assert chosen.table[2].behind == pytest.approx(0.205, abs=0.01)  # 9's lower mean is that of its seeds
    assert chosen.table[2].fresh == pytest.approx(0.6075 + chosen.table[2].behind)
    assert "fell behind early: trial 9 after 2" in chosen.reason and "2 to 4 fresh scores each" in chosen.reason


def test_folds_are_less_certain_than_as_many_independent_scores() -> None:
    rng = np.random.default_rng(1)
    easy = rng.normal(size=20)
    fresh = {0: list(easy + 0.5 * rng.normal(size=20)), 3: list(easy + 0.5 * rng.normal(size=20) - 0.4)}
    scores = select(fresh, {}, baseline=0)
    folds = select(fresh, {}, baseline=0, per_run=10, overlap=1 / 9)
    assert scores.number == 3 and "2 fresh validations of 10 scores each" in folds.reason
    widths = [
        row.interval[1] - row.interval[0] for s in (scores, folds) for row in s.table if row.behind and row.interval
    ]
    assert widths[1] == pytest.approx(widths[0] * math.sqrt((1 / 20 + 1 / 9) * 20))
    assert folds.table[0].stderr == pytest.approx((scores.table[0].stderr or 0) * math.sqrt((1 / 20 + 1 / 9) * 20))
    assert [row.runs for row in folds.table] == [2, 2]


def test_the_noise_of_folds_does_not_flatten_what_search_and_fresh_folds_agree_on() -> None:
    """Neighbours score alike on the same folds, so the search looks smooth, though folds are noisy."""
    told = noisy_search(noise=1e-4)
    belief = belief_of(told)
    assert belief is not None
    order = sorted(belief.place, key=lambda n: belief.means[belief.place[n]])
    good, default = order[0], order[-1]
    lead = float(belief.means[belief.place[default]] - belief.means[belief.place[good]])
    noise = 1.5 * lead  # from fold to fold, far more than what the model of the search could not explain
    fresh = {
        default: [0.5 + lead + noise * (-1) ** i for i in range(20)],
        good: [0.5 + noise * (-1) ** (i // 2) for i in range(20)],
    }
    search = {n: told[n].loss for n in fresh}
    for overlap in (1 / 9, 0.0):  # of rows, and of items that nothing is trained on
        chosen = select(fresh, search, baseline=default, belief=belief, per_run=10, overlap=overlap)
        assert chosen.number == good


CLOSE = {0: [0.60, 0.61, 0.59], 5: [0.50, 0.52, 0.49], 8: [0.505, 0.515, 0.495]}


def costs(**of: float) -> Outlays:
    return Outlays({int(n[1:]): cost for n, cost in of.items()}, "cost", {int(n[1:]): 3 for n in of}, 0.0)


def test_of_ties_the_cheaper_one_is_chosen_where_that_is_preferred() -> None:
    outlays = costs(t0=1.0, t5=3.1, t8=1.0)
    better = select(CLOSE, {}, baseline=0, outlays=outlays)
    assert better.number == 5
    assert 'trial 8, within one standard error, costs 0.32x: prefer="cheaper" takes it' in better.reason
    cheaper = select(CLOSE, {}, baseline=0, outlays=outlays, prefer="cheaper")
    assert cheaper.number == 8
    assert cheaper.reason.startswith("trial 8 is the cheaper one of a tie with trial 5, which costs 3.1x: 0.50")
    assert [row.outlay for row in cheaper.table] == [3.1, 1.0, 1.0] and 5 in cheaper.ties


def test_the_cheaper_one_is_not_chosen_where_it_is_worse_or_hardly_cheaper() -> None:
    assert select(CLOSE, {}, baseline=0, outlays=costs(t0=0.1, t5=1.0, t8=0.95), prefer="cheaper").number == 5
    alone = {n: CLOSE[n] for n in (0, 5)}
    assert select(alone, {}, baseline=0, outlays=costs(t0=0.1, t5=1.0), prefer="cheaper").number == 5


@given(st.lists(st.lists(st.floats(-1, 1), min_size=3, max_size=3), min_size=2, max_size=5), st.floats(-100, 100))
def test_what_a_seed_adds_to_all_and_the_unit_change_no_choice(rows: list[list[float]], added: float) -> None:
    fresh = {n: [round(x, 3) for x in row] for n, row in enumerate(rows)}
    moved = {n: [1024.0 * (x + added * i) for i, x in enumerate(row)] for n, row in fresh.items()}
    plain, other = select(fresh, {}, baseline=0), select(moved, {}, baseline=0)
    means = sorted({round(sum(row), 6) for row in fresh.values()})
    if len(means) == len(fresh) and plain.number != 0:
        assert other.number in (plain.number, 0)  # on the edge of being sure, the last digits decide
    assert {row.number for row in plain.table} == {row.number for row in other.table}


def test_who_falls_behind_is_not_scored_further() -> None:
    fresh = {0: [0.9, 0.91, 0.92], 5: [0.50, 0.52, 0.53], 8: [0.49, 0.53, 0.52], 9: [math.nan, 0.1, 0.1]}
    assert going_on(fresh) == [8, 5]
    assert going_on({0: [0.5], 1: [0.9]}) == [0, 1]  # one seed tells no error
    assert going_on(fresh, barred=[5, 8]) == [0] and going_on(fresh, barred=[0, 5, 8]) == [8, 5]


def test_folds_that_overlap_drop_less() -> None:
    rng = np.random.default_rng(3)
    fresh = {0: list(rng.normal(0, 1, 20)), 1: list(rng.normal(0.9, 1, 20))}
    assert going_on(fresh) == [0] and going_on(fresh, overlap=1 / 9) == [0, 1]


def test_the_truly_best_of_equals_and_better_ones_is_rarely_dropped() -> None:
    """Four finalists, one better than the others by half of the noise: after two seeds, then after each one more."""
    rng = np.random.default_rng(0)
    lost = 0
    for _ in range(400):
        scores = rng.normal(size=(4, 5)) + rng.normal(size=5)
        scores[0] -= 0.5
        ahead = {0, 1, 2, 3}
        for seeds in range(2, 6):
            ahead &= set(going_on({n: list(scores[n, :seeds]) for n in ahead}))
            if len(ahead) == 1:
                break
        lost += 0 not in ahead
    assert 0 < lost < 400 * 0.12


def test_alike_are_configurations_that_differ_little_in_all_dials() -> None:
    space = tl.Space(
        x=tl.Float(0.0, 1.0), y=tl.Float(0.0, 1.0), layers=tl.Int(1, 8), k=tl.Categorical(["a", "b"]),
        m=tl.Float(0.0, 1.0, when={"k": "a"}),
    )  # fmt: skip
    base = {"x": 0.5, "y": 0.5, "layers": 3, "k": "a", "m": 0.5}
    others = [{"x": 0.56}, {"x": 0.58}, {"x": 0.54, "y": 0.54}, {"x": 0.56, "y": 0.56}, {"layers": 4}]
    given = [base, *({**base, **other} for other in others), {"x": 0.5, "y": 0.5, "layers": 3, "k": "b"}]
    cube = Cube(space)
    alike = are_alike(cube, *cube.canonical(space.encode_many(given)))
    assert [alike(0, i) for i in range(7)] == [True, True, False, True, False, False, False]


def test_what_is_alike_comes_once_and_only_then_again() -> None:
    losses, identities = [0.5, 0.1, 0.11, 0.12, 0.3], [*"dabce"]
    near = lambda a, b: {a, b} <= {1, 2, 3}  # noqa: E731
    assert choose_finalists(losses, identities, 0, 2, alike=near) == [1, 4, 0]
    assert choose_finalists(losses, identities, None, 4, alike=near) == [1, 4, 0, 2]
    assert choose_finalists(losses, identities, 0, 3, first=[3, 2], alike=near) == [3, 2, 4, 0]


def test_a_noisy_default_does_not_blur_what_is_left() -> None:
    """Bad configurations are often noisier; two good ones that agree fold by fold are told apart all the same."""
    rng = np.random.default_rng(0)
    easy = rng.normal(size=10)
    fresh = {
        0: list(easy + 9 + 3 * rng.normal(size=10)),
        3: list(easy),
        5: list(easy + 0.01 + 0.001 * rng.normal(size=10)),
    }
    chosen = select(fresh, {}, baseline=0, per_run=5, overlap=0.25)
    rows = {row.number: row for row in chosen.table}
    assert chosen.number == 3 and not rows[5].is_tied and not rows[0].is_tied
    assert rows[5].interval is not None and 0 < rows[5].interval[0] < 0.01 < rows[5].interval[1] < 0.02


def test_what_scores_the_same_is_tied_whatever_the_last_digits_say() -> None:
    losses = [0.1 + 0.2, 0.7, 0.3]
    fresh = {0: [9.0, 11.0, 8.0], 4: losses, 7: list(losses), 9: [0.3, 0.7, 0.1 + 0.2]}
    chosen = select(fresh, {}, baseline=0)
    assert chosen.number == 4 and chosen.ties == (7, 9)
    assert [row.behind for row in chosen.table][:3] == [0.0, 0.0, 0.0]
    assert chosen.reason.startswith("trial 4 has the best mean of 3 fresh scores each")


def test_a_rough_landscape_is_not_taken_for_noise_where_fresh_scores_say_otherwise() -> None:
    """No configuration says anything of its neighbours: to a model all is noise, and each run repeats its score."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=60)
    told = history([record(i, float(truth[i] + 0.1 * rng.normal()), rng.random(), rng.random()) for i in range(60)])
    belief = belief_of(told)
    assert belief is not None and belief.noise > 0.5
    order = np.argsort(truth).tolist()
    finalists = [order[20], order[0], order[30], order[40]]
    fresh = {n: (truth[n] + 0.1 * rng.normal(size=3)).tolist() for n in finalists}
    chosen = select(fresh, {n: told[n].loss for n in finalists}, baseline=order[20], belief=belief)
    assert chosen.number == order[0] and chosen.ties == ()


def test_losses_without_bounds_and_losses_that_are_all_zero_are_chosen_from() -> None:
    assert select({0: [1e300, 1e300], 1: [1e200, -1e300]}, {}, baseline=0).number in (0, 1)
    assert select({0: [1e308, 1e308], 1: [0.1, 0.2], 2: [0.3, 0.5]}, {}, baseline=None).number == 1
    assert select({0: [0.0, 0.0], 1: [0.0, 0.0]}, {}, baseline=0).number == 0
    assert going_on({0: [1e300, 1e300], 1: [0.0, 0.0]}) == [1]
