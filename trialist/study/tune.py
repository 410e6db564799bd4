"""tune: the whole process in one call."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from trialist.execute.attendant import refuse_while_loading
from trialist.protocols import Scheduler, Store
from trialist.space.space import Space
from trialist.study.checking import check_end, check_objective, check_test
from trialist.study.declaring import DEFAULT_STORE, plan_of, space_of
from trialist.study.earlier import Earlier, listed
from trialist.study.evaluation import completed
from trialist.study.events import Event
from trialist.study.study import Study
from trialist.study.summary import best_against_default
from trialist.study.trainings import Test
from trialist.study.work import Work, default_name, describe
from trialist.trials.budget import Budget
from trialist.trials.fidelity import Fidelity
from trialist.trials.stopping import Stops, Worth
from trialist.trials.validation import Validation


def tune(
    objective: Work,
    space: Space | Mapping[str, Any] | None = None,
    *,
    minimize: str | list[str] | None = None,
    maximize: str | list[str] | None = None,
    budget: Budget | int,
    strategy: str = "auto",
    scheduler: str | Scheduler = "auto",
    stopping: Stops = "auto",
    worth: Worth | str | None = None,
    test: Test | None = None,
    workers: int = 1,
    store: str | Path | Store = DEFAULT_STORE,
    name: str | None = None,
    seed: int = 0,
    trial_seconds: float | None = None,
    trial_memory: int | None = None,
    trial_cost: float | None = None,
    finalists: int | None = None,
    replicates: int | None = None,
    test_seeds: int = 5,
    warm_start: Earlier | Sequence[Earlier] | None = None,
    fidelity: Fidelity | None = None,
    validation: Validation | None = None,
    prefer: str = "better",
    matters: float | None = None,
    again: bool = False,
    progress: bool = True,
) -> Study:
    """Search, refine, select and verify; the same call resumes after any interruption.

    objective: a function of a Trial that returns a number, a list of replicates or a dict of metrics; or an Evaluation,
    from which direction, test and validation are taken where they are not given.
    space: without one, the objective declares its dials (`trial.suggest_float` and its like).
    budget: a Budget, or a number of trials.
    stopping: what ends the search early: "auto" advises, "none" is the budget alone; rules such as "plateau", "regret",
    "emmr", Target(0.05), Plateau(20, 0.001), one or a list.  worth: a gain that an hour is worth, Worth(0.001, "hour").
    test: called by verification alone, as test(params, seed): a number, or a number per test example, in the sign
    of the first objective. With several seeds, for the default and for the selected configuration.
    workers: processes; 1 runs in this one, unless trial_seconds or trial_memory (bytes) limit a trial.
    trial_cost: money of one trial; one that has cost more when it reports is stopped.
    warm_start: earlier studies to learn from: each a Study, a name in the same store, or (name, store).
    fidelity: the dial of cost, such as Fidelity("epochs", 1, 81): trials begin cheap, and the scheduler says which of
    them go on; the objective runs `trial.steps()`, or to `trial.fidelity`.  scheduler: its name, or an object with
    decide, resume and start.
    validation: how each configuration is scored, Folds(5), Holdout(0.25), Seeds(3) or Items(10): the objective runs
    `trial.folds(split)`, `trial.seeds()` or `trial.blocks(blocks)` and reports one score for each.
    prefer: of finalists that no fresh score tells apart, the "better" mean or the "cheaper" one is chosen.
    matters: the least difference that is of practical use; the verdict says whether it was reached.
    again: look at the test data once more; recorded, and said in the verdict.
    progress: lines on standard error; without them, a study of which no trial has a score warns.

    Raises PlanChangedError where the name has another plan, and InputError for what cannot be, before any work.

    >>> from trialist import Float
    >>> space = {"x": Float(-1.0, 1.0, default=0.5)}
    >>> study = tune(lambda trial: trial["x"] ** 2, space, minimize="loss", budget=12, store="memory", progress=False)
    >>> study.best.value < study.baseline.value
    True
    """
    refuse_while_loading()
    space = space_of(space)
    check_objective(objective, space)
    if test is not None:
        check_test(test, space)
    minimize, maximize, test, validation = completed(objective, minimize, maximize, test, validation)
    known = listed(warm_start)
    plan = plan_of(
        minimize=minimize, maximize=maximize, budget=budget, name=default_name(objective) if name is None else name,
        seed=seed, strategy=strategy, scheduler=scheduler, stopping=stopping, worth=worth, trial_seconds=trial_seconds,
        trial_memory=trial_memory, trial_cost=trial_cost, source=describe(objective),
        test=None if test is None else describe(test), finalists=finalists, replicates=replicates,
        test_seeds=test_seeds, warm_start=known, store=store,
        fidelity=fidelity, validation=validation, prefer=prefer, matters=matters,
    )  # fmt: skip
    check_end(plan)
    given = None if isinstance(scheduler, str) else scheduler
    study = Study.open(plan, space, store, known, given)
    events = study.process(objective, test, workers=workers, again=again)
    for event in _told(events, study) if progress else events:
        del event
    if not progress and study.best is None and (failed := study.history.failed):
        # Without progress nobody saw it, and the next line of the script would fail for another reason.
        words = f"study {study.name!r}: {best_against_default(study.history)}; trial {failed[0].number} so: "
        warnings.warn(f"{words}{failed[0].failure.message if failed[0].failure else ''}", stacklevel=2)
    return study


def _told(events: Iterator[Event], study: Study) -> Iterator[Event]:
    """The events, with a line of progress for those that deserve one."""
    from trialist.study.telling import Teller

    teller = Teller(study)
    for event in events:
        with suppress(BrokenPipeError):
            teller.tell(event)
        yield event
    with suppress(BrokenPipeError):
        teller.close()
