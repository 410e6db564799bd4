"""Every view, of every kind of study: nothing is wider than the terminal, and empty states say what to do next."""

from __future__ import annotations

import math
import re
import subprocess
import sys

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.cli.asjson import front_json, plain_json, study_json, trial_json
from trialist.cli.export import csv_text, json_text
from trialist.cli.format import columns, cut, gain, measured, number, safe, sparkline, wrapped
from trialist.cli.looks import ledger_lines
from trialist.cli.result import result_lines
from trialist.cli.status import status_lines
from trialist.cli.trials import trial_lines, trials_lines
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.study.study import Study
from trialist.study.table import rows
from trialist.study.tune import tune
from trialist.testing.odd_studies import ODD as ODD_STUDIES
from trialist.trials.fidelity import Fidelity
from trialist.trials.validation import Folds

ROOM = 80
ODD = "a\nb <b>\u202eevil🚀 " + "x" * 100


def run(study: Study, values) -> Study:
    for value in values:
        trial = study.ask()
        if value is None:
            study.tell(trial, state="failed")
        else:
            study.tell(trial, value)
    return study


def simple(**kwargs) -> Study:
    space = Space(lr=Float(1e-4, 1.0, log=True, default=0.01), act=Categorical(["relu", "tanh"], default="relu"))
    return Study.create(space, store="memory", **{"minimize": "val_loss", "budget": 20, "name": "s", **kwargs})


def with_reports() -> Study:
    study = simple()
    trial = study.ask()
    for step, value in enumerate((math.nan, 1.0, math.inf, 0.5), start=1):
        trial.report(value, step=step)
    trial.note("checkpoint\n", "a\x1b[31m")
    study.tell(trial, 0.5)
    return study


def several() -> Study:
    study = simple(minimize=["loss", "latency"], maximize="accuracy")
    return run(study, [{"loss": [0.1, 0.2], "latency": 1e9, "accuracy": 0.5, "extra": math.nan}, None])


def conditional() -> Study:
    space = Space(
        {
            "solver": Categorical(["sgd", "adam"], default="adam"),
            "momentum": Float(0, 1, when={"solver": "sgd"}),
            "layers": Int(1, 64, log=True),
        }
    )
    return run(Study.create(space, store="memory", maximize="accuracy", budget=9, name="c"), [0.5, 0.6, 0.7, 0.4])


def constrained() -> Study:
    study = simple()
    for value, constraints in ((0.1, {"ms": 3.0}), (0.5, {"ms": -1.0}), (0.4, {"ms": -2.0, ODD: math.nan}), (0.6, {})):
        study.tell(study.ask(), value, constraints=constraints)
    return study


def odd() -> Study:
    space = Space({ODD: Float(0, 1), "y": Categorical([ODD, "z" * 500, ("t", b"\xff"), None])})
    return run(Study.create(space, store="memory", minimize=ODD, budget=9, name=ODD), [1e300, -1e300, None, 5e-324])


def screened() -> Study:
    study = simple(fidelity=Fidelity(f"epochs {ODD}", 1, 9), scheduler="halving")
    for _ in range(12):
        trial = study.ask()
        for step in trial.steps():
            trial.report(trial["lr"] + 1 / step)
        study.tell(trial)
    return study


STUDIES = {
    "empty": simple,
    "one": lambda: run(simple(), [0.5]),
    "running": lambda: (study := run(simple(), [0.5]), study.ask())[0],
    "all failed": lambda: run(simple(), [None, None]),
    "several scored": lambda: run(simple(), [[0.4, 0.41], [0.3, 0.32], None, 0.39, 0.5]),
    "reports": with_reports,
    "several objectives": several,
    "conditional": conditional,
    "constrained": constrained,
    "screened": screened,
    "odd": odd,
    "define by run": lambda: run(Study.create(minimize="loss", store="memory", name="d", budget=5), [0.1, 0.2]),
}


@pytest.fixture(params=list(STUDIES))
def study(request):
    made = STUDIES[request.param]()
    yield made
    made.close()


