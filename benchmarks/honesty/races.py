"""Other ways to race, replayed on the folds of studies that ran all of them: what they save, and whose win they miss.

bridge      ours
t tests     a paired t-test with the incumbent after each fold from the second on, as if each were the only one
bounds      a group-sequential bound of Pocock's shape on the same partial sums as ours, made exact by simulation
Friedman    all configurations side by side, those left out that fall behind by Friedman's test and its comparisons
            from the fifth fold on (Birattari et al. 2002; irace)
halving     all configurations side by side, the best third after the first fold, and of it after the third

The last two need all configurations beforehand, which a search by a model does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

Run = Mapping[str, Any]
# Losses (n, J) of configurations of a study -> (n,) folds that each ran, and who is chosen.
Race = Callable[[np.ndarray, Run], tuple[np.ndarray, int]]


def alternatives(runs: Sequence[Run]) -> list[str]:
    """By search and way: folds used, by how much the chosen score is worse than the best one, and how often it is."""
    lines = [
        "| race | search | folds used | score added, in standard errors | best missed |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, race in _RACES.items():
        for search in ("auto", "random"):
            whole = [run for run in runs if run["optimizer"] == f"{search}+none"]
            if whole and not (search == "auto" and name in _SIDE_BY_SIDE):
                lines.append(f"| {name} | {search} | {_told(race, whole)} |")
    return lines


def _told(race: Race, studies: Sequence[Run]) -> str:
    used, added, missed = [], [], []
    for study in studies:
        Y = np.array(study["scores"])
        ran, chosen = race(Y, study)
        means = Y.mean(axis=1)
        best = int(np.argmin(means))
        noise = float((Y[best] - Y.mean(axis=0)).std(ddof=1)) / np.sqrt(Y.shape[1])
        used.append(ran.sum() / Y.size)
        added.append((means[chosen] - means[best]) / (noise or 1.0))
        missed.append(means[chosen] > means[best])
    return f"{np.mean(used):.1%} | {np.mean(added):.3f} | {np.mean(missed):.0%}"


def _whole(Y: np.ndarray, study: Run) -> tuple[np.ndarray, int]:
    return np.full(len(Y), Y.shape[1]), int(np.argmin(Y.mean(axis=1)))


def _bridge(level: float) -> Race:
    """By the scheduler itself."""

    def race(Y: np.ndarray, study: Run) -> tuple[np.ndarray, int]:
        import trialist as tl
        from honesty import problems
        from trialist.scheduling.racing import Racing
        from trialist.trials.history import History
        from trialist.trials.messages import Reported
        from trialist.trials.plan import Objective, Plan
        from trialist.trials.trial import GO_ON, Report, Score, Stage, State, TrialRecord

        J, rule = Y.shape[1], Racing(level=level)
        plan = Plan("replayed", (Objective("loss"),), validation=tl.Folds(J))
        space = problems.make(study["problem"], study["seed"]).space
        records: list[TrialRecord] = []
        for number, (row, params) in enumerate(zip(Y, study["params"], strict=True)):
            reports = tuple(Report(step, float(value)) for step, value in enumerate(row, start=1))
            stage, ran = Stage.SEARCH if number else Stage.BASELINE, J
            for step in range(1, J):
                running = TrialRecord(number, State.RUNNING, stage, params, "", "", 0, reports=reports[: step - 1])
                report = Reported(number, 0, step, reports[step - 1].value)
                if rule.decide(History(plan, space, (*records, running)), report) is not GO_ON:
                    ran = step
                    break
            state, loss = (State.COMPLETE, float(row.mean())) if ran == J else (State.STOPPED, None)
            metrics = {"loss": Score(tuple(row.tolist()))} if ran == J else {}
            records.append(
                TrialRecord(number, state, stage, params, "", "", 0, reports=reports[:ran], loss=loss, metrics=metrics)
            )
        chosen = min((r for r in records if r.loss is not None), key=lambda r: r.loss or 0.0)
        return np.array([len(r.reports) for r in records]), chosen.number

    return race


def _one_by_one(stops: Callable[[np.ndarray, np.ndarray, int], bool]) -> Race:
    """Each configuration beside the best whole one; stops(differences so far (j,), whole losses (w, J), J)."""

    def race(Y: np.ndarray, study: Run) -> tuple[np.ndarray, int]:
        n, J = Y.shape
        whole: list[int] = []
        ran = np.full(n, J)
        for i in range(n):
            if len(whole) >= 4:
                rival = min(whole, key=lambda k: float(Y[k].mean()))
                apart = Y[i] - Y[rival]
                ran[i] = next((j for j in range(1, J) if stops(apart[:j], Y[whole] - Y[rival], J)), J)
            if ran[i] == J:
                whole.append(i)
        return ran, min(whole, key=lambda k: float(Y[k].mean()))

    return race


def _t_tests(level: float) -> Race:
    from scipy import special

    def stops(apart: np.ndarray, others: np.ndarray, J: int) -> bool:
        j = len(apart)
        spread = float(apart.std(ddof=1)) if j > 1 else 0.0
        return spread > 0 and apart.mean() * np.sqrt(j) / spread > special.stdtrit(j - 1, 1 - level)

    return _one_by_one(stops)


def _bounds(level: float) -> Race:
    def stops(apart: np.ndarray, others: np.ndarray, J: int) -> bool:
        j = len(apart)
        order = np.argsort(others.mean(axis=1))
        peers = others[order][(others[order] != 0).any(axis=1)][: max(3, len(others) // 2)]
        spread = float(np.sqrt(peers.var(axis=1, ddof=1).mean())) if len(peers) > 1 else 0.0
        return spread > 0 and apart.sum() > spread * _pocock(J, level) * np.sqrt(j * (J - j) / J)

    return _one_by_one(stops)


@cache
def _pocock(J: int, level: float) -> float:
    steps = np.random.default_rng(0).standard_normal((100_000, J))
    sums = np.cumsum(steps - steps.mean(axis=1, keepdims=True), axis=1)[:, :-1]
    j = np.arange(1, J)
    return float(np.quantile((sums / np.sqrt(j * (J - j) / J)).max(axis=1), 1 - level))


def _friedman(Y: np.ndarray, study: Run, level: float = 0.05, first: int = 5) -> tuple[np.ndarray, int]:
    from scipy import special, stats

    n, J = Y.shape
    alive, ran = np.arange(n), np.zeros(n, dtype=int)
    for j in range(1, J + 1):
        ran[alive] += 1
        if not first <= j < J or len(alive) < 3:
            continue
        k, ranks = len(alive), stats.rankdata(Y[alive, :j], axis=0)
        total, sums = float((ranks**2).sum()) - j * k * (k + 1) ** 2 / 4, ranks.sum(axis=1)
        if total <= 0:
            continue
        statistic = (k - 1) * float(((sums - j * (k + 1) / 2) ** 2).sum()) / total
        if special.chdtrc(k - 1, statistic) < level:
            left = max(2 * j * (1 - statistic / (j * (k - 1))) * total / ((j - 1) * (k - 1)), 0.0)
            alive = alive[sums - sums.min() <= special.stdtrit((j - 1) * (k - 1), 1 - level / 2) * np.sqrt(left)]
    return ran, int(alive[np.argmin(Y[alive].mean(axis=1))])


def _halving(Y: np.ndarray, study: Run) -> tuple[np.ndarray, int]:
    n, J = Y.shape
    alive, ran = np.arange(n), np.zeros(n, dtype=int)
    for until in (1, 3, J):
        ran[alive] = until
        alive = alive[np.argsort(Y[alive, :until].mean(axis=1), kind="stable")][: max(1, len(alive) // 3)]
    return ran, int(alive[0])


_RACES: Mapping[str, Race] = {
    "none": _whole,
    "bridge, level 0.1": _bridge(0.1),
    "bridge, level 0.25": _bridge(0.25),
    "bridge, level 0.33": _bridge(0.33),
    "bounds, level 0.1": _bounds(0.1),
    "bounds, level 0.25": _bounds(0.25),
    "t tests, level 0.05": _t_tests(0.05),
    "t tests, level 0.25": _t_tests(0.25),
    "Friedman": _friedman,
    "halving": _halving,
}
_SIDE_BY_SIDE = ("Friedman", "halving")
