"""Words of a command line as values, and back: 3, 1e-4, true, none; anything else is text."""

from __future__ import annotations

import re
from typing import Any

from trialist.yamlfile import INTEGER, NUMBER

_WORDS = {"true": True, "false": False, "none": None}
_QUOTES = ("'", '"')
_BEFORE_QUOTE = re.compile(r"\s*|.*\s=\s*", re.DOTALL)


def literal(word: str) -> Any:
    """The value that a word stands for; quotes keep it text.

    >>> [literal(word) for word in ("8", "1e-4", "True", "none", "relu", "'8'")]
    [8, 0.0001, True, None, 'relu', '8']
    """
    if INTEGER.fullmatch(word) and len(word) < 1000:
        return int(word)
    if NUMBER.fullmatch(word):
        return float(word)
    if len(word) > 1 and word[0] in _QUOTES and word[-1] == word[0]:
        return word[1:-1]
    return _WORDS.get(word.lower(), word)


def word_of(value: Any) -> str:
    """The word that `literal` reads as that value."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return repr(value)
    plain = isinstance(literal(value), str) and literal(value) == value and not re.search(r"[\s,={}]|\.\.", value)
    if plain and value and value[0] not in _QUOTES:
        return value
    return f'"{value}"' if "'" in value else f"'{value}'"


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """The parts of the text between separators; quotes at the start of a part, or of a default, hide what they hold.

    >>> split_outside_quotes("'a,b',c", ",")
    ["'a,b'", 'c']
    """
    parts, start, quote = [], 0, ""
    for position, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES and _BEFORE_QUOTE.fullmatch(text, start, position):
            quote = letter
        elif letter == separator:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]