def views(study: Study):
    yield status_lines(study, ["other", ODD], ROOM)
    yield trials_lines(study, ROOM, with_reasons=True)
    yield trials_lines(study, ROOM, with_reasons=False)
    yield result_lines(study, ROOM)
    yield ledger_lines(study, study.ledger, ROOM)
    for record in study.history:
        yield trial_lines(study, record, ROOM)


def test_no_view_is_wider_than_the_terminal_or_disturbs_it(study):
    for lines in views(study):
        assert lines
        for line in lines:
            plain = click.unstyle(line)
            assert columns(plain) <= ROOM, line
            assert plain.isprintable() or "🚀" in plain
            assert "\n" not in plain


def test_every_view_is_strict_json_too(study):
    import json

    for told in (study_json(study), {"trials": [trial_json(record, reports=True) for record in study.history]}):
        assert json.loads(json.dumps(plain_json(told), allow_nan=False)) is not None


def test_exports_have_a_row_for_each_trial(study):
    import csv
    import json

    table = rows(study.history)
    assert len(list(csv.DictReader(csv_text(table, ["number"]).splitlines(keepends=True)))) == len(study.trials)
    assert len(json.loads(json_text(table))) == len(study.trials)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("empty", "no trial has run yet: study.optimize(objective) starts it"),
        ("all failed", "all 2 failed"),
        ("running", "part of it is luck"),
    ],
)
def test_an_empty_state_says_what_to_do_next(name, said):
    assert said in " ".join(" ".join(click.unstyle(line).split()) for line in result_lines(STUDIES[name](), ROOM))


def test_the_status_names_the_next_command():
    def last(name: str) -> str:
        lines = [click.unstyle(line) for line in status_lines(STUDIES[name](), [], ROOM)]
        return next(line for line in lines if line.startswith("next"))

    assert "study.optimize(objective)" in last("empty")
    assert "trialist show 0" in last("all failed")
    assert "run its script again" in last("one")


def told(lines) -> str:
    return " ".join(" ".join(click.unstyle(line).split()) for line in lines)


COMMAND = "python train.py --lr '{1e-4..1 log =0.01}'"


def test_what_is_next_is_what_the_study_can_do():
    """`trialist run`, `rerun` and `verify` call commands; a function is its script's to call."""
    only = ("trialist run", "trialist rerun", "trialist verify")
    states = {
        "empty": lambda **given: simple(**given),
        "failed": lambda **given: run(simple(**given), [None, None]),
        "one": lambda **given: run(simple(**given), [0.5]),
        "unverified": lambda **given: selected(run(simple(**given, test="sealed"), [0.5, 0.4])),
    }
    for made in states.values():
        for source in (COMMAND, "objective", ""):
            study = made(source=source)
            lines = [*status_lines(study, [], ROOM), *result_lines(study, ROOM), *trials_lines(study, ROOM, False)]
            text = told(lines)
            assert any(words in text for words in only) is (source == COMMAND), (source, text)
    assert "study.verify(test)" in told(status_lines(states["unverified"](source="objective"), [], ROOM))
    assert "study.rerun_failed()" in told(status_lines(states["failed"](source="objective"), [], ROOM))


def test_the_status_says_in_which_file_the_objective_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = run(simple(source="objective"), [0.5])
    place = {"file": str(tmp_path / "train.py"), "name": "objective", "module": ""}
    study.store.write_stage("s", "objective", place, 1.0)
    assert "run its script again" in (text := told(status_lines(study, [], 200)))
    assert "(objective stands in train.py)" in text


def selected(study: Study) -> Study:
    study.select(lambda trial: 0.5)
    return study


def test_scores_stand_against_the_default_with_their_noise():
    text = "\n".join(
        click.unstyle(line) for line in trials_lines(STUDIES["several scored"](), ROOM, with_reasons=False)
    )
    assert "0.405 ± 0.005" in text
    assert "+0.095" in text
    assert "-0.095" in text
    assert "*1" in text
    assert "failed" in text


def test_a_larger_metric_is_better_where_it_is_maximized():
    text = "\n".join(click.unstyle(line) for line in trials_lines(conditional(), ROOM, with_reasons=False))
    assert "+0.2" in text
    assert "*2" in text


