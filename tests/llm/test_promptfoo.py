"""promptfoo's YAML: prompts, variables, default tests and assertions mean here what they mean there, or are refused."""

from __future__ import annotations

import asyncio

import pytest

from trialist.errors import ScoringError, SuiteError
from trialist.llm.item import Measured, Message
from trialist.llm.scorer import check_suite
from trialist.llm.scorers import scorer_of
from trialist.llm.suite import read_suite


@pytest.fixture
def suite_of(tmp_path):
    """Reads a configuration, with other files beside it."""

    def suite_of(text: str, trust: bool = False, **files: str):
        (tmp_path / "suite.yaml").write_text(text, encoding="utf-8")
        for name, content in files.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return read_suite(tmp_path / "suite.yaml", trust=trust)

    return suite_of


def score(item, text, measured=Measured(0.01, 0.5), **options) -> float:
    return asyncio.run(scorer_of("checks", **options).score(item, text, None, measured))


WHOLE = """\
description: sums
prompts:
  - "Add: {{a}} + {{ b }}"
  - file://prompts/*.txt
providers:
  - id: openai:gpt-4.1
    config: {temperature: 1e-1, max_tokens: 20, apiKey: sk-secret-of-mine, apiHost: example.com}
defaultTest:
  vars: {b: 2, unit: apples}
  assert:
    - {type: latency, threshold: 900}
tests:
  - vars: {a: 1, right: 3}
    assert: &sum
      - {type: equals, value: '{{right}}', weight: 2}
  - description: many
    vars: {a: [2, 3], b: 5, right: x}
    metadata: {group: tens}
    threshold: 0.5
    assert:
      - type: not-contains
        value: sorry
"""


def test_a_configuration_is_a_suite(suite_of):
    suite = suite_of(WHOLE, prompts__one_txt="One {{a}}?\n---\nTwo {{a}} {{unit}}?\n")
    assert [item.question for item in suite.items] == ["Add: 1 + 2", "Add: 2 + 5", "Add: 3 + 5"]
    assert suite.prompts == ("Add: {{a}} + {{ b }}", "One {{a}}?", "Two {{a}} {{unit}}?")
    assert suite.settings == {"temperature": 0.1, "max_tokens": 20}
    first, _, third = suite.items
    assert first.target == "3" and third.target is None and third.group == "tens" and third.threshold == 0.5
    assert first.metadata["vars"] == {"a": 1, "b": 2, "unit": "apples", "right": 3}
    assert [(c.kind, c.weight, c.negated) for c in first.checks] == [("latency", 1, False), ("exact", 2, False)]
    assert first.checks[1].place.endswith("suite.yaml line 15") and first.checks[0].place.endswith("line 11")
    assert "sk-secret-of-mine" not in repr(suite)
    assert [note.split(":")[0] for note in suite.notes] == [
        "Not read, since it concerns how promptfoo runs", "3 prompts", "Not read from the first provider"
    ]  # fmt: skip


def test_scores_are_weighted_means_of_the_checks(suite_of):
    first, _, third = suite_of(WHOLE, prompts__one_txt="x").items
    assert score(first, "3") == 1 and score(first, "4") == pytest.approx(1 / 3)
    assert score(first, "3", Measured(0, 2.0)) == pytest.approx(2 / 3)
    assert score(first, "4", every=True) == 0 and score(first, "3", every=True) == 1
    assert score(third, "sorry") == 1 and score(third, "sorry", Measured(0, 2.0)) == 0  # a threshold of 0.5
    with pytest.raises(ScoringError, match="how long the answer took is not known"):
        score(first, "3", Measured())


