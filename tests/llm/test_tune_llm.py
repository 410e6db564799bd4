"""A study of settings, on an endpoint of known truth: what it finds, what it asks, what it spends, what it says."""

import math
import random
from contextlib import closing

import pytest

import trialist as tl
from tests.llm.adder import Adder, additions, chance
from trialist.errors import BudgetUsedError, EndpointError, InputError, PlanChangedError, PlanError
from trialist.llm import prepare, tune
from trialist.llm.cache import Cache
from trialist.llm.endpoint import CallError
from trialist.llm.item import Item, Message
from trialist.llm.pace import Pace
from trialist.llm.suite import Suite
from trialist.scheduling.knockout import taken

DIALS = ["temperature=0..1.3", "max_tokens=12,40", "system=direct,think"]
DEFAULTS = {"temperature": 1.3, "max_tokens": 40, "system": "direct"}


def tuned(endpoint, suite=None, dials=DIALS, budget="1500 calls", **more):
    given = {
        "defaults": DEFAULTS,
        "scorer": "number",
        "store": "memory",
        "model": "m",
        "progress": False,
        "strategy": "random",
    }
    return tune(
        suite or additions(100), dials, endpoint=endpoint, budget=budget, **{"preflight": False, **given, **more}
    )


def sealed_of(suite, **more):
    tuning = prepare(suite, DIALS, endpoint=Adder(), budget=9, model="m", defaults=DEFAULTS, store="memory", **more)
    kept = set(tuning.split.train[1])
    tuning.close()
    return {item.question for item in suite.items if item.id not in kept}


def test_it_finds_a_better_setting_and_verifies_it():
    adder = Adder()
    found = tuned(adder, strategy="auto")
    assert found.study.verdict.outcome == "improved"
    assert found.study.verdict.examples == 30
    # By its truth: a temperature of 0.07 is as good as 0.
    system = [{"role": "system", "content": found.prompt}]
    assert chance({"messages": system, "temperature": 0, **found.settings}) > 0.95
    assert found.study.best.params != found.study.baseline.params
    assert found.settings["max_tokens"] == found.study.best.params["max_tokens"]
    assert found.study.trials[0].params == {
        "temperature level": "range", "temperature": 1.3, "max_tokens": 40, "system": "direct",
    }  # fmt: skip


def test_sealed_items_are_asked_in_the_end_alone_and_never_shown():
    suite, adder = additions(60), Adder()
    found = tuned(adder, suite, [*DIALS, "shots=0..2"], "900 calls")
    sealed = sealed_of(suite)
    assert len(sealed) == 18
    asked = [body["messages"][-1]["content"] in sealed for body in adder.bodies]
    first = asked.index(True)
    assert all(asked[first:]), "once they are opened, nothing else is asked"
    shown = {m["content"] for body in adder.bodies for m in body["messages"][:-1] if m["role"] == "user"}
    assert shown
    assert not shown & sealed
    assert found.study.ledger[-1].outcome["outcome"] == found.study.verdict.outcome


def test_groups_stay_whole_and_are_what_the_interval_is_over():
    suite = additions(80, groups=16)
    found = tuned(Adder(), suite)
    kept = {item.id for item in found.recipe.examples}
    inside = {item.group for item in suite.items if item.id in kept}
    assert inside.isdisjoint(item.group for item in suite.items if item.id not in kept)
    assert found.study.verdict is not None


@pytest.mark.parametrize("calls", [20, 90, 260, 700])
def test_no_call_is_made_beyond_the_budget_whatever_fails(calls):
    class Faulty(Adder):
        async def __call__(self, body):
            answer = await super().__call__(body)
            if faults.random() < 0.15:
                raise CallError("503: busy", 503)
            return answer

    faults, adder = random.Random(calls), Faulty()
    pace = Pace(backoff_seconds=0.0, cap_seconds=0.0, tries=3)
    try:
        study = tuned(adder, budget=f"{calls} calls", pace=pace).study
        assert study.spent["cost"] <= calls
    except (BudgetUsedError, tl.ExecutionError):
        assert calls < 100, "enough for the default and a verdict"
    assert adder.calls <= calls


def test_the_budget_is_spent_to_a_good_part_and_a_verdict_is_reached():
    adder = Adder()
    study = tuned(adder, budget="800 calls").study
    assert study.verdict is not None
    assert study.spent["cost"] == adder.calls
    assert 0.6 * 800 <= adder.calls <= 800


