"""The facts of a study as one paragraph for a paper, in plain prose. Each sentence stands only where it is true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trialist.study.findings import chosen, selection, test
from trialist.study.prose import counted, in_words, listed, named, on_one_line, setting, was
from trialist.trials.amounts import duration

Facts = Mapping[str, Any]

_MOST = 12  # dials told one by one
_STRATEGIES = {
    "gp": "Bayesian optimization with a Gaussian process",
    "tpe": "a tree-structured Parzen estimator",
    "cmaes": "CMA-ES",
    "evolution": "an evolutionary algorithm",
    "random": "random search",
    "sobol": "quasi-random search (Sobol points)",
    "grid": "grid search",
    "refine": "small steps round the best",
}
_CAUSES = {
    "objective": "by an error or without a finite score",
    "timeout": "by the time limit of a trial",
    "memory": "for want of memory",
    "killed": "by the death of the process",
    "preempted": "by an interruption",
    "infrastructure": "by a fault of the machine",
    "budget": "by the end of the budget",
}


def paragraph(facts: Facts) -> str:
    """One paragraph; `facts` as `statement_of` gathers them."""
    parts = (_aim, _space, _budget, _validation, _proposals, _trials, _stopping, selection, test, chosen, _software)
    return " ".join(sentence for part in parts for sentence in part(facts))


def _aim(facts: Facts) -> Iterator[str]:
    aims = listed([f"{o['direction']} {named(o['name'])}" for o in facts["objectives"]])
    version = facts["software"][-1].get("Trialist", "")
    yield f"Hyperparameters were tuned with Trialist{f' {version}' if version else ''} to {aims}."
    if len(facts["objectives"]) > 1:
        yield f"Choices of a single configuration went by {named(facts['objectives'][0]['name'])}."


def _space(facts: Facts) -> Iterator[str]:
    dials = facts["space"]
    if not dials:
        yield "No hyperparameter was declared."
        return
    told = [_dial(dial) for dial in dials[:_MOST]]
    if len(dials) > _MOST:
        told.append(f"{len(dials) - _MOST} more, which the machine-readable form of this statement lists")
    yield f"The search space had {counted(len(dials), 'hyperparameter')}: {listed(told, '; ')}."
    undeclared = [dial["dial"] for dial in dials if not dial["default_is_declared"]]
    if undeclared:
        all_of = len(undeclared) == len(dials)
        which = "no hyperparameter" if all_of else listed([named(n) for n in undeclared])
        verb = "had one" if all_of else f"{'has' if len(undeclared) == 1 else 'have'} none"
        yield (
            f"Where no default was declared ({which} {verb}), the middle of the scale or the first choice stood for it."
        )
    if facts["constraints"]:
        yield f"Constraints on it: {listed([on_one_line(each) for each in facts['constraints']], '; ')}."


def _dial(dial: Facts) -> str:
    default = f", default {setting(dial['default'])}" if dial["default_is_declared"] else ""
    if dial["kind"] == "categorical":
        words = f"one of {listed([setting(choice) for choice in dial['choices'][:_MOST]], last=' or ')}"
        if len(dial["choices"]) > _MOST:
            words = f"one of {len(dial['choices'])} choices"
    else:
        whole = "whole numbers " if dial["kind"] == "int" else ""
        words = f"{whole}from {setting(dial['low'])} to {setting(dial['high'])}"
    scale = "log scale" if dial.get("log") else ""
    step = dial.get("step")
    if step is not None and not (dial["kind"] == "int" and step == 1):
        scale += f"{', ' if scale else ''}in steps of {setting(step)}"
    when = f", only where {on_one_line(dial['when'])}" if dial["when"] else ""
    details = f"{scale}{default}{when}".removeprefix(", ")
    return f"{named(dial['dial'])}, {words}" + (f" ({details})" if details else "")


def _budget(facts: Facts) -> Iterator[str]:
    limit = facts["budget"]
    yield "No budget was set." if limit == "no limit" else f"The budget was {limit}."


def _validation(facts: Facts) -> Iterator[str]:
    given, fidelity = facts["validation"], facts["fidelity"]
    if given is not None:
        units = f", {counted(given['units'], 'score')} in all" if given["units"] > 1 else ""
        by = f"by {given['words']}" if given["kind"] == "folds" else f"with {given['words']}"
        yield f"Each configuration was scored {by}{units}; {given['reason']}."
    elif (n := facts["replicates"]) > 1:
        yield f"The score of a trial is the mean of {in_words(n)} scores that it returned."
    if fidelity is not None:
        yield (
            f"Trials could begin with cheaper runs ({fidelity['words']}); only full runs, of {fidelity['high']:g} "
            f"{named(fidelity['name'])}, were compared for the choice."
        )


def _proposals(facts: Facts) -> Iterator[str]:
    given = facts["strategy"]
    proposed = {name: n for name, n in given["proposed"].items() if n}
    if not proposed:
        return
    how = "chosen automatically" if given["declared"] == "auto" else "as declared"
    if len(proposed) == 1:
        (name, n), *_ = proposed.items()
        what = "The one trial" if n == 1 else f"All {n} trials"
        yield f"{what} after the default configuration {was(n)} proposed by {_strategy(name)}, {how}."
        return
    (name, n), *others = proposed.items()
    by = listed([f"{n} {was(n)} proposed by {_strategy(name)}", *(f"{m} by {_strategy(o)}" for o, m in others)])
    yield f"Of {sum(proposed.values())} trials after the default configuration, {by} (strategy {given['declared']})."


def _trials(facts: Facts) -> Iterator[str]:
    trials, states = facts["trials"], facts["trials"]["states"]
    if not trials["explored"]:
        yield "No trial was run."
        return
    told = []
    if (n := states.get("complete", 0)) == trials["explored"]:
        told.append("all were complete" if n > 1 else "it was complete")
    elif n:
        told.append(f"{n} {was(n)} complete")
    if n := states.get("stopped", 0):
        told.append(f"{n} {was(n)} stopped before the end (scheduler {named(facts['scheduler'])})")
    if n := states.get("paused", 0):
        told.append(f"{n} {was(n)} run in part only")
    if n := states.get("failed", 0):
        told.append(f"{n} failed{_causes(trials['failures'])}")
    left = states.get("waiting", 0) + states.get("running", 0)
    if left:
        told.append(f"{left} {was(left)} not over when this was written")
    refined = f", {trials['refined']} of them in a narrowed space" if trials["refined"] else ""
    ran = "The search ran 1 trial" if trials["explored"] == 1 else f"The search ran {trials['explored']} trials"
    yield f"{ran}, the default configuration included{refined}: {listed(told)}."
    if trials["measured_constraints"]:
        names = listed([named(name) for name in trials["measured_constraints"]])
        n, of = trials["feasible"], states.get("complete", 0)
        yield f"Of the complete ones {n} of {of} satisfied the measured constraints ({names})."
    yield from _spent(facts)


def _causes(failures: Mapping[str, int]) -> str:
    if len(failures) == 1:
        return f", {_CAUSES[next(iter(failures))]}"
    return f" ({listed([f'{n} {_CAUSES[cause]}' for cause, n in failures.items()], '; ', ' and ')})" if failures else ""


def _spent(facts: Facts) -> Iterator[str]:
    spent = facts["spent"]
    told = []
    if spent.get("compute_seconds"):
        told.append(f"{duration(spent['compute_seconds'])} of run time")
    if spent.get("seconds"):
        told.append(f"{duration(spent['seconds'])} on the clock")
    if spent.get("cost"):
        told.append(f"a cost of {spent['cost']:.4g}")
    if told:
        yield f"In all, the study used {listed(told)}."


def _stopping(facts: Facts) -> Iterator[str]:
    if facts["stopped"] is not None:
        rule, reason = facts["stopped"]["rule"], facts["stopped"]["reason"]
        yield f'The stopping rule "{rule}" ended the search before its budget did ("{on_one_line(reason)}").'


def _software(facts: Facts) -> Iterator[str]:
    sets = facts["software"]
    told = [listed([f"{name} {version}" for name, version in each.items()]) for each in sets]
    if not facts["software_is_recorded"]:
        yield f"The study's seed was {facts['seed']}; the software that it ran with was not recorded."
    elif len(told) == 1:
        yield f"The study's seed was {facts['seed']}; it ran with {told[0]}."
    else:
        yield f"The study's seed was {facts['seed']}; it ran in parts, with {'; then with '.join(told)}."


def _strategy(name: str) -> str:
    return _STRATEGIES.get(name, named(name))
