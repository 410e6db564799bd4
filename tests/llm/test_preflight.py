"""Preflight: what acts is found to act, what does nothing is said to do nothing with its error, refusals are quoted."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.llm.toy import HONOURS, Toy, sums
from tests.llm.wire import completion
from trialist.errors import BudgetUsedError, EndpointError, InputError
from trialist.llm.client import Client
from trialist.llm.endpoint import CallError
from trialist.llm.pace import Pace
from trialist.llm.paired import Answered, Pairs, Plant, distance, p_value, power
from trialist.llm.preflight import UNKNOWN_FIELDS, Effort, Treatment, preflight
from trialist.llm.prices import Prices
from trialist.llm.purse import Purse
from trialist.numerics.keys import Key

DIALS = {"temperature": [0, 0.7, 1.3], "top_p": [0.3, 1], "top_k": [1, 40], "max_tokens": [12, 24], "stop": ["\n"],
         "seed": [1, 2, 3], "reasoning_effort": ["low", "high"]}  # fmt: skip


def flown(server, dials=DIALS, items=8, effort=None, settings=None, **options):
    client = Client(server, pace=Pace(tries=1), **options)
    found = asyncio.run(
        preflight(client, dials, sums(items), model="m", settings=settings, effort=effort, key=Key(1, -1))
    )
    assert [finding.dial for finding in found] == [*dials, UNKNOWN_FIELDS]
    return {finding.dial: finding for finding in found}, client


def test_dials_that_act_are_found_and_the_one_that_does_nothing_is_ignored():
    found, client = flown(Toy())
    assert {name: found[name].treatment for name in HONOURS} == dict.fromkeys(HONOURS, Treatment.HONOURED)
    assert found["reasoning_effort"].treatment is Treatment.IGNORED
    assert "without effect" in found["reasoning_effort"].reason and found["reasoning_effort"].p > 0.1
    assert "changes 50% of the answers would be noticed" in found["reasoning_effort"].reason
    assert found[UNKNOWN_FIELDS].treatment is Treatment.IGNORED
    assert sum(finding.calls for finding in found.values()) == client.spent.calls


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("default", [0.0, 1.0])
def test_a_server_that_takes_everything_and_does_nothing_has_no_dial_that_is_honoured(default, long):
    """Of seven dials, by chance alone about one in ten is unclear, and one in fifty seems to act."""
    found, _ = flown(Toy(honours=(), default=default, long=long, seed=3), settings={"temperature": 1})
    treatments = [found[name].treatment for name in DIALS]
    assert treatments.count(Treatment.IGNORED) >= 4
    assert treatments.count(Treatment.HONOURED) <= 1


def test_where_settings_are_greedy_dials_of_chance_are_tried_where_there_is_chance():
    dials = {"top_p": [0.3, 1], "seed": [1], "top_k": [1, 40]}
    found, _ = flown(Toy(sharp=0.5), dials, settings={"temperature": 0})
    assert {found[name].treatment for name in dials} == {Treatment.HONOURED}


def test_a_refused_dial_is_told_with_the_server_s_words_and_asked_no_more():
    found, _ = flown(Toy(rejects={"top_k": "all", "trialist_unknown_field": "all"}))
    assert found["top_k"].treatment is Treatment.REJECTED
    assert "422: top_k is not supported" in found["top_k"].reason
    assert found["top_k"].rejected == (1, 40) and found["top_k"].calls == 2
    assert found[UNKNOWN_FIELDS].treatment is Treatment.REJECTED


def test_a_dial_that_is_refused_at_one_level_alone_says_which():
    found, _ = flown(Toy(rejects={"temperature": [0]}), {"temperature": [0, 1]})
    assert found["temperature"].treatment is Treatment.REJECTED and found["temperature"].rejected == (0,)
    assert "temperature=1 is not" in found["temperature"].reason


def test_a_model_that_refuses_every_temperature_has_its_other_dials_tried_without():
    found, _ = flown(Toy(rejects={"temperature": "all"}, sharp=0.6), {"top_p": [0.3, 1], "temperature": [0, 1.3]})
    assert found["temperature"].treatment is Treatment.REJECTED
    assert found["top_p"].treatment is Treatment.HONOURED


def test_a_probe_beyond_the_dial_s_own_levels_that_is_refused_is_no_refusal_of_the_dial():
    found, _ = flown(
        Toy(rejects={"max_tokens": [1], "temperature": [0]}), {"max_tokens": [2, 24], "temperature": [0.1, 2]}
    )
    assert found["max_tokens"].treatment is found["temperature"].treatment is Treatment.HONOURED
    assert (found["max_tokens"].levels, found["temperature"].levels) == ((2, 24), (0.1, 2))


def test_a_narrow_range_of_a_dial_that_acts_is_no_dial_that_does_nothing():
    found, _ = flown(
        Toy(sharp=0.6), {"temperature": [0.6, 0.7], "top_p": [0.95, 1], "top_k": [30, 40], "max_tokens": [24]}
    )
    assert {found[name].treatment for name in ("temperature", "top_p", "top_k", "max_tokens")} == {Treatment.HONOURED}


def test_a_status_of_500_for_a_level_is_a_refusal_where_the_server_answers_without():
    async def server(body):
        if body.get("temperature") == -1:
            raise CallError("500: internal error", 500)
        return completion("x")

    found, _ = flown(server, {"temperature": [-1, 1]})
    assert found["temperature"].treatment is Treatment.REJECTED and "internal error" in found["temperature"].reason


def test_a_server_that_fails_at_everything_says_nothing_about_a_dial():
    async def server(body):
        raise CallError("500: down", 500)

    found, _ = flown(server, {"temperature": [0, 1]})
    assert {finding.treatment for finding in found.values()} == {Treatment.UNCLEAR}


@pytest.mark.parametrize("effort", [Effort(looks=(2,), answers=2), Effort(looks=(3,), answers=2)])
def test_too_few_answers_never_make_a_dial_ignored(effort):
    found, _ = flown(Toy(), {"reasoning_effort": ["low", "high"], "verbosity": ["low", "high"]}, effort=effort)
    assert found["reasoning_effort"].treatment is found["verbosity"].treatment is Treatment.UNCLEAR


@pytest.mark.parametrize("seed", range(6))
def test_a_dial_that_acts_on_a_model_that_is_nearly_sure_is_not_called_ignored(seed):
    found, _ = flown(Toy(sharp=3.0, seed=seed), {"temperature": [0, 1.3]})
    assert found["temperature"].treatment is not Treatment.IGNORED


def test_costs_are_told_and_a_second_preflight_is_free():
    cache_of = Client(Toy()).cache
    prices, server = Prices.of("in=1/M,out=1/M"), Toy()
    found, client = flown(server, prices=prices, cache=cache_of)
    assert sum(finding.cost for finding in found.values()) == pytest.approx(client.spent.money)
    assert client.spent.money > 0
    calls = server.calls
    again, _ = flown(server, prices=prices, cache=cache_of)
    assert server.calls == calls and {finding.cost for finding in again.values()} == {0.0}
    assert [f.treatment for f in again.values()] == [f.treatment for f in found.values()]


def test_a_used_budget_and_a_refused_key_end_it():
    with pytest.raises(BudgetUsedError):
        flown(Toy(), purse=Purse(calls=20))

    async def server(body):
        raise CallError("401: who", 401)

    with pytest.raises(EndpointError):
        flown(server)


def test_what_cannot_be_tried_is_refused_by_name():
    for dials, items, field in (({"top_p": []}, 8, "top_p"), ({"top_p": [1]}, 1, "items")):
        with pytest.raises(InputError, match=field):
            flown(Toy(), dials, items=items)
    for wrong in ({"looks": ()}, {"looks": (1,)}, {"looks": (8, 3)}, {"answers": 1}):
        with pytest.raises(InputError, match="effort"):
            Effort(**wrong)


def drawn(seed: int, items: int, answers: int, kinds: int) -> list[tuple[list[Answered], list[Answered]]]:
    """Answers of which chance alone tells a's from b's: each item has so many that are about as likely."""
    draw = random.Random(seed)

    def one(item: int) -> Answered:
        text = f"{item} {draw.randrange(kinds)}"
        return Answered(text, len(text) + draw.randrange(3))

    return [([one(i) for _ in range(answers)], [one(i) for _ in range(answers)]) for i in range(items)]


@pytest.mark.parametrize("kinds", [2, 1000])
def test_where_all_is_alike_p_is_at_most_a_tenth_as_often_as_it_may_be(kinds):
    ps = [p_value(Pairs.of(drawn(seed, 6, 3, kinds)), Key(seed, 0), 99) for seed in range(400)]
    # 400 draws at 0.1: 40, with a standard deviation of 6.
    assert 0.1 * 400 - 4 * 6 < sum(p <= 0.1 for p in ps) < 0.1 * 400 + 4 * 6


def test_what_differs_in_text_in_variety_or_in_length_alone_is_noticed():
    same = [([Answered("x", 1)] * 3, [Answered("x", 1)] * 3) for _ in range(6)]
    text = [([Answered("x", 1)] * 3, [Answered("y", 1)] * 3) for _ in range(6)]
    variety = [([Answered("x", 1)] * 3, [Answered(f"x{k}", 1) for k in range(3)]) for _ in range(6)]
    length = [([Answered("x", 1)] * 3, [Answered("x", 9)] * 3) for _ in range(6)]
    p = [p_value(Pairs.of(pairs), Key(0, 0)) for pairs in (same, text, variety, length)]
    assert p[0] == 1.0 and max(p[1:]) < 0.01
    assert Pairs.of(variety).agreement == (1.0, 0.0)


def test_power_grows_with_the_effect_and_is_the_error_rate_without_one():
    pairs = Pairs.of(drawn(0, 8, 4, 3))
    chance, half, all_of_it = (power(pairs, Plant.CHANGES, share, 0.05, Key(0, 0)) for share in (0.0, 0.5, 1.0))
    assert chance < 0.15 < 0.4 < half < 0.9 < all_of_it
    assert power(pairs, Plant.REPEATS, 0.9, 0.05, Key(0, 0)) > 0.9
    constant = Pairs.of(drawn(0, 8, 4, 1))
    assert power(constant, Plant.REPEATS, 0.9, 0.05, Key(0, 0)) < 0.3  # its spread over pools, not its bound


def test_distances_are_symmetric_from_nothing_to_one_and_larger_for_what_shares_less():
    assert distance("", "") == distance("abc", "abc") == 0.0
    assert distance("abc", "xyz") == 1.0 == distance("", "xyz")
    near, far = distance("so it is 42", "so it is 43"), distance("so it is 42", "no idea at all")
    assert 0.5 < near < far <= 1.0 and near == distance("so it is 43", "so it is 42")


def test_where_every_call_is_refused_for_good_the_preflight_ends_all_with_what_was_said():
    async def server(body):
        raise CallError("404: there is no model m", 404)

    with pytest.raises(EndpointError, match=r"404: there is no model m\. Check the address, the model's name"):
        asyncio.run(preflight(Client(server), DIALS, sums(8), model="m"))
