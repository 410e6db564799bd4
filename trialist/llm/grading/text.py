"""Scores by the text of an answer: the same text, contained, a regular expression, shared words (F1)."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from trialist.errors import SuiteError, shown
from trialist.llm.item import Item, Measured
from trialist.llm.scorer import UNMEASURED, Ask, targets_of

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


class Normalise(Enum):
    """What two texts may differ in and still be the same."""

    STRICT = "strict"  # nothing
    SPACES = "spaces"  # white space round the text, and how much of it is inside; composed letters (NFC)
    WORDS = "words"  # also case, punctuation and English articles, as SQuAD has it

    def of(self, text: str) -> str:
        if self is Normalise.STRICT:
            return text
        composed = unicodedata.normalize("NFC", text)
        if self is Normalise.WORDS:
            # Rajpurkar et al. 2016 (SQuAD), evaluate-v2.0: lower, punctuation, articles, white space, in this order;
            # punctuation beyond ASCII goes too, so that typographic quotes do not count.
            lowered = "".join(letter for letter in composed.casefold() if not _is_punctuation(letter))
            # Composed once more: what stood apart by a colon, or was folded, may be one letter now.
            composed = _ARTICLES.sub(" ", unicodedata.normalize("NFC", lowered))
        return " ".join(composed.split())

    @property
    def said(self) -> str:
        return {
            Normalise.STRICT: "every character counts",
            Normalise.SPACES: "white space round it and its amount inside do not count, case and punctuation do",
            Normalise.WORDS: "case, punctuation, English articles and white space do not count",
        }[self]


@dataclass(frozen=True, slots=True)
class Exact:
    """1 where the answer is a target; targets that are lists or mappings are compared as JSON values.

    value: what is right, in place of the item's target; a tuple means any of several.
    """

    value: Any = None
    normalise: Normalise = Normalise.SPACES
    name: str = "exact"

    @property
    def said(self) -> str:
        return f"exact: the answer is the {_target_said(self.value)}; {self.normalise.said}"

    def check(self, item: Item) -> None:
        targets_of(self.name, item, self.value)

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        return float(any(self._is_same(text, target) for target in targets_of(self.name, item, self.value)))

    def _is_same(self, text: str, target: Any) -> bool:
        if isinstance(target, (dict, list)):
            try:
                return _same_json(json.loads(text), target)
            except (ValueError, RecursionError):
                return False
        return self.normalise.of(text) == self.normalise.of(text_of(target))


@dataclass(frozen=True, slots=True)
class Contains:
    """1 where the answer contains a target, or with `every` each of them."""

    value: Any = None
    case: bool = True
    every: bool = False
    name: str = "contains"

    @property
    def said(self) -> str:
        which = "every one of the targets" if self.every else "the target, or one of several"
        return f"contains: the answer contains {which}{_value_said(self.value)}; case {_counts(self.case)}"

    def check(self, item: Item) -> None:
        for target in targets_of(self.name, item, self.value):
            if not text_of(target):
                remedy = "Write what the answer must contain, or leave the target out."
                raise SuiteError(item.where, "an empty target, which every answer contains", remedy)

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        found = (self._is_in(text, target) for target in targets_of(self.name, item, self.value))
        return float(all(found) if self.every else any(found))

    def _is_in(self, text: str, target: Any) -> bool:
        searched, sought = unicodedata.normalize("NFC", text), unicodedata.normalize("NFC", text_of(target))
        return sought in searched if self.case else sought.casefold() in searched.casefold()


@dataclass(frozen=True, slots=True)
class StartsWith:
    """1 where the answer starts with a target."""

    value: Any = None
    case: bool = True
    name: str = "starts-with"

    @property
    def said(self) -> str:
        said = _target_said(self.value)
        return f"starts-with: the answer starts with the {said}; case {_counts(self.case)}"

    def check(self, item: Item) -> None:
        Contains(self.value).check(item)

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        answer = text if self.case else text.casefold()
        starts = (text_of(target) for target in targets_of(self.name, item, self.value))
        return float(any(answer.startswith(start if self.case else start.casefold()) for start in starts))


@dataclass(frozen=True, slots=True)
class Regex:
    """1 where the regular expression is found in the answer; without a pattern, the item's target is one."""

    pattern: str | None = None
    case: bool = True
    name: str = "regex"

    def __post_init__(self) -> None:
        if self.pattern is not None:
            compiled(self.pattern, "pattern")

    @property
    def said(self) -> str:
        what = "the target" if self.pattern is None else shown(self.pattern)
        return f"regex: {what} is found in the answer; case {_counts(self.case)}"

    def check(self, item: Item) -> None:
        for target in targets_of(self.name, item, self.pattern):
            compiled(text_of(target), item.where)

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        patterns = (compiled(text_of(t), item.where, self.case) for t in targets_of(self.name, item, self.pattern))
        return float(any(pattern.search(text) for pattern in patterns))


@dataclass(frozen=True, slots=True)
class F1:
    """The harmonic mean of precision and recall of the words that answer and target share; the best of several targets.

    Source: Rajpurkar et al. 2016 (SQuAD).  Two empty texts are the same, an empty one and another share nothing.
    """

    value: Any = None
    name: str = "f1"

    @property
    def said(self) -> str:
        return f"f1: words shared with the {_target_said(self.value)}, as SQuAD has it; {Normalise.WORDS.said}"

    def check(self, item: Item) -> None:
        targets_of(self.name, item, self.value)

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        return max(word_f1(text, text_of(target)) for target in targets_of(self.name, item, self.value))


def word_f1(answer: str, target: str) -> float:
    """F1 of the words of two texts.

    >>> round(word_f1("the cat sat", "A cat sat down."), 3)
    0.8
    """
    a, b = Normalise.WORDS.of(answer).split(), Normalise.WORDS.of(target).split()
    if not a or not b:
        return float(a == b)
    shared = sum((Counter(a) & Counter(b)).values())
    return 2 * shared / (len(a) + len(b))


def text_of(value: Any) -> str:
    """A target as the text that an answer would show: 42.0 is "42", True is "true", a mapping is JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=1024)
def compiled(pattern: str, where: str, case: bool = True) -> re.Pattern[str]:
    """A regular expression of Python, or of JavaScript where these differ in how groups are named."""
    try:
        return re.compile(pattern.replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!"),
                          0 if case else re.IGNORECASE)  # fmt: skip
    except (re.error, RecursionError, OverflowError) as error:
        raise SuiteError(where, f"{shown(pattern)} is no regular expression ({error})", "Mend it.") from None


def _same_json(a: Any, b: Any) -> bool:
    """Equality of JSON values, in which true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same_json(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same_json, a, b))
    return bool(a == b)


def _is_punctuation(letter: str) -> bool:
    return letter in _PUNCTUATION or unicodedata.category(letter).startswith("P")


def _target_said(value: Any) -> str:
    return "target, or one of several" if value is None else f"text {shown(value)}"


def _value_said(value: Any) -> str:
    return "" if value is None else f" {shown(value)}"


def _counts(case: bool) -> str:
    return "counts" if case else "does not count"
