"""Scores by what is taken out of an answer: its last number, or the letter of the choice that it makes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from trialist.errors import SuiteError, shown
from trialist.llm.grading.text import Normalise, text_of
from trialist.llm.item import Item, Measured
from trialist.llm.scorer import UNMEASURED, Ask, targets_of

# A sign counts where nothing stands before it that it would be subtracted from: "10-5" holds 10 and 5, "= -5" holds -5.
# Digits after a letter belong to a name: "CO2", "step2". ASCII, so that a number after Chinese words is one.
_NUMBERS = re.compile(
    r"(?P<sign>(?<![\w)\].%])[-+\u2212])?[$€£¥]?"
    r"(?P<digits>(?<![A-Za-z\d])(?:(?<!\d,)\d{1,3}(?:,\d{3})+(?!,?\d)|\d+)(?:\.\d+)?|(?<!\d)\.\d+)"
    r"(?P<exponent>[eE][-+]?\d{1,4}(?!\w))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Number:
    """1 where the last number in the answer is the target, up to a tolerance.

    |answer - target| <= max(absolute, relative * |target|).  "1,234.5", "$3", "1e-4" and "−2" are numbers; a comma that
    stands before other than three digits separates two of them; per cent signs and units are passed over.
    """

    value: float | None = None
    absolute: float = 0.0
    relative: float = 1e-9
    name: str = "number"

    def __post_init__(self) -> None:
        for field, value in (("absolute", self.absolute), ("relative", self.relative)):
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < math.inf:
                raise SuiteError(field, f"{shown(value)} is no tolerance", "Give a number from 0.")

    @property
    def said(self) -> str:
        within = f"{self.absolute:g} or {self.relative:g} of the target's size, whichever is more"
        what = "the target" if self.value is None else f"{self.value:g}"
        return f"number: the last number in the answer is {what} within {within}"

    def check(self, item: Item) -> None:
        for target in targets_of(self.name, item, self.value):
            self._target(item, target)

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        found = last_number(text)
        if found is None:
            return 0.0
        targets = [self._target(item, target) for target in targets_of(self.name, item, self.value)]
        return float(any(abs(found - t) <= max(self.absolute, self.relative * abs(t)) for t in targets))

    def _target(self, item: Item, target: Any) -> float:
        is_number = isinstance(target, (int, float)) and not isinstance(target, bool)
        number = float(target) if is_number else last_number(target) if isinstance(target, str) else None
        if number is None or not math.isfinite(number):
            remedy = "Give a finite number, or another scorer."
            raise SuiteError(item.where, f"the target {shown(target)} is no number, as {self.name!r} needs", remedy)
        return number


def last_number(text: str) -> float | None:
    """The last number in a text, or None.

    >>> [last_number(t) for t in ("7+8=15, so 85.", "$1,234.50 in all", "about -3e2", "x = \u22122", "10-5", "none")]
    [85.0, 1234.5, -300.0, -2.0, 5.0, None]
    """
    last = None
    for found in _NUMBERS.finditer(text):
        last = found
    if last is None:
        return None
    digits = last["digits"].replace(",", "")
    number = float(f"{'-' if last['sign'] in ('-', chr(0x2212)) else ''}{digits}{last['exponent'] or ''}")
    return number if math.isfinite(number) else None


@dataclass(frozen=True, slots=True)
class Choice:
    """1 where the letter that the answer chooses is the target's.

    letters: how many there may be; with `choices` in the item's metadata, as many as these.  The target is a letter, or
    the text of a choice.  What counts as choosing, best first: a letter in a box or after "answer", a letter alone or
    at the start ("B", "(b)", "B. Paris"), the last letter that stands by itself, the text of one choice.
    """

    letters: int = 5
    name: str = "choice"

    def __post_init__(self) -> None:
        if not isinstance(self.letters, int) or not 2 <= self.letters <= 26:
            raise SuiteError("letters", f"{shown(self.letters)} is no number of choices", "Give a number from 2 to 26.")

    @property
    def said(self) -> str:
        return f"choice: the letter (A to {ascii_uppercase[self.letters - 1]}) that the answer chooses is the target's"

    def check(self, item: Item) -> None:
        for target in targets_of(self.name, item):
            self._letter(item, target)

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        choices = _choices(item)
        chosen = chosen_letter(text, len(choices) or self.letters, choices)
        return float(chosen is not None and chosen in {self._letter(item, t) for t in targets_of(self.name, item)})

    def _letter(self, item: Item, target: Any) -> str:
        choices = _choices(item)
        for letter, choice in zip(ascii_uppercase, choices, strict=False):
            if Normalise.SPACES.of(text_of(target)) == Normalise.SPACES.of(text_of(choice)):
                return letter
        letters = ascii_uppercase[: len(choices) or self.letters]
        if (
            isinstance(target, str)
            and (letter := target.strip(" ().").upper())
            and len(letter) == 1
            and letter in letters
        ):
            return letter
        # A number would be one: but whether 0 or 1 is the first differs from one data set to the next.
        remedy = f"Give a letter from A to {letters[-1]} (`letters` sets how many), or the text of a choice."
        raise SuiteError(item.where, f"the target {shown(target)} is no choice", remedy)


def chosen_letter(text: str, letters: int = 5, choices: Sequence[Any] = ()) -> str | None:
    """The letter that an answer chooses, or None.

    >>> [chosen_letter(t, 4) for t in ("The answer is (b).", "C", "A dog bites: D", "I do not know", "**B** Paris")]
    ['B', 'C', 'D', None, 'B']
    """
    upper = f"[A-{ascii_uppercase[letters - 1]}]"
    lower = upper.lower()
    # A small letter is the word "a", or part of a sentence, unless it ends one or stands in brackets.
    letter = rf"({upper}(?![\w'’])|{lower}(?=\s*(?:$|[).,;:\]}}*\n])))"
    wraps = r"(?:[*(\['\"`$]|\\text\{|\\boxed\{){0,8}"  # bounded, as all here: answers are of any length and kind
    for pattern in (
        rf"\\boxed\{{\s*(?:\\text\{{)?\(?({upper}|{lower})\)?\s*\}}",
        rf"(?i:answer|choice|option)\W{{0,4}}(?i:(?:is|would be|must be|should be)\b|[:=])\W{{0,4}}"
        rf"(?i:(?:the\s+)?(?:option|choice|letter)\W{{1,3}})?{wraps}{letter}",
        rf"(?i:answer|choice|option)\s+{wraps}({upper})(?![\w'’])",
    ):
        if found := re.findall(pattern, text, re.ASCII):
            return str(found[-1]).upper()
    bare = text.strip().strip("*_`'\"()[]{}.,:;! \n\t$")
    if re.fullmatch(f"{upper}|{lower}", bare):
        return bare.upper()
    if start := re.match(rf"\W{{0,4}}({upper})(?:[),.:\]*]|\s*\n|\s+[-–])", text.strip()):
        return start[1]
    # "A" and "I" are words too: at the end of a clause they are letters.
    if alone := re.findall(rf"(?<![\w'’])(?![AI]\s+[a-z])({upper})(?![\w'’])", text, re.ASCII):
        return str(alone[-1])
    normal = Normalise.WORDS.of(text)
    told = [
        letter
        for letter, choice in zip(ascii_uppercase, choices, strict=False)
        if (words := Normalise.WORDS.of(text_of(choice))) and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", normal)
    ]
    return told[0] if len(told) == 1 else None


def _choices(item: Item) -> list[Any]:
    choices = item.metadata.get("choices", [])
    if not isinstance(choices, (list, tuple)) or len(choices) > 26:
        raise SuiteError(item.where, f"choices {shown(choices)} are no list of 26 at most", "Give a list of texts.")
    return list(choices)
