"""Templates fill in variables, name what is not given, and cannot run away or reach anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.errors import SuiteError
from trialist.llm.templates import MAX_CHARS, render

LONG = "x" * (MAX_CHARS // 4)


@pytest.mark.parametrize(
    ("template", "variables", "text"),
    [
        ("plain } text { with % braces", {}, "plain } text { with % braces"),
        ("{{ a }} {{ b.c }} {{ b['c'] | upper }}", {"a": 1, "b": {"c": "x"}}, "1 x X"),
        ("{{ order.items }} {{ xs.length }}", {"order": {"items": 3}, "xs": [1, 2]}, "3 2"),
        ("{% for x in xs %}{{ loop.index }}:{{ x ~ '!' }}{% if not loop.last %}, {% endif %}{% endfor %}", {"xs": "ab"},
         "1:a!, 2:b!"),
        ("{{ q | default('none') }}{% if q is defined %}x{% endif %}", {}, "none"),
        ("{{ a | dump }}{{ a | tojson }}", {"a": {"x": "<é>"}}, '{"x": "<é>"}{"x": "<é>"}'),
        ("{% raw %}{{ x }}{% endraw %}{# a comment #}\n", {}, "{{ x }}\n"),
        ("{{ a | replace('o', '0') }} {{ xs | join(', ') }}", {"a": "foo", "xs": [1, 2]}, "f00 1, 2"),
        ("{{ '<b>' }} {{ a }}", {"a": "{{ b }} & <i>"}, "<b> {{ b }} & <i>"),
        ("{{ yes }} {{ xs }} {{ d }} {{ none }}.", {"yes": True, "xs": [1, "a"], "d": {"k": None}, "none": None},
         'true [1, "a"] {"k": null} .'),
        ("{% if x in ['a', 'b'] %}{{ 3 - 1 }}{% endif %}", {"x": "a"}, "2"),
    ],
)  # fmt: skip
def test_what_templates_do(template, variables, text):
    assert render(template, variables) == text


@given(st.text(alphabet=st.characters(exclude_characters="{"), max_size=50), st.text(max_size=50))
def test_text_without_braces_stays_and_values_are_put_in_as_they_are(around, value):
    assert render(around, {}) == around
    assert render("[{{ value }}]", {"value": value}) == f"[{value}]"


@pytest.mark.parametrize(
    "template", ["{{ q }}", "{% if q %}x{% endif %}", "{{ q.a }}", "{{ q ~ 'x' }}", "{{ q|upper }}"]
)
def test_a_variable_that_is_not_given_is_named_with_those_that_are(template):
    with pytest.raises(SuiteError, match=r"^prompt.txt: the variable 'q' is not given\. Give it; there are: a, b\.$"):
        render(template, {"b": 1, "a": 2}, where="prompt.txt")


def test_a_part_that_is_not_given_is_named():
    with pytest.raises(SuiteError, match=r"the variable 'nam' of \{'name': 1\} is not given"):
        render("{{ user.nam }}", {"user": {"name": 1}})


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("a\n{% set x = 1 %}", "line 2: `set` is not allowed"),
        ("{% include 'x' %}", "`include` is not allowed"),
        ("{% macro f() %}{% endmacro %}", "`macro` is not allowed"),
        ("{{ 'x' * 9999999999 }}", r"`\*` is not allowed"),
        ("{{ '%9999999999d' % 1 }}", "`%` is not allowed"),
        ("{{ 10 ** 9999999999 }}", r"`\*\*` is not allowed"),
        ("{{ a.format(1) }}", "`call` is not allowed"),
        ("{{ range(9) }}", "`call` is not allowed"),
        ("{{ [a, a] | upper }}", "a list that holds more than constants"),
        ("{{ a | indent(9999999999) }}", "the filter 'indent' is not allowed"),
        ("{{ a | counted }}", "the filter 'counted' is not allowed"),
        ("{{ a | attr('__class__') }}", "the filter 'attr' is not allowed"),
        ("{{ a | map('upper') }}", "the filter 'map' is not allowed"),
        ("{{ a.__class__ }}", "the variable '__class__' is not given"),
        ("{{ a['__class__'] }}", "the variable '__class__' is not given"),
        ("{{ a.upper }}", "the variable 'upper' is not given"),
        ("\n\n{{ a", "line 3: unexpected end of template"),
        ("{% endfor %}", "line 1: Encountered unknown tag 'endfor'"),
        ("{{ 1 / 0 }}", "cannot be filled in"),
        ("{{ " + " ~ ".join(["a"] * 9) + " }}", "a value inside is longer"),
        ("{{ " + " + ".join(["a"] * 9) + " }}", "a value inside is longer"),
        ("{{ a | replace('x', 'yyyyy') }}", "a value inside is longer"),
        ("{{ a | join('-----') }}", "a value inside is longer"),
        ("{{ a }}" * 5, "what comes out is longer"),
        ("{% for x in a %}{% endfor %}", "its loops go round more than 100,000 times"),
        ("{% for x in xs %}{% for y in xs %}{% endfor %}{% endfor %}", "its loops go round more than 100,000 times"),
        ("{{ " + "(" * 5000 + "a" + ")" * 5000 + " }}", "nested too deeply"),
        ("{% if a %}" * 300 + "{% endif %}" * 300, "nested too deeply"),
    ],
)
def test_what_runs_away_or_reaches_out_is_refused(template, problem):
    with pytest.raises(SuiteError, match=problem):
        render(template, {"a": LONG, "xs": list(range(400))})
