"""The dials of a study together: the space that they span, and the settings that a configuration of it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trialist.errors import InputError, shown
from trialist.llm.clashes import Clash
from trialist.llm.dials import (
    NATURAL,
    OF_CHANCE,
    RECIPE,
    TEXTS,
    UNSET,
    VOTES,
    Dial,
    Span,
    dial_of,
    level_of,
    read_dial,
)
from trialist.space.number import Int
from trialist.space.parameter import Categorical, Parameter
from trialist.space.space import Space

RANGE = "range"  # the choice of a switch that means a value from the range
TEMPERATURE = "temperature"

Written = Mapping[str, Any] | Iterable[str]


@dataclass(frozen=True, slots=True)
class Dials:
    """dials: those with a choice, by name.  fixed: values of all others that are asked with, texts as they are.

    space: what a study searches.  dropped: dials that were given and have nothing to say, each with its reason.
    clashes: what is not sent beside some levels of another dial.
    """

    dials: Mapping[str, Dial]
    fixed: Mapping[str, Any]
    space: Space = field(compare=False)
    dropped: Mapping[str, str] = field(default_factory=dict)
    clashes: tuple[Clash, ...] = ()

    def value(self, name: str, params: Mapping[str, Any]) -> Any:
        """What a configuration gives the dial: a text for prompts; None where it is unset or inactive."""
        dial = self.dials.get(name)
        if any(self._is_met(clash, params) for clash in self.clashes if clash.dial == name):
            return None
        if dial is None:
            return self.fixed.get(name)
        level = params.get(name)
        if dial.is_mixed:
            exact = {label_of(each): each for each in dial.levels}
            level = exact.get(params.get(dial.switch, RANGE), level)
        if level is None or level == UNSET:
            return None
        return dial.texts.get(level, level) if isinstance(level, str) else level

    def _is_met(self, clash: Clash, params: Mapping[str, Any]) -> bool:
        """Whether the dial that it names stands at a level that bears no other beside it."""
        beside = self.dials.get(clash.beside)
        if beside is None:
            return self.fixed.get(clash.beside, UNSET) in _unset(clash.levels)
        found = params.get(beside.switch if beside.is_mixed else clash.beside)
        return found in _choices(beside, clash.levels)

    def apart(self, clash: Clash) -> Dials:
        """The dials with one that is not sent beside some levels of another one."""
        if (problem := self._amiss(clash)) is not None:
            raise InputError("clash", *problem)
        # What is declared and found of the same two dials is one clash: a dial has one condition on another.
        same = [each for each in self.clashes if (each.dial, each.beside) == (clash.dial, clash.beside)]
        levels = tuple(dict.fromkeys(level for each in (*same, clash) for level in each.levels))
        both = (*(each for each in self.clashes if each not in same), replace(clash, levels=levels))
        space, dropped = _space(self.dials, self.fixed, both)
        kept = {name: dial for name, dial in self.dials.items() if name not in dropped}
        return replace(self, dials=kept, space=space, dropped={**self.dropped, **dropped}, clashes=both)

    def _amiss(self, clash: Clash) -> tuple[str, str] | None:
        """What is wrong with a clash, and what to do."""
        known = [*self.dials, *self.fixed, *self.dropped]
        for name in (clash.dial, clash.beside):
            if name not in known:
                return f"{name} is neither tuned nor given", f"Leave the clash out, or use one of {', '.join(known)}."
        met = {each.beside for each in self.clashes if each.dial == clash.beside}
        if clash.dial == clash.beside or clash.dial in met:
            return (
                f"{clash.dial} and {clash.beside} wait for each other",
                "Keep one of both clashes.",
            )
        beside = self.dials.get(clash.beside)
        if beside is None:
            return None
        if not beside.levels:
            return (
                f"{beside.name} is a range alone, of which every value is borne or none",
                f"Give it levels, or a range and a level: {beside.name}=unset,{beside.said.partition('=')[2]}.",
            )
        span = beside.span
        for level in _unset(clash.levels):
            within = span is not None and _is_number(level) and span.low <= level <= span.high
            if level not in beside.levels and not within:
                return f"{label_of(level)} is no level of {beside.name}", f"Use those of {beside.said}."
        return None

    def settings(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a request, each sent as it is; what is unset or inactive is absent."""
        names = [name for name in (*self.fixed, *self.dials) if name not in RECIPE]
        values = {name: self.value(name, params) for name in names}
        return {name: _sent(value) for name, value in values.items() if value is not None}

    def is_greedy(self, params: Mapping[str, Any]) -> bool:
        """Whether the likeliest answer is taken, so that asking again brings nothing new."""
        value = self.value(TEMPERATURE, params)
        return value is not None and value == 0

    @property
    def is_always_greedy(self) -> bool:
        dial = self.dials.get(TEMPERATURE)
        return dial is None and self.fixed.get(TEMPERATURE) == 0

    @property
    def probes(self) -> dict[str, tuple[Any, ...]]:
        """Levels of each setting that is tuned, for the preflight: as far as the default's model and prompt bear it."""
        default = self.space.baseline()
        of_recipe = [clash for clash in self.clashes if clash.beside in RECIPE]
        unborne = {clash.dial for clash in of_recipe if self._is_met(clash, default)}
        return {
            name: tuple(map(_sent, dial.probes))
            for name, dial in self.dials.items()
            if name not in RECIPE and name not in unborne
        }

    @property
    def said(self) -> str:
        """All of it in a line, for the plan: texts by a digest, so that a changed prompt shows."""
        parts = [f"{dial.said}{_digest(dial.texts)}" for dial in self.dials.values()]
        parts += [f"{name}: {_digest({name: str(value)}) if name in TEXTS else shown(value)}"
                  for name, value in sorted(self.fixed.items())]  # fmt: skip
        return "; ".join(parts)

    def without(self, name: str, reason: str, levels: Iterable[Any] | None = None) -> Dials:
        """The dials without one that acts not, which stays at its default; or without levels that are refused."""
        dial = self.dials[name]
        refused = {UNSET if level is None else level for level in levels or ()}
        kept = tuple(level for level in dial.levels if level not in refused)
        is_span_refused = dial.span is not None and bool(refused & {dial.span.low, dial.span.high})
        span = None if is_span_refused else dial.span
        others = {each: d for each, d in self.dials.items() if each != name}
        dropped = {**self.dropped, name: reason}
        if levels is None or (span is None and len(kept) < 2):
            value = self.value(name, self.space.baseline()) if levels is None else kept[0] if kept else None
            fixed = self.fixed if value is None or value == UNSET else {**self.fixed, name: value}
            return replace(self, dials=others, fixed=fixed, dropped=dropped,
                           space=_space(others, fixed, self.clashes)[0])  # fmt: skip
        default = None if dial.default in refused else dial.default
        rest = {**self.dials, name: replace(dial, levels=kept, span=span, default=default)}
        return replace(self, dials=rest, space=_space(rest, self.fixed, self.clashes)[0], dropped=dropped)