@pytest.mark.parametrize(
    ("assertion", "right", "wrong"),
    [
        ("{type: equals, value: Hi}", "Hi", "hi"),
        ("{type: equals, value: {a: [1, true]}}", '{"a": [1, true]}', '{"a": [1, 1]}'),
        ("{type: contains, value: '{{x}}'}", "so it is Paris.", "paris"),
        ("{type: icontains, value: PARIS}", "paris!", "London"),
        ("{type: contains-any, value: [a, b]}", "b", "A"),
        ("{type: contains-any, value: 'a, b'}", "xb", "x, "),
        ("{type: contains-all, value: [a, b]}", "b a", "a"),
        ("{type: icontains-any, value: [a]}", "A", "b"),
        ("{type: icontains-all, value: [a, b]}", "AB", "A"),
        ("{type: starts-with, value: So}", "So it is", " So"),
        ("{type: regex, value: '\\d{2}(?<name>x)(?<=x)'}", "a12x", "1x"),
        ("{type: is-json}", ' {"a": 1}\n', 'x {"a": 1}'),
        ("{type: is-json}", "[]", "```json\n[]\n```"),
        ("{type: contains-any, value: '\"a, b\", c'}", "a, b", "a"),
        ("{type: python, value: \"json.loads(output)['a']\"}", '{"a": true}', '{"a": 0}'),
        ("{type: equals, value: a}, {type: equals, value: b, metricOnly: true}", "a", "b"),
        ("{type: is-json, value: {required: [a]}}", '{"a": 1}', "{}"),
        ("{type: is-json, value: 'type: array'}", "[]", "{}"),
        ("{type: is-json, value: 'file://schema.json'}", "[]", "{}"),
        ("{type: contains-json, value: {type: object}}", "Here: [1] and {}", "[1]"),
        ("{type: not-contains-json}", "none [", "[1] there"),
        ("{type: not-equals, value: a}", "b", "a"),
        ("{$ref: '#/assertionTemplates/short'}", "a", "b"),
        ("{type: assert-set, threshold: 0.5, assert: [{type: equals, value: a}, {type: regex, value: b}]}", "ab", "c"),
        ("{type: assert-set, assert: [{type: contains, value: a}, {type: contains, value: b, weight: 0}]}", "a", "b"),
        ("{type: contains, value: 'file://right.txt'}", "42", "43"),
    ],
)  # fmt: skip
def test_assertions_hold_for_right_answers_and_not_for_wrong_ones(suite_of, assertion, right, wrong):
    head = "prompts: [p]\nassertionTemplates: {short: {type: equals, value: a}}\n"
    text = f"{head}tests: [{{vars: {{x: Paris}}, assert: [{assertion}]}}]"
    (item,) = suite_of(text, trust="python" in assertion, schema_json='{"type": "array"}', right_txt="42\n").items
    check_suite([item], scorer_of("checks"))
    assert score(item, right) == 1 and score(item, wrong) == 0


@pytest.mark.parametrize(("measured", "expected"), [(Measured(0.01, 9), 1), (Measured(0.03, 9), 0)])
def test_cost_is_checked_against_what_was_paid(suite_of, measured, expected):
    (item,) = suite_of("prompts: [p]\ntests: [{assert: [{type: cost, threshold: 0.02}]}]").items
    assert score(item, "x", measured) == expected
    with pytest.raises(ScoringError, match="Give prices"):
        score(item, "x", Measured())


PYTHON = """\
prompts: ["{{q}}"]
tests:
  - vars: {q: 'Why?'}
    assert:
      - type: python
        value: len(output) > 3 and context['vars']['q'] == 'Why?'
      - type: python
        threshold: 0.5
        value: |
          import math
          return {'pass': True, 'score': math.sqrt(0.36)}
      - {type: python, value: "file://grade.py:check", weight: 2}
      - {type: python, value: "file://grade.py"}
"""
GRADE = "def get_assert(output, context):\n    return 1\ndef check(output, context):\n    return output == 'good'\n"


def test_python_runs_only_where_the_suite_is_trusted(suite_of):
    with pytest.raises(SuiteError, match=r"suite.yaml line 5: `python` would run code of the suite.*trust=True"):
        suite_of(PYTHON, grade_py=GRADE)
    (item,) = suite_of(PYTHON, trust=True, grade_py=GRADE).items
    check_suite([item], scorer_of("checks"))
    assert score(item, "good") == 1 and score(item, "x") == pytest.approx(2 / 5)


