"""A study of settings from its declaration to its account: what it can cost, which dials act, and its stages."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trialist.errors import BudgetUsedError, InputError, PlanError, TrialistError
from trialist.llm.account import STAGE, account
from trialist.llm.answers import COST, SCORE
from trialist.llm.blocks import blocks_of, count_of, parts_of
from trialist.llm.dials import MODEL, VOTES
from trialist.llm.dialspace import Dials
from trialist.llm.evaluate import CALLS, MONEY, Evaluator, SealedItems, in_unit
from trialist.llm.findings import PREFLIGHT, acted_on, findings_json, kept_stage, known_findings
from trialist.llm.means import Means, dearest_call, told
from trialist.llm.onedial import ONE_DIAL, OneDial, one_dial_at_a_time
from trialist.llm.preflight import Effort, Finding, preflight
from trialist.llm.purse import Amount
from trialist.llm.recipe import Recipe
from trialist.llm.stops import FLAWLESS, stops_of
from trialist.numerics.keys import Key
from trialist.scoring.power import smallest_difference
from trialist.study.declaring import plan_of
from trialist.study.events import Event, StageStarted, Told
from trialist.study.study import Study
from trialist.trials.stopping import Stopping
from trialist.trials.trial import State
from trialist.trials.validation import Items

if TYPE_CHECKING:
    from trialist.llm.client import Client
    from trialist.llm.item import Item
    from trialist.llm.scorer import Scorer
    from trialist.llm.suite import Suite
    from trialist.protocols import Store
    from trialist.scoring.validation import Split
    from trialist.trials.plan import Objective

_DIFFER = 0.2  # share of items that two settings answer differently, as a guess before anything is asked
# Where a budget pays for fewer settings, each is asked fewer items: a look at more settings finds more than a long look
# at few, and finalists are asked the others.
_SETTINGS, _FEWEST_ITEMS = 16, 24
_TELLING = 20  # calls, of a preflight or else of the default's trial, that tell what a call takes
_BYTES_OF_TOKEN = 4  # of English: what bounds tokens from above is about so many times too high
ITEMS = "items"  # the stage that keeps how many are asked
_SHARE_OF_PREFLIGHT = 0.15  # of the budget; where a thorough look at each dial could take more, a short one is taken


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared beside suite, dials and budget; see `tune`."""

    model: str
    objectives: tuple[Objective, ...]
    name: str
    seed: int = 0
    failed: str = "wrong"
    replicates: int = 1
    sealed_replicates: int = 2
    blocks: int | None = None
    preflight: bool = True
    one_at_a_time: bool = False
    strategy: str = "auto"
    scheduler: str = "auto"
    stopping: Any = "auto"
    finalists: int | None = None
    matters: float | None = None
    prefer: str = "better"


