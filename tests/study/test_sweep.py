"""A sweep's runs: what is missing is run, on seeds that all share, in an allowance of its own, and after a kill."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter

import pytest

import trialist as tl
from trialist.effects.shape import Shape
from trialist.effects.sweep import Sweep
from trialist.errors import PlanError, SpaceError, StudyError, UnknownStudyError
from trialist.study.events import StageStarted, Told
from trialist.study.session import units_seed
from trialist.trials.trial import Stage, State

SPACE = tl.Space(
    lr=tl.Float(1e-4, 1.0, log=True, default=1e-3),
    width=tl.Int(1, 9, default=3),
    solver=tl.Categorical(["adam", "sgd"]),
    momentum=tl.Float(0.0, 0.99, default=0.9, when={"solver": "sgd"}),
)
SEEN: list[tuple[float, int]] = []


def objective(trial):
    """Best at lr 0.01, indifferent to width; it diverges above 0.5."""
    if trial["lr"] > 0.5:
        raise RuntimeError("diverged")
    SEEN.append((trial["lr"], trial.seed))
    shared, own = random.Random(trial.seed), random.Random(f"{trial.seed} {trial.number}")
    bowl = (math.log10(trial["lr"]) + 2) ** 2 + (0.5 if trial["solver"] == "sgd" else 0.0)
    return bowl + shared.gauss(0, 0.2) + own.gauss(0, 0.02)


def searched(**given):
    known = {"minimize": "loss", "budget": 12, "store": "memory", "name": "bowl", "progress": False, **given}
    return tl.tune(objective, SPACE, **known)


def test_every_level_is_run_on_the_same_fresh_seeds():
    study = searched()
    before = {record.seed for record in study.trials}
    found = study.sweep("lr", objective, levels=5, replicates=3)
    runs = [record for record in study.trials if record.stage is Stage.SWEEP]
    assert len(runs) == 15 == found.runs
    seeds = {record.seed for record in runs}
    assert len(seeds) == 3 and not seeds & before
    assert Counter(record.params["lr"] for record in runs) == {level.value: 3 for level in found.levels}
    assert all(record.params["width"] == study.best.params["width"] for record in runs)
    assert all(record.reason for record in runs)


def test_it_shows_the_response_paired_with_the_incumbent():
    study = searched()
    found = study.sweep("lr", objective)
    assert found.enough and found.incumbent.value == study.best.params["lr"] and found.incumbent.difference == 0.0
    assert [level.label for level in found.levels if level.is_default] == ["0.001"]
    worst = found.levels[0]  # 1e-4: a loss of about 4
    assert worst.high < 0 and worst.low < worst.difference < worst.high
    assert worst.response[0] == pytest.approx(found.incumbent.mean - worst.difference)
    # Seeds alone vary by 0.2, and the pairs do not.
    assert found.noise < 0.06
    last = found.levels[-1]
    assert last.fails and last.failed == 3 and last.mean is None and "diverged" in last.error
    cliff = next(finding for finding in found.findings if finding.shape is Shape.CLIFF)
    assert "fail from 1 on" in cliff.words and cliff.words in found.words


def test_what_does_nothing_is_flat_and_ties_with_the_default():
    found = searched().sweep("width", objective)
    assert {finding.shape for finding in found.findings} <= {Shape.FLAT, Shape.TIE}
    assert found.verdict == "flat"


def test_larger_is_better_where_the_metric_says_so():
    study = tl.tune(
        lambda trial: trial["x"] + random.Random(f"{trial.seed}").gauss(0, 0.1),
        {"x": tl.Float(0.0, 10.0, default=5.0)},
        maximize="score", budget=4, strategy="random", store="memory", name="line", progress=False,
    )  # fmt: skip
    found = study.sweep("x", lambda trial: trial["x"], around={"x": 5.0}, levels=5)
    assert found.direction == "maximize" and found.levels[-1].difference == pytest.approx(5.0)
    assert found.better is found.levels[-1] and "higher than at 5" in found.words
    assert Shape.EDGE in {finding.shape for finding in found.findings}


def test_the_study_learns_nothing_of_it_and_pays_nothing_for_it():
    study = searched(budget=tl.Budget(trials=12, cost=100.0))
    before = study.spent, study.best, study.incumbent, len(study.history.scored), study.forecast().words
    study.sweep("lr", objective)
    after = study.spent, study.best, study.incumbent, len(study.history.scored), study.forecast().words
    assert before[1:4] == after[1:4]
    for name in ("trials", "compute_seconds", "cost", "full_runs"):
        assert after[0][name] == before[0][name]
    study.extend(tl.Budget(trials=15, cost=100.0))
    for _ in study.process(objective):
        pass
    # Extended by as much without a sweep, it has as many trials.
    other = searched(budget=tl.Budget(trials=12, cost=100.0), name="other")
    other.extend(tl.Budget(trials=15, cost=100.0))
    for _ in other.process(objective):
        pass
    assert study.spent["trials"] == other.spent["trials"] > 12


def test_its_wall_time_is_no_time_of_the_study():
    study = searched()
    before = study.spent["seconds"]

    def slow(trial):
        time.sleep(0.05)
        return objective(trial)

    study.sweep("width", slow, levels=5, replicates=2)  # half a second
    assert study.spent["seconds"] - before < 0.4


def test_only_what_is_missing_is_run():
    study = searched()
    study.sweep("lr", objective, levels=[0.01], replicates=2)
    count = len(study.trials)
    study.sweep("lr", objective, levels=[0.01], replicates=2)
    assert len(study.trials) == count
    study.sweep("lr", objective, levels=[0.01], replicates=4)
    assert len(study.trials) == count + 4
    # Another dial has the incumbent's runs already.
    study.sweep("width", objective, levels=[1, 9], replicates=4)
    assert len(study.trials) == count + 4 + (8 if study.best.params["width"] not in (1, 9) else 4)


def test_the_budget_of_a_sweep_is_hard():
    study = searched()
    found = study.sweep("lr", objective, budget=10)
    assert found.runs <= 10 and found.replicates == 2 and len(found.levels) == 5
    with pytest.raises(PlanError, match="too few"):
        study.sweep("lr", objective, budget=3, replicates=2, around={"width": 9})

    def slow(trial):
        time.sleep(0.1)
        return 1.0

    began = time.monotonic()
    events = list(study.sweeping("width", slow, budget=tl.Budget(seconds=0.5)))
    assert time.monotonic() - began < 2.0
    cut = study.sweeps[-1]
    assert cut.dial == "width" and 3 <= cut.runs <= 8  # two of them are of the other sweep
    assert any(isinstance(event, Told) and "the same again goes on" in event.text for event in events)


def test_a_dial_that_does_nothing_round_the_incumbent_is_refused_until_asked_for_where_it_does():
    study = searched()
    assert study.best.params["solver"] == "adam"
    with pytest.raises(SpaceError, match="solver is 'sgd'"):
        study.sweep("momentum", objective)
    found = study.sweep("momentum", objective, around={"solver": "sgd"}, levels=3)
    assert found.around["solver"] == "sgd" and len(found.levels) == 3
    assert study.sweep("solver", objective).kind == "choice"


def test_what_cannot_be_is_refused_before_any_run():
    study = searched()
    count = len(study.trials)
    for wrong in ({"levels": 1}, {"replicates": 1}, {"around": "lr"}):
        with pytest.raises(PlanError):
            study.sweep("lr", objective, **wrong)
    with pytest.raises(SpaceError, match="lrr"):
        study.sweep("lrr", objective)
    with pytest.raises(SpaceError, match="nope"):
        study.sweep("lr", objective, around={"nope": 1})
    with pytest.raises(UnknownStudyError, match="trial 99"):
        study.sweep("lr", objective, around=99)
    study.enqueue({"lr": 0.01})
    with pytest.raises(StudyError, match="1 trial of the study itself"):
        study.sweep("lr", objective)
    assert len(study.trials) == count + 1
    with pytest.raises(StudyError, match="nothing to look round"):
        tl.Study.create(SPACE, minimize="loss", store="memory", name="new").sweep("lr", objective)


def test_where_the_incumbent_fails_nothing_more_is_run():
    study = searched()

    def broken(trial):
        raise RuntimeError("the data are gone")

    events = list(study.sweeping("lr", broken))
    swept = [record for record in study.trials if record.stage is Stage.SWEEP]
    assert len(swept) == 1 and any(isinstance(e, Told) and "the data are gone" in e.text for e in events)
    assert not study.sweeps[0].enough and swept[0].number not in {
        study.history[number].repeats for number in study.rerun_failed()
    }


def test_folds_and_workers():
    study = tl.tune(
        folded, {"x": tl.Float(0.0, 1.0, default=0.2)}, minimize="loss", budget=6, store="memory", name="folds",
        validation=tl.Seeds(4), progress=False,
    )  # fmt: skip
    found = study.sweep("x", folded, levels=3, replicates=2)
    assert found.runs == 2 * len(found.levels)
    assert all(level.low is not None for level in found.levels if not level.is_incumbent)


def folded(trial):
    for unit in trial.seeds():
        trial.report(trial["x"] + 0.1 * random.Random(unit).random())


def test_splits_are_fresh_and_the_same_for_all_levels():
    study = tl.tune(
        folded, {"x": tl.Float(0.0, 1.0, default=0.2)}, minimize="loss", budget=6, store="memory", name="units",
        validation=tl.Seeds(4), progress=False,
    )  # fmt: skip
    study.sweep("x", folded, levels=3, replicates=2)
    keys = {(record.stage, record.seed): units_seed(study.declared, record) for record in study.trials}
    swept = {key for (stage, _), key in keys.items() if stage is Stage.SWEEP}
    assert len(swept) == 2 and not swept & {key for (stage, _), key in keys.items() if stage is not Stage.SWEEP}


def test_checkpoints_of_a_sweep_push_out_none_of_the_study(tmp_path):
    def checkpointed(trial):
        (trial.checkpoint_dir / "model").write_text("weights")
        return trial["x"] - (10.0 if trial.stage == "sweep" else 0.0)  # each looks better than the study's best

    with tl.tune(
        checkpointed, {"x": tl.Float(0.0, 1.0)}, minimize="loss", budget=5, store=tmp_path / "s.db", progress=False
    ) as study:
        kept = study.directory / f"{study.best.number:05d}" / "checkpoint" / "model"
        assert kept.exists()
        study.sweep("x", checkpointed, levels=4, replicates=3)
        assert kept.exists()


def test_sweeps_read_back_from_the_store(tmp_path):
    with searched(store=str(tmp_path / "s.db")) as study:
        found = study.sweep("lr", objective, levels=4)
    with tl.Study.load("bowl", store=str(tmp_path / "s.db")) as again:
        assert again.sweeps == (found,)
    assert Sweep.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_without_noise_it_is_strict_json_too():
    study = searched()
    found = study.sweep("lr", lambda trial: trial["lr"], levels=4)
    assert found.noise == 0.0 and found.bound is None and found.better is found.levels[0]
    json.dumps(found.to_json(), allow_nan=False)


SCRIPT = """
    import os, time
    import trialist as tl

    def objective(trial):
        if trial.stage == "sweep" and os.path.exists("slow"):
            time.sleep(0.3)
        return (trial["x"] - 0.3) ** 2 + (trial.seed % 100) / 1e6

    if __name__ == "__main__":
        space = {"x": tl.Float(0.0, 1.0, default=0.5), "y": tl.Int(1, 3)}
        tl.tune(objective, space, minimize="loss", budget=6, store="s.db", name="s", progress=False).close()
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "train.py").write_text(textwrap.dedent(SCRIPT))
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, check=True, timeout=60)
    return tmp_path