def test_money_is_counted_by_what_answers_cost():
    adder = Adder()
    found = tuned(adder, dials=["system=direct,think", "max_tokens=40,60"], budget="$0.05", prices="in=1/M,out=10/M",
                  objective="score; cost", defaults={"temperature": 1.0, "system": "direct"})  # fmt: skip
    spent = found.study.spent["cost"]
    assert 0 < spent <= 0.05
    assert {o.name for o in found.study.declared.objectives} == {"score", "cost"}
    assert found.study.declared.objective.name == "score"
    front = found.study.front
    costs = [record.metrics["cost"].mean for record in front]
    assert min(costs) < max(costs), "thinking costs more, and is better"


def test_the_same_call_again_asks_nothing(tmp_path):
    adder = Adder()
    first = tuned(adder, store=tmp_path / "llm.db")
    calls = adder.calls
    again = tuned(adder, store=tmp_path / "llm.db")
    assert adder.calls == calls
    assert again.study.verdict == first.study.verdict
    assert len(again.study.trials) == len(first.study.trials)


def test_an_interrupted_study_goes_on_and_nothing_is_paid_twice(tmp_path):
    adder = Adder()
    # As a kill: whatever was under way is gone, and the study is taken up by a new process's objects.
    tuning = prepare(additions(100), DIALS, endpoint=adder, budget="1500 calls", model="m", defaults=DEFAULTS,
                     scorer="number", store=tmp_path / "llm.db", preflight=False, strategy="random")  # fmt: skip
    list(tuning.found())
    study = tuning.study()
    with closing(tuning.events(study)) as events:
        for _ in events:
            if adder.calls > 300:
                break
    tuning.close()
    study.close()
    before = adder.calls
    found = tuned(adder, store=tmp_path / "llm.db")
    assert found.study.verdict is not None
    assert adder.calls > before
    assert adder.calls <= 1500
    with_cache = Cache(tmp_path / "llm.answers.db")
    (answers,) = with_cache._connection.execute("SELECT COUNT(*) FROM answers").fetchone()
    assert answers == adder.calls, "each call is an answer of its own, none was asked again"


def test_another_suite_is_another_study(tmp_path):
    tuned(Adder(), additions(40), budget="300 calls", store=tmp_path / "llm.db")
    with pytest.raises(PlanChangedError, match="suite"):
        tuned(Adder(), additions(40, seed=1), budget="300 calls", store=tmp_path / "llm.db")


def test_the_truncation_trap_is_said_in_words():
    found = tuned(Adder(), dials=["max_tokens=12,40", "system=direct,think"], budget="1200 calls")
    notes = [record.notes.get("truncated", "") for record in found.study.trials]
    assert "100 % of the answers were cut at max_tokens=12: the limit decides, not the prompt" in notes
    told = {s["trial"]: s["truncated"] for s in found.study.stage("llm")["settings"]}
    assert any("max_tokens=12" in words for words in told.values())
    assert found.study.best.params.get("max_tokens") != 12 or found.study.best.params["system"] == "direct"


@pytest.mark.parametrize(("failed", "score"), [("wrong", 0.75), ("missing", 1.0)])
def test_items_that_are_never_answered_count_as_declared(failed, score):
    suite = additions(40)
    questions = [item.question for item in suite.items]
    adder = Adder(fails=questions[::4])
    tuning = prepare(
        suite,
        ["max_tokens=12,40"],
        endpoint=adder,
        budget="500 calls",
        model="m",
        failed=failed,
        defaults={"temperature": 0, "system": "direct"},
        scorer=lambda text, item: 1.0,
        store="memory",
    )
    answers = tuning.evaluator.answers({"max_tokens": 12}, suite.items)
    scores = [answer.score for answer in answers]
    known = [each for each in scores if not math.isnan(each)]
    assert sum(known) / len(known) == score
    assert sum(answer.failure is not None for answer in answers) == 10
    tuning.close()


def test_failed_items_are_told_and_the_study_goes_on():
    suite = additions(60)
    adder = Adder(fails=[item.question for item in suite.items[::10]])
    found = tuned(adder, suite, budget="900 calls")
    assert found.study.verdict is not None
    assert any(record.notes.get("failed items") for record in found.study.trials)


