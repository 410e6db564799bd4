"""One dial of a model as people write it: levels, a range, or both; texts of prompts come from files.

temperature=0..1.3              a range; 0 in it is a level of its own, since sampling ends there
temperature=unset,0..1.3        not sent at all, or from the range
max_tokens=12,24,48             levels
max_tokens=16..512 log          a range of whole numbers, even in the logarithm
system=@prompts/*.txt           a text from each file, known by the file's name
stop=unset,"\\n\\n"               a level in quotes is JSON
"""

from __future__ import annotations

import glob
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trialist.errors import InputError, shown
from trialist.space.number import Float, Int
from trialist.space.parameter import Categorical

UNSET = "unset"  # the level at which a dial is not sent, so that the server's own default holds
# Dials of the recipe: what is asked, how often and of whom; they are no settings of a request.
# prompt: the whole chat, as promptfoo has it; system: its first message alone; template: its last one alone.
MODEL, PROMPT, SYSTEM, TEMPLATE = "model", "prompt", "system", "template"
SHOTS, SHOT_ORDER, VOTES = "shots", "shot_order", "votes"
RECIPE = (MODEL, PROMPT, SYSTEM, TEMPLATE, SHOTS, SHOT_ORDER, VOTES)
TEXTS = (PROMPT, SYSTEM, TEMPLATE)
# What says nothing once temperature is 0, and the answer is the likeliest one.
OF_CHANCE = ("top_p", "top_k", "min_p", "typical_p", "seed", VOTES)
MOST_VOTES = 63

_WHOLE = (
    "max_tokens", "max_completion_tokens", "top_k", "seed", "thinking_budget", "reasoning_tokens", "n_probs",
    SHOTS, SHOT_ORDER, VOTES,
)  # fmt: skip
# What a request without the dial means, by the documentation of the APIs that have it.
NATURAL = {
    "temperature": 1.0,
    "top_p": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
    SHOTS: 0,
    SHOT_ORDER: 0,
    VOTES: 1,
}
_NEVER = {"n": "give votes=1,3,5: several answers are several requests", "stream": "replies are read whole"}
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\s*\.\.\s*({_NUMBER})((?:\s+(?:log|int|step\s+{_NUMBER}))*)")
_REMEDY = "Write such as temperature=0..1.3, max_tokens=12,24,48, system=@prompts/*.txt, reasoning_effort=unset,low."
_LEAST = 0.05  # the lowest temperature that counts as sampling, in a range from 0
# Nobody can tell 0.70 from 0.7034 by a few hundred answers, and a rounded value is found in the cache again.
_STEP = 0.01
_STEPPED = ("temperature", "top_p", "min_p", "typical_p", "presence_penalty", "frequency_penalty", "repetition_penalty")

Span = Float | Int


