"""tune: settings of a model searched over a suite, and verified on items that the search never saw.

suite ──▶ split: search / sealed ──▶ preflight: which dials act ──▶ study: search, refine, select ──▶ verdict
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from trialist.errors import InputError, PlanError, SuiteError
from trialist.llm.answers import SCORE, objectives_of
from trialist.llm.clashes import Clash, clashes_of
from trialist.llm.client import Client
from trialist.llm.declared import Declared
from trialist.llm.dials import PROMPT, SYSTEM, Dial, dial_of, read_dial
from trialist.llm.dialspace import Dials, dials_of
from trialist.llm.endpoint import Call, Endpoint
from trialist.llm.evaluate import CALLS, WRONG
from trialist.llm.means import Means
from trialist.llm.onedial import OneDial
from trialist.llm.preflight import Finding
from trialist.llm.prices import Price, Prices
from trialist.llm.recipe import Recipe
from trialist.llm.scorer import Scorer, check_suite
from trialist.llm.scorers import scorer_of
from trialist.llm.suite import Suite, read_suite
from trialist.llm.tuning import Tuning
from trialist.scoring.split import Split
from trialist.study.declaring import DEFAULT_STORE, store_of
from trialist.study.study import Study
from trialist.trials.budget import Budget

if TYPE_CHECKING:
    from trialist.llm.cache import Cache
    from trialist.llm.pace import Pace
    from trialist.llm.purse import Purse
    from trialist.protocols import Store

_FEWEST = 4  # items that can be divided at all
_DEAR = 0.2  # of the calls, for a verification


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of it: the study, the dials that acted, and what was found of each.

    findings: of the preflight.  effects: of dials one at a time, where that was asked for.
    """

    study: Study
    dials: Dials
    recipe: Recipe
    findings: tuple[Finding, ...] = ()
    effects: OneDial | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What to send from now on: the settings of the selected configuration."""
        best = self.study.best
        return {} if best is None else self.dials.settings(best.params)

    @property
    def prompt(self) -> str | None:
        """The system prompt of the selected configuration; None where none is tuned or fixed."""
        best = self.study.best
        found = None if best is None else self.dials.value(SYSTEM, best.params)
        return None if found is None else str(found)


def tune(
    suite: Suite | str | Path,
    dials: Mapping[str, Any] | Sequence[str],
    *,
    endpoint: Endpoint | Call | str,
    budget: Means | Purse | Budget | str | int,
    confirm: Callable[[list[str]], bool] | None = None,
    again: bool = False,
    progress: bool = True,
    **options: Any,
) -> Tuned:
    """Search settings of a model over a suite, and verify the choice once on sealed items; the same call resumes.

    suite: a Suite, or a file of one.  dials: {name: levels}, or texts such as "temperature=0..1.3"; see `read_dial`.
    endpoint: an Endpoint, the address of one, or an async callable from a request's body to a response.
    budget: "$5", "3000 calls", "200k tokens", "40 trials", "10m", or several; no call is made that could exceed it.
    confirm: is given the lines that say where requests go and what they can cost; False ends it before any call.
    again: look at the sealed items once more, which is recorded.  progress: lines on standard error.
    options: those of `prepare`: model, defaults, prices, scorer, holdout, objective, cache, pace and others.

    Raises InputError before any call for what cannot be, EndpointError where no call can succeed.
    """
    from trialist.study.telling import Teller

    tuning = prepare(suite, dials, endpoint=endpoint, budget=budget, **options)
    say = _say if progress else _nothing
    try:
        for line in tuning.lines:
            say(line)
        if confirm is not None and not confirm(tuning.lines):
            raise PlanError("confirm", "it was not confirmed, so that nothing was asked", "Confirm it to go on.")
        for line in tuning.found():
            say(line)
        study = tuning.study()
        teller = Teller(study) if progress else None
        for event in tuning.events(study, again):
            if teller is not None:
                teller.tell(event)
        if teller is not None:
            teller.close()
        return tuned(tuning, study)
    finally:
        tuning.close()


def tuned(tuning: Tuning, study: Study) -> Tuned:
    """What came of it."""
    return Tuned(study, tuning.dials, tuning.evaluator.recipe, tuning.findings, tuning.effects)


def prepare(
    suite: Suite | str | Path,
    dials: Mapping[str, Any] | Sequence[str],
    *,
    endpoint: Endpoint | Call | str,
    budget: Means | Purse | Budget | str | int,
    model: str = "",
    defaults: Mapping[str, Any] | None = None,
    scorer: str | Scorer | Callable[..., Any] = "exact",
    holdout: float = 0.3,
    objective: str | Sequence[str] = SCORE,
    prices: Prices | Price | str | Mapping[str, str | Price] | None = None,
    cache: Cache | str | Path | None = None,
    pace: Pace | None = None,
    output_ceiling: int | None = None,
    store: str | Path | Store = DEFAULT_STORE,
    name: str = "tune-llm",
    seed: int = 0,
    sealed_replicates: int | None = None,
    failed: str = WRONG,
    clashes: Clash | str | Sequence[Clash | str] = (),
    **further: Any,
) -> Tuning:
    """What `tune` does up to the first call: everything is declared and checked, nothing asked.

    model: its name, where it is no dial.  defaults: what stands when nothing is tuned, measured first; also of dials
    that every request is asked with and nobody tunes, such as a system prompt.
    scorer: a name, a function of (text, item), or a Scorer.  prices: "in=0.15/M,out=0.60/M", or by model.
    holdout: the share of the items that is sealed, or their number; groups stay whole.
    objective: "score", or "score; cost; p95_latency": others beside the score make a front.
    cache: a file of answers, by default beside the store; studies may share one.  pace: limits by the minute.
    output_ceiling: tokens of a reply, where requests do not limit them.
    sealed_replicates: answers to each sealed item by each side; 2 where they are drawn and do not take a fifth of the
    calls.
    failed: an item that was never answered counts as "wrong" or is "missing".
    clashes: what the endpoint refuses together, "temperature, top_p beside reasoning_effort=low,high"; what a preflight
    finds of it is added.
    stopping: rules as in `trialist.tune`, and "flawless 3": the search ends once so many settings have every item
    right, which "auto" implies; "flawless 0" is never.
    further: replicates, answers to each item (more items tell more than more answers); blocks, in which items are
    raced; preflight, whether to look first which dials act; one_at_a_time, each dial alone and nothing else; strategy,
    scheduler, finalists, matters and prefer as in `trialist.tune`.
    """
    read = suite if isinstance(suite, Suite) else read_suite(suite)
    judged = scorer_of(scorer)
    check_suite(read.items, judged)
    given = dials_of(_with_prompts(dials, read), {**read.settings, **(defaults or {})})
    for clash in clashes_of(clashes):
        given = given.apart(clash)
    if not given.dials:
        raise InputError("dials", "there is none to choose", "Give one with two levels or more: temperature=0..1.3.")
    target = Endpoint(endpoint) if isinstance(endpoint, str) else endpoint
    kept = store_of(store)
    # Whose spending it is, in a file of answers that several studies share: another store's study may be called alike.
    means = Means.of(budget, f"{name} {uuid4().hex if kept.url == 'memory' else kept.url}")
    answers = _cache_of(cache, kept.url)
    client = Client(target, Prices.of(prices), means.purse, answers, pace, output_ceiling=output_ceiling)
    split = split_of(read, holdout, seed)
    each = sealed_replicates
    if each is None:
        each = 1 if given.is_always_greedy or _is_dear(means, split.sizes["test"]) else 2
    declared = Declared(model, objectives_of(objective), name, seed, failed, sealed_replicates=each, **further)
    tuning = Tuning(read, judged, given, client, split, means, declared, kept)
    tuning.check()
    return tuning


def _is_dear(means: Means, sealed: int) -> bool:
    """Whether two answers to each sealed item, by default and selected, would take much of a budget of calls."""
    calls = means.purse.calls
    return means.unit == CALLS and calls is not None and 4 * sealed > _DEAR * calls


def split_of(suite: Suite, holdout: float, seed: int) -> Split:
    """The items as rows: X is what is asked, y the id; groups stay whole."""
    if len(suite.items) < _FEWEST:
        raise SuiteError(suite.name, f"{len(suite.items)} items cannot be divided", "Give some more; 100 tell much.")
    asked = ["\n".join(f"{message.role}: {message.content}" for message in item.messages) for item in suite.items]
    ids = [item.id for item in suite.items]
    is_grouped = len(set(suite.groups)) < len(suite.items)
    return Split(asked, ids, test=holdout, validation=0, groups=list(suite.groups) if is_grouped else None, seed=seed)


def _with_prompts(dials: Mapping[str, Any] | Sequence[str], suite: Suite) -> dict[str, Dial]:
    """The dials, with the suite's own prompts as levels of one, where there are several."""
    if isinstance(dials, Mapping):
        listed = {str(name): dial_of(str(name), given) for name, given in dials.items()}
    else:
        read = [read_dial(text) for text in dials]
        listed = {dial.name: dial for dial in read}
        if len(listed) < len(read):
            twice = next(dial.name for dial in read if sum(dial.name == each.name for each in read) > 1)
            raise InputError(f"dial.{twice}", "it is given twice", "Give all its levels at once.")
    if len(suite.prompts) > 1 and PROMPT not in listed:
        texts = {f"prompt {k}": text for k, text in enumerate(suite.prompts, 1)}
        listed[PROMPT] = dial_of(PROMPT, texts)
    return listed


def _cache_of(given: Cache | str | Path | None, store: str) -> Cache:
    """As given; else in memory where the study is, and beside its file where it has one."""
    from trialist.llm.cache import Cache

    if isinstance(given, Cache):
        return given
    if given is None and store == "memory":
        return Cache()
    return Cache(given if given is not None else Path(store.removeprefix("sqlite:///")).with_suffix(".answers.db"))


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _nothing(line: str) -> None:
    """Nothing is told."""
