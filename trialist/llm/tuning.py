"""A study of settings from its declaration to its account: what it can cost, which dials act, and its stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from trialist.errors import BudgetUsedError, InputError, PlanError
from trialist.llm.account import STAGE, account
from trialist.llm.answers import COST, SCORE
from trialist.llm.blocks import blocks_of, count_of, parts_of
from trialist.llm.declared import Declared
from trialist.llm.dials import MODEL, VOTES
from trialist.llm.dialspace import Dials
from trialist.llm.evaluate import CALLS, Evaluator, SealedItems, in_unit
from trialist.llm.findings import PREFLIGHT, acted_on, findings_json, keep, kept_stage, known_findings
from trialist.llm.means import Means, dearest_call
from trialist.llm.news import with_news
from trialist.llm.notice import fewer, notice
from trialist.llm.onedial import ONE_DIAL, OneDial, one_dial_at_a_time
from trialist.llm.preflight import Finding, preflight
from trialist.llm.purse import Amount
from trialist.llm.recipe import Recipe
from trialist.llm.workload import Workload
from trialist.numerics.keys import Key
from trialist.study.declaring import plan_of
from trialist.study.events import Event, StageStarted, Told, TrialClosed
from trialist.study.study import Study
from trialist.trials.trial import State
from trialist.trials.validation import Items

if TYPE_CHECKING:
    from trialist.llm.client import Client
    from trialist.llm.item import Item
    from trialist.llm.scorer import Scorer
    from trialist.llm.suite import Suite
    from trialist.protocols import Store
    from trialist.scoring.split import Split

_TELLING = 20  # calls, of a preflight or else of the default's trial, that tell what a call takes
_BYTES_OF_TOKEN = 4  # of English: what bounds tokens from above is about so many times too high
_PRICES = "Give prices per million tokens, such as in=0.15/M,out=0.60/M (--price, prices=)."
ITEMS = "items"  # the stage that keeps how many are asked


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
        return notice(self)

    @cached_property
    def dearest(self) -> Amount:
        """The most of each that a single call can take, whatever the configuration; a judge's calls among them."""
        return dearest_call(self.client, self.evaluator.recipe, self.suite.items, self.scorer)

    def check(self) -> None:
        """Raises InputError for prompts, shots, prices, rules and budgets that cannot be, before anything is asked."""
        if self.client.prices.are_nothing:
            if COST in self.evaluator.metrics:
                raise PlanError("objective", "cost is an objective, and no prices are given", _PRICES)
            if self.means.purse.money is not None:
                raise PlanError("prices", "the budget is money, and no prices are given", _PRICES)
        self.evaluator.recipe.check(self.suite.items)
        usual = Amount(self.dearest.money / _BYTES_OF_TOKEN, self.dearest.tokens // _BYTES_OF_TOKEN, 1)
        if (means := self.means.counted(usual)) != self.means:
            self.means, self.asked = means, self._payable()
            self.evaluator = self._evaluator()
        self.means.budget(self.dearest)

    def found(self) -> Iterator[str]:
        """The preflight: which dials act; those that do not are dropped, aloud. InputError where none is left."""
        kept = kept_stage(self.store, self.declared.name, ITEMS)
        self.findings = known_findings(self.store, self.declared.name)
        if not self.findings and kept is None and self.declared.preflight and self.dials.probes:
            yield from self._probed()
        for finding in self.findings:
            self.dials, what = acted_on(self.dials, finding)
            yield f"preflight: {finding.dial} {what}: {finding.reason}"
        if not self.dials.dials:
            remedy = "Give others: prompts, shots and votes need nothing of the endpoint."
            raise InputError("dials", "none of them acts on this endpoint", remedy)
        before, prepaid = self.asked, Amount()
        if kept is not None:
            self.means, self.asked = replace(self.means, counted_in=str(kept["unit"])), int(kept["asked"])
        else:
            prepaid = self._told_by_the_default()
            if self.client.spent.calls >= _TELLING:
                self.means = self.means.counted(self.client.spent)
            self.asked = self._payable()
        if self.asked != before:
            yield from fewer(self.asked, self.split.sizes["train"])
        background = self.evaluator.background
        self.evaluator = self._evaluator()  # of the dials that are left
        self.evaluator.background, self.evaluator.prepaid = background, in_unit(prepaid, self.means.unit)

    def study(self) -> Study:
        """The study, made or resumed; what was spent outside its trials is counted."""
        declared, blocks = self.declared, self.evaluator.blocks
        alone = declared.one_at_a_time
        size = max(1, round(sum(map(len, blocks)) / len(blocks)))
        plan = plan_of(
            minimize=None, maximize=SCORE, budget=self.means.budget(self.dearest), name=declared.name,
            seed=declared.seed, strategy="random" if alone else declared.strategy,
            scheduler="none" if alone else declared.scheduler, stopping=self.declared.rules, trial_seconds=None,
            trial_memory=None, source=self._source, test=None if alone else f"{self.split.sizes['test']} sealed items",
            finalists=declared.finalists, replicates=None, test_seeds=1, store=self.store,
            validation=Items(len(blocks), size, self._sealed, best=1.0), matters=declared.matters,
            prefer=declared.prefer,
        )  # fmt: skip
        study = Study.open(replace(plan, objectives=declared.objectives), self.dials.space, self.store)
        if self.findings and study.stage(PREFLIGHT) is None:
            keep(study, PREFLIGHT, findings_json(self.findings))
        if study.stage(ITEMS) is None:
            keep(study, ITEMS, {"asked": self.asked, "unit": self.means.unit})
        self._settle(study)
        return study

    def events(self, study: Study, again: bool = False) -> Iterator[Event]:
        """All stages, or the dials one at a time, told event by event; the account is written in the end."""
        evaluator = self.evaluator
        if self.declared.one_at_a_time:
            yield from with_news(one_dial_at_a_time(study, evaluator), evaluator)
            self.effects = OneDial.of(study, evaluator)
            keep(study, ONE_DIAL, self.effects.to_json())
            return
        stages = study.process(evaluator, SealedItems(evaluator, self.split), again=again)
        for event in with_news(stages, evaluator):
            yield event
            if isinstance(event, TrialClosed):
                self._settle(study)
            if isinstance(event, StageStarted) and event.stage == "verify":
                yield from map(Told, self._fitted(study))
        keep(study, STAGE, account(study, evaluator, self.suite))

    def close(self) -> None:
        """Let go of connections and threads; the study stays open."""
        self.evaluator.close()

    def _settle(self, study: Study) -> None:
        """What the purse paid and no trial told is charged to the study.

        That is the preflight, calls that a kill cut off, and what was taken of a limit in another unit, where more of
        it is used up: the verification needs its part of that one too.
        """
        unknown = self.evaluator.spent - self.evaluator.prepaid - study.spent["cost"]
        if unknown > 1e-9 * self.evaluator.spent:
            study.charge(unknown)

    def _fitted(self, study: Study) -> Iterator[str]:
        """Fewer answers to each sealed item, or to fewer of them, where the budget does not pay for all."""
        evaluator, declared, asked = self.evaluator, self.declared, self.asked * self.declared.replicates
        sides = {record.number: record for record in (study.history.get(0), study.best) if record is not None}.values()
        each = [r.cost / asked for r in sides if r.cost and r.state is State.COMPLETE]
        if self._limit is None or not each:
            return
        left = self._limit - in_unit(self.dearest, self.means.unit) - evaluator.spent
        fits = evaluator.sealed_work = self.work.sealed_for(left, max(each), len(sides))
        if fits.items < self.work.sealed:
            yield f"the budget pays for {fits.items} of the {self.work.sealed} sealed items"
        elif fits.answers < declared.sealed_replicates:
            yield f"the budget pays for {fits.answers} of {declared.sealed_replicates} answers to each sealed item"

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
            failed=declared.failed,
            replicates=declared.replicates,
            sealed_replicates=declared.sealed_replicates,
            unit=self.means.unit,
            fresh=tuple(blocks[1:]),
        )

    def _parts(self, count: int) -> list[tuple[list[Item], list[str]]]:
        """The items of the search in parts of about that size, with their groups; the first is what a search asks."""
        both = {item.id: (item, group) for item, group in zip(self.suite.items, self.suite.groups, strict=True)}
        items, groups = zip(*(both[each] for each in self.split.train[1]), strict=True)
        return parts_of(items, groups, count, self.declared.seed)

    def _told_by_the_default(self) -> Amount:
        """What the default's first answers took, where nothing else tells what a call takes, and it may matter.

        Its trial finds them in the cache: whichever part of the items is asked, these are the first of them.
        """
        evaluator, client, unit = self.evaluator, self.client, self.means.unit
        is_known = unit == CALLS or client.spent.calls >= _TELLING
        if is_known or self._payable(self._usual) >= self.split.sizes["train"]:
            return Amount()
        before, count = client.spent, -(-_TELLING // self.work.calls_of_trial(1))
        try:
            evaluator.answers(self.dials.space.baseline(), self._parts(count)[0][0])
        except BudgetUsedError:
            pass  # what it paid for tells enough, and the study says the same of its trials
        return client.spent - before

    def _payable(self, usual: float | None = None) -> int:
        """Items that the budget lets each setting be asked.

        usual: what a call may take, where it is to be guessed.
        """
        work, unit, spent = self.work, self.means.unit, in_unit(self.client.spent, self.means.unit)
        if self.declared.one_at_a_time or self.declared.blocks is not None:
            return work.items
        if unit == CALLS:
            probes = len(self.dials.probes) if self.declared.preflight else 0
            kept = max(work.kept_for_preflight(probes, self._limit), spent if self.findings else 0.0)
            return work.payable(self._limit, kept, 1.0)
        each = usual or spent / max(1, self.client.spent.calls)
        return work.payable(self._limit, spent, each)

    def _probed(self) -> Iterator[str]:
        """Look which dials act, as far as the budget pays for it."""
        evaluator, default = self.evaluator, self.dials.space.baseline()
        effort = self.work.preflight(len(self.dials.probes), self._limit, self._usual)
        if effort is None:
            yield "preflight: left out, for the budget does not pay for it and a study; dials are taken to act"
            return
        items = [item for block in evaluator.blocks for item in block][: effort.looks[-1]]
        self.findings = evaluator.background.run(
            preflight(
                self.client,
                self.dials.probes,
                [replace(item, messages=evaluator.recipe.messages(default, item)) for item in items],
                model=str(self.dials.value(MODEL, default) or self.declared.model),
                settings=self.dials.settings(default),
                effort=effort,
                key=Key(self.declared.seed, -1),
                known=self.dials.clashes,
            )
        )

    @property
    def _limit(self) -> float | None:
        """What may be spent, in the unit that is counted."""
        limit: float | None = getattr(self.means.purse, self.means.unit)
        return limit

    @property
    def _usual(self) -> float:
        """What a call may take, before any told."""
        return 1.0 if self.means.unit == CALLS else in_unit(self.dearest, self.means.unit) / _BYTES_OF_TOKEN

    @property
    def work(self) -> Workload:
        """What is asked of the endpoint, in calls."""
        sizes, declared = self.split.sizes, self.declared
        return Workload(
            sizes["train"], sizes["test"], self.dials.space.size, declared.replicates, declared.sealed_replicates,
            self._votes,
        )  # fmt: skip

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
