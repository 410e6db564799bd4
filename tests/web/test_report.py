"""The report: every kind of study makes a whole page, and no text in it can become markup."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import PlanError
from trialist.protocols import Look
from trialist.scoring.judging import judge
from trialist.scoring.selection import select
from trialist.search.refinement import Refinement
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space
from trialist.trials.budget import Budget
from trialist.trials.fidelity import Fidelity
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import Action, Cause, Failure, Report, Score, Stage, State, Taken, TrialRecord
from trialist.web.assets import ECHARTS_SHA256, SCRIPTS, STYLES, text_of
from trialist.web.data import ReportData
from trialist.web.panels import PANELS
from trialist.web.report import page, save

SPACE = Space(
    lr=Float(1e-4, 1e-1, log=True, default=1e-3),
    width=Int(16, 256, log=True, default=64),
    solver=Categorical(["adam", "sgd"], default="adam"),
    momentum=Float(0.0, 0.99, default=0.9, when={"solver": "sgd"}),
)
PLAN = Plan("digits", (Objective("val_loss"),), Budget(trials=40, minutes=2), source="train", test="test_loss")
HOSTILE = "<img src=x onerror=alert(1)>\"'&\n\0\u202eevil\ud800]]>-->"
VOID = {"meta", "input", "br"}
LIBRARY = text_of("echarts/echarts.min.js")


def own(page_text: str) -> str:
    """A page without the library of charts."""
    assert page_text.count(LIBRARY) == 1
    return page_text.replace(LIBRARY, "")


class Outline(HTMLParser):
    """A strict reader: raises on tags that do not match, and collects what the tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(self.words)


def trial(number, value=None, *, stage=Stage.SEARCH, state=None, params=None, **more):
    state = state or (State.COMPLETE if value is not None else State.FAILED)
    metrics = {} if value is None else {"val_loss": Score(tuple(value) if isinstance(value, list) else (value,))}
    if state is State.FAILED:
        more.setdefault("failure", Failure(Cause.OBJECTIVE, "val_loss is NaN: the run diverged", "Traceback ..."))
    loss = metrics["val_loss"].mean if metrics else None
    params = {"lr": 1e-3, "width": 64, "solver": "adam"} if params is None else params
    return TrialRecord(
        number, state, stage, params, f"point {number} of the design", "sobol", 7 + number,
        metrics=metrics, loss=loss, seconds=1.25, **more,
    )  # fmt: skip


def whole_study() -> ReportData:
    found = [trial(0, 0.412, stage=Stage.BASELINE)]
    for n in range(1, 26):
        params = {"lr": 1e-4 * 1.3**n, "width": 16 + 9 * n, "solver": "sgd", "momentum": 0.03 * n}
        found.append(trial(n, None if n % 9 == 4 else 0.2 + 0.9 / n + 0.05 * (n % 3), params=params))
    found[7] = replace(found[7], state=State.STOPPED, stop_reason="rank 7 of 9 at step 3: worse than the median")
    found[8] = replace(found[8], failure=None, earlier=(Failure(Cause.KILLED, "killed by signal 9 (SIGKILL)"),))
    found += [trial(n, 0.2 + 0.01 * (n % 4), stage=Stage.REFINE, params=found[25].params) for n in range(26, 34)]
    repeats = [0, 28, 0, 28, 0, 28]
    fresh = [0.41, 0.22, 0.42, 0.24, 0.40, 0.23]
    for n, (of, value) in enumerate(zip(repeats, fresh, strict=True), 34):
        found.append(trial(n, value, stage=Stage.SELECT, repeats=of, params=found[of].params))
    narrowed = SPACE.narrowed({"lr": (1e-3, 1e-1)})
    edge = "lr: the best trial lies at the upper end 0.1: widen this range upwards if it can be"
    return ReportData(
        plan=PLAN,
        space=SPACE,
        records=tuple(found),
        best=found[28],
        written_at=1.8e9,
        created_at=1.8e9 - 100,
        plan_lines=("sobol: 25 search trials over 4 dials spread more evenly than random draws", "refine: 8 trials"),
        refinement=Refinement(narrowed, ("lr: 0.0001..0.1 is now 0.001..0.1",), (edge,), "1 of 4 dials narrowed"),
        selection=select({0: [0.41, 0.42, 0.40], 28: [0.22, 0.24, 0.23]}, {0: 0.412, 28: 0.2}, baseline=0),
        verdict=judge(
            metric="val_loss", direction="minimize", baseline=[0.41, 0.42, 0.43], selected=[0.25, 0.24, 0.27],
            fingerprint="ab" * 32, opened_at="2026-11-24T21:56:00+00:00",
        ),
        ledger=(Look(1, "digits", "ab" * 32, 1.8e9, "ada@host", "default and trial 28", "cd" * 32),),
        spent={"trials": 40, "seconds": 71.0, "compute_seconds": 130.0, "cost": 0.0},
        store="digits.db",
    )  # fmt: skip


