"""The select stage: who is a finalist, what runs next is a function of the history, and no more runs than it has."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import trialist as tl
from tests.stopping.histories import history, record, searched
from trialist.study import selection
from trialist.study.events import StageStarted, Told, TrialClosed
from trialist.testing.strategies import PLAN
from trialist.trials.trial import Cause, Failure, Proposal, Score, Stage, State, TrialRecord

Records = list[TrialRecord]


def explored(n: int = 30, noise: float = 0.02, seed: int = 0) -> Records:
    records = searched(n, noise=noise, seed=seed)
    return [replace(records[0], stage=Stage.BASELINE), *records[1:]]


def ran(run: Proposal, number: int, loss: float | None, state: State = State.COMPLETE) -> TrialRecord:
    scored = {} if loss is None else {"metrics": {"loss": Score((loss,))}, "loss": loss}
    return TrialRecord(number, state, Stage.SELECT, run.params, "", "", run.seed or 0, repeats=run.repeats, **scored)


def played(records: Records, finalists: int, replicates: int, loss: object) -> Records:
    """The stage from here to its end; loss(run, number) of each."""
    records = list(records)
    while now := selection.rescoring(history(records), finalists, replicates).next:
        for run in now:
            records.append(ran(run, len(records), loss(run, len(records))))  # type: ignore[operator]
    return records


def by_truth(scale: float, seed: int = 0) -> object:
    rng = np.random.default_rng(seed)

    def loss(run: Proposal, number: int) -> float:
        x, y = run.params["x"], run.params["y"]
        return scale * ((x - 0.3) ** 2 + 2 * (y - 0.6) ** 2) + 0.02 * rng.standard_normal() + (run.seed or 0) % 7

    return loss


def test_what_falls_behind_is_dropped_and_its_runs_go_to_the_others() -> None:
    records = played(explored(), 4, 5, by_truth(0.1))
    again = [r for r in records if r.stage is Stage.SELECT]
    runs = Counter(r.repeats for r in again)
    assert runs[0] == 2 and max(runs.values()) > 5 and len(again) <= 20
    chosen = selection.selected(history(records), 4, 5)
    assert "fell behind early: " in chosen.reason and "the default after 2" in chosen.reason
    assert {row.number: row.runs for row in chosen.table} == dict(runs)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("finalists", "replicates"), [(1, 1), (1, 3), (2, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 5)])
def test_never_more_runs_than_the_stage_has(finalists: int, replicates: int, seed: int) -> None:
    records = explored(seed=seed)
    most = selection.most_runs(history(records), finalists, replicates)
    after = played(records, finalists, replicates, by_truth(0.05, seed))
    again = [r for r in after if r.stage is Stage.SELECT]
    assert len(again) <= finalists * replicates and len(most) <= finalists * replicates
    assert len(again) <= len(most)
    seeds: dict[int | None, list[int]] = {}
    for r in again:
        seeds.setdefault(r.repeats, []).append(r.seed)
    longest = max(seeds.values(), key=len, default=[])
    assert all(of == longest[: len(of)] for of in seeds.values())  # the first seeds are the same for all
    assert len(set(longest)) == len(longest) and not set(longest) & {r.seed for r in records}


def test_what_is_next_does_not_depend_on_when_it_is_asked() -> None:
    """After each run, as after a crash: what is next is what an undisturbed stage ran."""
    whole = played(explored(), 4, 3, by_truth(0.3))
    for end in range(30, len(whole)):
        now = selection.rescoring(history(whole[:end]), 4, 3)
        next_up = {(r.repeats, r.seed) for r in whole[end:]}
        assert {(p.repeats, p.seed) for p in now.next} <= next_up and (now.next or end == len(whole))
    assert selection.rescoring(history(whole), 4, 3).next == ()


def test_while_runs_are_out_nothing_is_decided() -> None:
    records = explored()
    first = selection.rescoring(history(records), 4, 3).next
    out = [ran(run, 30 + i, None, State.RUNNING) for i, run in enumerate(first)]
    waiting = selection.rescoring(history([*records, *out]), 4, 3)
    assert waiting.next == () and not any(waiting.done.values()) and waiting.going_on == waiting.numbers
    some = [ran(run, 30 + i, 0.1 * i) for i, run in enumerate(first[:5])]
    partly = selection.rescoring(history([*records, *some, *out[5:]]), 4, 3)
    assert partly.next == () and {len(runs) for runs in partly.done.values()} == {1}


def test_runs_that_the_budget_ended_leave_the_seeds_that_all_had() -> None:
    records, failure = explored(), Failure(Cause.BUDGET, "the money is gone")
    first = selection.rescoring(history(records), 3, 2).next
    runs = [ran(run, 30 + i, 0.1 * i) for i, run in enumerate(first)]
    runs[-1] = replace(runs[-1], state=State.FAILED, loss=None, metrics={}, failure=failure)
    chosen = selection.selected(history([*records, *runs]), 3, 2)
    assert [row.runs for row in chosen.table] == [1, 1, 1] and "1 fresh score each" in chosen.reason


def test_a_finalist_that_fails_on_a_fresh_seed_is_run_no_further() -> None:
    records = explored()
    bad = selection.chosen_finalists(history(records), 4)[1]
    rng = np.random.default_rng(1)
    rest = played(records, 4, 4, lambda run, number: None if run.repeats == bad else rng.normal())
    # A run without a score is a failed one.
    rest = [replace(r, state=State.FAILED, failure=Failure(Cause.OBJECTIVE, "")) if r.loss is None else r for r in rest]
    runs = Counter(r.repeats for r in rest if r.stage is Stage.SELECT)
    assert runs[bad] == 2 and sum(runs.values()) > 8
    chosen = selection.selected(history(rest), 4, 4)
    assert f"set aside, because fresh scores failed: trial {bad}" in chosen.reason and chosen.number != bad


def test_finalists_are_apart_and_the_best_score_and_the_default_are_among_them() -> None:
    records = explored(40, noise=0.05)
    told = history(records)
    numbers = selection.chosen_finalists(told, 4)
    assert numbers[-1] == 0 and told.best is not None and told.best.number in numbers and len(numbers) == 4
    points = np.array([[told[n].params["x"], told[n].params["y"]] for n in numbers])
    gaps = np.linalg.norm(points[:, None] - points, axis=2)[np.triu_indices(4, 1)]
    assert gaps.min() > np.sqrt(2) * 0.05


def test_configurations_that_every_fold_scores_the_same_are_one() -> None:
    """A dial that does nothing: far apart, and all the same."""
    rng = np.random.default_rng(0)
    records = [
        record(i, (0.1 * (i // 3) + rng.normal(size=4)).tolist(), x=i / 30, y=(i * 7 % 30) / 30) for i in range(30)
    ]
    best = min(records, key=lambda r: r.loss or 0.0)
    twin = next(r.number for r in records if abs(r.params["x"] - best.params["x"]) > 0.3)
    records[twin] = replace(records[twin], metrics=best.metrics, loss=best.loss)
    numbers = selection.chosen_finalists(history(records), 5)
    assert len({best.number, twin} & set(numbers)) == 1


def test_configurations_without_a_wrong_answer_are_several() -> None:
    """Ten blocks all right are the best that a block can be, and no sign that two configurations are one."""
    records = [record(i, [0.0 if i in (1, 3, 6) else 0.1] * 4, x=i / 7, y=(i * 3 % 7) / 7) for i in range(7)]
    assert set(selection.chosen_finalists(history(records), 3)) == {1, 3, 6}


def test_items_tell_after_one_run_who_falls_behind() -> None:
    plan = replace(PLAN, validation=tl.Items(4, size=25, best=0.0))
    records = [record(i, [0.02 * i] * 4, x=i / 30, y=(i * 7 % 30) / 30) for i in range(20)]
    records[0] = replace(record(0, [0.5, 0.6, 0.55, 0.45]), stage=Stage.BASELINE)
    runs: Counter[int] = Counter()
    rng = np.random.default_rng(0)
    while now := selection.rescoring(history(records, plan), 4, 2).next:
        for run in now:
            assert run.repeats is not None
            runs[run.repeats] += 1
            values = ((0.5 if run.repeats == 0 else 0.05) + 0.01 * rng.random(4)).tolist()
            scored = record(len(records), values)
            records.append(replace(scored, stage=Stage.SELECT, seed=run.seed or 0, repeats=run.repeats))
    assert runs[0] == 1
    assert runs.total() <= 8
    assert max(runs.values()) >= 2


def test_where_the_default_is_the_best_another_one_is_scored_beside_it() -> None:
    records = [replace(r, loss=9.0 + (r.loss or 0.0)) for r in explored()]
    records[0] = replace(records[0], loss=-5.0)
    numbers = selection.chosen_finalists(history(records), 2)
    assert len(numbers) == 2 and 0 in numbers


def test_the_cheapest_within_one_standard_error_is_a_finalist() -> None:
    """Everything scores alike but for noise, and one of the configurations takes a tenth of the time."""
    rng = np.random.default_rng(0)
    records = [
        record(i, float(rng.normal()), x=float(rng.random()), y=float(rng.random()), cost=None, seconds=60.0)
        for i in range(40)
    ]
    ranked = sorted(records, key=lambda r: r.loss or 0.0)
    quick = ranked[20].number
    records[quick] = replace(records[quick], seconds=6.0)
    assert quick in selection.chosen_finalists(history(records), 4)
    assert quick not in selection.chosen_finalists(history(records), 3)
    cheap = replace(PLAN, prefer="cheaper")
    assert quick in selection.chosen_finalists(history(records, plan=cheap), 3)


def test_the_units_of_declared_folds_are_compared_one_by_one() -> None:
    plan = replace(PLAN, validation=tl.Folds(5))
    rng = np.random.default_rng(0)
    folds = rng.normal(size=(8, 5))

    def scored(run: TrialRecord, losses: np.ndarray) -> TrialRecord:
        score = Score(tuple(losses.tolist()), overlap=0.25)
        return replace(run, metrics={"loss": score}, loss=score.mean)

    records = [scored(r, np.full(5, r.loss)) for r in explored()]
    now = selection.rescoring(history(records, plan=plan), 3, 2)
    seeds = list(dict.fromkeys(run.seed for run in now.next))
    for run in now.next:
        losses = folds[seeds.index(run.seed)] + 0.01 * rng.normal(size=5) + 0.05 * (run.repeats == 0)
        records.append(scored(ran(run, len(records), 0.0), losses))
    chosen = selection.selected(history(records, plan=plan), 3, 2)
    last = next(row for row in chosen.table if row.number == 0)
    assert last.interval is not None and last.interval[1] - last.interval[0] < 0.05  # of folds whose deviation is 1
    assert last.stderr is not None and last.stderr > 0.4 and "fresh validations of 5 scores each" in chosen.reason


SPACE = tl.Space(x=tl.Float(-1.0, 1.0, default=0.9), y=tl.Float(-1.0, 1.0, default=0.0))


def noisy(trial: tl.Trial) -> float:
    return trial["x"] ** 2 + trial["y"] ** 2 + random.Random(trial.seed + trial.number).gauss(0, 0.1)


def test_the_stage_tells_the_luck_before_and_after_and_keeps_it(tmp_path: Path) -> None:
    with tl.Study.create(SPACE, minimize="loss", budget=60, name="told", store=tmp_path / "s.db") as study:
        events = list(study.process(noisy))
        begin = next(i for i, e in enumerate(events) if isinstance(e, StageStarted) and e.stage == "select")
        assert "scored again on fresh seeds, the same for all: 12 runs at most" in events[begin].text
        told = [e.text for e in events[begin:] if isinstance(e, Told) and "the best search score" in e.text]
        assert len(told) == 2 and "too good" in told[0] and "on fresh seeds: it was" in told[1]
        assert len(study.trials) <= 60 and study.selection is not None
        assert study.selection.optimism is not None and study.selection.optimism.seen is not None
        assert study.selection.optimism.sentence in told[1]
        assert tl.Study.load("told", tmp_path / "s.db").selection == study.selection


def test_an_interrupted_stage_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    def steady(trial: tl.Trial) -> float:
        key = f"{trial.seed} {trial['x']} {trial['y']}"
        return trial["x"] ** 2 + trial["y"] ** 2 + random.Random(key).gauss(0, 0.1)

    def runs(study: tl.Study) -> list[tuple[int | None, int]]:
        return sorted((r.repeats or 0, r.seed) for r in study.trials if r.stage is tl.Stage.SELECT)

    plan = {"minimize": "loss", "budget": 60, "seed": 3}
    with tl.Study.create(SPACE, name="one", store=tmp_path / "a.db", **plan) as study:
        list(study.process(steady))
        whole, selected = runs(study), study.selection
    with tl.Study.create(SPACE, name="one", store=tmp_path / "b.db", **plan) as study:
        seen, stop = 0, 3
        for _ in range(20):
            events = study.process(steady)
            for event in events:
                seen += isinstance(event, TrialClosed) and event.record.stage is tl.Stage.SELECT
                if seen >= stop:
                    stop += 3
                    events.close()
                    break
            else:
                break
        assert runs(study) == whole and selected is not None and study.selection is not None
        assert study.selection.number == selected.number and stop > 3
        assert study.selection.table == tuple(
            replace(row, outlay=mine.outlay) for row, mine in zip(selected.table, study.selection.table, strict=True)
        )


_COORDINATOR = """
import random, sys, time
import trialist as tl

def objective(trial):
    time.sleep(0.02)
    return trial["x"] ** 2 + random.Random(f"{trial.seed} {trial['x']}").gauss(0, 0.2)

study = tl.tune(
    objective, tl.Space(x=tl.Float(-1.0, 1.0, default=0.5)), minimize="loss", budget=40, strategy="random",
    stopping="none", store=sys.argv[1], name="shared", progress=False,
)
"""


def test_two_coordinators_run_each_finalist_once_on_each_seed(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _COORDINATOR, str(tmp_path / "s.db")]
    both = [subprocess.Popen(words, stderr=subprocess.PIPE, cwd=tmp_path, text=True) for _ in range(2)]
    errors = [each.communicate(timeout=120)[1] for each in both]
    assert [each.returncode for each in both] == [0, 0], errors
    with tl.Study.load("shared", tmp_path / "s.db") as study:
        again = [(r.repeats, r.seed) for r in study.trials if r.stage is tl.Stage.SELECT]
        assert len(set(again)) == len(again) <= 8 and len(study.trials) <= 40
        assert study.selection is not None and sum(row.runs for row in study.selection.table) == len(again)
