"""The two levels of a dial that a preflight compares: so far apart that what it does shows, and where it can act.

top_p says nothing at temperature 0, and chance hides much at a high one: dials of chance are tried hot, others cold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trialist.errors import InputError, shown
from trialist.llm.paired import Pairs, Plant

# Dials that act on what temperature leaves to chance, or show there at least.
OF_CHANCE = (
    *("top_p", "top_k", "min_p", "typical_p", "top_a", "tfs", "xtc_probability", "mirostat", "mirostat_tau", "seed"),
    *("frequency_penalty", "presence_penalty", "repetition_penalty", "repeat_penalty"),
)
# Levels that show what a dial does better than a narrow range of it would.
_PROBES = {
    "temperature": (0, 1),
    "top_p": (0.1, 1),
    "top_k": (1, 1),
    "max_tokens": (1, 1),
    "max_completion_tokens": (1, 1),
}
_CHANCE = 1  # a temperature that every server knows
SEED = 1_234_567
# Answers that agree this often cannot be made to repeat each other noticeably more.
_AGREE = 0.8


def far_apart(name: str, levels: Sequence[Any]) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Two levels so far apart that it shows, each with the dial's own level that stands for it if it is refused."""
    if not levels:
        raise InputError(f"dials.{name}", "it has no levels", "Give at least one.")
    given = [level for level in levels if level is not None]
    if name == "seed":
        return (SEED, SEED), (SEED, SEED)
    if name == "stop" and given:
        return (None, None), (given[0], given[0])
    if given and all(map(_is_number, given)):
        low, high = min(given), max(given)
        least, most = _PROBES.get(name, (low, high))
        return (min(low, least), low), (max(high, most), high)
    first = levels[0] if levels[0] != levels[-1] else None
    return (first, first), (levels[-1], levels[-1])


def plants(name: str, pairs: Pairs) -> list[tuple[Plant, float]]:
    """The effects that must be noticeable before none is claimed; the last one is told."""
    plants = [(Plant.CHANGES, 0.5)]
    if is_of_chance(name) and sum(pairs.agreement) / 2 < _AGREE:
        plants.append((Plant.REPEATS, 0.9))
    return plants


def is_of_chance(name: str) -> bool:
    return name == "temperature" or name in OF_CHANCE


def heat(levels: Sequence[Any], settings: Mapping[str, Any], refused: Sequence[Any] = ()) -> dict[str, Any]:
    """The temperature at which dials of chance are tried. levels: of temperature, as a dial; refused: those of it."""
    given = [level for level in levels if level is not None and level not in refused]
    if refused:
        return {"temperature": max(given)} if given else {}
    if given:
        return {"temperature": max(*given, _CHANCE)}
    return {"temperature": _CHANCE} if settings.get("temperature") == 0 else {}


def compared(name: str, low: Any, high: Any) -> str:
    """The two levels, in words."""
    if name == "seed":
        return "one seed against many, one request at a time"
    if name == "stop":
        return "without stop against stopping at what they hold"
    return f"{name}={written(low)} against {written(high)}"


def acting(name: str, low: Any, high: Any, pairs: Pairs, p: float) -> str:
    """How answers at the two levels differ, in words."""
    r = pairs.lengths.shape[1] // 2
    a, b = pairs.agreement
    tokens = f"{pairs.lengths[:, :r].mean():.3g} against {pairs.lengths[:, r:].mean():.3g}"
    equal = f"{compared(name, low, high)}: of two answers {a:.0%} against {b:.0%} are equal"
    return f"{equal}, {tokens} tokens on average (p = {p:.2g})"


def written(level: Any) -> str:
    return "unset" if level is None else shown(level)


def _is_number(level: object) -> bool:
    return isinstance(level, (int, float)) and not isinstance(level, bool)