def test_python_that_cannot_be_read_or_fails_is_told(suite_of):
    text = "prompts: [p]\ntests: [{{assert: [{{type: python, value: '{}'}}]}}]"
    (item,) = suite_of(text.format("1 +"), trust=True).items
    with pytest.raises(SuiteError, match=r"suite.yaml line 2: its Python cannot be read \(SyntaxError"):
        check_suite([item], scorer_of("checks"))
    (item,) = suite_of(text.format("output.none"), trust=True).items
    with pytest.raises(ScoringError, match="raised AttributeError"):
        score(item, "x")
    (item,) = suite_of(text.format("2"), trust=True).items
    with pytest.raises(ScoringError, match="the scorer returned 2"):
        score(item, "x")


def test_prompts_are_chats_where_they_are_json_or_yaml(suite_of):
    text = "prompts: [file://chat.json, file://chat.yaml, file://loop.json]\n"
    text += "tests: [{vars: {q: 'say \"a\"', more: [[1, 2]]}}]"
    chat = '[{"role": "system", "content": "{{q}}!"}, {"role": "user", "content": "{{ q }}"}]'
    loop = (
        '[{% for x in more %}{"role": "user", "content": {{ q | dump }}}{% if not loop.last %},{% endif %}{% endfor %}]'
    )
    suite = suite_of(text, chat_json=chat, chat_yaml="- {role: user, content: 'Y {{q}}'}\n", loop_json=loop)
    assert suite.items[0].messages == (Message("system", 'say "a"!'), Message("user", 'say "a"'))
    assert len(suite.prompts) == 3
    (item,) = suite_of(text.replace("file://chat.json, file://chat.yaml, ", "")).items
    assert item.messages == (Message("user", 'say "a"'),) * 2


def test_variables_come_from_files_and_options_go_round_the_prompt(suite_of):
    text = """\
prompts: ["{{doc}} {{data.k}} {{n}}"]
tests:
  - vars: {doc: "file://docs/*.txt", data: "file://d.json", n: [1, 2]}
    options: {prefix: "<", suffix: ">"}
  - vars: {doc: d, data: {k: 0}, n: [1, 2]}
    options: {disableVarExpansion: true}
"""
    suite = suite_of(text, docs__a_txt="A\n", docs__b_txt="B", d_json='{"k": 7}')
    assert [i.question for i in suite.items] == ["<A 7 1>", "<A 7 2>", "<B 7 1>", "<B 7 2>", "d 0 [1, 2]"]


def test_a_prompt_is_a_file_only_where_it_is_one_word(suite_of):
    suite = suite_of("prompts: [Summarise notes.txt, short.txt]\ntests: [{}]", short_txt="From the file")
    assert suite.prompts == ("Summarise notes.txt", "From the file")


CSV = """\
q,__expected,__expected2,__description,__threshold,__metadata:topic,__metadata:tags[],__prefix
1+1,2,,first,0,sums,"a,b\\,c",
2+2,"contains-any: four, 4",not-contains: five,,0.5,,,Add:\x20
3+3,is-json,latency: 100,,,,,
Which?,note: no type,llm-rubric(0.8): is kind,,,,,
"""


def test_tests_come_from_tables_and_other_files(suite_of):
    text = "prompts: ['{{q}}']\ntests: [file://t.csv, more.yaml, 'file://t.jsonl']"
    suite = suite_of(text, t_csv=CSV, more_yaml="- vars: {q: y}\n- {vars: {q: z}}\n", t_jsonl='{"vars": {"q": "j"}}\n')
    assert [item.question for item in suite.items] == ["1+1", "Add: 2+2", "3+3", "Which?", "y", "z", "j"]
    one, two, three, four = suite.items[:4]
    assert one.metadata["tags"] == ["a", "b,c"] and one.threshold is None
    assert one.target == "2" and one.metadata["topic"] == "sums" and one.metadata["description"] == "first"
    assert [(c.kind, c.negated) for c in two.checks] == [("contains", False), ("contains", True)]
    assert two.threshold == 0.5 and two.checks[0].options["value"] == ("four", "4")
    assert [(c.kind, c.options) for c in three.checks][1] == ("latency", {"seconds": 0.1})
    assert [(c.kind, c.threshold) for c in four.checks] == [("exact", None), ("judge", 0.8)]
    assert two.place.endswith("t.csv line 3") and suite.items[5].place.endswith("more.yaml line 2")


