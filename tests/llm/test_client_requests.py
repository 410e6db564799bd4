"""Requests: one text for equal ones, unset settings absent, and what cannot be sent is refused by name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.llm.wire import ask
from trialist.errors import InputError
from trialist.llm.cache import key_of


def test_order_type_of_a_whole_number_and_unset_settings_make_no_other_request():
    one = ask(temperature=1, stop=("a", "b"), top_p=np.float64(0.5), logit_bias={"5": 1, "4": 2})
    other = ask(logit_bias={"4": 2.0, "5": 1}, top_p=0.5, stop=["a", "b"], temperature=np.float32(1.0), seed=None)
    assert one.canonical == other.canonical
    assert json.loads(one.canonical) == one.body
    assert "seed" not in one.body and "replicate" not in one.body


def test_unset_and_every_other_value_are_other_requests():
    texts = [ask(**s).canonical for s in ({}, {"top_p": 1}, {"top_p": 0}, {"top_p": True}, {"top_p": "1"}, {"seed": 1})]
    assert len(set(texts)) == len(texts)


def test_model_endpoint_and_replicate_are_parts_of_the_key():
    base = ask(temperature=0)
    keys = {key_of(base, "a"), key_of(base, "b"), key_of(ask(replicate=1, temperature=0), "a")}
    keys |= {key_of(ask(model="n", temperature=0), "a"), key_of(ask("2", temperature=0), "a")}
    assert len(keys) == 5


@pytest.mark.parametrize("name", ["n", "stream", "model", "messages"])
def test_what_is_no_setting_is_refused_by_name(name):
    with pytest.raises(InputError, match=rf"settings\.{name}"):
        type(ask())("m", ask().messages, {name: 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"x", {"a": [float("-inf")]}])
def test_what_json_does_not_have_is_refused_by_name(value):
    with pytest.raises(InputError, match=r"settings\.top_p"):
        ask(top_p=value)


def test_an_empty_model_no_message_and_a_negative_replicate_are_refused():
    for wrong in ({"model": ""}, {"replicate": -1}):
        with pytest.raises(InputError):
            ask(**wrong)
    with pytest.raises(InputError, match="messages"):
        type(ask())("m", (), {})


@given(st.text(), st.dictionaries(st.text(min_size=1), st.text(), max_size=3))
def test_the_input_bound_is_at_least_the_bytes_of_all_texts(text, words):
    refused = ("n", "stream", "stream_options", "model", "messages")
    words = {name: value for name, value in words.items() if name not in refused}
    request = type(ask())("m", ask(text).messages, words)
    texts = [text, *words, *words.values()]
    assert request.max_input > sum(len(t.encode("utf-8", "surrogatepass")) for t in texts)
    assert request.canonical.isascii()


def test_the_limit_of_a_reply_is_the_larger_of_both_names():
    assert ask().max_output is None
    assert ask(max_tokens=5).max_output == 5
    assert ask(max_tokens=5, max_completion_tokens=7).max_output == 7
