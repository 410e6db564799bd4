"""One trial, where it runs: Trial, the live handle that an objective holds, and run_assignment, which calls it.

Whatever the objective does, exactly one Finished or Failed goes up the channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from trialist.errors import InputError, shown
from trialist.execute.checkpoints import CHECKPOINT
from trialist.execute.course import Course
from trialist.execute.dials import Dials, float_dial, int_dial
from trialist.execute.failures import of_exception
from trialist.execute.line import Channel, Line
from trialist.execute.outlay import spent
from trialist.execute.units import Block, HasFolds, blocks_of, folds_of, overlap_of, seeds_of
from trialist.space.condition import Condition
from trialist.space.parameter import Categorical, Parameter, declare
from trialist.space.plain import check_plain, plain
from trialist.trials.messages import Assignment, Failed, Finished, Noted
from trialist.trials.outcome import constraint, outcome
from trialist.trials.outcome import cost as as_cost
from trialist.trials.trial import GO_ON, Action, Cause, Failure, Stage

if TYPE_CHECKING:
    from trialist.space.space import Space

Objective = Callable[["Trial"], Any]

_UNGIVEN: Any = object()  # None may be a choice, so it cannot stand for "no default"


class Trial:
    """A running trial, as its objective sees it: the configuration to try, and the place to report to.

    >>> def objective(trial):
    ...     for step in trial.steps(3):
    ...         trial.report(1 / step)
    ...     return trial.last
    """

    __slots__ = ("_assignment", "_constraints", "_cost", "_course", "_decision", "_dials", "_line")

    def __init__(
        self,
        assignment: Assignment,
        channel: Channel,
        space: Space | None = None,
        declared: MutableMapping[str, Parameter] | None = None,
    ) -> None:
        """`declared` holds the dials that this process has told of before: they need not be told again."""
        self._assignment = assignment
        self._dials = Dials(assignment, space, declared)
        self._line = Line(channel, self._dials.news)
        self._course = Course(assignment)
        self._cost: float | None = None
        self._constraints: dict[str, float] = {}
        self._decision = GO_ON

    def __getitem__(self, name: str) -> Any:
        """The value of an active dial; SpaceError, with the nearest name, where there is none."""
        try:
            return self.params[name]
        except KeyError:
            raise self._dials.unknown(name) from None

    def __contains__(self, name: object) -> bool:
        return name in self.params

    def __repr__(self) -> str:
        return f"Trial({self.number}, {self.params!r})"

    @property
    def params(self) -> dict[str, Any]:
        """The configuration: values of the active dials by name."""
        return self._dials.params

    @property
    def number(self) -> int:
        """From 0 on; 0 is the baseline."""
        return self._assignment.number

    @property
    def attempt(self) -> int:
        """How many runs of this trial came before: each was paused, or failed for no fault of the configuration."""
        return self._assignment.attempt

    @property
    def seed(self) -> int:
        """A seed in [0, 2**31) of this trial's own, the same whenever it is repeated."""
        return self._assignment.seed

    @property
    def stage(self) -> Stage:
        """The stage of the process that opened the trial."""
        return self._assignment.stage

    @property
    def fidelity(self) -> float | None:
        """How far this run is to go, in the study's own unit; None where the study has no such dial."""
        return self._assignment.fidelity

    @property
    def since(self) -> float:
        """The step of the last report; before the first one, where this run goes on from: 0, or an earlier run's end.

        An earlier run's end where `steps` was told so, or where a checkpoint was there when it was looked for.
        """
        return self._course.since

    @property
    def last(self) -> float | None:
        """The value reported last, or None."""
        return self._course.last

    @property
    def should_stop(self) -> bool:
        """Whether a scheduler asked this trial to end here; what was reported counts."""
        return self._decision.action is not Action.GO_ON

    @property
    def stop_reason(self) -> str:
        """Why the trial is to end, or an empty text."""
        return self._decision.reason if self.should_stop else ""

    @property
    def cost(self) -> float | None:
        """What this run has cost so far, in the budget's unit of money: set by the objective, finite, from 0 on.

        It travels with each report, so a budget can end a trial before it is overspent.
        """
        return self._cost

    @cost.setter
    def cost(self, value: Any) -> None:
        self._cost = as_cost(value)

    def spend(self, amount: Any = 0.0, /, **tokens: Any) -> float:
        """Add to `cost`: an amount of money, and tokens by their kind at the budget's prices; the cost so far.

        Without prices tokens cost nothing; ResultError where others have a price, and this kind has none.

        >>> def objective(trial):
        ...     trial.spend(0.02)
        ...     trial.spend(prompt=900, completion=150)
        ...     return 0.5
        """
        self._cost = spent(self._cost, amount, tokens, self._assignment.prices)
        return self._cost

    @property
    def constraints(self) -> dict[str, float]:
        """The measured constraints so far, by name."""
        return dict(self._constraints)

    def constrain(self, name: str, value: Any) -> None:
        """Tell a measured constraint, which is satisfied where `value` is at most 0; the last one of a name counts.

        NaN is not known to satisfy anything and counts as violated.  Raises ResultError for a value that is no number.

        >>> def objective(trial):
        ...     milliseconds, loss = 57.0, 0.25
        ...     trial.constrain("latency", milliseconds - 50)
        ...     return loss
        """
        name, number = constraint(name, value)
        self._constraints[name] = number

    @property
    def checkpoint_dir(self) -> Path:
        """A folder of the trial's own, made on first use; a later run finds what an earlier one left in it.

        A trial that was paused may go on from there, and says so: `trial.steps(start=...)`.  Without a checkpoint it is
        run anew, and all of that counts as spent.
        """
        path = Path(self._assignment.directory, CHECKPOINT)
        path.mkdir(parents=True, exist_ok=True)
        if self._course.found is None:  # what it writes there itself later on is nothing that it found
            self._course.found = any(path.iterdir())
        return path

    def steps(self, n: int | None = None, start: int = 0) -> Iterator[int]:
        """Steps start + 1, ... n; ends early once the trial should stop. A report made inside belongs to its step.

        n: the steps of a full run; without one, this run's fidelity.  start: steps that a checkpoint holds already.
        Raises ResultError where n is missing and the study has no fidelity, and for what is no number of steps.
        """
        return self._course.steps(n, start, self._is_over)

    def folds(self, data: HasFolds) -> Iterator[Any]:
        """The folds that the study's validation declares, of a Split; ends early once the trial should stop.

        Each has `train` and `validation`, both (X, y), and a `seed` to train with.  Report one score for each: together
        they are the trial's score, and nothing need be returned.  ResultError where the study declares no folds.
        """
        validation = self._assignment.validation
        folds = folds_of(data, validation, self._assignment.units_seed)
        return self._course.each(((fold.index, fold) for fold in folds), self._is_over)

    def seeds(self) -> Iterator[int]:
        """The seeds that the study's validation declares, `tl.Seeds(5)`; report one score for each.

        Ends early once the trial should stop.  ResultError where the study declares none.
        """
        return self._course.each(
            enumerate(seeds_of(self._assignment.validation, self._assignment.units_seed), start=1), self._is_over
        )

    def blocks(self, blocks: Sequence[Block]) -> Iterator[Block]:
        """The blocks of items that the study's validation declares, `tl.Items(10)`; report one score for each.

        blocks: as many as declared, the same in the same order for every trial.  Ends early once the trial should stop.
        ResultError where the study declares none, or another number of them.
        """
        return self._course.each(enumerate(blocks_of(blocks, self._assignment.validation), start=1), self._is_over)

    def report(self, value: Any, step: int | None = None, **metrics: Any) -> None:
        """Report the first objective's value after `step` steps, other metrics beside it; NaN is a value too.

        Inside `folds()`, `seeds()` and `blocks()` it is the score of that fold, seed or block.

        step: the current one of `steps()`, else one more than the last.  Raises ResultError for a value that is no
        number, a step that is no whole number from 0 on, one reported before, or one beyond the run's fidelity.
        """
        decision = self._line.send(self._course.report(value, step, metrics, self._cost))
        if not self.should_stop:  # once asked to stop, a later answer does not take it back
            self._decision = decision

    def note(self, key: str, value: Any) -> None:
        """Keep a plain value of your own with the trial; the last one of a key counts."""
        if not isinstance(key, str) or not key:
            raise InputError("note", f"the key {shown(key)} is not a name", "Give a non-empty text as key.")
        try:
            kept = plain(value)
        except RecursionError:
            raise InputError(key, f"{shown(value)} is nested too deep", "Give a flatter value.") from None
        check_plain(key, kept)
        check_plain("note", key)
        self._line.send(Noted(self.number, self.attempt, key, kept))

    def suggest_float(
        self,
        name: str,
        low: float,
        high: float,
        *,
        log: bool = False,
        step: float | None = None,
        default: float | None = None,
        when: Mapping[str, Any] | None = None,
    ) -> float:
        """Declare a Float on the way and get its value; SpaceError where another declaration of it is known.

        when: under which `if` it stands, as for any dial: {"kind": "svm"}.  Else it counts as active in every trial.
        """
        condition = Condition.of(name, when)
        value: float = self._dials.suggest(name, float_dial(name, low, high, log, step, default, condition))
        return value

    def suggest_int(
        self,
        name: str,
        low: int,
        high: int,
        *,
        log: bool = False,
        step: int = 1,
        default: int | None = None,
        when: Mapping[str, Any] | None = None,
    ) -> int:
        """Declare an Int on the way, as `suggest_float` does a Float."""
        value: int = self._dials.suggest(name, int_dial(name, low, high, log, step, default, Condition.of(name, when)))
        return value

    def suggest_categorical(
        self, name: str, choices: Any, *, default: Any = _UNGIVEN, when: Mapping[str, Any] | None = None
    ) -> Any:
        """Declare a Categorical on the way, as `suggest_float` does a Float."""
        given = {} if default is _UNGIVEN else {"default": default}
        return self._dials.suggest(name, declare(name, Categorical, choices, when=when, **given))

    def _is_over(self) -> bool:
        return self.should_stop


