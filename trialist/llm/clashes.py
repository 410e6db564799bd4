"""Clashes: settings that an endpoint refuses beside others, such as a temperature beside a reasoning effort.

Models that think before they answer often sample as they please: OpenAI's refuse temperature and top_p once there is a
reasoning effort, Anthropic's take no temperature but 1 beside a thinking budget. Each setting by itself is accepted
there, so that only both together tell: a preflight tries them, and whoever knows of one declares it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trialist.errors import InputError, shown
from trialist.llm.dials import NATURAL, levels_of

THINKING = ("reasoning_effort", "reasoning", "thinking_budget", "reasoning_tokens", "thinking", "enable_thinking")
SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical_p", "presence_penalty", "frequency_penalty")
_MOST_LEVELS = 6  # of a dial of thinking, that are tried

_WRITTEN = re.compile(r"([^=]+?)\s+beside\s+([^=\s]+)\s*=\s*(.+)", re.DOTALL)
_REMEDY = 'Write such as "temperature, top_p beside reasoning_effort=low,high".'

Accepts = Callable[[Mapping[str, Any]], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Clash:
    """`dial` is refused where the dial `beside` is at one of these levels; None stands for unset."""

    dial: str
    beside: str
    levels: tuple[Any, ...]


def clashes_of(given: Clash | str | Sequence[Clash | str]) -> tuple[Clash, ...]:
    """Clashes as they are written, several dials in one.  A range stands for all of the dial's range.

    >>> clashes_of("temperature, top_p beside reasoning_effort=low,high")[1]
    Clash(dial='top_p', beside='reasoning_effort', levels=('low', 'high'))
    """
    found: list[Clash] = []
    for each in [given] if isinstance(given, (Clash, str)) else given:
        if isinstance(each, Clash):
            found.append(each)
            continue
        told = _WRITTEN.fullmatch(each.strip()) if isinstance(each, str) else None
        names = [] if told is None else [name.strip() for name in told[1].split(",")]
        if told is None or not all(name and " " not in name for name in names):
            raise InputError("clash", f"{shown(each)} is no clash", _REMEDY)
        found += [Clash(name, told[2], levels_of(told[2], told[3])) for name in names]
    return tuple(found)


async def clashes(
    accepts: Accepts,
    dials: Mapping[str, Sequence[Any]],
    settings: Mapping[str, Any],
    known: Sequence[Clash] = (),
) -> list[Clash]:
    """Which dials and settings of sampling are refused beside some levels of a dial of thinking, and not beside others.

    accepts: whether the endpoint answers under these settings.  dials: the levels of each, None for unset.
    settings: what every request is asked with.  known: what need not be tried, and is not among what is found.
    What is refused beside all levels, or a level that is refused without
    any sampling too, is no clash.
    """
    found = []
    plain = {name: value for name, value in settings.items() if name not in SAMPLING}
    for beside in (name for name in THINKING if name in dials):
        levels = list(dict.fromkeys(dials[beside]))[:_MOST_LEVELS]
        sound = [level for level in levels if await accepts({**plain, beside: level})]
        spared = [clash.dial for clash in known if clash.beside == beside]
        for name in (name for name in SAMPLING if name not in spared):
            value = _telling(name, dials.get(name, ())) if name in dials else settings.get(name)
            if value is None:
                continue
            refused = [level for level in sound if not await accepts({**plain, beside: level, name: value})]
            if 0 < len(refused) < len(sound):
                found.append(Clash(name, beside, tuple(refused)))
    return found


def _telling(name: str, levels: Sequence[Any]) -> Any:
    """The level farthest from what a request without the dial means; None where none is a number."""
    numbers = [level for level in levels if isinstance(level, (int, float)) and not isinstance(level, bool)]
    return max(numbers, key=lambda level: abs(level - NATURAL.get(name, 0.0)), default=None)