def dials_of(written: Written, defaults: Mapping[str, Any] | None = None, folder: Path | None = None) -> Dials:
    """The dials of a mapping {name: levels}, or of texts "name=levels".

    defaults: what stands when nothing is tuned; of names that are no dials, what every request is asked with.  Without
    one, a list's default is its first level; a range's is what the API's documentation says, else its middle.

    >>> dials = dials_of(["temperature=0..1.3", "top_p=0.3..1", "max_tokens=12,24"], {"temperature": 1.3})
    >>> dials.space.baseline()
    {'temperature level': 'range', 'temperature': 1.3, 'top_p': 1.0, 'max_tokens': 12}
    >>> dials.settings({"temperature level": "0", "max_tokens": 24})
    {'temperature': 0, 'max_tokens': 24}
    """
    if isinstance(written, Mapping):
        listed = [dial_of(str(name), given, folder) for name, given in written.items()]
    else:
        listed = [read_dial(text, folder) for text in written]
    given = {name: _default(name, value, folder) for name, value in (defaults or {}).items()}
    names = [dial.name for dial in listed]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"dial.{twice[0]}", "it is given twice", "Give all its levels at once.")
    fixed = {name: value for name, value in given.items() if name not in names and value != UNSET}
    dials: dict[str, Dial] = {}
    for dial in listed:
        with_default = _with_default(dial, given) if dial.name in given else dial
        if with_default.is_fixed:
            (level,) = with_default.levels
            if level != UNSET:
                fixed[dial.name] = with_default.texts.get(level, level) if isinstance(level, str) else level
        else:
            dials[dial.name] = with_default
    space, dropped = _space(dials, fixed)
    return Dials({name: d for name, d in dials.items() if name not in dropped}, fixed, space, dropped)


def _default(name: str, value: Any, folder: Path | None) -> Any:
    if isinstance(value, str) and name in TEXTS and value.startswith("@"):
        return level_of(name, value, folder)
    if isinstance(value, list):
        return tuple(value)
    return UNSET if value is None else value


def _with_default(dial: Dial, defaults: Mapping[str, Any]) -> Dial:
    """The dial with its default, which is a level of its own where it is neither a level nor in the range."""
    value = defaults[dial.name]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value in dial.levels and not isinstance(value, bool):
        value = dial.levels[dial.levels.index(value)]
    elif any(text == value for text in dial.texts.values()):
        value = next(label for label, text in dial.texts.items() if text == value)
    elif not (dial.span is not None and is_number and dial.span.low <= value <= dial.span.high):
        texts = {**dial.texts, str(value): str(value)} if dial.name in TEXTS and value != UNSET else dial.texts
        return replace(dial, levels=(value, *dial.levels), default=value, texts=texts)
    return replace(dial, default=value)