def test_a_killed_sweep_goes_on_where_it_was(script):
    (script / "slow").touch()
    code = "import trialist as tl; tl.Study.load('s', 's.db').sweep('x', levels=4, replicates=2, workers=2)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=script, start_new_session=True)
    with tl.Study.load("s", store=str(script / "s.db")) as study:
        ends = time.monotonic() + 30
        while sum(r.stage is Stage.SWEEP and r.state.is_closed for r in study.trials) < 2:
            assert time.monotonic() < ends and process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kept = {r.number: r for r in study.trials if r.stage is Stage.SWEEP and r.state.is_closed}
    (script / "slow").unlink()
    subprocess.run([sys.executable, "-c", code], cwd=script, check=True, timeout=60)
    with tl.Study.load("s", store=str(script / "s.db")) as study:
        runs = [r for r in study.trials if r.stage is Stage.SWEEP]
        assert len(runs) == 8 and all(r.state is State.COMPLETE for r in runs)
        assert all(study.history[number] == record for number, record in kept.items())
        assert study.sweeps[0].runs == 8


def test_the_objective_is_found_again_in_its_file_and_else_it_is_said_how(script):
    with tl.Study.load("s", store=str(script / "s.db")) as study:
        assert study.work().__name__ == "objective"
        assert study.sweep("y", levels=3, replicates=2).verdict == "flat"
        (script / "other.py").write_text("def loss(trial):\n    return 1.0\n")
        assert study.work(f"{script / 'other.py'}:loss")(None) == 1.0
        with pytest.raises(PlanError, match=r"no function 'gone'.*loss"):
            study.work(f"{script / 'other.py'}:gone")
        with pytest.raises(PlanError, match="no file and name"):
            study.work("other")
        (script / "train.py").unlink()
        with pytest.raises(PlanError, match="no file"):
            study.work()
    (script / "bare.py").write_text("import trialist as tl\ntl.tune(print, minimize='x', budget=1)\n")
    with tl.Study.load("s", store=str(script / "s.db")) as study, pytest.raises(PlanError, match="__main__"):
        study.work(f"{script / 'bare.py'}:print")
    nested = searched(name="nested")
    with nested as study:
        assert study.work() is objective
    lost = tl.tune(
        lambda trial: trial["x"], {"x": tl.Float(0, 1)}, minimize="loss", budget=2, store="memory", progress=False
    )
    with pytest.raises(PlanError, match="does not know in which file"):
        lost.sweep("x")


def test_it_is_told_as_it_goes_on():
    events = list(searched().sweeping("solver", objective))
    assert isinstance(events[0], StageStarted) or any(isinstance(e, StageStarted) for e in events)
    started = next(e for e in events if isinstance(e, StageStarted))
    assert started.stage == "sweep" and "apart from the study's budget" in started.text


@pytest.mark.parametrize(("sign", "named"), [(1.0, True), (0.0, False)])
def test_a_sweep_names_the_dial_that_decides_what_this_one_does(sign, named):
    def turned(trial):
        own = random.Random(trial.seed).gauss(0, 0.05)
        return 8 * sign * (trial["a"] - 0.5) * (trial["b"] - 0.5) + trial["a"] + (trial["b"] - 0.4) ** 2 + own

    space = tl.Space(a=tl.Float(0.0, 1.0), b=tl.Float(0.0, 1.0), inert=tl.Float(0.0, 1.0))
    study = tl.tune(turned, space, minimize="loss", budget=50, strategy="random", store="memory", progress=False)
    found = study.sweep("a", turned, levels=3, replicates=2)
    assert found.note == ("what it does depends on b: sweep it at other values of that too" if named else "")
    assert found.note in found.words
