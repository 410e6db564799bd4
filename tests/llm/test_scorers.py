"""Scorers: right answers score 1, wrong ones 0, and what a scorer needs of an item is asked for before any answer."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trialist.errors import ScoringError, SuiteError
from trialist.llm.grading.extracted import chosen_letter, last_number
from trialist.llm.grading.structure import values_in
from trialist.llm.grading.text import Normalise, word_f1
from trialist.llm.item import Item, Message
from trialist.llm.scorer import check_suite
from trialist.llm.scorers import NAMES, scorer_of


def item(target=None, **more) -> Item:
    return Item("7", (Message("user", "Q?"),), target, **more)


def score(scorer, target, text, **more) -> float:
    found = scorer_of(scorer) if isinstance(scorer, str) or not hasattr(scorer, "said") else scorer
    check_suite([item(target, **more)], found)
    return asyncio.run(found.score(item(target, **more), text))


@pytest.mark.parametrize(
    ("scorer", "target", "right", "wrong"),
    [
        (scorer_of("exact"), "two  words", " two words\n", "Two words"),
        (scorer_of("exact"), "caf\u00e9", "cafe\u0301", "cafe"),
        (scorer_of("exact", normalise="strict"), "a", "a", "a "),
        (scorer_of("exact", normalise="words"), "The Eiffel Tower", "eiffel tower.", "eiffel towers"),
        (scorer_of("exact"), ("a", "b"), "b", "a b"),
        (scorer_of("exact"), 42, "42", "42.0"),
        (scorer_of("exact"), 42.0, "42", "4.2"),
        (scorer_of("exact"), True, "true", "True"),
        (scorer_of("exact"), {"a": [1, 2]}, '{"a":[1,2]}', '{"a":[2,1]}'),
        (scorer_of("exact", value="x"), None, "x", "y"),
        (scorer_of("contains"), "Paris", "It is Paris.", "paris"),
        (scorer_of("contains", case=False), ("x", "Paris"), "It is PARIS.", "London"),
        (scorer_of("contains", every=True), ("a", "b"), "b a", "a"),
        (scorer_of("starts-with"), "Yes", "Yes, it is", "Oh yes"),
        (scorer_of("regex"), r"^\d+$", "12", "12a"),
        (scorer_of("regex", pattern="yes", case=False), None, "YES", "no"),
        (scorer_of("number"), 85, "5+8=13, so 85.", "85 or 86"),
        (scorer_of("number"), "about 1,234.5 m", "$1,234.50", "1234"),
        (scorer_of("number"), (1, 2), "2", "3"),
        (scorer_of("number", absolute=0.5), 10, "10.5", "10.51"),
        (scorer_of("number", relative=0.01), -200, "so it is -198", "198"),
        (scorer_of("number", value=3), None, "3.0", "no number"),
        (scorer_of("json"), None, '{"a": NaN}'.replace("NaN", "1"), '{"a": NaN}'),
        (scorer_of("json"), {"type": "array"}, "```json\n[1]\n```", "{}"),
        (scorer_of("json", schema={"required": ["a"]}), "any", '{"a": 0}', '{"b": 0}'),
        (scorer_of("json", contained=True), {"type": "object"}, 'So [1] and {"a": {}} it is', "So [1] it is"),
        (scorer_of("choice"), "B", "The answer is (b).", "C"),
        (scorer_of("choice", letters=10), "(J)", "Answer: J", "Answer: A"),
        (scorer_of("f1"), "the cat sat", "A cat sat.", "dogs"),
    ],
    ids=lambda value: value.said[:40] if hasattr(value, "said") else str(value)[:20],
)  # fmt: skip
def test_right_answers_score_1_and_wrong_ones_0(scorer, target, right, wrong):
    assert score(scorer, target, right) == 1 and score(scorer, target, wrong) == 0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7+8=15 4+3+1=8 so 85", 85), ("$1,234.50 in all", 1234.5), ("about -3e2", -300), ("x = \u22122", -2),
        ("10-5", 5), ("1,2,3", 3), ("12,345,678", 12345678), ("3.14.", 3.14), (".5", 0.5), ("-.5", -0.5), ("-$5", -5),
        ("CO2", None), ("85km", 85), ("50%", 50), ("1e-4", 1e-4), ("#### 42", 42), ("\\boxed{42}", 42), ("**42**", 42),
        ("(-5)", -5), ("2024-05", 5), ("so 85 (see step2)", 85), ("+7", 7), ("It is 1,000.", 1000), ("1,000,", 1000),
        ("答案是85", 85), ("1e999", None), ("none", None), ("", None), ("\u0663", None), ("9" * 5000, None),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_the_last_number_of_an_answer(text, number):
    assert last_number(text) == number


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["{}", "so {}.", "= {}\n", "**{}**", "[{}]", "1, {}"]),
)
def test_any_number_is_found_as_it_was_written(number, around):
    assert last_number(around.format(number)) == number
    assert last_number(around.format(f"{number:,.3f}")) == float(f"{number:.3f}")


@given(st.text(max_size=200))
def test_any_text_has_a_number_or_none_and_scores_in_the_unit_interval(text):
    assert last_number(text) is None or math.isfinite(last_number(text))
    for name, target in (("exact", "a"), ("f1", "a b"), ("choice", "A"), ("number", 1), ("contains", "a")):
        assert 0 <= score(name, target, text) <= 1


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"), ("b", "B"), ("(C)", "C"), ("C.", "C"), ("**D**", "D"), ("D) Paris", "D"), ("B. Paris is", "B"),
        ("The answer is B", "B"), ("The answer is (b).", "B"), ("The answer is A because dogs bark.", "A"),
        ("The correct answer is **C**.", "C"), ("Answer: D", "D"), ("Final answer: \\boxed{B}", "B"),
        ("$\\boxed{\\text{C}}$", "C"), ("I think A dog is it, so D", "D"), ("A dog bites: D", "D"), ("A cat.", None),
        ("I do not know", None), ("", None), ("None of these", None), ("A: no. B: no. So the answer must be C", "C"),
        ("Option (B) is correct", "B"), ("It's C", "C"), ("My choice: A.", "A"), ("answer is a dog", None),
        ("The best answer is option D: it holds", "D"), ("**Answer: (A)**", "A"), ("<answer>B</answer>", "B"),
        ("```\nC\n```", "C"), ("A\n\nBecause...", "A"), ("D, since B and C are wrong", "D"), ("F", None),
        ("The answer is B. No, wait. The answer is C.", "C"), ("答案是B", "B"), ("I'd go with E", "E"),
    ],
)  # fmt: skip
def test_the_letter_that_an_answer_chooses(text, letter):
    assert chosen_letter(text) == letter


def test_choices_may_be_told_by_their_text():
    choices = {"metadata": {"choices": ["London", "Paris", "New York"]}}
    assert score("choice", "Paris", "It is Paris of course.", **choices) == 1
    assert score("choice", "Paris", "It is London or Paris.", **choices) == 0
    assert score("choice", "b", "B", **choices) == 1
    for target in ("D", "Rome", 1):
        with pytest.raises(SuiteError, match="is no choice"):
            score("choice", target, "B", **choices)


def test_f1_is_that_of_squad():
    # Hand-computed: 2 shared words, 3 in the one and 2 in the other text.
    assert word_f1("the cat sat down", "a cat sat") == pytest.approx(2 * 2 / (3 + 2))
    assert (
        word_f1("", "") == 1 and word_f1("x", "") == 0 and word_f1("a a b", "a b b") == pytest.approx(1.0 * 2 * 1 / 3)
    )
    assert score("f1", ("x", "cat sat"), "cat sat") == 1


@example("C:\u0327", "")  # a letter and its mark, which only punctuation kept apart
@given(st.text(), st.text())
def test_normalised_texts_stay_and_f1_is_symmetric(a, b):
    for normalise in Normalise:
        assert normalise.of(normalise.of(a)) == normalise.of(a)
    assert word_f1(a, b) == pytest.approx(word_f1(b, a))


def test_json_is_found_where_it_stands():
    text = 'First {"a": {"b": 1}}, then ```json\n[2]\n``` and {broken, {"c": "}"}'
    assert list(values_in(text)) == [{"a": {"b": 1}}, [2], {"c": "}"}]
    assert list(values_in("[" * 100_000)) == []
    assert len(list(values_in("{} " * 5000))) <= 200


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_json_object_is_found_inside_text(value):
    assert list(values_in(f"So: {json.dumps([value])}. Done")) == [[value]]


@pytest.mark.parametrize(
    ("make", "target", "problem"),
    [
        (lambda: scorer_of("exact"), None, r"item '7': no target, which the scorer 'exact' needs"),
        (lambda: scorer_of("contains"), "", "an empty target, which every answer contains"),
        (lambda: scorer_of("number"), "many", "the target 'many' is no number"),
        (lambda: scorer_of("number"), float("nan"), "the target nan is no number"),
        (lambda: scorer_of("number"), True, "the target True is no number"),
        (lambda: scorer_of("regex"), "(", "is no regular expression"),
        (lambda: scorer_of("json"), {"type": "objekt"}, "no JSON schema: at type"),
        (lambda: scorer_of("choice"), "F", "the target 'F' is no choice.*A to E"),
        (lambda: scorer_of("checks"), "x", "no checks of its own"),
        (lambda: scorer_of("number", absolute=-1), 1, "absolute: -1 is no tolerance"),
        (lambda: scorer_of("number", absolut=1), 1, "number has no option 'absolut'. Did you mean 'absolute'?"),
        (lambda: scorer_of("exact", normalise="all"), 1, "normalise: 'all' is unknown"),
        (lambda: scorer_of("json", schema={"type": 1}), 1, "schema: no JSON schema"),
        (lambda: scorer_of("regex", pattern="["), 1, "pattern: '\\[' is no regular expression"),
        (lambda: scorer_of("choice", letters=27), 1, "letters: 27"),
        (lambda: scorer_of("exakt"), 1, "'exakt' is unknown. Did you mean 'exact'"),
        (lambda: scorer_of("python"), 1, "Give the function itself"),
        (lambda: scorer_of("cost"), 1, "cost cannot be made"),
        (lambda: scorer_of(7), 1, "7 is no scorer"),
        (lambda: scorer_of(lambda: 1), 1, "takes neither"),
        (lambda: scorer_of(len, case=1), 1, "options .* are for scorers by name"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_told_before_any_answer(make, target, problem):
    with pytest.raises(SuiteError, match=problem):
        check_suite([item(target)], make())


def test_the_first_item_that_cannot_be_scored_is_named_and_the_others_counted():
    items = [Item(str(n), (Message("user", "Q"),), target) for n, target in enumerate(("a", None, None))]
    with pytest.raises(SuiteError, match=r"item '1': no target.*\(so are 1 others of 3 items\)"):
        check_suite(items, scorer_of("exact"))


def test_what_a_schema_refers_to_is_not_fetched():
    asked = []

    class Listening(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args):
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Listening) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        scorer = scorer_of("json", schema={"$ref": f"http://127.0.0.1:{server.server_port}/schema.json"})
        try:
            with pytest.raises(SuiteError, match="which it does not hold"):
                score(scorer, None, "{}")
        finally:
            server.shutdown()
    assert asked == []
    inside = {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}}
    assert score(scorer_of("json", schema=inside), None, "{}") == 1


async def slow_scorer(text, item):
    await asyncio.sleep(0)
    return text == item.target


def test_a_python_function_scores_sync_or_async():
    assert score(lambda text: 0.25, None, "x") == 0.25
    assert score(lambda text, item: item.id == "7", None, "x") == 1
    assert score(slow_scorer, "x", "x") == 1 and score(slow_scorer, "x", "y") == 0

    class Grader:
        def __call__(self, text, item):
            return {"score": 0.5}

    assert score(Grader(), None, "x") == 0.5


def test_plain_functions_run_one_after_the_other_beside_the_loop():
    threads, inside, most = set(), 0, 0

    def busy(text):
        nonlocal inside, most
        threads.add(threading.get_ident())
        inside += 1
        most = max(most, inside)
        sum(range(10_000))
        inside -= 1
        return True

    async def several():
        scorer = scorer_of(busy)
        return await asyncio.gather(*(scorer.score(item(), str(n)) for n in range(20)))

    assert asyncio.run(several()) == [1.0] * 20
    assert most == 1 and threading.get_ident() not in threads and len(threads) == 1


@pytest.mark.parametrize("result", [1.5, -0.1, float("nan"), "yes", None, [1], {"reason": "x"}])
def test_a_result_that_is_no_score_is_told(result):
    with pytest.raises(ScoringError, match="the scorer returned"):
        score(lambda text: result, None, "x")


def test_a_function_that_raises_says_nothing_of_the_answer():
    with pytest.raises(ScoringError, match=r"the scorer raised ZeroDivisionError") as caught:
        score(lambda text: 1 / 0, None, "x")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_every_scorer_says_how_it_scores_with_its_options():
    said = {name: scorer_of(name).said for name in NAMES if name not in ("python", "judge", "cost", "latency")}
    assert all(text.startswith(name) for name, text in said.items())
    pairs = [("exact", {"normalise": "words"}), ("contains", {"case": False}), ("number", {"absolute": 1.0}),
             ("json", {"schema": {"type": "object"}}), ("choice", {"letters": 4}), ("checks", {"every": True}),
             ("regex", {"pattern": "x"}), ("starts-with", {"case": False}), ("f1", {"value": "x"})]  # fmt: skip
    for name, options in pairs:
        assert scorer_of(name, **options).said != said[name]
    one = scorer_of(lambda text: 1)
    other = scorer_of(lambda text: 0)
    assert one.said != other.said


@pytest.mark.parametrize(
    "text",
    [
        "answer is" + "*" * 5000,
        "*(" * 5000,
        "A " * 5000,
        "1," * 5000,
        "-" * 5000,
        "{" * 5000,
        '{"a":[' * 5000,
        "```json\n" * 5000,
    ],
    ids=lambda text: text[:9],
)
def test_no_answer_takes_forever(text):
    """Answers are a model's: a pattern that backtracks without end on one of these would never come back."""
    assert chosen_letter(text) in ("A", None) and last_number(text) in (1, None) and len(list(values_in(text))) == 0