def test_dials_that_are_refused_or_ignored_are_dropped_aloud():
    adder = Adder(refuses=["top_k"])
    tuning = prepare(additions(100), [*DIALS, "top_k=unset,10,40", "reasoning_effort=low,high"], endpoint=adder,
                     budget="3000 calls", model="m", defaults={**DEFAULTS, "temperature": 0}, scorer="number",
                     store="memory")  # fmt: skip
    said = list(tuning.found())
    assert any(line.startswith("preflight: top_k dropped") for line in said)
    assert any(line.startswith("preflight: reasoning_effort dropped") for line in said)
    assert any(line.startswith("preflight: temperature honoured") for line in said)
    assert set(tuning.dials.dials) == {"temperature", "max_tokens", "system"}
    study = tuning.study()
    for _ in tuning.events(study):
        pass
    assert study.spent["cost"] == adder.calls, "the preflight is paid from the same budget"
    assert all("top_k" not in body for body in adder.bodies[-100:])
    tuning.close()


def test_an_endpoint_that_no_call_can_use_ends_it_at_once():
    class Locked(Adder):
        async def __call__(self, body):
            self.calls += 1
            raise CallError("401: no such key", 401)

    adder = Locked()
    with pytest.raises(EndpointError, match="no such key"):
        tuned(adder, pace=Pace(first=1, concurrency=1))
    assert adder.calls <= 2


def test_a_setting_that_the_endpoint_refuses_fails_alone():
    class Picky(Adder):
        async def __call__(self, body):
            if body.get("reasoning_effort") == "extreme":
                self.calls += 1
                raise CallError("400: reasoning_effort: extreme is no value", 400)
            return await super().__call__(body)

    found = tuned(Picky(), dials=["reasoning_effort=low,extreme", "system=direct,think"],
                  defaults={"temperature": 1.0, "reasoning_effort": "low"})  # fmt: skip
    failed = [record for record in found.study.trials if record.state is tl.State.FAILED]
    assert failed
    assert all(record.params["reasoning_effort"] == "extreme" for record in failed)
    assert "extreme is no value" in failed[0].failure.message
    assert found.study.verdict is not None


def test_finalists_are_answered_afresh_where_answers_are_drawn():
    adder = Adder()
    study = tuned(adder).study
    rescored = [record for record in study.trials if record.stage is tl.Stage.SELECT]
    assert rescored
    greedy = [record for record in rescored if record.params["temperature level"] == "0"]
    warm = [record for record in rescored if record.params["temperature level"] != "0"]
    assert warm
    assert all(record.cost == 70 for record in warm)
    assert all(record.cost is None for record in greedy), "what the cache answers costs nothing"


def test_the_account_holds_what_the_report_shows():
    suite = additions(100)
    found = tuned(Adder(), suite)
    kept = found.study.stage("llm")
    assert [each["role"] for each in kept["settings"][:2]] == ["default", "selected"]
    default = kept["settings"][0]
    assert len(default["scores"]) == 70
    assert math.isclose(sum(default["scores"]) / 70, found.study.baseline.value)
    assert kept["sealed"]["items"] == 30
    sides = kept["sealed"]["disagreements"]
    assert sides
    assert all(each["default"]["score"] != each["selected"]["score"] for each in sides)
    assert kept["spent"]["calls"] == found.study.spent["cost"]


def test_votes_pay_for_each_answer_and_are_better():
    adder = Adder()
    found = tuned(adder, dials=["votes=1,5"], defaults={"temperature": 0.9, "system": "direct"}, budget="3000 calls")
    one, five = (next(r for r in found.study.trials if r.params["votes"] == n) for n in (1, 5))
    assert five.value > one.value
    assert five.cost == 4 * one.cost, "the first vote was answered already"


def test_a_judge_is_asked_through_the_same_purse():
    class Judged(Adder):
        async def __call__(self, body):
            if body["model"] == "judge":
                self.calls += 1
                from tests.llm.wire import completion

                return completion("GRADE: 1")
            return await super().__call__(body)

    from trialist.llm.judge import Judge

    adder = Judged()
    found = tuned(adder, additions(40), ["max_tokens=12,40"], "400 calls", scorer=Judge("judge"))
    assert found.study.baseline.value == 1.0
    assert found.study.spent["cost"] == adder.calls


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"dials": ["seed=7"]}, "there is none to choose"),
        ({"budget": "$5"}, "no prices are given"),
        ({"objective": "score; cost"}, "no prices are given"),
        ({"objective": "speed"}, "is not measured"),
        ({"objective": "cost"}, "does not begin with the score"),
        ({"budget": "much"}, "cannot be read"),
        ({"failed": "maybe"}, "no way to count"),
        ({"replicates": 0}, "no number of answers"),
        ({"holdout": 1.5}, "neither a share"),
        ({"budget": "1 call"}, "do not pay for one call"),
    ],
)
def test_what_cannot_be_is_told_before_any_call(change, problem):
    adder = Adder()
    with pytest.raises(InputError, match=problem):
        tuned(adder, **change)
    assert adder.calls == 0


