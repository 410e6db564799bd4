"""One trial, where it runs: Trial, the live handle that an objective holds, and run_assignment, which calls it.

Whatever the objective does, exactly one Finished or Failed goes up the channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from trialist.errors import InputError, ResultError, shown
from trialist.execute.dials import Dials, float_dial, int_dial
from trialist.execute.failures import of_exception
from trialist.execute.units import Block, HasFolds, Units, blocks_of, folds_of, seeds_of
from trialist.space.parameter import Categorical, Parameter, declare
from trialist.space.plain import check_plain, plain
from trialist.trials.messages import Assignment, Failed, Finished, Message, Noted, Reported
from trialist.trials.outcome import constraint, outcome
from trialist.trials.outcome import cost as as_cost
from trialist.trials.outcome import number as as_number
from trialist.trials.trial import GO_ON, Action, Cause, Decision, Failure, Stage

if TYPE_CHECKING:
    from trialist.space.space import Space

Channel = Callable[[Message], Decision]
Objective = Callable[["Trial"], Any]

CHECKPOINT = "checkpoint"  # the name of a trial's checkpoint folder inside its own
_UNGIVEN: Any = object()  # None may be a choice, so it cannot stand for "no default"


class Trial:
    """A running trial, as its objective sees it: the configuration to try, and the place to report to.

    >>> def objective(trial):
    ...     for step in trial.steps(3):
    ...         trial.report(1 / step)
    ...     return trial.last
    """

    __slots__ = (
        "_assignment",
        "_broken",
        "_channel",
        "_constraints",
        "_cost",
        "_current",
        "_decision",
        "_dials",
        "_found",
        "_last",
        "_last_step",
        "_length",
        "_metrics",
        "_reported",
        "_start",
        "_units",
    )

    def __init__(
        self,
        assignment: Assignment,
        channel: Channel,
        space: Space | None = None,
        declared: MutableMapping[str, Parameter] | None = None,
    ) -> None:
        """`declared` holds the dials that this process has told of before: they need not be told again."""
        self._assignment, self._channel = assignment, channel
        self._dials = Dials(assignment, space, declared)
        self._reported: set[int] = set()
        self._start: int | None = None  # where the run goes on from, if it said so
        self._found: bool | None = None  # a checkpoint, when it first looked for one
        self._length: int | None = None
        self._last: float | None = None
        self._last_step = 0
        self._metrics: dict[str, float] = {}
        self._current: int | None = None
        self._units: Units | None = None
        self._cost: float | None = None
        self._constraints: dict[str, float] = {}
        self._decision = GO_ON
        self._broken: BaseException | None = None

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
        if self._reported:
            return self._last_step
        if self._start is not None:
            return self._start
        return self._assignment.reached if self._found else 0

    @property
    def last(self) -> float | None:
        """The value reported last, or None."""
        return self._last

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
        prices, total = self._assignment.prices, as_cost(amount)
        for kind, count in tokens.items():
            if prices and kind not in prices:
                remedy = f"Use {' or '.join(prices)}, or give its price to the budget, per_token={{{kind!r}: ...}}."
                raise ResultError("spend", f"{kind} has no price", remedy)
            total += as_cost(count) * prices.get(kind, 0.0)
        self._cost = as_cost((self._cost or 0.0) + total)
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
        if self._found is None:  # what it writes there itself later on is nothing that it found
            self._found = any(path.iterdir())
        return path

    def steps(self, n: int | None = None, start: int = 0) -> Iterator[int]:
        """Steps start + 1, ... n; ends early once the trial should stop. A report made inside belongs to its step.

        n: the steps of a full run; without one, this run's fidelity.  start: steps that a checkpoint holds already.
        Raises ResultError where n is missing and the study has no fidelity, and for what is no number of steps.
        """
        n = _steps_of(self.fidelity) if n is None else _count("steps", n)
        start = _count("start", start)
        if start > n:
            raise ResultError("start", f"{start} steps are done already", f"Give at most {n}, the number of steps.")
        if self.fidelity is None:
            self._length = n
        if not self._reported:
            self._start = start
            if start == n:  # it was ended after its last step, before it could say so
                self._last = self._assignment.last
        return self._steps(n, start)

    def _steps(self, n: int, start: int) -> Iterator[int]:
        try:
            for step in range(start + 1, n + 1):
                if self.should_stop:
                    return
                self._current = step
                yield step
        finally:
            self._current = None

    def folds(self, data: HasFolds) -> Iterator[Any]:
        """The folds that the study's validation declares, of a Split; ends early once the trial should stop.

        Each has `train` and `validation`, both (X, y), and a `seed` to train with.  Report one score for each: together
        they are the trial's score, and nothing need be returned.  ResultError where the study declares no folds.
        """
        validation = self._assignment.validation
        return self._each((fold.index, fold) for fold in folds_of(data, validation, self._assignment.units_seed))

    def seeds(self) -> Iterator[int]:
        """The seeds that the study's validation declares, `tl.Seeds(5)`; report one score for each.

        Ends early once the trial should stop.  ResultError where the study declares none.
        """
        return self._each(enumerate(seeds_of(self._assignment.validation, self._assignment.units_seed), start=1))

    def blocks(self, blocks: Sequence[Block]) -> Iterator[Block]:
        """The blocks of items that the study's validation declares, `tl.Items(10)`; report one score for each.

        blocks: as many as declared, the same in the same order for every trial.  Ends early once the trial should stop.
        ResultError where the study declares none, or another number of them.
        """
        return self._each(enumerate(blocks_of(blocks, self._assignment.validation), start=1))

    def _each(self, units: Iterable[tuple[int, Any]]) -> Iterator[Any]:
        validation = self._assignment.validation
        whole = 0 if validation is None else validation.units
        self._units, self._length = Units(whole), whole or None
        try:
            for index, unit in units:
                if self.should_stop:
                    return
                self._current = index
                yield unit
        finally:
            self._current = None

    def report(self, value: Any, step: int | None = None, **metrics: Any) -> None:
        """Report the first objective's value after `step` steps, other metrics beside it; NaN is a value too.

        Inside `folds()`, `seeds()` and `blocks()` it is the score of that fold, seed or block.

        step: the current one of `steps()`, else one more than the last.  Raises ResultError for a value that is no
        number, a step that is no whole number from 0 on, one reported before, or one beyond the run's fidelity.
        """
        step = self._next_step() if step is None else _step(step)
        if self.fidelity is not None and step > self.fidelity:
            raise ResultError(
                "step",
                f"{step} is beyond this run's fidelity, {self.fidelity:g}",
                "Where a study has a fidelity, steps are amounts of it: end the run there, as trial.steps() does.",
            )
        if step in self._reported:
            remedy = "Report each step once; give other metrics of the same step by name, in the same call."
            raise ResultError("step", f"{step} was reported before", remedy)
        value = as_number("value", value)
        extra = {name: as_number(name, item) for name, item in metrics.items()} if metrics else {}
        first = self._assignment.objectives[0]
        if first in extra:
            name = self._assignment.objectives[0]
            raise ResultError(
                name, f"{shown(metrics[name])} is given beside the value {shown(value)}", "Use one of them."
            )
        since = min(self.since, max(0, step - 1))
        self._reported.add(step)
        self._last, self._last_step, self._metrics = value, step, extra
        if self._units is not None:
            self._units.found[step] = {first: value, **extra}
        decision = self._send(Reported(self.number, self.attempt, step, value, extra, self._length, self._cost, since))
        if not self.should_stop:  # once asked to stop, a later answer does not take it back
            self._decision = decision

    def _next_step(self) -> int:
        return self._last_step + 1 if self._current is None else self._current

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
        self._send(Noted(self.number, self.attempt, key, kept))

    def suggest_float(
        self,
        name: str,
        low: float,
        high: float,
        *,
        log: bool = False,
        step: float | None = None,
        default: float | None = None,
    ) -> float:
        """Declare a Float on the way and get its value; SpaceError where another declaration of it is known."""
        value: float = self._dials.suggest(name, float_dial(name, low, high, log, step, default))
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
    ) -> int:
        """Declare an Int on the way and get its value; SpaceError where another declaration of it is known."""
        value: int = self._dials.suggest(name, int_dial(name, low, high, log, step, default))
        return value

    def suggest_categorical(self, name: str, choices: Any, *, default: Any = _UNGIVEN) -> Any:
        """Declare a Categorical on the way and get its value; SpaceError where another declaration of it is known."""
        given = {} if default is _UNGIVEN else {"default": default}
        return self._dials.suggest(name, declare(name, Categorical, choices, **given))

    def _send(self, message: Message) -> Decision:
        try:
            # Not before: a trial with ten dials would be ten transactions.
            while self._dials.news:
                self._channel(self._dials.news.pop(0))
            return self._channel(message)
        except (InputError, KeyboardInterrupt):
            raise  # the objective's own misuse, or the user's wish: the trial's outcome
        except BaseException as error:
            # The store failed, or the other end is gone: no outcome of the objective, even if it catches this.
            self._broken = error
            raise


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
                overlap=overlap_of(assignment, result),
            )
    except KeyboardInterrupt:
        if trial._broken is None:
            failure = Failure(Cause.PREEMPTED, "interrupted by the user")
            trial._send(
                Failed(assignment.number, assignment.attempt, failure, perf_counter() - started, cost=trial.cost)
            )
        raise
    except BaseException as error:  # noqa: BLE001 - the objective is the user's code: whatever it raises fails its trial
        failure = of_exception(error)
        message = Failed(assignment.number, assignment.attempt, failure, perf_counter() - started, cost=trial.cost)
    if trial._broken is not None:
        raise trial._broken
    try:
        trial._send(message)
    except InputError as error:  # a declaration or note that came with it clashes with the study's
        failure = of_exception(error)
        trial._dials.news.clear()
        trial._send(Failed(assignment.number, assignment.attempt, failure, message.seconds, cost=trial.cost))


def _returned(trial: Trial, value: Any) -> Any:
    """What was returned; where that is nothing, the last report stands for it."""
    if value is not None or trial.last is None:
        return value
    if trial._units is not None:
        if not trial.should_stop:
            trial._units.check()
        return trial._units.replicates()
    return {trial._assignment.objectives[0]: trial.last, **trial._metrics}


def overlap_of(assignment: Assignment, result: Mapping[str, Sequence[float]]) -> float:
    """Of the declared validation, where there is a score for each of its units; else nothing is known of it."""
    validation, first = assignment.validation, next(iter(result.values()), ())
    return validation.overlap if validation is not None and len(first) == validation.units > 1 else 0.0


def _steps_of(fidelity: float | None) -> int:
    if fidelity is None:
        remedy = "Give trial.steps(n), or declare the study's fidelity."
        raise ResultError("steps", "no number is given, and the study has no fidelity", remedy)
    if fidelity != int(fidelity):
        raise ResultError("steps", f"the fidelity {fidelity:g} is no number of steps", "Give trial.steps(n).")
    return int(fidelity)


def _count(name: str, value: Any) -> int:
    if type(plain(value)) is not int or value < 0:
        raise ResultError(name, f"{shown(value)} is not a number of steps", "Give a whole number, at least 0.")
    return int(value)


def _step(step: Any) -> int:
    step = plain(step)
    if type(step) is not int or step < 0:
        raise ResultError("step", f"{shown(step)} is not a step", "Give a whole number, at least 0.")
    return step