def test_a_rubric_needs_a_declared_judge(suite_of):
    suite = suite_of("prompts: [p]\ntests:\n- assert:\n  - {type: llm-rubric, value: is kind, provider: x}")
    with pytest.raises(SuiteError, match=r"suite.yaml line 4: a judge is needed, and none is declared"):
        check_suite(suite.items, scorer_of("checks"))
    assert "the judge that you declare grades" in suite.notes[0]


MANY = list(range(2000))
ASSERT = "prompts: [p]\ntests:\n  - assert:\n      - {}\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("prompts: [p\ntests: []", "line 2: this is no YAML"),
        ("[1, 2]", r"line 1: the file \[1, 2\] is no mapping"),
        ("", "line 1: the file None is no mapping"),
        ("prompts: [p]", "line 1: there are no tests"),
        ("prompts: [p]\ntests: []", "the file holds no items"),
        ("tests: [{}]", "line 1: there are no prompts"),
        ("prompts: [p]\ntests: [{}]\nscenarios: []", "line 3: scenarios is not supported: write their tests out"),
        ("prompts: [p]\ntests: [{}]\nnunjucksFilters: {}", "line 3: nunjucksFilters is not supported"),
        ("prompts: [p]\ntest: [{}]", "line 2: the key 'test' is unknown. Did you mean tests?"),
        ("prompts: [p]\ntests:\n  - var: {}", "line 3: the key 'var' is unknown. Did you mean vars?"),
        ("prompts: [p]\ntests:\n  - vars: {}\n    assertScoringFunction: x", "line 4: assertScoringFunction is not"),
        ("prompts: [p]\ntests:\n  - options: {transform: x}", "line 3: transform is not supported"),
        ("prompts: [p]\ntests:\n  - options: {transfrom: x}", "line 3: the key 'transfrom' is unknown"),
        ("prompts: [p]\ntests:\n  - 7", "line 3: the test 7 is no mapping"),
        ("prompts: [p]\ntests:\n  - {vars: 7}", "line 3: vars 7 is no mapping"),
        ("prompts: [p]\ntests:\n  - {threshold: -1}", "line 3: threshold -1 is no number from 0"),
        ("prompts: [p]\ntests:\n  - {assert: {type: x}}", "line 3: assert .* is no list"),
        ("prompts: [p]\ntests: https://example.com/t.csv", "line 2: tests from 'https.* are not fetched"),
        ("prompts: [p]\ntests: file://t.py", "line 2: .*t.py is not there"),
        ("prompts: [p]\ntests: [{vars: {x: 'file:///etc/hostname'}}]", "line 2: /etc/hostname lies outside"),
        ("prompts: [p]\ntests: [{vars: {x: 'file://../up.txt'}}]", "line 2: .*up.txt lies outside"),
        ("prompts: [p]\ntests: [{vars: {x: 'file://*.none'}}]", "line 2: 'file://\\*.none' finds 0 files"),
        ("prompts: ['file://suite.py']\ntests: [{}]", "line 1: .*suite.py"),
        ("prompts: ['exec:ls']\ntests: [{}]", "line 1: the prompt 'exec:ls' is a program, which is not run"),
        ("prompts: ['file://suite.csv']\ntests: [{}]", "line 1: .*suite.csv is not there"),
        ("prompts: ['file://suite.yaml', 'file://p.csv']\ntests: [{}]", "line 1: p.csv is no file of a prompt"),
        ("prompts: [p]\ntests: file://types.csv", "types.csv line 2: the assertion 'word-count' is not supported"),
        ("prompts: [p.js]\ntests: [{}]", "line 1: the prompt 'p.js' is a program, which is not run"),
        ("prompts: ['{{q}}']\ntests:\n  - vars: {a: 1}", "line 3: the variable 'q' is not given"),
        ("prompts: ['{% set x = 1 %}']\ntests: [{}]", "`set` is not allowed"),
        ("prompts: ['{{env.SECRET}}']\ntests: [{}]", "the variable 'env' is not given"),
        (ASSERT.format("{type: javascript, value: 'x'}"), "line 4: the assertion 'javascript' .* is not run"),
        (ASSERT.format("{type: not-javascript, value: 'x'}"), "line 4: the assertion 'not-javascript' is not"),
        (ASSERT.format("{type: similar, value: x}"), "line 4: the assertion 'similar' .*Supported are equals"),
        (ASSERT.format("{type: contain, value: x}"), "line 4: the assertion 'contain' .*Did you mean contains?"),
        (ASSERT.format("{type: 7}"), "line 4: the assertion's type is 7"),
        (ASSERT.format("7"), "line 4: the assertion 7 is no mapping"),
        (ASSERT.format("{type: equals}"), "line 4: equals without a value"),
        (ASSERT.format("{type: contains}"), "line 4: the value None is no text"),
        (ASSERT.format("{type: contains, value: ''}"), "line 4: the value '' is no text"),
        (ASSERT.format("{type: contains-any, value: 7}"), "line 4: the value 7 is no list"),
        (ASSERT.format("{type: regex, value: '('}"), "line 4: '\\(' is no regular expression"),
        (ASSERT.format("{type: is-json, value: 7}"), "line 4: the schema 7 is no mapping"),
        (ASSERT.format("{type: cost}"), "line 4: cost without a threshold"),
        (ASSERT.format("{type: latency, threshold: .nan}"), "line 4: threshold nan is no number from 0"),
        (ASSERT.format("{type: equals, value: x, weight: -1}"), "line 4: weight -1 is no number from 0"),
        (ASSERT.format("{type: equals, value: x, weight: 0}"), "line 3: all of its assertions weigh nothing"),
        (ASSERT.format("{type: equals, value: x, transform: y}"), "line 4: transform is not supported"),
        (ASSERT.format("{type: equals, value: x, treshold: 1}"), "line 4: the key 'treshold' .*you mean threshold?"),
        (ASSERT.format("{type: equals, value: '{{x}}'}"), "line 4: the variable 'x' is not given"),
        (ASSERT.format("{$ref: '#/assertionTemplates/none'}"), "line 4: '#/assertionTemplates/none' names no template"),
        (ASSERT.format("{type: assert-set, assert: []}"), "line 4: an assert-set without assertions"),
        (f"prompts: [p]\ntests: [{{vars: {{a: {MANY}, b: {MANY}}}}}]", "line 2: .*too many combinations"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_what_is_wrong_or_unknown_is_refused_by_name_with_its_line(suite_of, tmp_path, text, problem):
    (tmp_path.parent / "up.txt").write_text("x")
    with pytest.raises(SuiteError, match=problem):
        suite_of(text, p_csv="prompt\np\n", types_csv="q,__expected\n1,word-count: 3\n")


def test_a_suite_that_is_trusted_may_name_files_elsewhere(suite_of, tmp_path):
    (tmp_path.parent / "up.txt").write_text("x")
    suite = suite_of("prompts: ['{{x}}']\ntests: [{vars: {x: 'file://../up.txt'}}]", trust=True)
    assert suite.items[0].question == "x"


def test_a_link_does_not_lead_out_of_the_folder(suite_of, tmp_path):
    (tmp_path.parent / "up.txt").write_text("x")
    (tmp_path / "link.txt").symlink_to(tmp_path.parent / "up.txt")
    with pytest.raises(SuiteError, match="lies outside"):
        suite_of("prompts: ['{{x}}']\ntests: [{vars: {x: 'file://link.txt'}}]")