def test_what_is_about_to_happen_is_told_and_can_be_declined():
    adder, seen = Adder(), []
    with pytest.raises(PlanError, match="not confirmed"):
        tuned(adder, budget="500 calls", prices="in=1/M,out=10/M", confirm=lambda lines: seen.extend(lines))
    told = "\n".join(seen)
    assert adder.calls == 0
    assert "endpoint: adder, model m" in told
    assert "500 calls; at most $" in told
    assert "30 sealed" in told
    assert "points or more" in told


def test_items_that_only_some_orders_tell_apart_are_still_scored_by_all_their_answers():
    """A suite whose answers are all alike has no differences, and the verdict says so."""
    items = [Item(f"{k}", (Message("user", f"{k}+0"),), "never") for k in range(40)]
    found = tuned(Adder(), Suite("hopeless", tuple(items)), scorer="exact", budget="400 calls")
    assert found.study.baseline.value == 0.0
    assert found.study.verdict is None or found.study.verdict.outcome != "improved"


def test_a_limit_that_cuts_nothing_at_the_default_is_kept_for_what_is_longer():
    async def brief(body):
        from tests.llm.wire import completion

        thinking = "think" in body["messages"][0]["content"]
        words = ["so"] * 20 * thinking + ["7"]
        cut = words[: body["max_tokens"]]
        return completion(
            " ".join(cut), "stop" if cut == words else "length", {"prompt_tokens": 9, "completion_tokens": len(cut)}
        )

    brief.name = "brief"
    tuning = prepare(additions(40), ["max_tokens=12,40", "system=direct,think"], endpoint=brief, budget="600 calls",
                     model="m", defaults={"max_tokens": 40}, scorer="number", store="memory")  # fmt: skip
    said = list(tuning.found())
    tuning.close()
    assert any("max_tokens kept" in line for line in said)
    assert "max_tokens" in tuning.dials.dials


def test_a_judge_without_a_limit_is_told_before_any_call():
    from trialist.llm.judge import Judge

    adder = Adder()
    given = {"budget": "$5", "prices": "in=1/M,out=10/M"}
    with pytest.raises(InputError, match="a reply of judge has no limit"):
        tuned(adder, additions(40), scorer=Judge("judge"), **given)
    assert adder.calls == 0
    limited = prepare(additions(40), DIALS, endpoint=adder, model="m", store="memory", defaults=DEFAULTS,
                      scorer=Judge("judge", {"temperature": 0, "max_tokens": 200}), **given)  # fmt: skip
    plain = prepare(additions(40), DIALS, endpoint=adder, model="m", store="memory", defaults=DEFAULTS, **given)
    assert limited.dearest.money > plain.dearest.money
    limited.close()
    plain.close()


def test_studies_that_share_a_file_of_answers_have_budgets_of_their_own(tmp_path):
    adder, cache = Adder(), Cache(tmp_path / "answers.db")
    first = tuned(adder, cache=cache, budget="700 calls")
    calls = adder.calls
    second = tuned(adder, cache=cache, budget="700 calls", seed=0)
    assert second.study.trials[0].params == first.study.trials[0].params
    assert second.study.trials[0].cost is None, "the first one paid for its answers"
    assert second.study.spent["cost"] == adder.calls - calls <= 700


def test_the_prompts_of_a_suite_are_levels_of_a_dial(tmp_path):
    text = """
prompts:
  - "{{a}}+{{b}}"
  - '[{"role": "system", "content": "think"}, {"role": "user", "content": "{{a}}+{{b}}"}]'
tests:
"""
    for item in additions(40).items:
        a, b = item.question.split("+")
        text += f"  - vars: {{a: {a}, b: {b}}}\n    assert: [{{type: contains, value: '{item.target}'}}]\n"
    (tmp_path / "suite.yaml").write_text(text)
    adder = Adder()
    found = tuned(adder, tmp_path / "suite.yaml", ["max_tokens=12,40"], "500 calls", scorer="checks",
                  defaults={"temperature": 1.0, "max_tokens": 40})  # fmt: skip
    assert found.study.trials[0].params == {"max_tokens": 40, "prompt": "prompt 1"}
    assert found.study.best.params["prompt"] == "prompt 2"
    asked = {tuple(message["role"] for message in body["messages"]) for body in adder.bodies}
    assert asked == {("user",), ("system", "user")}


