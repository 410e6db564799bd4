"""The choice rests on fresh scores alone, keeps the default where nothing is clearly ahead, and tells ties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import ResultError
from trialist.scoring.selection import choose_finalists, select
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


def test_the_default_stays_where_the_leader_is_within_one_standard_error() -> None:
    selection = select({0: [0.50, 0.52, 0.51], 7: [0.49, 0.53, 0.50]}, {0: 0.5, 7: 0.4}, baseline=0)
    assert selection.number == 0
    assert "the default stays: trial 7 is ahead by 0.003, within one standard error (0.007)" in selection.reason
    assert selection.ties == (7,)


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


@pytest.mark.parametrize("fresh", [{}, {0: [math.nan], 1: [math.inf]}, {0: [0.1], 1: [0.1, 0.2]}, {0: [], 1: []}])
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
