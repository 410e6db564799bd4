"""Restarts: when a run has nothing left to find, and how the next begins."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from trialist.numerics import choices, cma
from trialist.search import restarts
from trialist.search.restarts import Run


def run(dials: int = 3, bests: tuple[float, ...] = (), sigma: float = 0.2) -> Run:
    even = choices.even(np.empty(0, dtype=np.int64))
    begun = restarts.begun(restarts.first_setting(dials), cma.start(np.full(dials, 0.5), sigma), even)
    return replace(begun, bests=bests, worst=10.0)


def test_a_run_that_improves_goes_on() -> None:
    assert not restarts.ended(run())
    assert not restarts.ended(run(bests=tuple(10.0 * 0.9**i for i in range(200))))
    assert not restarts.ended(run(bests=(math.inf,) * 5))


def test_a_run_ends_where_nothing_is_left_to_find() -> None:
    assert "tiny" in restarts.ended(run(sigma=1e-8))
    assert "no longer changed" in restarts.ended(run(bests=(5.0,) + (1.0,) * 40))
    noise = np.random.default_rng(0).normal(1.0, 0.1, 400)
    assert "stagnated" in restarts.ended(run(bests=tuple(sorted(noise[:100], reverse=True)) + tuple(noise)))
    needle = run()
    assert "needle" in restarts.ended(replace(needle, gaussian=replace(needle.gaussian, D=np.array([1e-8, 1.0, 1.0]))))


def test_a_plateau_ends_a_run_and_a_lucky_generation_does_not() -> None:
    flat = run()
    for _ in range(15):
        flat = restarts.told(flat, flat.gaussian, flat.choices, [1.0] * 7)
    assert "the same" in restarts.ended(flat)
    assert restarts.told(flat, flat.gaussian, flat.choices, [0.9, *[1.0] * 6]).level == 0


def test_populations_double_and_the_small_runs_get_as_many_trials() -> None:
    spent = {True: 0, False: 0}
    now, sizes = run(), []
    for _ in range(12):
        setting = now.setting
        length = 60 if setting.limit is None else math.ceil(setting.limit / setting.population)
        now = replace(now, bests=tuple(float(i) for i in range(length)))
        spent[setting.is_large] += now.spent
        sizes.append((setting.is_large, setting.population, setting.sigma))
        if setting.limit is not None:
            assert "share of trials" in restarts.ended(now)
        now = restarts.begun(restarts.next_setting(now, 3, seed=1), now.gaussian, now.choices)
    large = [population for is_large, population, _ in sizes if is_large]
    small = [(population, sigma) for is_large, population, sigma in sizes if not is_large]
    assert large == [7 * 2**i for i in range(len(large))]
    assert small
    assert all(7 <= population <= large[-1] // 2 and sigma <= restarts.SIGMA for population, sigma in small)
    assert 0.2 * spent[True] < spent[False] < 2 * spent[True]


def test_where_a_restart_begins_is_a_matter_of_its_seed_and_index() -> None:
    first = restarts.random_mean(1, 1, 4)
    assert (restarts.random_mean(1, 1, 4) == first).all()
    assert (restarts.random_mean(1, 2, 4) != first).all()
    assert (restarts.random_mean(2, 1, 4) != first).all()