def test_a_further_look_at_the_sealed_items_is_asked_for_by_name_and_recorded(tmp_path):
    adder = Adder()
    first = tuned(adder, additions(60), budget="800 calls", store=tmp_path / "llm.db").study.verdict
    calls = adder.calls
    again = tuned(adder, additions(60), budget="800 calls", store=tmp_path / "llm.db", again=True)
    assert (first.looks, again.study.verdict.looks) == (1, 2)
    assert len(again.study.ledger) == 2
    assert adder.calls == calls, "the same answers, from the cache"
    low, high = first.interval
    assert again.study.verdict.interval[0] < low < high < again.study.verdict.interval[1]


def test_a_small_budget_buys_fewer_answers_to_each_sealed_item():
    adder = Adder()
    # 42 to search with, 18 sealed: the default takes 42, and 5 answers to each sealed item would be 90 by each side.
    found = tuned(adder, additions(60), budget="120 calls", sealed_replicates=5)
    assert found.study.verdict is not None
    assert adder.calls <= 120


def test_a_small_budget_asks_each_setting_fewer_items_and_finalists_others():
    adder, suite = Adder(), additions(100)
    found = tuned(adder, suite, budget="400 calls", strategy="auto")
    asked = {len(record.reports) for record in found.study.trials if record.state is tl.State.COMPLETE}
    assert len(asked) == 1
    searched = {of["messages"][-1]["content"] for of in adder.bodies[: 24 * 3]}
    assert len(searched) == 24
    again = next(r for r in found.study.trials if r.stage is tl.Stage.SELECT)
    assert again.cost == 24  # asked anew, none of them in the search: nothing came from the cache
    everything = {of["messages"][-1]["content"] for of in adder.bodies}
    assert everything - searched - sealed_of(suite)
    assert adder.calls <= 400
    # With a larger budget all items of the search part are asked.
    assert tuned(Adder(), suite, budget="3000 calls").study.trials[0].cost == 70


def test_without_a_preflight_the_defaults_own_answers_tell_how_many_items_money_pays_for():
    given = {"prices": "in=1000/M,out=1000/M", "preflight": False, "strategy": "auto"}
    adder = Adder()
    found = tuned(adder, budget="$8", **given)
    asked = found.study.stage("items")["asked"]
    assert 24 <= asked < 70
    assert len(found.study.trials) > 6
    # None of them is asked for nothing, and all that was paid is the trials' own, but for attempts that failed.
    baseline = found.study.trials[0]
    assert baseline.cost == pytest.approx(found.study.stage("llm")["settings"][0]["measured"]["cost"] * asked, rel=1e-6)
    plain = [body for body in adder.bodies if body["max_tokens"] == 40 and body["temperature"] == 1.3]
    questions = [body["messages"][-1]["content"] for body in plain[:asked]]
    assert len(set(questions)) == asked
    # Where the money pays for all of them many times over, nothing is asked beforehand.
    assert tuned(Adder(), budget="$400, 1500 calls", **given).study.stage("items")["asked"] == 70


def test_in_a_knockout_who_goes_on_finds_its_earlier_answers_in_the_cache():
    adder = Adder()
    dials = {"temperature": [0.1, 0.4, 0.7, 1.0, 1.3], "system": ["direct", "think"], "max_tokens": [12, 40]}
    found = tuned(adder, additions(60), dials, "40 trials, 9000 calls", strategy="grid", scheduler="knockout",
                  stopping="none")  # fmt: skip
    search = [r for r in found.study.trials if r.stage in (tl.Stage.SEARCH, tl.Stage.BASELINE)]
    assert len(search) == 20
    asked = sorted(len(r.reports) for r in search)
    blocks = asked[-1]
    assert asked[-4:] == [blocks] * 4, "three and the default in full"
    assert sum(asked) == blocks + taken(19, blocks)
    # An answer that was asked for twice would be another call, since answers vary.
    sealed = sealed_of(additions(60))
    size = 42 / blocks
    of_search = [body for body in adder.bodies if body["messages"][-1]["content"] not in sealed]
    select = sum(r.cost for r in found.study.trials if r.stage is tl.Stage.SELECT)
    assert len(of_search) == pytest.approx(sum(asked) * size + select, abs=len(search))
    assert sum(r.cost for r in search) == len(of_search) - select
    assert found.study.verdict.outcome == "improved"