def bare(records=(), **more) -> ReportData:
    best = min((r for r in records if r.is_scored), key=lambda r: r.loss, default=None)
    given = {"plan": replace(PLAN, test=None), "space": SPACE, "best": best, "written_at": 1.8e9, **more}
    return ReportData(records=tuple(records), **given)


def test_a_whole_study_is_told_from_the_verdict_to_the_last_trial():
    told = Outline(page(whole_study())).text
    for fact in (
        "Verdict: improved", "first look at these data", "3 trainings of each", "ab" * 32, "trial 28", "momentum",
        "not active", "changed", "lr: 0.0001..0.1 is now 0.001..0.1", "widen this range", "on fresh seeds",
        "killed by signal 9", "rank 7 of 9", "objective: 3 trials", "val_loss is NaN", "1 min 11 s of 2 min",
        "40 of 40", "ada@host", "point 12 of the design", "sobol: 25 search trials",
    ):  # fmt: skip
        assert fact in told, fact


def test_the_page_reaches_for_nothing_outside_itself():
    outline = Outline(page(whole_study()))
    assert not {"link", "iframe", "img", "object", "base"} & {tag for tag, _ in outline.tags}
    assert all("src" not in attributes and "href" not in attributes for _, attributes in outline.tags)
    policy = next(m["content"] for m in outline.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_a_screen_reader_finds_headings_captions_scopes_and_names_of_pictures():
    outline = Outline(page(whole_study()))
    assert outline.all("html")[0]["lang"] == "en"
    assert len(outline.all("h1")) == 1
    assert len(outline.all("caption")) == len(outline.all("table")) > 5
    assert all(th.get("scope") in ("row", "col") for th in outline.all("th"))
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(s.get("aria-labelledby") in ids for s in outline.all("section"))
    pictures = [attributes for _, attributes in outline.tags if attributes.get("role") == "img"]
    charts = [attributes for attributes in pictures if attributes.get("class") == "canvas"]
    assert len(charts) >= 2 and all(len(attributes["aria-label"]) > 20 for attributes in charts)
    assert len(pictures) - len(charts) == 2 and len(outline.all("desc")) == 1


@pytest.mark.parametrize(
    "place", ["plan name", "objective", "dial", "choice", "reason", "message", "traceback", "look"]
)
def test_no_text_becomes_markup(place):
    data = whole_study()
    safe = HOSTILE.replace("\ud800", "") if place in ("plan name", "objective", "dial", "choice") else HOSTILE
    records = list(data.records)
    match place:
        case "plan name":
            data = replace(data, plan=replace(data.plan, name=safe))
        case "objective":
            objective = Objective(safe)
            renamed = [replace(r, metrics=dict.fromkeys([safe] if r.metrics else (), r.score)) for r in records]
            data = replace(data, plan=replace(data.plan, objectives=(objective,)), records=tuple(renamed))
        case "dial":
            data = replace(data, space=Space({safe: Float(0.0, 1.0, default=0.5)}))
        case "choice":
            records[0] = replace(records[0], params={"solver": safe, safe: safe})
            data = replace(data, records=tuple(records))
        case "reason":
            records[3] = replace(records[3], reason=safe, stop_reason=safe)
            data = replace(data, records=tuple(records))
        case "message" | "traceback":
            records[4] = replace(records[4], failure=Failure(Cause.OBJECTIVE, safe, safe))
            data = replace(data, records=tuple(records))
        case "look":
            data = replace(data, ledger=(replace(data.ledger[0], study=safe, who=safe, what=safe),))
    text = own(page(data))
    text.encode("utf-8")
    assert "<img" not in text and "\0" not in text and "\u202e" not in text
    assert "onerror=alert(1)" in Outline(text).text
    assert not any("onerror" in attributes for _, attributes in Outline(text).tags)


@given(st.text(min_size=1, max_size=40), st.text(max_size=200))
def test_any_name_and_any_message_make_a_well_formed_page(name, message):
    failed = trial(1, params={name: message}, failure=Failure(Cause.MEMORY, message, message))
    Outline(own(page(bare([trial(0, 0.5, stage=Stage.BASELINE), failed]))))


def test_without_a_test_the_seal_says_how_to_declare_one():
    told = Outline(page(bare([trial(0, 0.5, stage=Stage.BASELINE), trial(1, 0.4)]))).text
    assert "Not verified" in told and "--test" in told
    told = Outline(page(bare([trial(0, 0.5, stage=Stage.BASELINE), trial(1, 0.4)], plan=PLAN))).text
    assert "still sealed" in told


def test_a_real_study_is_written_through_its_own_door(tmp_path):
    import trialist as tl

    study = tl.tune(
        lambda t: (t["lr"] - 0.01) ** 2 + t.seed % 7 / 1e5, SPACE, minimize="loss", budget=24, store="memory",
        name="real", test=lambda params, seed: [params["lr"] + i / 1e3 for i in range(9)], progress=False,
    )  # fmt: skip
    written = study.report(tmp_path / "real.html").read_text(encoding="utf-8")
    told = Outline(written).text
    assert study.verdict.sentence.removeprefix(f"{study.verdict.outcome}: ") in told
    assert study.selection.reason in told and study.refinement.reason in told and study.plan.reason in told
    assert all(record.reason in told for record in study.trials)


def test_an_empty_study_says_what_to_do_next():
    told = Outline(page(bare(space=Space()))).text
    assert "Not verified" in told and "No trial was run yet" in told and "trialist run" in told


def test_one_trial_is_its_own_best():
    told = Outline(page(bare([trial(0, 0.5, stage=Stage.BASELINE)]))).text
    assert "The default and the best so far" in told and "0.5" in told


def drawn(data: ReportData, panel: str = "history") -> dict[str, Any]:
    found = PANELS[panel](data)
    json.dumps(found, allow_nan=False)
    return found


def test_a_study_that_only_failed_shows_why_and_no_chart():
    data = bare([trial(n) for n in range(3)])
    outline = Outline(page(data))
    assert "3 trials of 3 failed" in outline.text and "nothing to set beside the default" in outline.text
    assert "failed" in drawn(data)["empty"] and drawn(data)["empty"] in outline.text


def test_values_that_are_not_finite_or_huge_do_not_break_the_chart():
    values = [0.5, 1e308, -1e308, 5e-324, math.nan, math.inf]
    data = bare([trial(n, v) for n, v in enumerate(values)])
    (objective,) = drawn(data)["objectives"]
    assert [point["n"] for point in objective["points"]] == [0, 1, 2, 3]
    assert all(math.isfinite(end) for end in (objective["axis"]["low"], objective["axis"]["high"]))
    assert page(data).count('class="canvas"') >= 2


@pytest.mark.parametrize("value", [0.0, 0.5, -3.0, 1e-300, 1e300])
def test_a_study_of_one_value_has_a_chart(value):
    (objective,) = drawn(bare([trial(n, value) for n in range(4)]))["objectives"]
    assert objective["axis"]["low"] < value < objective["axis"]["high"]


def test_each_of_several_objectives_has_its_chart_and_column():
    objectives = (Objective("val_loss"), Objective("accuracy", Direction.MAXIMIZE))
    both = [
        replace(trial(n, 0.5 / (n + 1)), metrics={"val_loss": Score((0.5,)), "accuracy": Score((n / 9,))})
        for n in range(4)
    ]
    data = bare(both, plan=replace(PLAN, objectives=objectives))
    assert [(o["name"], o["better"]) for o in drawn(data)["objectives"]] == [
        ("val_loss", "lower"),
        ("accuracy", "higher"),
    ]
    assert "minimize val_loss, maximize accuracy" in Outline(page(data)).text


def test_dials_that_only_some_trials_met_have_their_column():
    met = trial(1, 0.3, params={"layers": 2, "width_2": 8})
    told = Outline(page(bare([trial(0, 0.5, params={"layers": 1}), met], space=Space()))).text
    assert "width_2" in told and "not active" in told


def test_a_second_look_and_a_missing_interval_are_said():
    second = judge(metric="val_loss", direction="minimize", baseline=[0.4], selected=[0.3], looks=2)
    told = Outline(page(replace(whole_study(), verdict=second))).text
    assert "no difference shown" in told and "look 2 at these data" in told and "no interval" in told


def test_two_hundred_trials_take_little_beside_the_library():
    filled = [replace(trial(n, 1.0 + n % 7), params=whole_study().records[9].params) for n in range(200)]
    assert len(own(page(bare(filled))).encode()) < 400_000


def test_of_very_many_trials_the_default_the_best_and_the_newest_stay():
    many = [trial(n, 2.0 - (n == 5)) for n in range(5_000)]
    text = page(bare(many))
    told = Outline(text).text
    assert re.search(r"[34],\d\d\d older trials left out", told) and "0 (default)" in told and "5 ★" in told
    assert len(text.encode()) < 2_000_000


def test_the_file_is_replaced_whole_or_not_at_all(tmp_path):
    target = tmp_path / "report.html"
    assert save("first", target) == target
    save("second", str(target))
    assert target.read_text() == "second" and [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(PlanError, match=r"nowhere.*cannot be written"):
        save("text", tmp_path / "nowhere" / "report.html")
    with pytest.raises(PlanError, match="cannot be written"):
        save("text", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [None, "", 3, "a\0b"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(PlanError, match=r"path: .* is not a path"):
        save("text", path)


def test_styles_and_scripts_are_part_of_the_package_and_can_stand_in_a_page():
    for file_name in (*STYLES, *SCRIPTS):
        told = text_of(file_name)
        assert len(told) > 500 and "</script" not in told.lower() and "</style" not in told.lower()


def test_the_library_of_charts_is_the_released_one_and_its_licence_is_with_it():
    import trialist.web

    folder = Path(trialist.web.__file__).parent / "static" / "echarts"
    assert hashlib.sha256((folder / "echarts.min.js").read_bytes()).hexdigest() == ECHARTS_SHA256
    assert "Apache License" in (folder / "LICENSE").read_text() and "ECharts" in (folder / "NOTICE").read_text()
    assert "Mike Bostock" in (folder / "LICENSE-d3").read_text()


def test_violated_constraints_are_named_and_no_trial_that_violates_one_is_a_best_so_far():
    found = [
        trial(0, 0.1, stage=Stage.BASELINE, constraints={HOSTILE: 3.0}),
        trial(1, 0.5, constraints={"ms": -1.0}),
        trial(2, 0.2, constraints={"ms": 2.5}),
        trial(3, 0.4),
    ]
    fresh = [trial(4, 0.1, stage=Stage.SELECT, repeats=0), trial(5, 0.4, stage=Stage.SELECT, repeats=3)]
    chosen = select({0: [0.1], 3: [0.4]}, {0: 0.1, 3: 0.4}, baseline=0, violates={0: "violates ms by 3"})
    data = bare([*found, *fresh], best=found[3], selection=chosen)
    told = Outline(page(data)).text
    assert "the best val_loss is 0.4 (trial 3)" in drawn(data)["label"]
    assert "trial 3 satisfies every measured constraint" in told
    assert "not to be chosen: violates ms by 3" in told
    assert "point 2 of the design; violates ms by 2.5" in told


def test_a_cheap_run_says_how_far_it_came_and_what_was_decided_on_it():
    taken = (Taken(1, Action.PAUSE, "a rung"), Taken(1, Action.RESUME, "rank 1 of 3"), Taken(3, Action.PAUSE, "a rung"))
    paused = trial(7, 0.25, state=State.PAUSED, reports=(Report(1, 0.5), Report(3, 0.25)), course=taken, fidelity=3)
    data = whole_study()
    records = tuple(replace(paused, loss=None) if r.number == 7 else r for r in data.records)
    plan = replace(data.plan, fidelity=Fidelity("epochs", 1, 9))
    text = Outline(page(replace(data, plan=plan, records=records))).text
    assert re.search(r"\b0\.250* at 3\b", text)
    assert "paused after 1 epoch: a rung; went on to 3 epochs: rank 1 of 3; paused after 3 epochs: a rung" in text


def test_practical_size_and_power_stand_with_the_verdict():
    verdict = judge(
        metric="loss", direction="minimize", baseline=[[0.4, 0.5, 0.6, 0.5] * 9], selected=[[0.1, 0.2, 0.3, 0.3] * 9],
        matters=0.05,
    )  # fmt: skip
    told = Outline(page(replace(whole_study(), verdict=replace(verdict, detectable=0.02)))).text
    assert "of practical size (from 0.05 on)" in told
    assert "a true difference of 0.02" in told
