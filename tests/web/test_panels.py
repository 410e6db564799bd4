"""The data of charts: what each panel holds for odd studies, that it stays small, and that its claims are right."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace

import pytest
from scipy.stats import fisher_exact

import trialist as tl
from trialist.budget.forecast import Outlay, Range
from trialist.space.parameter import Float
from trialist.stopping.course import Replay, moments
from trialist.stopping.standing import standings
from trialist.study.study import Study
from trialist.testing.odd_studies import ODD
from trialist.trials.budget import Budget
from trialist.trials.foretold import Foretold
from trialist.trials.history import History
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Cause, Failure, Report, Score, Stage, State, TrialRecord
from trialist.web.data import ReportData
from trialist.web.figure import figure, figures, inside, served
from trialist.web.panels import PANELS, applies
from trialist.web.panels.dialaxis import axis_of
from trialist.web.panels.failures import _hypergeometric_tail
from trialist.web.panels.plain import number, thinned
from trialist.web.report import page

SPACE = tl.Space(
    rate=tl.Float(1e-4, 1.0, log=True), width=tl.Int(8, 256, log=True), solver=tl.Categorical(["adam", "sgd"])
)
PLAN = Plan("p", (Objective("loss"),), Budget(trials=20, minutes=10))


@pytest.fixture(scope="module")
def odd():
    made = {}

    def data(name):
        if name not in made:
            with ODD[name]("memory") as study:
                made[name] = ReportData.of(study, study.created_at + 60.0)
        return made[name]

    return data


def record(number, value=None, state=None, **more):
    state = state or (State.FAILED if value is None else State.COMPLETE)
    metrics = {} if value is None else {"loss": Score((value,))}
    given = {"params": {"rate": 0.01, "width": 64, "solver": "adam"}, "stage": Stage.SEARCH, **more}
    return TrialRecord(
        number, state, given.pop("stage"), given.pop("params"), "a reason", "random", number, metrics=metrics,
        loss=value, **given,
    )  # fmt: skip


def data_of(records, **more):
    return ReportData(
        **{"plan": PLAN, "space": SPACE, "records": tuple(records), "best": None, "written_at": 0.0, **more}
    )


@pytest.mark.parametrize("name", list(ODD))
@pytest.mark.parametrize("panel", list(PANELS))
def test_every_panel_of_every_odd_study_is_plain_json_or_says_what_to_do(name, panel, odd):
    found = PANELS[panel](odd(name))
    if found is None:
        return
    assert applies(panel, odd(name))
    written = json.dumps(found, allow_nan=False)
    assert len(written) < 150_000
    if "empty" in found:
        assert found["empty"].strip() and "{" not in found["empty"]
    else:
        assert len(found["label"]) > 20
        assert 'role="img"' in inside(found)
    rows = found.get("table", {"head": [], "rows": []})
    assert all(len(row) == len(rows["head"]) for row in rows["rows"])


@pytest.mark.parametrize("name", list(ODD))
def test_the_dashboard_serves_what_the_report_embeds(name, odd):
    data = odd(name)
    for panel in PANELS:
        answer, shown = served(panel, data), figure(panel, data)
        assert (answer is None) is (shown is None)
        if answer is not None:
            assert answer["html"] in shown
            json.dumps(answer, allow_nan=False)
            there = figure(panel, replace(data, panels_at="/studies/x/panels"))
            assert f'data-src="/studies/x/panels/{panel}.json"' in there and "application/json" not in there


def test_no_text_of_a_study_ends_the_data_of_a_chart(odd):
    embedded = figure("history", odd("hostile_names"))
    inner = embedded.split('<script type="application/json">')[1]
    assert inner.count("<") == inner.count("</script>") + inner.count("</figure>") == 2
    assert json.loads(inner.split("</script>")[0])["objectives"][0]["name"].startswith("<script>")


def test_the_history_has_the_default_the_band_and_what_was_best_when(odd):
    found = PANELS["history"](odd("verified"))
    (objective,) = found["objectives"]
    default = next(p for p in objective["points"] if p["n"] == 0)
    assert objective["default"] == default["v"] and default["kind"] == "default"
    values = [step[1] for step in objective["best"]]
    assert values == sorted(values, reverse=True)
    assert all(low < value < high for _, value, low, high in objective["best"])
    assert {"search", "again"} <= {point["kind"] for point in objective["points"]}
    assert [band["stage"] for band in found["bands"]][-1] == "select"
    assert all(point["why"] for point in objective["points"])


def test_curves_tell_why_they_ended_and_where_they_are_looked_at(odd):
    stopped = PANELS["curves"](odd("stopped_early"))
    ended = [curve for curve in stopped["curves"] if curve["kind"] == "stopped"]
    assert ended and all(curve["why"] for curve in ended)
    assert len(stopped["table"]["rows"]) == len(ended)
    assert PANELS["curves"](odd("screened"))["rungs"] == [1, 3, 9, 27]
    assert PANELS["curves"](odd("verified")) is None  # no trial of it reports on its way


def test_the_timeline_shows_lanes_and_time_in_which_nobody_worked():
    runs = [(0.0, 10.0), (1.0, 4.0), (8.0, 12.0)]
    records = [record(n, 0.1, opened_at=100.0 + a, closed_at=100.0 + b, seconds=b - a) for n, (a, b) in enumerate(runs)]
    found = PANELS["timeline"](data_of(records, written_at=200.0))
    assert found["lanes"] == ["lane 1", "lane 2"] and [bar["lane"] for bar in found["bars"]] == [0, 1, 1]
    assert [1, 4, 8] in found["idle"]
    assert found["table"]["rows"][1][1:4] == ["not kept", 2, "7.0 s"]


def test_a_front_is_drawn_for_each_two_objectives_and_none_for_one(odd):
    found = PANELS["front"](odd("several_objectives"))
    assert len(found["pairs"]) == 3 and len(found["axes"]) == 3
    assert sum(point["kind"] == "front" for point in found["points"]) == len(found["table"]["rows"])
    assert PANELS["front"](odd("verified")) is None


def test_the_budget_has_limits_what_runs_and_where_it_is_going():
    records = [
        record(0, 0.5, opened_at=0.0, closed_at=60.0, seconds=60.0),
        record(1, state=State.RUNNING, opened_at=60.0),
    ]
    outlay = Outlay("seconds", 70.0, 50.0, Range(300.0, 200.0, 400.0), 600.0)
    found = PANELS["budget"](data_of(records, written_at=70.0, spent={"trials": 2, "seconds": 70.0}, outlays=(outlay,)))
    purses = {purse["title"]: purse for purse in found["purses"]}
    assert (purses["trials"]["spent"], purses["trials"]["committed"], purses["trials"]["limit"]) == (1, 1, 20)
    assert purses["time"]["forecast"] == [300, 200, 400] and purses["time"]["limit"] == 600
    assert ("line forecast", "forecast, with an interval of 80 %") in found["legend"]


def test_a_place_of_an_inactive_dial_is_none_and_values_outside_the_space_have_none(odd):
    found = PANELS["parallel"](odd("conditional"))
    dials = [axis["dial"] for axis in found["axes"]]
    ridge = dials.index("ridge")
    model = dials.index("model")
    linear = next(place for place, label in found["axes"][model]["ticks"] if label == "linear")
    for row in found["rows"]:
        assert (row["at"][ridge] is None) is (row["at"][model] != pytest.approx(linear, abs=1e-3))
    axis = axis_of("solver", SPACE)
    assert axis.place("sgd") == 0.75 and axis.place("lion") is None
    assert (
        axis_of("gone", SPACE, [record(0, 1.0, params={"gone": 4}), record(1, 1.0, params={"gone": 8})]).place(6) == 0.5
    )


def test_ticks_of_a_dial_are_round_and_hold_both_ends():
    ticks = axis_of("rate", SPACE).ticks
    assert [label for _, label in ticks] == ["0.0001", "0.001", "0.01", "0.1", "1"]
    assert [place for place, _ in ticks] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert [label for _, label in axis_of("width", SPACE).ticks][0::5] == ["8", "256"]


@pytest.mark.parametrize("seed", range(4))
def test_failures_that_crowd_are_told_and_those_by_chance_are_not(seed):
    draw = random.Random(seed)

    def study(is_failing):
        found = []
        for n in range(60):
            params = {
                "rate": 10 ** draw.uniform(-4, 0),
                "width": draw.randint(8, 256),
                "solver": draw.choice(["adam", "sgd"]),
            }
            failure = Failure(Cause.OBJECTIVE, "diverged") if is_failing(params) else None
            found.append(record(n, None if failure else 0.5, params=params, failure=failure))
        return PANELS["failures"](data_of(found))

    crowded = study(lambda p: p["rate"] > 0.1 and p["solver"] == "sgd")
    assert crowded["rows"][0]["dial"] in ("rate", "solver") and "rate 0.1 to" in crowded["words"]
    assert "No dial alone tells" in study(lambda p: draw.random() < 0.15)["words"]


@pytest.mark.parametrize("k, drawn, marked, n", [(3, 5, 8, 40), (1, 10, 1, 20), (6, 6, 6, 60), (0, 3, 3, 9)])
def test_the_tail_is_that_of_fishers_exact_test(k, drawn, marked, n):
    table = [[k, marked - k], [drawn - k, n - drawn - marked + k]]
    assert _hypergeometric_tail(k, drawn, marked, n) == pytest.approx(fisher_exact(table, "greater").pvalue)


def test_ten_thousand_trials_make_a_file_below_two_megabytes():
    draw = random.Random(0)
    records = []
    for n in range(10_000):
        params = {
            "rate": 10 ** draw.uniform(-4, 0),
            "width": draw.randint(8, 256),
            "solver": draw.choice(["adam", "sgd"]),
        }
        value = None if n % 50 == 49 else 0.1 + draw.random()
        failure = Failure(Cause.MEMORY, "out of memory", "Traceback\n" * 40) if value is None else None
        reports = tuple(Report(s, 1.0 / s + draw.random()) for s in range(1, 31)) if n % 10 == 0 else ()
        records.append(
            record(
                n,
                value,
                params=params,
                failure=failure,
                reports=reports,
                opened_at=float(n),
                closed_at=n + 0.9,
                seconds=0.9,
            )
        )
    records = [
        replace(r, reason="expected improvement 0.0123 at a point near trial 17, of 512 candidates") for r in records
    ]
    data = data_of(
        records, written_at=10_000.0, best=min(records, key=lambda r: math.inf if r.loss is None else r.loss)
    )
    whole = page(data).encode()
    assert len(whole) < 2_000_000
    assert b"10,000 trials" in whole


def test_many_points_are_thinned_and_none_that_matters_is_lost():
    assert thinned(range(50), most=100) == list(range(50))
    kept = thinned(range(10_001), [17, 4_321], most=100)
    assert len(kept) <= 104 and {0, 17, 4_321, 10_000} <= set(kept)
    assert [number(v) for v in (1e308, -0.0, 1e-320, math.inf, None)] == [1e308, 0, 1e-320, None, None]


def test_stopping_rules_stand_beside_their_thresholds():
    study = Study.create(SPACE, minimize="loss", budget=40, store="memory", stopping=["plateau 5 0.5", "target 0.001"])
    assert PANELS["stopping"](ReportData.of(study, 0.0))["empty"]
    for _ in range(20):  # by hand nothing ends it
        trial = study.ask()
        study.tell(trial, 1.0 + trial["rate"])
    found = PANELS["stopping"](ReportData.of(study, 0.0))
    (plateau, target) = found["table"]["rows"]
    assert plateau[0] == "plateau 5 0.5" and plateau[3] == "0.5" and "fires" in plateau[5]
    assert target[0] == "target 0.001" and target[2] == f"{History(study.declared, SPACE, study.trials).best.value:.4g}"
    assert "plateau 5 0.5 is past the threshold" in found["words"]
    over_time = {course["rule"]: course for course in found["courses"]}
    points = over_time["plateau 5 0.5"]["points"]
    assert [n for n, *_ in points] == list(range(points[0][0], len(study.history.scored) + 1))
    for n, statistic, threshold, past in points:  # what the rule would have seen then
        until = History(study.declared, SPACE, study.trials[:n])
        then = next(each for each in standings(until) if each.rule == "plateau 5 0.5")
        assert (statistic, threshold, past) == (number(then.statistic), 0.5, then.is_past)
    assert [best for _, best, *_ in over_time["target 0.001"]["points"]] == sorted(
        (best for _, best, *_ in over_time["target 0.001"]["points"]), reverse=True
    )


def test_a_long_study_is_replayed_at_so_many_moments_and_models_are_asked_too():
    study = Study.create({"x": Float(0.0, 1.0)}, minimize="loss", budget=99, store="memory", strategy="random")
    study.optimize(lambda trial: trial["x"] ** 2, trials=70)
    replay = Replay()
    found = replay.courses(study.history, most=12)
    assert {course.rule for course in found} >= {"regret"} and not any(course.ends for course in found)
    for course in found:
        assert [moment.full_runs for moment in course.moments] == [10, 20, 30, 40, 50, 60, 70]
        now = next(each for each in standings(study.history) if each.rule == course.rule)
        assert (course.moments[-1].statistic, course.moments[-1].threshold) == (now.statistic, now.threshold)
        assert sum(moment.statistic is not None for moment in course.moments) >= 4
    known = dict(replay._known)
    study.optimize(lambda trial: trial["x"] ** 2, trials=3)
    assert replay.courses(study.history, most=12)[0].moments[:-1] == found[0].moments
    assert len(replay._known) == len(known) + 1  # only what is new was asked
    assert replay.courses(study.history, most=12) == Replay().courses(study.history, most=12)
    assert Replay().courses(History(study.declared, study.space, ())) == ()


def test_moments_are_few_and_stay_where_they_were_as_a_study_grows():
    for n in (1, 10, 60, 61, 500, 3_000, 10_000):
        assert len(moments(n, 60)) <= 61 and moments(n, 60)[-1] == n
        assert set(moments(n, 60)[:-1]) <= set(moments(n + 1, 60)) or len(moments(n + 1, 60)) < len(moments(n, 60))
    assert len(moments(10_000, 60)) <= 16


def test_importance_has_bars_with_intervals_and_what_holds_near_the_best(odd, known_effects):
    data = odd("many")
    found = PANELS["importance"](replace(data, effects=known_effects(data.history)))
    assert [row["dial"] for row in found["rows"]] == ["rate", "width", "solver"]
    assert sum(row["share"] for row in found["rows"]) == pytest.approx(1, abs=1e-4)
    assert all(low < row["share"] <= high for row in found["rows"] for low, high in [row["range"]])
    assert len(found["legend"]) == 3 and found["table"]["rows"][0][0] == "rate"
    assert PANELS["importance"](data) is None or data.effects is not None


def test_slices_have_the_band_the_trials_and_the_best_on_the_dials_own_scale(odd, known_effects):
    data = odd("many")
    found = PANELS["slices"](replace(data, effects=known_effects(data.history)))
    rate, _, solver = found["dials"]
    assert rate["axis"]["dial"] == "rate" and solver["axis"]["category"]
    lowest = rate["x"][rate["y"].index(min(rate["y"]))]
    assert lowest == pytest.approx(0.5, abs=0.03)  # 0.01, in the middle of 1e-4..1
    assert all(low < y < high for low, y, high in zip(rate["low"], rate["y"], rate["high"], strict=True))
    assert len(rate["points"]) <= 160 and solver["x"] == [0.25, 0.75]
    assert rate["best"] == pytest.approx(SPACE["rate"].encode(data.best.params["rate"]), abs=1e-3)


def test_effects_are_told_of_each_of_several_objectives(odd):
    data = odd("several_objectives")
    names = [objective.name for objective in data.plan.objectives]
    for panel in ("importance", "interactions", "slices", "calibration"):
        drawn = [PANELS[panel](data.on(name)) for name in names]
        assert len({str(each) for each in drawn}) == len(names), panel
        assert PANELS[panel](data) == drawn[0]
        for name, found in zip(names, drawn, strict=True):
            assert found.get("metric", name) == name and not found.get("empty")
    assert "latency_ms" in PANELS["importance"](data.on("latency_ms"))["words"]
    assert PANELS["slices"](data.on("accuracy"))["better"] == "higher"
    made = [str(html) for html in figures("importance", data)]
    assert len(made) == 3 and made[0].startswith("<h3>On ") and all(each.startswith("<details") for each in made[1:])
    served_at = figures("importance", replace(data, panels_at="/p"))
    assert "/p/importance.json?on=accuracy" in "".join(map(str, served_at))
    (only,) = figures("importance", odd("verified"))
    assert only.startswith("<figure")


def test_of_pairs_there_are_slices_of_each_dial_at_values_of_the_other(odd, known_effects):
    data = odd("many")
    found = PANELS["interactions"](replace(data, effects=known_effects(data.history)))
    assert found["dials"] == ["rate", "width", "solver"] and len(found["pairs"]) == 3
    ways = [(part["dial"], part["by"]) for part in found["slices"]]
    assert ways and all((b, a) in ways for a, b in ways)
    by_solver = [part for part in found["slices"] if part["by"] == "solver"]
    assert all([line["given"] for line in part["lines"]] == ["solver = adam", "solver = sgd"] for part in by_solver)
    assert found["table"]["rows"][0][-1] == "not shown"


def test_predictions_stand_beside_scores(odd, known_effects):
    data = odd("many")
    found = PANELS["calibration"](replace(data, effects=known_effects(data.history)))
    by_number = {r.number: r.value for r in data.history.scored}
    assert all(actual == pytest.approx(by_number[n], rel=1e-4) for n, _, _, actual in found["points"])
    assert found["words"].startswith("95 %")


def test_what_was_foretold_stands_beside_what_came(odd):
    data = odd("foretold")
    for name in ("loss", "accuracy"):
        found = PANELS["foretold"](data.on(name))
        told = {r.number: r for r in data.history.scored if r.foretold is not None}
        assert [n for n, *_ in found["trials"]] == list(told)
        for n, low, lower, median, upper, high, _, came in found["trials"]:
            assert low <= lower <= median <= upper <= high
            assert median == pytest.approx(told[n].foretold.median(name), rel=1e-5)
            assert came == pytest.approx(told[n].metrics[name].mean, rel=1e-5)
        assert found["words"].startswith("Foretold before they ran") and "not judged" in found["words"]
        assert found["table"]["rows"][0][:2] == ["all trials", len(told)]
    assert found["better"] == "higher" and found["axis"]["high"] < 1.2
    # what came a million times worse lies beyond the axis
    assert PANELS["foretold"](data.on("loss"))["axis"]["high"] < 0.1 * data.history[12].value


def test_where_no_model_foretold_anything_there_is_no_place_for_it(odd):
    assert PANELS["foretold"](odd("many")) is None and not applies("foretold", odd("many"))
    assert applies("foretold", odd("foretold"))
    first = record(0, 0.5, foretold=Foretold(3, {"loss": (0.1, 0.2, 0.3, 0.4, 0.5)}))
    few = PANELS["foretold"](data_of([first]))
    assert "8 are needed" in few["words"] and few["table"]["rows"] == [[0, "0.3", "0.1 to 0.5", "0.5"]]
    failed = PANELS["foretold"](data_of([record(0, foretold=first.foretold)]))
    assert failed["empty"].startswith("Not enough data: 0 of the trials")
