"""Earlier studies of a warm start: named in the plan, and what they know kept with the study once, when it is made.

The snapshot makes a study whole: it goes on in the same way whatever becomes of the earlier ones.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any, Protocol

from trialist.errors import PlanError, UnknownStudyError, shown
from trialist.protocols import Store, StudyRecord
from trialist.space import plain
from trialist.space.constraint import Rule
from trialist.space.space import Space
from trialist.store import open_store
from trialist.trials.feasibility import ranked
from trialist.trials.history import History, Records
from trialist.trials.plan import Plan
from trialist.trials.trial import Score, Stage, State, TrialRecord

STAGE = "earlier"  # the name under which the snapshot is kept
BEST, SPREAD = 300, 200  # trials of a larger study that are kept: the best ones, and of the others evenly by rank
REPLICATES = 20  # of a score that are kept; of more, their mean
_REMEDY = 'Give a Study, the name of one in the same store, or (name, store) such as ("first", "old.db").'


class Kept(Protocol):
    """A study in a store, such as a Study."""

    @property
    def name(self) -> str: ...

    @property
    def store(self) -> Store: ...


Earlier = Kept | str | tuple[str, str | Path]


def listed(given: Earlier | Sequence[Earlier] | None) -> tuple[Earlier, ...]:
    """The earlier studies of an argument `warm_start`: none, one, or several; PlanError for what names no study."""
    if given is None:
        return ()
    found: Any = (given,) if isinstance(given, str) or hasattr(given, "store") else given
    if not isinstance(found, Sequence):
        raise PlanError("warm_start", f"{shown(given)} names no study", _REMEDY)
    for each in found:
        if not (isinstance(each, str) or hasattr(each, "store") or _is_pair(each)):
            raise PlanError("warm_start", f"{shown(each)} names no study", _REMEDY)
    return tuple(found)


def named(given: Sequence[Earlier], store: str | Path | Store) -> tuple[str, ...]:
    """How a plan names them: by name in the same store, as name@path in another, the path seen from this one."""
    here = _place(store)
    words = []
    for each in given:
        name, place = _name(each), here if isinstance(each, str) else _place(_store(each))
        is_here = place == here and (here != "memory" or isinstance(each, str) or _store(each) is store)
        if not is_here and "memory" not in (here, place):
            place = os.path.relpath(place, os.path.dirname(here))  # so that a folder of studies can be moved
        words.append(name if is_here else f"{name}@{place}")
    return tuple(words)


def snapshot(given: Sequence[Earlier], plan: Plan, store: Store) -> dict[str, Any]:
    """What the earlier studies know, oldest first, as an outcome to be kept.

    UnknownStudyError, or StoreMissingError, for one that is not there; PlanError for one with other objectives.
    """
    known = sorted((_loaded(each, plan, store) for each in given), key=lambda loaded: loaded[0].created_at)
    # Each as text, so that whoever looks at another stage does not pay for reading thousands of trials.
    return {"studies": [plain.dumps(_written(study, records, plan)) for study, records in known]}


def histories(outcome: Mapping[str, Any]) -> tuple[History, ...]:
    """The earlier studies that `snapshot` wrote."""
    return tuple(_read(plain.loads(text)) for text in outcome["studies"])


def words(earlier: Sequence[History]) -> tuple[str, ...]:
    """A line for each earlier study: what there is to learn from."""
    lines = []
    for history in earlier:
        count = len(history.scored)
        what = f"{count:,} scored trial{'' if count == 1 else 's'}" if count else "no scored trial: nothing is learnt"
        lines.append(f"warm start from {shown(history.plan.name)}: {what}")
    return tuple(lines)


def _loaded(each: Earlier, plan: Plan, store: Store) -> tuple[StudyRecord, Records]:
    name = _name(each)
    place = store if isinstance(each, str) else _store(each)
    if not isinstance(place, str | Path):
        opened: Any = nullcontext(place)
    elif _place(place) == _place(store):
        opened = nullcontext(store)
    else:
        opened = closing(open_store(place, create=False))
    with opened as kept:
        if kept is store and name == plan.name:
            raise PlanError("warm_start", f"{shown(name)} is the study itself", "Give another name to the new study.")
        try:
            study = kept.load_study(name)
        except UnknownStudyError as error:
            raise UnknownStudyError(f"warm_start: {str(error).removeprefix('name: ')}") from None
        _check_objectives(study.plan, plan)
        return study, kept.changes(name).records


def _check_objectives(old: Plan, new: Plan) -> None:
    """Every objective of the new plan is one of the old."""
    for objective in new.objectives:
        if objective not in old.objectives:
            has = ", ".join(f"{each.direction} {each.name}" for each in old.objectives)
            problem = f"study {shown(old.name)} was to {has}, which tells nothing of how to"
            remedy = "Name the same metric and direction, or leave that study out."
            raise PlanError("warm_start", f"{problem} {objective.direction} {objective.name}", remedy)


def _written(study: StudyRecord, records: Records, plan: Plan) -> dict[str, Any]:
    """The earlier study as JSON, seen with the objectives of the new one."""
    names = [objective.name for objective in plan.objectives]
    scored = [r for r in History(study.plan, study.space, records).scored if all(n in r.metrics for n in names)]
    space = study.space.to_json()
    for rule in Rule:  # functions cannot be kept; and no earlier trial is asked whether it was allowed
        space[rule.value] = [text for text in space.get(rule.value, ()) if isinstance(text, str)]
    objectives = [[objective.name, objective.direction.value] for objective in plan.objectives]
    return {
        "plan": {**study.plan.to_json(), "objectives": objectives},
        "space": space,
        "trials": [_trial(record, names) for record in _thinned(scored, plan)],
    }


def _thinned(scored: Sequence[TrialRecord], plan: Plan) -> list[TrialRecord]:
    """At most BEST + SPREAD trials, in the order of their numbers."""
    order = ranked(scored) if len(plan.objectives) == 1 else _balanced(scored, plan)
    rest = order[BEST:]
    if len(rest) > SPREAD:
        rest = [rest[(2 * i + 1) * len(rest) // (2 * SPREAD)] for i in range(SPREAD)]
    return sorted([*order[:BEST], *rest], key=lambda record: record.number)


def _balanced(scored: Sequence[TrialRecord], plan: Plan) -> list[TrialRecord]:
    """By the sum of the ranks in all objectives, since losses of different objectives cannot be added."""
    total = dict.fromkeys((record.number for record in scored), 0)
    for objective in plan.objectives:
        by_loss = sorted(scored, key=lambda r: (objective.loss(r.metrics[objective.name].mean), r.number))
        for rank, record in enumerate(by_loss):
            total[record.number] += rank
    return sorted(scored, key=lambda record: (not record.is_feasible, total[record.number], record.number))


def _trial(record: TrialRecord, names: Sequence[str]) -> dict[str, Any]:
    metrics = {}
    for name in names:
        score = record.metrics[name]
        metrics[name] = list(score.replicates) if len(score.replicates) <= REPLICATES else [score.mean]
    return {
        "number": record.number,
        "stage": record.stage.value,
        "params": dict(record.params),
        "metrics": metrics,
        "constraints": dict(record.constraints),
        "cost": record.cost,
        "seconds": record.seconds,
    }


def _read(written: Mapping[str, Any]) -> History:
    plan = Plan.from_json(written["plan"])
    return History(plan, Space.from_json(written["space"]), tuple(_record(each, plan) for each in written["trials"]))


def _record(trial: Mapping[str, Any], plan: Plan) -> TrialRecord:
    metrics = {name: Score(tuple(replicates)) for name, replicates in trial["metrics"].items()}
    return TrialRecord(
        number=trial["number"],
        state=State.COMPLETE,
        stage=Stage(trial["stage"]),
        params=trial["params"],
        reason=f"trial {trial['number']} of {plan.name}",
        strategy="",
        seed=0,
        metrics=metrics,
        loss=plan.objective.loss(metrics[plan.objective.name].mean),
        cost=trial["cost"],
        seconds=trial["seconds"],
        constraints=trial["constraints"],
    )


def _is_pair(each: object) -> bool:
    if not isinstance(each, tuple) or len(each) != 2:
        return False
    return isinstance(each[0], str) and isinstance(each[1], str | Path)


def _name(each: Earlier) -> str:
    return each if isinstance(each, str) else each[0] if isinstance(each, tuple) else each.name


def _store(each: Kept | tuple[str, str | Path]) -> str | Path | Store:
    return each[1] if isinstance(each, tuple) else each.store


def _place(store: str | Path | Store) -> str:
    """A store's absolute path, or "memory"."""
    url = os.fspath(store) if isinstance(store, str | Path) else store.url
    return url if url == "memory" else os.path.abspath(os.path.expanduser(url.removeprefix("sqlite:///")))