@dataclass(frozen=True, slots=True)
class Dial:
    """levels: single ones, UNSET for not sent.  span: a range beside them, or None.

    texts: of levels that are names of texts, such as prompts.  default: the level, or the value in the range, that
    stands when nothing is tuned; None where none was given.
    """

    name: str
    levels: tuple[Any, ...] = ()
    span: Span | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    default: Any = None

    def __post_init__(self) -> None:
        if self.name in _NEVER:
            raise InputError(f"dial.{self.name}", "it is no dial", f"Leave it out: {_NEVER[self.name]}.")
        if not self.levels and self.span is None:
            raise InputError(f"dial.{self.name}", "it has no levels", _REMEDY)
        if self.name in (SHOTS, VOTES):
            for value in (*self.levels, *((self.span.low, self.span.high) if self.span else ())):
                least, most = (1, MOST_VOTES) if self.name == VOTES else (0, 1000)
                if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                    problem = f"{shown(value)} is no number of {self.name}"
                    raise InputError(f"dial.{self.name}", problem, f"Give whole numbers from {least} to {most}.")

    @property
    def switch(self) -> str:
        """The name of the choice between the levels and the range, where there are both."""
        return f"{self.name} level"

    @property
    def is_mixed(self) -> bool:
        return bool(self.levels) and self.span is not None

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to choose."""
        return self.span is None and len(self.levels) == 1

    @property
    def probes(self) -> tuple[Any, ...]:
        """Levels that span the dial, None for unset: for finding out whether it acts at all."""
        ends = () if self.span is None else (self.span.low, self.span.high)
        return tuple(dict.fromkeys(None if level == UNSET else level for level in (*self.levels, *ends)))

    @property
    def said(self) -> str:
        """The dial as it could be written, texts by their names."""
        parts = [level_said(level) for level in self.levels]
        if self.span is not None:
            log = " log" if self.span.log else ""
            parts.append(f"{self.span.low:g}..{self.span.high:g}{log}")
        return f"{self.name}={','.join(parts)}"


def read_dial(text: str, folder: Path | None = None) -> Dial:
    """A dial from "name=levels"; files of @ are looked for from `folder`, by default the working folder."""
    name, equals, levels = text.partition("=")
    if not equals or not name.strip():
        raise InputError("dial", f"{shown(text)} is no dial", _REMEDY)
    return dial_of(name.strip(), levels.strip(), folder)


def dial_of(name: str, given: Any, folder: Path | None = None) -> Dial:
    """A dial from what is given for it: text, a list of levels, or a Float, Int or Categorical.

    >>> dial_of("temperature", "0..1.3").said, dial_of("max_tokens", [12, 24]).said
    ('temperature=0,0.05..1.3', 'max_tokens=12,24')
    """
    if isinstance(given, Dial):
        return given
    if isinstance(given, (Float, Int)):
        return _spanning(name, (), given, {}, given.default)
    if isinstance(given, Categorical):
        default = None if given.default_index is None else given.choices[given.default_index]
        return Dial(name, tuple(given.choices), None, {}, default)
    if isinstance(given, Mapping) and name in TEXTS:
        return Dial(name, tuple(map(str, given)), None, {str(key): str(text) for key, text in given.items()})
    if isinstance(given, str):
        return _from_text(name, given, folder)
    if isinstance(given, Sequence):
        levels = tuple(_plain(name, level) for level in given)
        return Dial(name, levels, None, _texts(name, levels))
    raise InputError(f"dial.{name}", f"{shown(given)} is no dial", _REMEDY)


def level_of(name: str, text: str, folder: Path | None = None) -> Any:
    """A single level as it is written, a text from its file where it begins with @; for defaults."""
    if text.startswith("@"):
        (content,) = _files(name, text[1:], folder, single=True).values()
        return content
    return _word(name, text)


def levels_of(name: str, text: str) -> tuple[Any, ...]:
    """Levels as they are written, None for unset; of a range its two ends.

    >>> levels_of("thinking_budget", "1024..8192"), levels_of("reasoning_effort", "unset,low")
    ((1024, 8192), (None, 'low'))
    """
    dial = _from_text(name, text, None)
    ends = () if dial.span is None else (dial.span.low, dial.span.high)
    return tuple(None if level == UNSET else level for level in (*dial.levels, *ends))


def _from_text(name: str, text: str, folder: Path | None) -> Dial:
    levels: list[Any] = []
    texts: dict[str, str] = {}
    span: Span | None = None
    if text.startswith("["):
        listed = _json(name, text)
        return dial_of(name, listed)
    for word in _words(name, text):
        found = _RANGE.fullmatch(word)
        if found is not None:
            if span is not None:
                raise InputError(f"dial.{name}", f"{shown(text)} holds two ranges", "Give one, and levels beside it.")
            span = _span(name, *found.groups())
        elif word.startswith("@"):
            files = _files(name, word[1:], folder)
            if twice := sorted(texts.keys() & files.keys()):
                raise InputError(f"dial.{name}", f"two files are called {twice[0]}", "Give each its own name.")
            texts |= files
            levels += files
        else:
            levels.append(_word(name, word))
    named = tuple(level for level in levels if level not in texts)
    return _spanning(name, tuple(levels), span, {**texts, **_texts(name, named)}, None)


def _spanning(name: str, levels: tuple[Any, ...], span: Span | None, texts: Mapping[str, str], default: Any) -> Dial:
    """A dial whose range, where it is of temperature and begins at 0, has 0 as a level."""
    if span is not None and name == "temperature" and span.low == 0 and not span.log:
        levels = levels if 0 in levels else (*levels, 0)
        span = Float(min(_LEAST, span.high / 2), float(span.high))
    if isinstance(span, Float) and name in _STEPPED and span.step is None and not span.log and _is_stepped(span):
        span = Float(span.low, span.high, step=_STEP)
    return Dial(name, levels, span, texts, default)


def _is_stepped(span: Float) -> bool:
    return all(abs(end / _STEP - round(end / _STEP)) < 1e-6 for end in (span.low, span.high))


def _span(name: str, low: str, high: str, how: str) -> Span:
    words = how.split()
    step = words[words.index("step") + 1] if "step" in words else None
    try:
        if name in _WHOLE or "int" in words:
            return Int(int(low), int(high), log="log" in words, step=1 if step is None else int(step))
        return Float(float(low), float(high), log="log" in words, step=None if step is None else float(step))
    except InputError as error:
        raise InputError(f"dial.{name}", error.problem, error.remedy) from None
    except ValueError:
        raise InputError(f"dial.{name}", f"{low}..{high} are not whole numbers", "Give whole numbers.") from None


def _words(name: str, text: str) -> Iterator[str]:
    """Parts between commas; commas in quotes and brackets do not count."""
    part, quoted, depth = "", False, 0
    for before, letter in zip(" " + text, text, strict=False):
        if letter == '"' and before != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (letter in "[{") - (letter in "]}")
        if letter == "," and not quoted and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += letter
    if quoted or depth:
        raise InputError(f"dial.{name}", f"{shown(text)} does not end what it begins", "Close quotes and brackets.")
    yield part.strip()


def _word(name: str, word: str) -> Any:
    """A level as it is written: number, true, false, JSON, else text.

    >>> [_word("x", w) for w in ("1.0", "24", "true", '"a, b"', "low")]
    [1.0, 24, True, 'a, b', 'low']
    """
    if not word:
        raise InputError(f"dial.{name}", "a level is empty", _REMEDY)
    if word[0] in '"[{':
        return _plain(name, _json(name, word))
    if word in ("true", "false"):
        return word == "true"
    if re.fullmatch(_NUMBER, word):
        return int(word) if re.fullmatch(r"[-+]?\d+", word) else float(word)
    return word


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"dial.{name}", f"{shown(text)} is no JSON ({error})", "Mend it.") from None


def _plain(name: str, level: Any) -> Any:
    """A level that can be compared and kept: lists as tuples, None as UNSET."""
    if level is None:
        return UNSET
    if isinstance(level, list):
        return tuple(_plain(name, part) for part in level)
    if isinstance(level, Mapping):
        raise InputError(f"dial.{name}", f"{shown(level)} is a mapping", "Give text, numbers or lists of them.")
    if isinstance(level, float) and not math.isfinite(level):
        raise InputError(f"dial.{name}", f"{level} cannot be sent", "Give a finite number.")
    return level


def _texts(name: str, levels: Sequence[Any]) -> dict[str, str]:
    """Prompts that are given as they are, each known by itself."""
    return {str(level): str(level) for level in levels if level != UNSET} if name in TEXTS else {}


def _files(name: str, pattern: str, folder: Path | None, single: bool = False) -> dict[str, str]:
    """The texts of the files, by their names without ending."""
    home = Path() if folder is None else folder
    found = sorted(glob.glob(str(home / pattern)))
    if not found or (single and len(found) > 1):
        problem = f"{len(found)} files are called {shown(pattern)}"
        raise InputError(f"dial.{name}", problem, "Give the path of one that is there, from this folder.")
    texts: dict[str, str] = {}
    for path in map(Path, found):
        if path.stem in texts:
            raise InputError(f"dial.{name}", f"two files are called {path.stem}", "Give each its own name.")
        try:
            texts[path.stem] = path.read_text(encoding="utf-8").rstrip("\n")
        except (OSError, UnicodeDecodeError) as problem:
            raise InputError(f"dial.{name}", f"{path} cannot be read ({problem})", "Give a text in UTF-8.") from None
    return texts


def level_said(level: Any) -> str:
    """A level as it could be written."""
    if isinstance(level, str):
        return level if re.fullmatch(r"[\w.@+-]+", level) else json.dumps(level, ensure_ascii=False)
    if isinstance(level, (bool, tuple)):
        return json.dumps(level)
    return f"{level:g}"