def test_violated_constraints_are_named_wherever_a_trial_is_shown():
    study = constrained()

    status = told(status_lines(study, [], ROOM))
    assert "best yet val_loss 0.5000 (trial 1)" in status
    assert "2 of 4 scored trials satisfy all of them" in status and "violated: ms 1×" in status
    assert "the default violates ms by 3; trial 1 satisfies every measured constraint" in status
    assert "the default violates ms by 3" in told(result_lines(study, ROOM))
    assert "violates ms by 3;" in told(trials_lines(study, ROOM, with_reasons=False))
    assert "ms 3.000, violated" in told(trial_lines(study, study.history[0], ROOM))
    assert "ms -1.000, satisfied" in told(trial_lines(study, study.history[1], ROOM))
    as_json = plain_json(trial_json(study.history[2]))
    assert as_json["constraints"] == {"ms": -2.0, ODD: "nan"} and as_json["is_feasible"] is False
    assert [row["constraints.ms"] for row in rows(study.history)] == [3.0, -1.0, -2.0, None]
    nearest = run(simple(), [])
    nearest.tell(nearest.ask(), 0.1, constraints={"ms": 3.0})
    assert "nearest val_loss 0.1000 (trial 0)" in told(status_lines(nearest, [], ROOM))
    assert "no trial satisfies every measured constraint" in told(result_lines(nearest, ROOM))


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(0.91234, 0.0042, "0.912 ± 0.004"), (0.91234, 0.0149, "0.912 ± 0.015"), (123456.0, 1000.0, "123000 ± 1000"),
     (1.5, math.nan, "1.500"), (math.nan, 0.1, "nan"), (0.1, 1e-12, "0.1 ± 1e-12")],
)  # fmt: skip
def test_a_number_carries_its_uncertainty_at_matching_digits(value, error, text):
    assert measured(value, error) == text


def test_text_is_cut_by_columns_and_made_safe():
    assert cut("日本語テキスト", 7) == "日本語…"
    assert columns(cut("日本語テキスト", 7)) == 7
    assert cut("abc", 3) == "abc"
    assert safe("\u202eabc\x07") == "\\u202eabc\\x07"
    assert safe("a\nb", keep_lines=True) == "a\nb"
    assert number(-1234.5678) == "-1235"
    assert gain(math.nan, 1.0, 1) == "-"


@given(st.text(max_size=60), st.integers(3, 30))
def test_cutting_and_wrapping_keep_to_the_width(text, width):
    assert columns(cut(text, width)) <= width
    lines = wrapped(text, width)
    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_sparkline_bears_any_numbers():
    assert sparkline([]) == ""
    assert sparkline([math.nan, math.inf]) == ""
    assert sparkline([1.0, 1.0]) == "▁▁"
    assert sparkline([-1.7e308, 1.7e308]) == "▁█"
    assert len(sparkline([float(i) for i in range(1000)], 40)) == 40


def test_the_front_of_several_objectives_is_shown_from_end_to_end_with_its_knee():
    space = Space(width=Int(1, 400, default=400))
    study = Study.create(space, store="memory", minimize="loss", maximize="speed", budget=99, name="f", strategy="grid")
    for _ in range(40):
        trial = study.ask()
        study.tell(trial, {"loss": 1 / trial["width"], "speed": 1 - trial["width"] / 400})
    lines = [click.unstyle(line) for line in result_lines(study, ROOM)]
    text = "\n".join(lines)
    knee, ends = study.knee, (study.front[0].number, study.front[-1].number)
    assert knee is not None
    marked = [line.split() for line in lines if "knee" in line.split()]
    assert marked[0][0] == str(knee.number)
    starts = [line.split()[0] for line in lines if line.split()]
    assert all(str(end) in starts for end in ends)
    assert "40 trials, each beaten by no other" in text
    assert len(lines) < 30
    told = front_json(study)
    assert told["knee"] == knee.number
    assert [each["number"] for each in told["front"]] == [record.number for record in study.front]
    assert front_json(simple()) == {}
    study.close()