def test_tokens_are_no_more_than_they_were_told_to_be_whatever_is_asked_beforehand():
    adder = Adder()
    found = tuned(adder, additions(60), budget="3k tokens", preflight=False)
    assert found.study.verdict is not None
    assert found.study.stage("items")["asked"] < 42
    assert found.study.stage("llm")["spent"]["tokens"] <= 3000


def test_how_many_items_are_asked_is_kept_when_a_study_goes_on(tmp_path):
    given = {"store": tmp_path / "s.db", "prices": "in=1000/M,out=1000/M", "preflight": True, "cache": Cache()}
    first = tuned(Adder(), budget="$4", **given)
    kept = first.study.stage("items")["asked"]
    assert 24 <= kept < 70
    again = tuned(Adder(), budget="$4", **given)
    assert again.study.stage("items")["asked"] == kept
    assert len(again.study.trials) == len(first.study.trials)


@pytest.mark.parametrize("preflight", [False, True])
@pytest.mark.parametrize(
    ("budget", "unit"), [("$50, 700 calls", "calls"), ("$0.05, 9000 calls", "money"), ("40k tokens, $9", "tokens")]
)
def test_of_several_limits_the_one_that_is_used_up_first_is_counted_and_leaves_room_for_the_verdict(
    budget, unit, preflight
):
    found = tuned(Adder(), additions(60), budget=budget, prices="in=2/M,out=4/M", preflight=preflight)
    assert found.study.verdict is not None
    assert found.study.verdict.interval is not None
    assert found.study.stage("items")["unit"] == unit
    spent = found.study.stage("llm")["spent"]
    assert spent["calls"] <= {"$50, 700 calls": 700, "$0.05, 9000 calls": 9000}.get(budget, math.inf)
    assert spent["money"] <= {"$0.05, 9000 calls": 0.05}.get(budget, 9.0)


def test_where_the_default_tells_that_another_limit_is_used_up_first_its_trial_takes_what_it_took():
    adder = Adder()
    # Answers may take 40 tokens, and take three: by what they may take tokens are used up first, by what they do calls.
    found = tuned(adder, additions(60), budget="6k tokens, 300 calls")
    assert found.study.stage("items")["unit"] == "calls"
    assert found.study.trials[0].cost == found.study.stage("items")["asked"]
    assert found.study.spent["cost"] == adder.calls
    assert found.study.verdict is not None


def test_a_preflight_that_would_leave_nothing_to_verify_with_is_left_out_aloud():
    adder = Adder()
    tuning = prepare(additions(60), DIALS, endpoint=adder, budget="120 calls", model="m", defaults=DEFAULTS,
                     scorer="number", store="memory")  # fmt: skip
    said = list(tuning.found())
    assert [line.partition(",")[0] for line in said if line.startswith("preflight")] == ["preflight: left out"]
    assert adder.calls == 0
    study = tuning.study()
    for _ in tuning.events(study):
        pass
    tuning.close()
    assert study.verdict is not None
    assert adder.calls <= 120


class Wordy(Adder):
    """So many tokens more are in an answer to some of the questions."""

    def __init__(self, questions, tokens):
        super().__init__()
        self.questions, self.tokens = questions, tokens

    async def __call__(self, body):
        reply = await super().__call__(body)
        reply["usage"]["completion_tokens"] += self.tokens * (body["messages"][-1]["content"] in self.questions)
        return reply


@pytest.mark.parametrize(
    ("budget", "more", "examples", "is_default"),
    [(2600, 30, 18, True), (4000, 0, 18, False), (4000, 36, 17, False), (4500, 30, 18, False)],
)
def test_a_verdict_is_reached_where_sealed_answers_take_more_than_the_search_lets_expect(
    budget, more, examples, is_default
):
    suite = additions(60)
    found = tuned(Wordy(sealed_of(suite), more), suite, ["system=direct,think"], f"{budget} tokens")
    verdict, kept = found.study.verdict, found.study.stage("llm")
    assert (verdict.examples, verdict.same_configuration) == (examples, is_default)
    assert kept["sealed"]["items"] == examples
    assert kept["spent"]["tokens"] <= budget
