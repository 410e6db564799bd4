"""What may still be spent by a stage: budgets are hard, keep a reserve for the verdict, and what does not fit waits.

Each limit but that of trials has two marks: up to the first a stage starts trials, up to the second those that run may
go on.  Behind the second mark lies what the later stages need: finalists scored again, then the verification.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trialist.budget.pace import UNKNOWN, presumed
from trialist.budget.purse import TOLERANCE
from trialist.search.stages import Stages
from trialist.stopping.over import should_end
from trialist.study.accounts import LATENCY, Accounts, purses_of
from trialist.study.expectations import Expectations
from trialist.study.reserves import for_verification, rest_of_default, share_of
from trialist.study.session import Session
from trialist.trials.amounts import duration
from trialist.trials.history import History
from trialist.trials.trial import Promotion, Proposal, Stage, State, TrialRecord

START_SECONDS = 1.0  # until the workers of a verification are there
HEARD = 3  # reports of a run from which on it can be ended in time where it runs in this process
SILENT = 3  # trials without a word of money: the others will not tell either


@dataclass(frozen=True, slots=True)
class Marks:
    """A stage's marks as shares of what the verification leaves: where it starts trials, and where they go on.

    aside: how much of what the verification is expected to need it has to leave: where that is not all of it, what one
    training of each side likely takes, else at most, in any case.
    keeps_default: whether it also leaves what the default needs to come to its end, where that was paused.
    """

    start: Callable[[Stages], float]
    go_on: Callable[[Stages], float]
    aside: float = 1.0
    keeps_default: bool = True


SEARCH = Marks(lambda now: now.search_share, lambda now: now.search_share + now.refine_share)
REFINE = Marks(SEARCH.go_on, SEARCH.go_on)
ALL = Marks(lambda now: 1.0, lambda now: 1.0)
# A choice between finalists that is made by luck spoils any verdict, so for one fresh score of each a few seeds may go.
SELECT = Marks(ALL.start, ALL.go_on, 0.6)
# Without a full run of the default and of what could be chosen there is no verdict at all: one seed is kept for it.
DEFAULT = Marks(ALL.start, ALL.go_on, 0.2, keeps_default=False)


class Spending:
    """One coordinator's rule for what it may start, by what is spent, held and expected.

    stages: asked anew each time, since they follow from what trials take.  since: failures of earlier trials do not
    count; what broke them may be repaired, that is why the study is run again.
    """

    def __init__(
        self,
        session: Session,
        accounts: Accounts,
        expected: Expectations,
        workers: int,
        stages: Callable[[], Stages],
        since: int = 0,
    ) -> None:
        self._session, self._accounts, self._expected = session, accounts, expected
        self._workers, self._since = workers, since
        self._stages = stages
        self._budget = session.plan.budget
        accounts.purses = {purse.name: purse for purse in purses_of(self._budget)}

    @property
    def is_watched(self) -> bool:
        """Whether anything but the number of trials is limited."""
        return self._budget.seconds is not None or bool(self._accounts.purses)

    def may_start(self, marks: Marks) -> Callable[[History], str | None]:
        """A rule for the loop: None while another trial is expected to fit, else why not."""

        def rule(history: History) -> str | None:
            ended = should_end(history, self._session.plan, self._since)
            if ended or not self.is_watched:
                return ended
            starts = self._set_marks(history, marks)
            waiting = next((record for record in history if record.state is State.WAITING), None)
            if waiting is None:
                return self._refusal(history, starts, None, 1.0 if history.plan.fidelity is None else 0.0)
            return self._refusal(history, starts, waiting.params, share_of(history, waiting.fidelity))

        return rule

    def fits(self, marks: Marks) -> Callable[[History, Proposal | Promotion], str | None]:
        """A rule for the loop: None where what is proposed is expected to fit, else why not; empty for not yet."""

        def rule(history: History, proposed: Proposal | Promotion) -> str | None:
            if not self.is_watched or not len(history):
                return None
            if self._is_in_the_dark(history):
                return ""
            record = history[proposed.number] if isinstance(proposed, Promotion) else None
            params = proposed.params if isinstance(proposed, Proposal) else history[proposed.number].params
            share = share_of(history, proposed.fidelity, record)
            keeps = marks.keeps_default and (record is None or record.stage is not Stage.BASELINE)
            starts = self._set_marks(history, replace(marks, keeps_default=keeps))
            return self._refusal(history, starts, params, share)

        return rule

    def needs(self, history: History, record: TrialRecord) -> dict[str, float]:
        """What a trial that begins likely takes of each purse."""
        share = share_of(history, record.fidelity, record)
        return {name: self._expected.of(name, record.params, share).likely for name in self._accounts.purses}

    def _set_marks(self, history: History, marks: Marks) -> dict[str, tuple[float, float]]:
        """How much a stage may have spent of each limit when it starts a trial; what runs may go on to its other mark.

        The second number of each limit is what all stages before the verification have of it.  Before any trial is over
        nothing is known of what they take, and the first ones may use all.
        """
        stages, starts, defaults = self._stages(), {}, {}
        told = self._accounts.purses.get("cost")
        self._accounts.pace = UNKNOWN if told is None or told.rate else self._expected.pace
        is_early = all(record.state in (State.WAITING, State.RUNNING) for record in history)
        clock, spent = self._accounts.clock, self._session.spent() if self._accounts.purses else {}
        for name, limit in self._limits():
            rest = limit - self._set_aside(name, limit, stages, history, marks)
            start, end = (limit, limit) if is_early else (marks.start(stages) * rest, marks.go_on(stages) * rest)
            if name == "seconds":
                end = min(end, limit - min(LATENCY, 0.01 * limit))
                self._accounts.ends_at = clock() + end - self._session.seconds()
                self._accounts.time_ends_at = clock() + limit - self._session.seconds()
            else:
                purse = self._accounts.purses[name]
                purse.ceiling = end = min(end, limit)
                purse.spent, purse.elsewhere = spent[name], self._elsewhere(name, history)
            starts[name] = min(start, end), limit if is_early else min(rest, limit)
            if stages.test_seeds and name != "full_runs" and len(history):
                defaults[name] = self._expected.of(name, history[0].params).likely / self._lanes(name)
        self._accounts.default = defaults
        if told is not None:
            told.elsewhere += self._accounts.pace.doubt(presumed(history)) + (
                0.0 if told.rate else self._expected.untold
            )
        return starts

    def _refusal(
        self,
        history: History,
        starts: Mapping[str, tuple[float, float]],
        params: Mapping[str, Any] | None,
        share: float,
    ) -> str | None:
        """Why a run through `share` of a full one would not fit, or None.

        What it likely takes has to fit into what the stage has; what it takes at most, where it could not be ended,
        into all that is not kept for the verification.  Of several such runs hardly ever two are so dear.
        """
        for name, limit in self._limits():
            amount, (start, end) = self._expected.of(name, params, share), starts[name]
            need, beyond = amount.likely, 0.0
            if not self._can_end(name, history):
                need, beyond = amount.most, max(amount.most - amount.likely, self._beyond(name, history))
            if name == "seconds":
                used = self._session.seconds()
            else:
                purse = self._accounts.purses[name]
                used = purse.spent + purse.elsewhere + purse.held
            used_then = used + amount.likely
            if used_then > start * (1 + TOLERANCE) or used >= start or used_then + beyond > end * (1 + TOLERANCE):
                return _would_not_fit(name, limit, need, is_share=used + need <= limit)
        return None

    def _beyond(self, name: str, history: History) -> float:
        """By how much one of the runs here may take more than is likely."""
        running = (history[number] for number in self._accounts.running) if name != "seconds" else ()
        amounts = [self._expected.of(name, r.params, share_of(history, r.fidelity)) for r in running]
        return max((amount.most - amount.likely for amount in amounts), default=0.0)

    def _can_end(self, name: str, history: History) -> bool:
        """Whether a trial can be ended before it takes more than it may."""
        is_told = name == "cost" and (not self._accounts.purses[name].rate or self._accounts.tells)
        is_known = not is_told or self._accounts.pace.is_proven
        if self._accounts.can_kill and is_known:
            return True
        from trialist.budget.costs import gone_through

        told = [(len(record.reports), gone_through(record, history)) for record in history.records[-20:]]
        reports = sorted(count / share for count, share in told if share)  # in a full run
        is_heard = bool(reports) and reports[len(reports) // 2] >= HEARD
        return is_heard and (self._accounts.tells or is_known)

    def _is_in_the_dark(self, history: History) -> bool:
        """Money is told, a trial runs, and none has told yet what it costs: another one might cost anything."""
        purse = self._accounts.purses.get("cost")
        if purse is None or purse.rate or self._expected.costs("cost"):
            return False
        closed = sum(record.state.is_closed for record in history)
        return closed < SILENT and any(record.state is State.RUNNING for record in history)

    def _elsewhere(self, name: str, history: History) -> float:
        """What trials of other coordinators are expected to take at most."""
        others = [r for r in history if r.state is State.RUNNING and r.number not in self._accounts.running]
        return math.fsum(self._expected.of(name, r.params, share_of(history, r.fidelity)).most for r in others)

    def _set_aside(self, name: str, limit: float, stages: Stages, history: History, marks: Marks) -> float:
        """What the verification is expected to need, and the default to come to its end."""
        default = rest_of_default(name, history, self._expected) if marks.keeps_default else 0.0
        start = START_SECONDS if name == "seconds" and self._accounts.can_kill else 0.0
        can_end, lanes = self._can_end(name, history), self._lanes(name)
        need = for_verification(
            name, limit, history, stages, self._expected, lanes, can_end=can_end, start=start, aside=marks.aside
        )
        return default + need

    def _limits(self) -> Iterator[tuple[str, float]]:
        """All but the number of trials."""
        if self._budget.seconds is not None:
            yield "seconds", self._budget.seconds
        for name, purse in self._accounts.purses.items():
            yield name, purse.limit

    def _lanes(self, name: str) -> int:
        return self._workers if name == "seconds" else 1

    # The stages after the search

    def affordable(self, stages: Stages, runs: Callable[[History, int, int], tuple[Proposal, ...]]) -> Stages:
        """The stages with as many replicates, then finalists, as fit before the verification.

        runs: of so many finalists on so many seeds, those that are not there yet in that history: another coordinator
        may queue them at any moment, and they are to be counted once.
        """
        history = self._session.history()
        while stages.select and not self._fit_all(stages, runs(history, stages.finalists, stages.replicates), history):
            if stages.replicates > 1:
                stages = replace(stages, replicates=stages.replicates - 1)
            elif stages.finalists > 2:
                stages = replace(stages, finalists=stages.finalists - 1)
            else:
                stages = replace(stages, finalists=0, replicates=0)
        return stages

    def _fit_all(self, stages: Stages, runs: tuple[Proposal, ...], history: History) -> bool:
        trials = self._budget.trials
        if trials is not None and len(history) - len(history.swept) + len(runs) > trials:
            return False
        for name, limit in self._limits():
            marks = SELECT if stages.replicates == 1 else ALL
            left = left_of(self._session, name) - self._set_aside(name, limit, stages, history, marks)
            each = [self._expected.of(name, run.params).mean for run in runs]
            left = min(left, self._budget.share("select", 1.0) * limit)
            if each and max(math.fsum(each) / self._lanes(name), max(each)) > left:
                return False
        return True


def left_of(session: Session, name: str) -> float:
    """What is left of a limit in all, reserves included; infinity where there is no such limit."""
    limit = getattr(session.plan.budget, name)
    if limit is None:
        return math.inf
    return float(limit) - (session.seconds() if name == "seconds" else session.spent()[name])


def _would_not_fit(name: str, limit: float, need: float, is_share: bool) -> str:
    """is_share: it would fit into the whole, and only that of this stage is used."""
    whole, each = {
        "seconds": (f"{duration(limit)} of time", f" of about {duration(need)}"),
        "compute_seconds": (f"{duration(limit)} of compute", f" of about {duration(need)}"),
        "cost": (f"a budget of {limit:g}", f" of about {need:.3g}"),
        "full_runs": (f"{limit:g} full runs", ""),
    }[name]
    if is_share:
        return f"the share of this stage in {whole} is used: another trial{each} would not fit"
    return f"{whole}: another trial{each} would not fit"