def test_where_the_lowest_score_is_a_lucky_one_the_trial_is_named_that_a_model_expects_most_of():
    study = simple(budget=40)
    lucky = 20
    for i in range(30):
        study.enqueue({"lr": 0.001 * 1.2**i, "act": "relu"})
    for i in range(31):  # the default comes first
        trial = study.ask()
        noise = -2.0 if trial.number == lucky else 0.02 * (-1) ** (i // 2)
        study.tell(trial, abs(math.log10(trial["lr"]) + 2) + noise)
    assert study.best.number == lucky != study.incumbent.number
    said = f"a model of all scores expects most of trial {study.incumbent.number}"
    for shown, is_said in ((study, True), (STUDIES["several scored"](), False)):
        text = " ".join(" ".join(click.unstyle(line).split()) for line in result_lines(shown, ROOM))
        assert "part of it is luck" in text and (said in text) == is_said


def test_folds_are_told_as_scores_and_not_as_a_curve():
    study = simple(validation=Folds(4))
    whole, raced = study.ask(), study.ask()
    for step, value in enumerate((0.4, 0.2, 0.3, 0.5), start=1):
        whole.report(value, step=step)
    study.tell(whole, [0.4, 0.2, 0.3, 0.5])
    raced.report(0.9, step=1)
    study.tell(raced, [0.9])
    shown = click.unstyle("\n".join(trial_lines(study, study.history[0], ROOM)))
    assert "folds      4 of 4: 0.4000, 0.2000, 0.3000, 0.5000" in shown
    assert not set(shown) & set("▁▂▃▄▅▆▇█")
    assert "1/4 folds" in "\n".join(trial_lines(study, study.history[1], ROOM))


def test_the_result_ends_with_verified_scores_and_luck():
    space = Space(x=Float(-1.0, 1.0, default=0.9))
    study = tune(
        lambda trial: trial["x"] ** 2 + (trial.seed % 7) / 100, space, minimize="loss", budget=24, store="memory",
        progress=False, test=lambda params, seed: [params["x"] ** 2 + (seed % 5 + i % 3) / 100 for i in range(30)],
    )  # fmt: skip
    lines = [click.unstyle(line) for line in result_lines(study, ROOM)]
    labels = [line.split("  ")[0] for line in lines]
    assert labels.index("search loss") < labels.index("fresh loss") < labels.index("test loss")
    assert labels.index("verdict") < labels.index("luck")
    assert max(map(columns, lines)) <= ROOM


def test_a_trial_says_what_was_foretold_of_it_and_what_came():
    with ODD_STUDIES["foretold"]("memory") as study:
        told = [r for r in study.history.scored if r.foretold is not None]
        lines = click.unstyle("\n".join(trial_lines(study, told[0], ROOM))).splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("foretold"))
        low, high = told[0].foretold.interval("loss")
        assert re.fullmatch(r"foretold +loss \S+ \(\S+ to \S+\), came [^, ]+(, outside)?", lines[at])
        assert re.match(r" +accuracy \S+ \(\S+ to \S+\), came ", lines[at + 1])
        assert not any("foretold" in line for line in trial_lines(study, study.history[0], ROOM))
        found = trial_json(told[0])["foretold"]
        assert found["trials"] == told[0].foretold.trials
        assert found["quantiles"]["loss"]["0.025"] == low and found["quantiles"]["loss"]["0.975"] == high
        assert trial_json(study.history[0])["foretold"] is None


def test_who_only_looks_at_trials_does_not_wait_for_the_mathematics(tmp_path):
    run(Study.create(Space(x=Float(0, 1)), store=tmp_path / "s.db", minimize="loss", budget=9), [0.3, 0.2]).close()
    script = (
        "import sys\nfrom trialist.cli.main import _run\n"
        "for words in (['trials'], ['show', '1'], ['ledger']):\n"
        f"    assert _run([*words, '--store', {str(tmp_path / 's.db')!r}], as_json=False) == 0\n"
        "print({'numpy', 'scipy', 'pydantic'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
