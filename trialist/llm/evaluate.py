"""What a study of settings runs: a configuration asked block by block, and once, in the end, on the sealed items.

trial ──▶ recipe: requests ──▶ client: replies ──▶ majority ──▶ scorer ──▶ a report for each block of items
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from trialist.errors import (
    BudgetUsedError,
    EndpointError,
    ExecutionError,
    InputError,
    ResultError,
    ScoringError,
    TrialistError,
)
from trialist.llm.answers import SCORE, TRUNCATED, Answer, cut_words, measured, scores
from trialist.llm.background import Background
from trialist.llm.item import Item, Measured
from trialist.llm.purse import Amount
from trialist.llm.recipe import Recipe, extract_of, majority
from trialist.llm.workload import SealedWork
from trialist.scoring.split import Split
from trialist.study.selection import fresh_seed
from trialist.study.trainings import LEFT_OUT
from trialist.trials.trial import Stage

if TYPE_CHECKING:
    from trialist.execute.worker import Trial
    from trialist.llm.client import Client
    from trialist.llm.request import Reply
    from trialist.llm.scorer import Scorer

WRONG, MISSING = "wrong", "missing"  # what a failed item counts as
MONEY, TOKENS, CALLS = "money", "tokens", "calls"
_FEWEST = 2  # sealed items that make a verdict
_REFUSALS = 3  # calls in a row that the budget refused: nothing else will fit


@dataclass(eq=False)
class Evaluator:
    """The objective: scores of a configuration on blocks of items, and what they cost.

    items: of the whole suite, by id; blocks: those of the search part that every configuration is asked.
    fresh: blocks of the others, for finalists: as many blocks for each of the first fresh seeds.
    metrics: the objectives, the score first.
    failed: what an item counts as that was never answered, "wrong" or "missing".  replicates: answers to each item of
    the search; sealed_replicates: to each sealed one.  Answers to an item are drawn for it alone, so its score is their
    mean, and items are what an interval is over.
    sealed_work: of the verification what the budget pays for, where that is known.
    unit: in which costs are told to the study, the one that is limited.
    prepaid: what answers took that the default's trial will find in the cache; they are that trial's all the same.
    news: sentences for the user, taken out by who tells them.  fatal: an error that ends the study.
    """

    client: Client
    recipe: Recipe
    scorer: Scorer
    split: Split
    items: Mapping[str, Item]
    blocks: tuple[tuple[Item, ...], ...]
    metrics: tuple[str, ...] = (SCORE,)
    failed: str = WRONG
    replicates: int = 1
    sealed_replicates: int = 1
    sealed_work: SealedWork | None = None
    unit: str = MONEY
    background: Background = field(default_factory=Background)
    news: list[str] = field(default_factory=list)
    fatal: TrialistError | None = None
    prepaid: float = 0.0
    refused: int = 0
    failures: int = 0
    fresh: tuple[tuple[tuple[Item, ...], ...], ...] = ()
    sealed: list[tuple[dict[str, Any], list[Answer]]] = field(default_factory=list)  # first answers, as verified

    def __post_init__(self) -> None:
        self._extract = extract_of(self.scorer)

    def __call__(self, trial: Trial) -> None:
        """Ask the items block by block, as far as the scheduler lets it, and report each block."""
        told: list[Answer] = []
        blocks = self._blocks_of(trial)
        # Told block by block as what else it takes, so that no step seems as large as all of it together.
        prepaid, self.prepaid = (self.prepaid, 0.0) if trial.stage is Stage.BASELINE else (0.0, self.prepaid)
        for block in trial.blocks(blocks):
            if prepaid:
                trial.spend(prepaid / len(blocks))
            answers = self._whole(self._told(trial, block, self._replicates(self.replicate_of(trial))))
            if not told and all(answer.failure is not None for answer in answers):
                reason = answers[0].failure
                raise ExecutionError(f"none of {len(answers)} items was answered: {reason}. {_REMEDY}")
            told += answers
            values = measured(answers)
            trial.report(values[SCORE], None, **{name: values[name] for name in self.metrics[1:]})
        self._conclude(trial, told)

    def with_sealed(self, trial: Trial) -> list[float]:
        """A score for each item of the sealed part, in its order; only verification may call it.

        Every item is asked once before any is asked again: where answers take more than was expected, second answers
        are missing first, and the verdict is reached without them.  An item without any answer is left out.
        """
        items = [self.items[each] for each in self.split.test[1]]
        work = self.sealed_work or SealedWork(self.sealed_replicates, len(items))
        first, rounds, dearest = self.replicate_of(trial) * self.sealed_replicates, [], 0.0
        waits = len(self.sealed) + 1 < work.sides  # the other side, which is to be asked as often
        for r in range(work.answers):
            if r and not self._pays_for(dearest * (1 + waits * (r + 1))):
                break
            before = self.spent
            rounds.append(self._told(trial, items[: work.items], range(first + r, first + r + 1)))
            dearest = max(dearest, self.spent - before)
        answers = [[each for each in found if isinstance(each, Answer)] for found in zip(*rounds, strict=True)]
        answers += [[] for _ in items[work.items :]]
        left_out = [place for place, found in enumerate(answers) if not found]
        if len(items) - len(left_out) < _FEWEST:
            self._whole(rounds[0])
        if short := work.answers * work.items - sum(map(len, answers)):
            self.news.append(f"the budget did not pay for the last {short} answers to sealed items")
        if left_out:
            trial.note(LEFT_OUT, left_out)
        self._conclude(trial, list(chain.from_iterable(answers)))
        self.sealed.append((dict(trial.params), [found[0] for found in answers if found]))
        return scores([Answer(item.id, measured(found)[SCORE]) for item, found in zip(items, answers, strict=True)])

    def answers(self, params: Mapping[str, Any], items: Sequence[Item], replicate: int = 0) -> list[Answer]:
        """Answers to the items, `replicates` of each, all of an item together. Raises as the client does."""
        found = self.background.run(self._all(self.client, params, items, self._replicates(replicate)))
        return self._whole(found)

    def replayed(self, params: Mapping[str, Any], items: Sequence[Item], replicate: int = 0) -> list[Answer]:
        """The same from the cache alone: nothing is asked; what was not answered before has a failure."""
        from trialist.llm.client import Client
        from trialist.llm.purse import Purse

        of = self.client
        free = Client(
            of.endpoint, of.prices, Purse(calls=0, name="replay"), of.cache, of.pace, output_ceiling=of.output_ceiling
        )
        found = self.background.run(self._all(free, params, items, self._replicates(replicate)))
        asked = [item for item in items for _ in range(self.replicates)]
        lost = "it was not answered"
        return [e if isinstance(e, Answer) else self._lost(i, lost) for i, e in zip(asked, found, strict=True)]

    @property
    def spent(self) -> float:
        """What the purse's calls took so far, in the unit; more where they took more of another limit."""
        return self.client.purse.share(self.client.spent, self.unit)

    def replicate_of(self, trial: Trial) -> int:
        """Fresh answers for finalists and sweeps, the same for all that are compared; else the first ones."""
        return 0 if trial.stage.is_explored or self._fresh_of(trial) is not None else 1 + trial.seed

    def close(self) -> None:
        """End connections and the thread; the cache stays open, for it may be shared."""
        self.background.run(self.client.close())
        self.background.close()

    def _blocks_of(self, trial: Trial) -> tuple[tuple[Item, ...], ...]:
        """Those of the search; for finalists others that no setting was asked, as far as there are any."""
        place = self._fresh_of(trial)
        return self.blocks if place is None else self.fresh[place]

    def _fresh_of(self, trial: Trial) -> int | None:
        """Which fresh seed it has, where there are items for it; else None."""
        if trial.stage is not Stage.SELECT:
            return None
        seeds = (fresh_seed(self.recipe.seed, i) for i in range(len(self.fresh)))
        return next((i for i, seed in enumerate(seeds) if seed == trial.seed), None)

    def _replicates(self, replicate: int) -> range:
        """The places of an item's answers in one trial among all that it may have."""
        return range(replicate * self.replicates, (replicate + 1) * self.replicates)

    def _told(self, trial: Trial, items: Sequence[Item], replicates: range) -> list[Answer | BudgetUsedError]:
        """What `_all` finds; what it took is told to the trial, also where an error ends it."""
        before = self.client.spent
        try:
            return self.background.run(self._all(self.client, trial.params, items, replicates))
        except (EndpointError, InputError) as error:
            self.fatal = error
            raise
        finally:
            # What came from the cache alone tells nothing of what another run will cost.
            took = in_unit(self.client.spent - before, self.unit)
            if took > 0:
                trial.spend(took)

    def _pays_for(self, amount: float) -> bool:
        """Whether so much more is left, in the unit."""
        limit = getattr(self.client.purse, self.unit)
        return limit is None or self.spent + amount <= limit

    def _whole(self, found: Sequence[Answer | BudgetUsedError]) -> list[Answer]:
        """The answers, where the budget paid for all of them."""
        refusal = next((each for each in found if isinstance(each, BudgetUsedError)), None)
        self.refused = 0 if refusal is None else self.refused + 1
        if refusal is not None:
            if self.refused >= _REFUSALS:
                self.fatal = refusal
            raise refusal
        return [each for each in found if isinstance(each, Answer)]

    def _conclude(self, trial: Trial, answers: Sequence[Answer]) -> None:
        values, failed = measured(answers), [answer for answer in answers if answer.failure is not None]
        if words := cut_words(values[TRUNCATED], self.recipe.dials.settings(trial.params)):
            trial.note("truncated", words)
            # Short enough for a line of 80 columns; the note has all of it.
            self.news.append(f"trial {trial.number}: {words.replace(' of the answers were', '')}")
        if failed:
            trial.note("failed items", len(failed))
            if not self.failures:
                counts = "as wrong" if self.failed == WRONG else "as missing"
                self.news.append(f"an item failed for good and counts {counts}: {failed[0].failure}")
            self.failures += len(failed)

    async def _all(
        self, client: Client, params: Mapping[str, Any], items: Sequence[Item], replicates: range
    ) -> list[Answer | BudgetUsedError]:
        """Answers, all of an item together; in place of each that the budget does not pay for, why not."""
        asks = [self._one(client, params, item, r) for item in items for r in replicates]
        # All of them to their end, whatever one of them meets: what was sent may be paid, and is worth keeping.
        found: list[Answer | BudgetUsedError] = []
        for each in await asyncio.gather(*asks, return_exceptions=True):
            if not isinstance(each, Answer | BudgetUsedError):
                raise each
            found.append(each)
        return found

    async def _one(self, client: Client, params: Mapping[str, Any], item: Item, replicate: int) -> Answer:
        requests = self.recipe.requests(params, item, replicate)
        found = await asyncio.gather(*(client.complete(each, item) for each in requests), return_exceptions=True)
        replies: list[Reply] = []
        for reply in found:
            if isinstance(reply, BaseException):
                raise reply
            replies.append(reply)
        answered = [reply for reply in replies if reply.failure is None]
        if not answered:
            return self._lost(item, replies[0].failure or "no answer")
        texts = [reply.text for reply in answered]
        text = texts[majority(texts, lambda each: self._extract(item, each))] if len(texts) > 1 else texts[0]
        cost, seconds = math.fsum(reply.cost for reply in answered), max(reply.seconds for reply in answered)
        failure = None
        try:
            score = await self.scorer.score(item, text, client.complete, Measured(cost, seconds))
        except ScoringError as error:
            score, failure = self._lost(item, "").score, str(error)
        return Answer(
            item.id,
            score,
            text,
            is_cut=any(reply.finish == "length" for reply in answered),
            tokens=sum(reply.usage.output for reply in answered),
            cost=cost,
            seconds=seconds,
            is_cached=all(reply.cached for reply in answered),
            failure=failure,
        )

    def _lost(self, item: Item, failure: str) -> Answer:
        return Answer(item.id, 0.0 if self.failed == WRONG else math.nan, failure=failure)


@dataclass(eq=False)
class SealedItems:
    """The test of a study of settings: the sealed items asked once, by verification alone.

    is_bounded: no call exceeds the purse, and what is left makes as good a verdict as it can.
    """

    evaluator: Evaluator
    split: Split
    is_bounded: bool = True

    def __call__(self, params: dict[str, Any], seed: int) -> list[float]:
        raise ResultError("test", "it tells what it spends, so that it needs a trial", "Use study.verify.")

    def with_trial(self, trial: Trial) -> list[float]:
        """A score for each sealed item, in their order."""
        return self.evaluator.with_sealed(trial)


def in_unit(amount: Amount, unit: str) -> float:
    """That much, in the unit in which a study counts."""
    return float({MONEY: amount.money, TOKENS: amount.tokens, CALLS: amount.calls}[unit])


_REMEDY = "See what the endpoint says, and leave out a dial or a level that it refuses."