def run_assignment(
    objective: Objective,
    assignment: Assignment,
    channel: Channel,
    space: Space | None = None,
    declared: MutableMapping[str, Parameter] | None = None,
) -> None:
    """Run the objective once and send its outcome: exactly one Finished or Failed.

    Everything that the objective raises is an outcome, SystemExit too; only KeyboardInterrupt goes on after its Failed,
    and so does what the channel itself raised, after which nothing more is sent.
    """
    trial = Trial(assignment, channel, space, declared)
    started = perf_counter()
    message: Finished | Failed
    try:
        returned = objective(trial)
        result = outcome(_returned(trial, returned), assignment.objectives)
        if isinstance(result, Failure):
            message = Failed(assignment.number, assignment.attempt, result, perf_counter() - started, cost=trial.cost)
        else:
            seconds = perf_counter() - started
            message = Finished(
                assignment.number,
                assignment.attempt,
                result,
                seconds,
                trial.cost,
                constraints=trial.constraints,
                since=trial.since,
                overlap=overlap_of(assignment.validation, result),
            )
    except KeyboardInterrupt:
        if trial._line.broken is None:
            failure = Failure(Cause.PREEMPTED, "interrupted by the user")
            trial._line.send(
                Failed(assignment.number, assignment.attempt, failure, perf_counter() - started, cost=trial.cost)
            )
        raise
    except BaseException as error:  # noqa: BLE001 - the objective is the user's code: whatever it raises fails its trial
        failure = of_exception(error)
        message = Failed(assignment.number, assignment.attempt, failure, perf_counter() - started, cost=trial.cost)
    if trial._line.broken is not None:
        raise trial._line.broken
    try:
        trial._line.send(message)
    except InputError as error:  # a declaration or note that came with it clashes with the study's
        failure = of_exception(error)
        trial._line.news.clear()
        trial._line.send(Failed(assignment.number, assignment.attempt, failure, message.seconds, cost=trial.cost))


def _returned(trial: Trial, value: Any) -> Any:
    """What was returned; where that is nothing, the last report stands for it."""
    if value is not None or trial.last is None:
        return value
    return trial._course.result(trial.should_stop)