@dataclass(eq=False)
class Tuning:
    """Declared and checked; nothing is asked before `found` is run, and `lines` are what has to be known before.

    findings: of the preflight, by dial.  effects: of dials one at a time, where that was asked for.
    asked: items that each setting is asked in the search.
    """

    suite: Suite
    scorer: Scorer
    dials: Dials
    client: Client
    split: Split
    means: Means
    declared: Declared
    store: Store
    findings: tuple[Finding, ...] = ()
    effects: OneDial | None = None
    asked: int = field(init=False)
    evaluator: Evaluator = field(init=False)

    def __post_init__(self) -> None:
        self.asked = self._payable()
        self.evaluator = self._evaluator()

    @property
    def lines(self) -> list[str]:
        """Where requests go, what they can cost at most, and what the suite can show."""
        sizes, n = self.split.sizes, len(self.suite.items)
        groups = len(set(self.suite.groups))
        grouped = f" in {groups} groups" if groups < n else ""
        clusters = max(2, round(groups * sizes["test"] / n))
        least = smallest_difference(seeds=1, sd_seeds=0.0, examples=clusters, sd_examples=_DIFFER**0.5)
        most = "no prices are given" if self.client.prices.are_nothing else f"at most {told(self.most, MONEY)} in all"
        return [
            *self.suite.notes,
            f"endpoint: {self.client.name}, model {', '.join(self._models)}",
            f"budget: {self.means}; {most}, {self._calls_of_trial:,} calls for a setting that is asked in full",
            f"suite: {n} items{grouped}, {sizes['train']} to search with, {sizes['test']} sealed; scored by "
            f"{self.scorer.said}",
            *self._fewer,
            f"the sealed items show a difference of about {100 * least:.0f} points or more four times of five, if two "
            "settings answer a fifth of them differently",
            *(f"{name} is left out: {reason}" for name, reason in self.dials.dropped.items()),
        ]

    @property
    def most(self) -> float:
        """The most money that all of it can take."""
        purse, each = self.means.purse, self.dearest
        if purse.money is not None:
            return purse.money
        calls = [float(purse.calls)] if purse.calls is not None else []
        if purse.tokens is not None and each.tokens:
            calls.append(purse.tokens / each.tokens)
        if self.means.trials is not None:
            tries = self.client.pace.tries
            calls.append(tries * float(self.means.trials * self._calls_of_trial + self._calls_of_test))
        return min(calls, default=float("inf")) * each.money

    @cached_property
    def dearest(self) -> Amount:
        """The most of each that a single call can take, whatever the configuration; a judge's calls among them."""
        return dearest_call(self.client, self.evaluator.recipe, self.suite.items, self.scorer)

    def check(self) -> None:
        """Raises InputError for prompts, shots, prices, rules and budgets that cannot be, before anything is asked."""
        Stopping.of(self._stopping).check([objective.name for objective in self.declared.objectives])
        if self.client.prices.are_nothing:
            if COST in self.evaluator.metrics:
                raise PlanError("objective", "cost is an objective, and no prices are given", "Give prices.")
            if self.means.purse.money is not None:
                raise PlanError("prices", "the budget is money, and no prices are given", "Give prices.")
        self.evaluator.recipe.check(self.suite.items)
        usual = Amount(self.dearest.money / _BYTES_OF_TOKEN, self.dearest.tokens // _BYTES_OF_TOKEN, 1)
        if (means := self.means.counted(usual)) != self.means:
            self.means, self.asked = means, self._payable()
            self.evaluator = self._evaluator()
        self.means.budget(self.dearest)

    def found(self) -> Iterator[str]:
        """The preflight: which dials act; those that do not are dropped, aloud. InputError where none is left."""
        self.findings = known_findings(self.store, self.declared.name)
        if not self.findings and self.declared.preflight and self.dials.probes:
            self.findings = self._preflight()
        for finding in self.findings:
            self.dials, what = acted_on(self.dials, finding)
            yield f"preflight: {finding.dial} {what}: {finding.reason}"
        if not self.dials.dials:
            remedy = "Give others: prompts, shots and votes need nothing of the endpoint."
            raise InputError("dials", "none of them acts on this endpoint", remedy)
        before, kept = self.asked, kept_stage(self.store, self.declared.name, ITEMS)
        if kept is not None:
            self.means = replace(self.means, counted_in=str(kept["unit"]))
        prepaid = self._told_by_the_default() if kept is None else 0.0
        if kept is None and self.client.spent.calls >= _TELLING:
            self.means = self.means.counted(self.client.spent)
        self.asked = self._payable() if kept is None else int(kept["asked"])
        if self.asked != before:
            yield from self._fewer
        background = self.evaluator.background
        self.evaluator = self._evaluator()  # of the dials that are left
        self.evaluator.background, self.evaluator.prepaid = background, prepaid

    def study(self) -> Study:
        """The study, made or resumed; what was spent outside its trials is counted."""
        declared, blocks = self.declared, self.evaluator.blocks
        alone = declared.one_at_a_time
        size = max(1, round(sum(map(len, blocks)) / len(blocks)))
        plan = plan_of(
            minimize=None, maximize=SCORE, budget=self.means.budget(self.dearest), name=declared.name,
            seed=declared.seed, strategy="random" if alone else declared.strategy,
            scheduler="none" if alone else declared.scheduler, stopping=self._stopping, trial_seconds=None,
            trial_memory=None, source=self._source, test=None if alone else f"{self.split.sizes['test']} sealed items",
            finalists=declared.finalists, replicates=None, test_seeds=1, store=self.store,
            validation=Items(len(blocks), size, self._sealed, best=1.0), matters=declared.matters,
            prefer=declared.prefer,
        )  # fmt: skip
        study = Study.open(replace(plan, objectives=declared.objectives), self.dials.space, self.store)
        if self.findings and study.stage(PREFLIGHT) is None:
            _keep(study, PREFLIGHT, findings_json(self.findings))
        if study.stage(ITEMS) is None:
            _keep(study, ITEMS, {"asked": self.asked, "unit": self.means.unit})
        # The preflight, attempts that failed, and calls that a kill cut off: the purse paid, so the budget knows.
        unknown = self.evaluator.spent - self.evaluator.prepaid - study.spent["cost"]
        if unknown > 1e-9:
            study.charge(unknown)
        return study

    def events(self, study: Study, again: bool = False) -> Iterator[Event]:
        """All stages, or the dials one at a time, told event by event; the account is written in the end."""
        evaluator = self.evaluator
        if self.declared.one_at_a_time:
            yield from self._with_news(_closable(one_dial_at_a_time(study, evaluator)))
            self.effects = OneDial.of(study, evaluator)
            _keep(study, ONE_DIAL, self.effects.to_json())
            return
        stages = study.process(evaluator, SealedItems(evaluator, self.split), again=again)
        for event in self._with_news(_closable(stages)):
            yield event
            if isinstance(event, StageStarted) and event.stage == "verify":
                yield from map(Told, self._fitted(study))
        _keep(study, STAGE, account(study, evaluator, self.suite))

    def close(self) -> None:
        """Let go of connections and threads; the study stays open."""
        self.evaluator.close()

    def _with_news(self, events: Generator[Event]) -> Iterator[Event]:
        evaluator = self.evaluator
        try:
            with closing(events):
                for event in events:
                    yield event
                    yield from _told_of(evaluator.news)
                    if evaluator.fatal is not None:
                        raise evaluator.fatal
        except TrialistError:
            # The server's own words count for more than what the study makes of them.
            if evaluator.fatal is not None:
                raise evaluator.fatal from None
            raise
        yield from _told_of(evaluator.news)

    def _fitted(self, study: Study) -> Iterator[str]:
        """Fewer answers to each sealed item, where the budget does not pay for as many as declared."""
        evaluator, limit = self.evaluator, getattr(self.means.purse, self.means.unit)
        asked = self.asked * self.declared.replicates
        sides = (study.history.get(0), study.best)
        each = [r.cost / asked for r in sides if r is not None and r.cost and r.state is State.COMPLETE]
        if limit is None or not each:
            return
        left = limit - in_unit(self.dearest, self.means.unit) - evaluator.spent
        once = 2 * max(each) * self.split.sizes["test"]
        count = max(1, min(self.declared.sealed_replicates, int(left / once)))
        if count < self.declared.sealed_replicates:
            evaluator.sealed_replicates = count
            yield f"the budget pays for {count} of {self.declared.sealed_replicates} answers to each sealed item"

    def _evaluator(self) -> Evaluator:
        declared, by_id = self.declared, {item.id: item for item in self.suite.items}
        parts = self._parts(self.asked)
        count = count_of(len(parts[0][0]), len(set(parts[0][1])))
        count = count if declared.blocks is None else min(declared.blocks, len(set(parts[0][1])))
        blocks = [blocks_of(*part, count, declared.seed) for part in parts if len(set(part[1])) >= count]
        items = tuple(by_id[each] for each in self.split.train[1])
        return Evaluator(
            self.client,
            Recipe(self.dials, items, declared.model, declared.seed),
            self.scorer,
            self.split,
            by_id,
            blocks[0],
            tuple(objective.name for objective in declared.objectives),
            declared.failed,
            declared.replicates,
            declared.sealed_replicates,
            self.means.unit,
            fresh=tuple(blocks[1:]),
        )

    def _parts(self, count: int) -> list[tuple[list[Item], list[str]]]:
        """The items of the search in parts of about that size, with their groups; the first is what a search asks."""
        both = {item.id: (item, group) for item, group in zip(self.suite.items, self.suite.groups, strict=True)}
        items, groups = zip(*(both[each] for each in self.split.train[1]), strict=True)
        return parts_of(items, groups, count, self.declared.seed)

    def _told_by_the_default(self) -> float:
        """What the default's first answers took, where nothing else tells what a call takes, and it may matter.

        Its trial finds them in the cache: whichever part of the items is asked, these are the first of them.
        """
        evaluator, unit = self.evaluator, self.means.unit
        usual = in_unit(self.dearest, unit) / _BYTES_OF_TOKEN
        is_known = unit == CALLS or self.client.spent.calls >= _TELLING
        if is_known or self._payable(usual) >= self.split.sizes["train"]:
            return 0.0
        before, count = evaluator.spent, -(-_TELLING // (self.declared.replicates * self._votes))
        try:
            evaluator.answers(self.dials.space.baseline(), self._parts(count)[0][0])
        except BudgetUsedError:
            pass  # what it paid for tells enough, and the study says the same of its trials
        return evaluator.spent - before

    def _payable(self, usual: float | None = None) -> int:
        """Items of the search part that the budget lets so many settings be asked; at least a few, at most all.

        usual: what a call may take, where it is to be guessed.
        """
        declared, n, unit = self.declared, self.split.sizes["train"], self.means.unit
        limit, each = getattr(self.means.purse, unit), 1.0
        spent = in_unit(self.client.spent, unit)
        if unit == CALLS:
            spent = _SHARE_OF_PREFLIGHT * (limit or 0) if declared.preflight and self.dials.probes else 0.0
        elif usual is not None:
            each = usual
        elif self.client.spent.calls:
            each = spent / self.client.spent.calls
        else:
            return n
        if limit is None or declared.one_at_a_time or declared.blocks is not None or not each:
            return n
        settings = min(_SETTINGS, self.dials.space.size or _SETTINGS)
        free = limit - spent - each * self._calls_of_test
        count = int(free / (each * settings * max(1, declared.replicates) * self._votes))
        return n if count >= n else max(min(n, _FEWEST_ITEMS), count)

    @property
    def _fewer(self) -> list[str]:
        """That fewer items than all are asked, where it is so."""
        if self.asked >= self.split.sizes["train"]:
            return []
        return [
            f"each setting is asked {self.asked} of the {self.split.sizes['train']} items, so that more settings can "
            "be tried; finalists are asked others"
        ]

    def _preflight(self) -> tuple[Finding, ...]:
        evaluator, default, effort = self.evaluator, self.dials.space.baseline(), Effort()
        items = [item for block in evaluator.blocks for item in block][: effort.looks[-1]]
        asked = [replace(item, messages=evaluator.recipe.messages(default, item)) for item in items]
        limit = getattr(self.means.purse, self.means.unit)
        if limit is not None:
            each = 1.0 if self.means.unit == CALLS else in_unit(self.dearest, self.means.unit) / _BYTES_OF_TOKEN
            calls = 2 * effort.answers * effort.looks[-1] * len(self.dials.probes)
            if calls * each > _SHARE_OF_PREFLIGHT * limit:
                effort = replace(effort, looks=effort.looks[:1])
        found: tuple[Finding, ...] = evaluator.background.run(
            preflight(
                self.client,
                self.dials.probes,
                asked,
                model=str(self.dials.value(MODEL, default) or self.declared.model),
                settings=self.dials.settings(default),
                effort=effort,
                key=Key(self.declared.seed, -1),
                known=self.dials.clashes,
            )
        )
        return found

    @property
    def _models(self) -> list[str]:
        dial = self.dials.dials.get(MODEL)
        return [*map(str, dial.levels)] if dial else [str(self.dials.fixed.get(MODEL) or self.declared.model)]

    @property
    def _calls_of_trial(self) -> int:
        return self.asked * self.declared.replicates * self._votes

    @property
    def _calls_of_test(self) -> int:
        return 2 * self.declared.sealed_replicates * self.split.sizes["test"] * self._votes

    @property
    def _sealed(self) -> int:
        """Sealed items, by what they take beside those of the search."""
        share = self.declared.sealed_replicates / self.declared.replicates
        return max(1, round(self.split.sizes["test"] * share))

    @property
    def _votes(self) -> int:
        dial = self.dials.dials.get(VOTES)
        if dial is None:
            return int(self.dials.fixed.get(VOTES) or 1)
        return int(max(*dial.levels, *(() if dial.span is None else (dial.span.high,)), 1))

    @property
    def _stopping(self) -> Any:
        """With all items right in several trials a search can find nothing better: what is left tells these apart."""
        declared = self.declared
        if declared.one_at_a_time or len(declared.objectives) > 1:
            # Nothing is right in every way; and of one dial at a time all levels are asked.
            return stops_of(declared.stopping, flawless=0)
        return stops_of(declared.stopping, flawless=FLAWLESS)

    @property
    def _source(self) -> str:
        """All that makes this study what it is beside its space: a change of it makes another study."""
        parts = [
            f"tune-llm {self.client.name}, {self.declared.model or 'models by dial'}",
            f"suite {self.suite.name} ({self.suite.fingerprint[:12]})",
            f"scored by {self.scorer.said}",
            self.dials.said,
            f"failed items count as {self.declared.failed}",
            f"{self.declared.replicates} answers to an item, {self.declared.sealed_replicates} to a sealed one",
        ]
        # Braces would make it a command with dials to those who read a study.
        return "; ".join(parts).translate({ord("{"): "(", ord("}"): ")"})


def _closable(events: Iterator[Event]) -> Generator[Event]:
    yield from events


def _told_of(news: list[str]) -> Iterator[Event]:
    while news:
        yield Told(news.pop(0))


def _keep(study: Study, stage: str, outcome: Mapping[str, Any]) -> None:
    study.store.write_stage(study.name, stage, _storable(dict(outcome)), time.time())


def _storable(value: Any) -> Any:
    """The same with texts that any file can hold: a model or a server may have cut a character in half."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_storable(str(key)): _storable(part) for key, part in value.items()}
    return [_storable(part) for part in value] if isinstance(value, (list, tuple)) else value
