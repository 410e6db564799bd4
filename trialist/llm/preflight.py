"""Before money is spent on a dial: does the endpoint honour it, refuse it, or take it and do nothing?

Many servers accept fields that they do not know, and some accept dials that this model does not have, so that a
status of 200 proves nothing. Each dial is asked at two levels far apart, on the same few items, several times each,
where it can act (top_p says nothing at temperature 0), and the answers are compared. "ignored" is said where no
difference beyond chance was found and a dial that changes half of the answers would have been noticed; never after a
single call. Where not even that would have been noticed, it is "unclear". Dials of thinking are tried together with
those of sampling too: where one is refused beside the other, both are kept, and not sent together.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from trialist.errors import EndpointError, InputError
from trialist.llm.clashes import THINKING, Clash, clashes
from trialist.llm.contrast import OF_CHANCE, SEED, acting, compared, far_apart, heat, is_of_chance, plants, written
from trialist.llm.paired import Answered, Pairs, Plant, p_value, power
from trialist.llm.request import Reply, Request
from trialist.numerics.keys import Key

if TYPE_CHECKING:
    from trialist.llm.client import Client
    from trialist.llm.item import Item

T = TypeVar("T")
UNKNOWN_FIELDS = "unknown fields"
_NONSENSE = {"trialist_unknown_field": 1}
_EFFECTS = {
    Plant.CHANGES: "changes {:.0%} of the answers",
    Plant.REPEATS: "makes {:.0%} of the answers to an item the same",
}
_ENDED = "\x1f"


class Treatment(Enum):
    """How the endpoint treats a dial."""

    HONOURED = "honoured"
    REJECTED = "rejected"
    IGNORED = "ignored"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is asked. looks: so many items at each look; a dial seen to act is asked no further.

    answers: for each item and level.  alpha: how often a dial without effect may be called honoured, over all looks.
    doubt: only above such a p is a dial called ignored.  power: how often a dial that changes half of the answers, or
    makes nine of ten repeat each other, must come out below that before "ignored" is said.
    """

    looks: tuple[int, ...] = (3, 8)
    answers: int = 4
    alpha: float = 0.02
    doubt: float = 0.1
    power: float = 0.9

    def __post_init__(self) -> None:
        if not self.looks or any(n < 2 for n in self.looks) or list(self.looks) != sorted(set(self.looks)):
            raise InputError(
                "effort.looks", f"{self.looks} are no growing numbers of items from 2", "Give such as (3, 8)."
            )
        if self.answers < 2:
            raise InputError("effort.answers", f"{self.answers} is below 2", "One answer cannot show what varies.")

    def calls(self, dials: int) -> int:
        """That so many dials take, where each is asked at every look."""
        return 2 * self.answers * self.looks[-1] * dials


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found for one dial, and why. levels: those compared.  rejected: those that the endpoint refuses.

    p: of the paired test, None where none was needed.  calls, cost: paid for it.
    clashes: settings that are refused beside some of this dial's levels.
    """

    dial: str
    treatment: Treatment
    reason: str
    levels: tuple[Any, ...] = ()
    rejected: tuple[Any, ...] = ()
    p: float | None = None
    calls: int = 0
    cost: float = 0.0
    clashes: tuple[Clash, ...] = ()


async def preflight(
    client: Client,
    dials: Mapping[str, Sequence[Any]],
    items: Sequence[Item],
    *,
    model: str,
    settings: Mapping[str, Any] | None = None,
    effort: Effort | None = None,
    key: Key = Key(0, -1),
    known: Sequence[Clash] = (),
) -> tuple[Finding, ...]:
    """A finding for each dial, then one for fields that nobody knows (`UNKNOWN_FIELDS`).

    dials: the levels of each, None for unset; the lowest and the highest are compared, or the first and the last where
    they are no numbers.  settings: those of the default, in which dials are tried.  items: as many as there are; no
    more than the last look are asked.  Raises BudgetUsedError and EndpointError as the client does, and EndpointError
    where every call was refused for good: all others would be as well.
    """
    effort = Effort() if effort is None else effort
    if len(items) < 2:
        raise InputError("items", f"{len(items)} are too few to compare settings", "Give at least 2.")
    trials = _Trials(client, items[: effort.looks[-1]], model, dict(settings or {}), effort, key)
    findings: dict[str, Finding] = {}
    await trials.look_for_clashes(dials, known)
    # Temperature first: others are tried where it leaves them something to do.
    for name in sorted(dials, key=lambda name: name != "temperature"):
        found = findings.get("temperature")
        refused = () if found is None else found.rejected
        trials.chance = heat(dials.get("temperature", ()), trials.settings, refused)
        acts = found is not None and found.treatment is Treatment.HONOURED and found.levels[0] == 0
        trials.greedy = {"temperature": 0} if acts else {}
        findings[name] = await trials.finding(name, list(dials[name]))
    unknown = await trials.unknown_fields()
    if trials.failure and not trials.was_answered:
        remedy = "Check the address, the model's name, and the settings that stand now."
        raise EndpointError(f"{client.name}: no call was answered: {trials.failure}. {remedy}")
    return (*(findings[name] for name in dials), unknown)


class _Trials:
    """The calls of a preflight. chance, greedy: the temperature at which dials of chance, and all others, are tried."""

    def __init__(
        self, client: Client, items: Sequence[Item], model: str, settings: dict[str, Any], effort: Effort, key: Key
    ) -> None:
        self._client, self._items, self._model, self._effort, self._key = client, items, model, effort, key
        self.settings, self.chance, self.greedy = settings, dict[str, Any](), dict[str, Any]()
        self._calls, self._cost = 0, 0.0
        self.was_answered, self.failure = False, ""
        self._clashes, self._of_clashes = dict[str, tuple[Clash, ...]](), dict[str, tuple[int, float]]()
        self._allowed = dict[str, dict[str, Any]]()  # of what clashes: beside what, and a level that bears it

    async def look_for_clashes(self, dials: Mapping[str, Sequence[Any]], known: Sequence[Clash]) -> None:
        """Which dials cannot be sent together: from here on they are not."""
        self._calls, self._cost = 0, 0.0

        async def accepts(settings: Mapping[str, Any]) -> bool:
            return (await self._ask(0, settings, 0)).failure is None

        found = [*await clashes(accepts, dials, self.settings, known), *(c for c in known if c.beside in dials)]
        for beside in dict.fromkeys(clash.beside for clash in found):
            self._clashes[beside] = tuple(clash for clash in found if clash.beside == beside)
        for clash in found:
            if borne := [each for each in dials[clash.beside] if each not in clash.levels]:
                self._allowed.setdefault(clash.dial, {})[clash.beside] = borne[0]
        if thinking := [name for name in THINKING if name in dials]:
            self._of_clashes[thinking[0]] = self._calls, self._cost

    async def finding(self, name: str, levels: Sequence[Any]) -> Finding:
        found = await self._finding(name, levels)
        calls, cost = self._of_clashes.get(name, (0, 0.0))
        met = self._clashes.get(name, ())
        return replace(found, clashes=met, calls=found.calls + calls, cost=found.cost + cost)

    async def _finding(self, name: str, levels: Sequence[Any]) -> Finding:
        self._calls, self._cost = 0, 0.0
        context = {**self.settings}
        if name != "temperature":
            context |= self.chance if name in OF_CHANCE else self.greedy
        for clash in self._clashes.get(name, ()):
            context.pop(clash.dial, None)
        for sent in (name, *context):
            bears = self._allowed.get(sent, {})
            context = {**context, **{beside: level for beside, level in bears.items() if beside != name}}
        tried: list[Any] = []
        refusals: list[tuple[Any, str]] = []
        for level, own in far_apart(name, levels):
            refusal = await self._refusal({**context, name: level}, context, name)
            if refusal and level != own:
                # What lies beyond the dial's own levels is a probe of ours, and may be refused.
                level, refusal = own, await self._refusal({**context, name: own}, context, name)
            if refusal == "":
                reason = "the endpoint fails without it too, so that nothing can be said"
                return self._found(name, Treatment.UNCLEAR, reason, tuple(levels))
            tried.append(level)
            if refusal is not None and level not in [known for known, _ in refusals]:
                refusals.append((level, refusal))
        low, high = tried
        if refusals:
            rejected = tuple(level for level, _ in refusals)
            told = ", ".join(f"{name}={written(level)}" for level in rejected)
            rest = [f"; {name}={written(level)} is not" for level in (low, high) if level not in rejected]
            reason = f"{told} is refused ({refusals[0][1]}){''.join(rest)}"
            return self._found(name, Treatment.REJECTED, reason, (low, high), rejected)
        return await self._compared(name, context, None if low == high and name != "seed" else low, high)

    async def unknown_fields(self) -> Finding:
        """Whether a field that nobody knows is refused, or accepted without a word."""
        self._calls, self._cost = 0, 0.0
        refusal = await self._refusal({**self.settings, **_NONSENSE}, self.settings, next(iter(_NONSENSE)))
        if refusal:
            return self._found(UNKNOWN_FIELDS, Treatment.REJECTED, f"a field that nobody knows is refused: {refusal}")
        if refusal == "":
            return self._found(UNKNOWN_FIELDS, Treatment.UNCLEAR, "the endpoint fails without any too")
        reason = "a field that nobody knows is accepted without a word, so acceptance of a dial proves nothing"
        return self._found(UNKNOWN_FIELDS, Treatment.IGNORED, reason)

    async def _refusal(self, tried: Mapping[str, Any], plain: Mapping[str, Any], name: str) -> str | None:
        """The endpoint's words where it refuses what is tried and not what is plain; "" where it fails at both."""
        reply = await self._ask(0, tried, 0)
        if reply.failure is None:
            return None
        if reply.rejects != name and (await self._ask(0, plain, 0)).failure is not None:
            return ""
        return reply.failure

    async def _compared(self, name: str, context: Mapping[str, Any], low: Any, high: Any) -> Finding:
        effort = self._effort
        answers: list[tuple[list[Answered], list[Answered]]] = []
        asked, p, alpha, pairs = 0, 1.0, effort.alpha / len(effort.looks), None
        for look in sorted({min(look, len(self._items)) for look in effort.looks}):
            asks = [self._answers(item, name, context, low, high) for item in range(asked, look)]
            both = await (_one_by_one(asks) if name == "seed" else _all_of(asks))
            answers += [pair for pair in both if pair is not None]
            asked = look
            if len(answers) < 2:
                continue
            pairs = Pairs.of(answers)
            p = p_value(pairs, self._key)
            if p <= alpha:
                return self._found(name, Treatment.HONOURED, acting(name, low, high, pairs, p), (low, high), p=p)
        if pairs is None:
            reason = f"of {asked} items too few were answered at both levels"
            return self._found(name, Treatment.UNCLEAR, reason, (low, high))
        told = f"{pairs.lengths.size} answers, {compared(name, low, high)}, differ no more than by chance (p = {p:.2g})"
        for plant, share in plants(name, pairs):
            noticed = power(pairs, plant, share, effort.doubt, self._key)
            effect = _EFFECTS[plant].format(share)
            if noticed < effort.power:
                reason = f"accepted: {told}, but a dial that {effect} would be noticed only {noticed:.0%} of the time"
                return self._found(name, Treatment.UNCLEAR, reason, (low, high), p=p)
        repeats, varies = pairs.agreement
        if is_of_chance(name) and repeats == 1.0 > varies:
            # Rare variation at the high level alone is what a dial that acts on a sure model shows.
            reason = f"accepted: {told}, but only those at one level vary, as they would if it acted"
            return self._found(name, Treatment.UNCLEAR, reason, (low, high), p=p)
        if p <= effort.doubt:
            reason = f"accepted: {told.replace('no more', 'hardly more')}"
            return self._found(name, Treatment.UNCLEAR, reason, (low, high), p=p)
        reason = f"accepted without effect: {told}; a dial that {effect} would be noticed {noticed:.0%} of the time"
        return self._found(name, Treatment.IGNORED, reason, (low, high), p=p)

    async def _answers(
        self, item: int, name: str, context: Mapping[str, Any], low: Any, high: Any
    ) -> tuple[list[Answered], list[Answered]] | None:
        """An item's answers at both levels; None where one of them failed."""
        count = range(self._effort.answers)
        if name == "stop":
            # What an answer would hold is known from answers that were not stopped.
            a = await self._all(item, [{**context, "stop": None} for _ in count])
            text = _commonest(a or ())
            b = await self._all(item, [{**context, "stop": [text]} for _ in count]) if text else None
            return None if a is None or b is None else (a, b)
        if name == "seed":
            # One request at a time: some servers share their random numbers among those under way.
            arms = [({**context, name: SEED}, {**context, name: SEED + 1 + k}) for k in count]
        else:
            arms = [({**context, name: low}, {**context, name: high}) for _ in count]
        # In turns, so that whatever changes on the server meanwhile meets both.
        mixed = await self._all(item, [arm for both in arms for arm in both], at_once=name != "seed")
        return None if mixed is None else (mixed[::2], mixed[1::2])

    async def _all(self, item: int, settings: list[Mapping[str, Any]], at_once: bool = True) -> list[Answered] | None:
        seen: dict[str, int] = {}
        asks = []
        for each in settings:
            text = Request(self._model, self._items[item].messages, each).canonical
            seen[text] = seen.get(text, -1) + 1
            asks.append(self._ask(item, each, seen[text]))
        replies = await (_all_of(asks) if at_once else _one_by_one(asks))
        if any(reply.failure is not None for reply in replies):
            return None
        return [Answered(_seen(reply), reply.usage.output) for reply in replies]

    async def _ask(self, item: int, settings: Mapping[str, Any], replicate: int) -> Reply:
        chosen = self._items[item]
        reply = await self._client.complete(Request(self._model, chosen.messages, settings, replicate), chosen)
        self.was_answered |= reply.failure is None
        if reply.failure is not None and reply.attempts < self._client.pace.tries:
            self.failure = reply.failure  # given up at once: no other try can fare better
        if not reply.cached:
            self._calls, self._cost = self._calls + reply.attempts, self._cost + reply.cost
        return reply

    def _found(
        self,
        dial: str,
        treatment: Treatment,
        reason: str,
        levels: tuple[Any, ...] = (),
        rejected: tuple[Any, ...] = (),
        p: float | None = None,
    ) -> Finding:
        return Finding(dial, treatment, reason, levels, rejected, p, self._calls, self._cost)


async def _all_of(asks: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of them return, or the first error once all have ended: a call that is cut off is paid for nothing."""
    ends = await asyncio.gather(*asks, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return [end for end in ends if not isinstance(end, BaseException)]


async def _one_by_one(asks: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """The same, each after the one before."""
    return [ends for ask in asks for ends in await _all_of([ask])]


def _seen(reply: Reply) -> str:
    """The answer as far as somebody sees it: its text, and how it ended where it did not end by itself."""
    return reply.text if reply.finish == "stop" else f"{reply.text}{_ENDED}{reply.finish}"


def _commonest(answers: Sequence[Answered]) -> str:
    """The character that most of the answers hold; "" where they hold none."""
    texts = [set(answer.text.partition(_ENDED)[0]) for answer in answers]
    counts = Counter(letter for text in texts for letter in sorted(text) if not letter.isspace())
    return max(counts, key=lambda letter: (counts[letter], letter), default="")