def _space(
    dials: Mapping[str, Dial], fixed: Mapping[str, Any], clashes: Iterable[Clash] = ()
) -> tuple[Space, dict[str, str]]:
    """The space, and the dials that can never act."""
    parameters: dict[str, Parameter] = {}
    dropped: dict[str, str] = {}
    warm = _warm(dials.get(TEMPERATURE))
    for name, dial in dials.items():
        when: dict[str, Any] = dict(warm) if name in OF_CHANCE else {}
        if name in OF_CHANCE and TEMPERATURE not in dials and fixed.get(TEMPERATURE) == 0:
            dropped[name] = "at temperature 0 the likeliest answer is taken, so that it changes nothing"
            continue
        for clash in (clash for clash in clashes if clash.dial == name):
            if (beside := dials.get(clash.beside)) is None:
                borne = [] if fixed.get(clash.beside, UNSET) in _unset(clash.levels) else [None]
            else:
                borne = [each for each in _choices(beside) if each not in _choices(beside, clash.levels)]
            if not borne:
                dropped[name] = f"the endpoint refuses it beside {clash.beside}"
                break
            if beside is not None:
                when[beside.switch if beside.is_mixed else clash.beside] = borne
        if name in dropped:
            continue
        if dial.is_mixed:
            choices = [*map(label_of, dial.levels), RANGE]
            start = _start(dial)
            default = RANGE if start is None or start not in dial.levels else label_of(start)
            parameters[dial.switch] = Categorical(choices, default=default, when=when or None)
            when = {dial.switch: RANGE}
        if dial.span is not None:
            parameters[name] = _spanned(dial, dial.span, when)
            continue
        kept = dial.levels
        ordered = len(kept) > 2 and all(_is_number(level) for level in kept)
        given = {} if dial.default is None else {"default": dial.default}
        parameters[name] = Categorical(sorted(kept) if ordered else kept, ordered=ordered, when=when or None,
                                       **(given or {"default": kept[0]}))  # fmt: skip
    return Space(parameters), dropped


def _spanned(dial: Dial, span: Span, when: Mapping[str, Any]) -> Parameter:
    start = _start(dial)
    value = start if _is_number(start) and span.low <= start <= span.high else span.middle()
    if isinstance(span, Int):
        return replace(span, default=round(value), when=dict(when) or None)
    return replace(span, default=float(value), when=dict(when) or None)


def _start(dial: Dial) -> Any:
    """The dial's default: as given, its first level, or what the documentation of APIs says."""
    if dial.default is not None:
        return dial.default
    natural = NATURAL.get(dial.name)
    if dial.span is not None and natural is not None and dial.span.low <= natural <= dial.span.high:
        is_zero_alone = dial.name == TEMPERATURE and dial.levels == (0,)
        if not dial.levels or is_zero_alone:
            return natural
    return dial.levels[0] if dial.levels else None


def _warm(temperature: Dial | None) -> dict[str, Any]:
    """Where sampling is left something to choose, as a condition on the temperature's dial."""
    if temperature is None or not any(_is_number(level) and level == 0 for level in temperature.levels):
        return {}
    warm = [level for level in temperature.levels if level != 0]
    if temperature.is_mixed:
        return {temperature.switch: [*map(label_of, warm), RANGE]}
    return {TEMPERATURE: warm}


def _choices(dial: Dial, levels: Iterable[Any] | None = None) -> list[Any]:
    """The values in a configuration by which the dial, or its switch, tells these levels; by default all of them.

    A range is one of them, where the dial has levels beside it; of a range alone nothing tells single levels.
    """
    given = _unset(dial.levels if levels is None else levels)
    if not dial.is_mixed:
        return given
    within = RANGE if levels is None or any(level not in dial.levels for level in given) else None
    return [*(label_of(level) for level in given if level in dial.levels), *([within] if within else [])]


def _unset(levels: Iterable[Any]) -> list[Any]:
    return [UNSET if level is None else level for level in levels]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def label_of(level: Any) -> str:
    """A level as a choice of its dial's switch."""
    return f"{level:g}" if _is_number(level) else str(level)


def _sent(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _digest(texts: Mapping[str, str]) -> str:
    if not texts:
        return ""
    from trialist.scoring.fingerprint import fingerprint

    return f" ({fingerprint(sorted(texts.items()))[:12]})"


def votes_of(dials: Dials, params: Mapping[str, Any]) -> int:
    """How many answers to an item are asked for; one where all would be the same."""
    found = dials.value(VOTES, params)
    return 1 if found is None or dials.is_greedy(params) else int(found)
