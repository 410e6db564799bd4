"""The recipe: what is sent for an item, what it is shown, how votes are counted; and the blocks that items are in."""

from collections import Counter

import pytest

from tests.llm.adder import additions
from trialist.errors import InputError, SuiteError
from trialist.llm.blocks import blocks_of, count_of
from trialist.llm.dialspace import dials_of
from trialist.llm.grading.extracted import Choice, Number
from trialist.llm.item import Item, Message
from trialist.llm.recipe import Recipe, extract_of, majority


def recipe(written, defaults=None, items=(), **more):
    return Recipe(dials_of(written, defaults), tuple(items), "m", **more)


def test_a_configuration_is_sent_as_it_is():
    made = recipe(["temperature=0..1.3", "system=direct,think"], {"max_tokens": 24})
    item = Item("1", (Message("system", "old"), Message("user", "1+2")))
    params = {"temperature level": "range", "temperature": 0.7, "system": "think"}
    (request,) = made.requests(params, item)
    assert request.settings == {"max_tokens": 24, "temperature": 0.7}
    assert [(m.role, m.content) for m in request.messages] == [("system", "think"), ("user", "1+2")]


def test_the_items_own_system_prompt_stands_where_none_is_tuned():
    item = Item("1", (Message("system", "old"), Message("user", "1+2")))
    (request,) = recipe(["max_tokens=12,24"]).requests({"max_tokens": 12}, item)
    assert request.messages == item.messages


def test_templates_are_filled_in_with_the_question_and_the_suites_variables():
    item = Item("1", (Message("user", "Why?"),), metadata={"vars": {"tone": "short"}})
    made = recipe({"template": {"a": "{{ question }} Be {{ tone }}.", "b": "Q: {{ input }}"}})
    texts = [made.requests({"template": name}, item)[0].messages[-1].content for name in ("a", "b")]
    assert texts == ["Why? Be short.", "Q: Why?"]


def test_a_variable_that_no_item_has_is_told_before_anything_is_asked():
    made = recipe({"template": {"a": "{{ question }}", "b": "{{ nothing }}"}})
    with pytest.raises(SuiteError, match="nothing"):
        made.check([Item("1", (Message("user", "Why?"),))])


def test_shots_are_other_items_of_other_groups_in_an_order_that_is_the_same_for_all():
    items = additions(30, groups=6).items
    made = recipe(["shots=0..4", "shot_order=0,1,2"], items=items)
    params = {"shots": 4, "shot_order": 1}
    for item in items:
        shown = made.shots(params, item)
        assert len(shown) == 4
        assert all(each.id != item.id and each.group != item.group for each in shown)
    # Who is in the way of nobody is shown to nearly all, so that a server's own cache of prefixes helps.
    first = Counter(made.shots(params, item)[0].id for item in items)
    assert first.most_common(1)[0][1] >= 25
    other = made.shots({"shots": 4, "shot_order": 2}, items[0])
    assert other != made.shots(params, items[0])


def test_shots_come_as_questions_with_their_answers():
    items = additions(10).items
    made = recipe(["shots=0..2"], items=items)
    (request,) = made.requests({"shots": 2}, items[0])
    roles = [message.role for message in request.messages]
    assert roles == ["user", "assistant", "user", "assistant", "user"]
    a, b = request.messages[0].content.split("+")
    assert request.messages[1].content == str(int(a) + int(b))
    assert request.messages[-1].content == items[0].question


def test_too_many_shots_are_told_before_anything_is_asked():
    items = additions(4).items
    with pytest.raises(SuiteError, match="4 shots"):
        recipe(["shots=0..4"], items=items).check(items)


def test_five_votes_take_up_what_three_were_answered():
    made = recipe(["votes=1,3,5"], {"temperature": 1.0})
    item = additions(1).items[0]
    one, three, five = (made.requests({"votes": n}, item) for n in (1, 3, 5))
    assert five[:3] == three
    assert three[:1] == one
    assert len({request.replicate for request in five}) == 5
    again = made.requests({"votes": 5}, item, replicate=1)
    assert {r.replicate for r in again}.isdisjoint(r.replicate for r in five)


def test_a_greedy_configuration_is_the_same_request_in_every_run():
    made = recipe(["temperature=0,1", "votes=1,3"])
    item = additions(1).items[0]
    assert made.requests({"temperature": 0}, item, 5) == made.requests({"temperature": 0}, item, 0)
    warm = {"temperature": 1, "votes": 1}
    assert made.requests(warm, item, 5) != made.requests(warm, item, 0)


def test_the_majority_counts_what_answers_come_down_to():
    item = Item("1", (Message("user", "?"),), metadata={"choices": ["red", "green"]})
    number, choice, text = (extract_of(scorer) for scorer in (Number(), Choice(), object()))
    assert majority(["so 4", "it is 5", "5.0"], lambda t: number(item, t)) == 1
    assert majority(["A", "(b)", "The answer is B."], lambda t: choice(item, t)) == 1
    assert majority(["Paris", "Rome", " paris. "], lambda t: text(item, t)) == 0
    assert majority(["none", "7"], lambda t: number(item, t)) == 1, "what says nothing has no vote"
    assert majority(["1", "2"], lambda t: number(item, t)) == 0, "of ties the first"


def test_a_model_has_to_be_named():
    with pytest.raises(InputError, match="model"):
        Recipe(dials_of(["max_tokens=12,24"]), ())
    assert recipe(["model=a,b"]).requests({"model": "b"}, additions(1).items[0])[0].model == "b"


@pytest.mark.parametrize(("n", "groups"), [(40, 0), (200, 0), (61, 7), (100, 30)])
def test_blocks_hold_all_items_and_whole_groups(n, groups):
    suite = additions(n, groups)
    count = count_of(n, len(set(suite.groups)))
    blocks = blocks_of(suite.items, suite.groups, count, seed=3)
    assert len(blocks) == count
    assert sorted(item.id for block in blocks for item in block) == sorted(item.id for item in suite.items)
    assert blocks == blocks_of(suite.items, suite.groups, count, seed=3)
    assert blocks != blocks_of(suite.items, suite.groups, count, seed=4)
    sizes = [len(block) for block in blocks]
    if groups:
        where = {item.id: k for k, block in enumerate(blocks) for item in block}
        homes = {group: {where[i.id] for i in suite.items if i.group == group} for group in suite.groups}
        assert all(len(home) <= 1 for home in homes.values())
    else:
        assert max(sizes) - min(sizes) <= 1
