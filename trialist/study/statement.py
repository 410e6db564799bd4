"""The statement of a study: all that a paper has to say of it, as plain facts and as one paragraph made from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trialist.scoring.expected_best import expected_best
from trialist.scoring.fresh import fresh_score
from trialist.search.auto import turn
from trialist.space.parameter import Categorical, Parameter
from trialist.space.space import Space
from trialist.space.tree import has_default
from trialist.study.beginning import LEAKS
from trialist.study.closing import luck
from trialist.study.paragraph import paragraph
from trialist.study.software import STAGE, software
from trialist.trials.history import History
from trialist.trials.plan import Plan
from trialist.trials.trial import Score, Stage, State, TrialRecord

if TYPE_CHECKING:
    from trialist.study.known import Known

FORMAT = 1  # of the facts, as read by other programs


@dataclass(frozen=True, slots=True)
class Statement:
    """What was declared, done and found, for a paper: `text` is one paragraph, `facts` the same for machines."""

    facts: Mapping[str, Any]

    @property
    def text(self) -> str:
        """One paragraph in plain prose; it says nothing that is not in the facts."""
        return paragraph(self.facts)

    def to_json(self) -> dict[str, Any]:
        """The facts in JSON's own types, with the paragraph as "text"."""
        return {**self.facts, "text": self.text}

    def __str__(self) -> str:
        return self.text


def statement_of(study: Known) -> Statement:
    """The statement of a study as it is now; stages that were not run are said to be missing."""
    history, plan, best = study.history, study.declared, study.best
    selection, verdict, refinement, curve = study.selection, study.verdict, study.refinement, expected_best(history)
    versions = (study.stage(STAGE) or {}).get("versions")
    leaks = study.stage(LEAKS)
    verified = (study.stage("verified") or {}).get("trial")
    return Statement(
        {
            "format": FORMAT,
            "study": study.name,
            "objectives": [{"name": o.name, "direction": o.direction.value} for o in plan.objectives],
            "tuned": plan.source,
            "space": [_dial(name, dial, study.space) for name, dial in study.space.items()],
            "constraints": [f"{each.rule.value} {each.text}" for each in study.space.constraints],
            "budget": str(plan.budget),
            "validation": _validation(plan),
            "replicates": _replicates(history),
            "fidelity": None if plan.fidelity is None else {**plan.fidelity.to_json(), "words": str(plan.fidelity)},
            "strategy": _strategy(study, history),
            "scheduler": plan.scheduler,
            "refinement": None if refinement is None else {"words": list(refinement.words)},
            "stopped": None if study.stopped is None else study.stopped.to_json(),
            "trials": _trials(history),
            "spent": dict(study.spent),
            "baseline": _scored(history, history.baseline),
            "selected": _scored(history, best),
            "selection": None if selection is None else asdict(selection),
            "finalists": _finalists(history),
            "optimism": _optimism(study),
            "noise": _noise(history),
            "leaks": None if leaks is None else list(leaks["found"]),
            "test": plan.test,
            "verdict": None if verdict is None else verdict.to_json(),
            "verified": verified,
            "doubt": study.doubt or None,
            "expected_best": None if curve is None else curve.to_json(),
            "seed": plan.seed,
            "software": [dict(each) for each in versions] if versions else [software()],
            "software_is_recorded": bool(versions),
        }
    )


def _dial(name: str, dial: Parameter, space: Space) -> dict[str, Any]:
    is_declared = has_default(dial)
    if isinstance(dial, Categorical):
        kind: dict[str, Any] = {"kind": "categorical", "choices": list(dial.choices), "ordered": dial.ordered}
    else:
        kind = {"kind": type(dial).__name__.lower(), "low": dial.low, "high": dial.high, "log": dial.log}
        kind["step"] = dial.step
    default = dial.default if is_declared else space.baseline().get(name)
    when = None if dial.when is None else str(dial.when)
    return {"dial": name, **kind, "default": default, "default_is_declared": is_declared, "when": when}


def _validation(plan: Plan) -> dict[str, Any] | None:
    given = plan.validation
    if given is None:
        return None
    return {**given.to_json(), "units": given.units, "words": str(given), "reason": given.reason}


def _replicates(history: History) -> int:
    """Scores of one trial, where all complete trials have as many; else 1."""
    counts = {len(record.score.replicates) for record in history.scored if record.score is not None}
    return counts.pop() if len(counts) == 1 else 1


def _strategy(study: Known, history: History) -> dict[str, Any]:
    """What was declared, what proposed how many trials after the default, and why it was chosen."""
    searched = [r for r in history.explored if r.stage is not Stage.BASELINE]
    proposed = Counter(record.strategy for record in searched)
    plan = study.stage("plan")
    return {
        "declared": study.declared.strategy,
        "proposed": dict(proposed.most_common()),
        "reason": study.plan.reason if plan is None else plan["reason"],
        "turns": [words for record in searched if (words := turn(record))],
    }


def _trials(history: History) -> dict[str, Any]:
    """Counts: of the search with the default and the refinement, and of the finalists' fresh runs."""
    explored = history.explored
    states = Counter(record.state.value for record in explored)
    causes = Counter(record.failure.cause.value for record in history.failed if record.failure is not None)
    stopped = [record for record in explored if record.state is State.STOPPED]
    again = [record for record in history if record.stage is Stage.SELECT]
    return {
        "explored": len(explored),
        "states": dict(states),
        "refined": sum(record.stage is Stage.REFINE for record in explored),
        "failures": dict(causes.most_common()),
        "first_stop": next((record.stop_reason for record in stopped if record.stop_reason), None),
        "measured_constraints": list(dict.fromkeys(name for record in history.scored for name in record.constraints)),
        "feasible": len(history.feasible),
        "fresh_runs": len(again),
        "fresh_runs_scored": sum(record.is_scored for record in again),
    }


def _scored(history: History, record: TrialRecord | None) -> dict[str, Any] | None:
    if record is None:
        return None
    metric = history.plan.objective.name
    return {
        "trial": record.number,
        "params": dict(record.params),
        "search": {name: _score(score) for name, score in record.metrics.items()},
        "fresh": _score(fresh_score(history, record.number, metric)),
        "is_feasible": record.is_feasible,
    }


def _finalists(history: History) -> list[dict[str, Any]]:
    runs = Counter(r.repeats for r in history if r.stage is Stage.SELECT and r.is_scored and r.repeats is not None)
    metric = history.plan.objective.name
    return [
        {"trial": number, "runs": runs[number], "fresh": _score(fresh_score(history, number, metric))}
        for number in sorted(runs)
    ]


def _optimism(study: Known) -> dict[str, Any] | None:
    found = luck(study)
    return None if found is None else {**found.to_json(), "seen": found.seen, "sentence": found.sentence}


def _noise(history: History) -> dict[str, Any] | None:
    from trialist.scoring.components import components

    found = components(history)
    return None if found is None else {**asdict(found), "needed": found.needed, "words": found.words}


def _score(score: Score | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {"mean": score.mean, "stderr": score.stderr, "replicates": list(score.replicates)}
