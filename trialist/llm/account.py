"""The account of a study of settings, as plain JSON of bounded size: what a report shows beside trials and verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trialist.errors import TrialistError
from trialist.llm.answers import Answer, cut_words, measured
from trialist.trials.trial import Stage, State

if TYPE_CHECKING:
    from trialist.llm.evaluate import Evaluator
    from trialist.llm.item import Item
    from trialist.llm.suite import Suite
    from trialist.study.study import Study
    from trialist.trials.trial import TrialRecord

STAGE = "llm"
_ITEMS, _SETTINGS, _RACED, _PAIRS = 400, 16, 80, 60  # at most: rows of the heat map, its columns, ...
_CUT = 240  # characters of a question in a list
_ANSWER = 2000  # characters of an answer beside another one


def account(study: Study, evaluator: Evaluator, suite: Suite) -> dict[str, Any]:
    """Everything is read from the history and from the cache; nothing is asked."""
    items = [item for block in evaluator.blocks for item in block]
    chosen = _settings(study)
    spent, lost = evaluator.client.spent, evaluator.client.lost
    return {
        "version": 1,
        "endpoint": evaluator.client.name,
        "suite": {"name": suite.name, "items": len(suite.items), "notes": list(suite.notes)},
        "items": [_item(item) for item in items[:_ITEMS]],
        "blocks": [len(block) for block in evaluator.blocks],
        "settings": [_setting(study, record, role, evaluator, items) for record, role in chosen],
        "race": [_raced(record) for record in study.history.explored[:_RACED]],
        "front": [record.number for record in study.front] if len(study.declared.objectives) > 1 else [],
        "knee": None if (knee := study.knee) is None else knee.number,
        "sealed": _sealed(study, evaluator),
        "spent": {"money": spent.money, "tokens": spent.tokens, "calls": spent.calls},
        "lost": {"money": lost.money, "tokens": lost.tokens, "calls": lost.calls},
        "prices": not evaluator.client.prices.are_nothing,
    }


def _settings(study: Study) -> list[tuple[TrialRecord, str]]:
    """The default, the selected, finalists, then the best of the others that were asked most of the blocks."""
    history, best = study.history, study.best
    found: dict[int, tuple[TrialRecord, str]] = {}
    if (first := history.get(0)) is not None and first.reports:
        found[0] = first, "default"
    if best is not None:
        found.setdefault(best.number, (best, "selected"))
    finalists = {r.repeats for r in history if r.stage is Stage.SELECT and r.repeats is not None}
    for number in sorted(finalists):
        found.setdefault(number, (history[number], "finalist"))
    others = [r for r in history.explored if r.reports and r.state in (State.COMPLETE, State.STOPPED)]
    sign = study.declared.objective.direction.sign
    others.sort(key=lambda r: (-len(r.reports), sign * _mean([report.value for report in r.reports]), r.number))
    for record in others:
        found.setdefault(record.number, (record, "raced"))
    return list(found.values())[:_SETTINGS]


def _setting(
    study: Study, record: TrialRecord, role: str, evaluator: Evaluator, items: Sequence[Item]
) -> dict[str, Any]:
    asked = items[: sum(len(block) for block in evaluator.blocks[: len(record.reports)])]
    settings = evaluator.recipe.dials.settings(record.params)
    told: dict[str, Any] = {
        "trial": record.number,
        "role": role,
        "params": dict(record.params),
        "settings": settings,
        "blocks": [_number(report.value) for report in record.reports],
    }
    try:
        answers = evaluator.replayed(record.params, asked)
    except TrialistError as problem:
        return {**told, "scores": [], "missing": str(problem)}
    return {**told, "scores": _scores(answers, evaluator.replicates)[:_ITEMS], **_told(answers, settings)}


def _sealed(study: Study, evaluator: Evaluator) -> dict[str, Any] | None:
    """What default and selected answered on the sealed items, where this process verified; else what was kept."""
    best, first = study.best, study.history.get(0)
    if not evaluator.sealed or best is None or first is None:
        kept = study.stage(STAGE)
        return None if kept is None else kept.get("sealed")
    sides: list[dict[str, Answer]] = []
    for record in (first, best):
        side = next((answers for params, answers in evaluator.sealed if params == dict(record.params)), None)
        if side is None:
            return None
        sides.append({answer.item: answer for answer in side})
    told = [
        _told(list(side.values()), evaluator.recipe.dials.settings(r.params))
        for side, r in zip(sides, (first, best), strict=True)
    ]
    both = [(answer, sides[1][item]) for item, answer in sides[0].items() if item in sides[1]]
    pairs = [(a, b) for a, b in both if a.score != b.score]
    return {
        "items": len(both),
        "default": told[0],
        "selected": told[1],
        "differ": len(pairs),
        "disagreements": [_pair(evaluator.items[a.item], a, b) for a, b in pairs[:_PAIRS]],
    }


def _told(answers: Sequence[Answer], settings: Mapping[str, Any]) -> dict[str, Any]:
    values = measured(answers)
    failed = [answer.failure for answer in answers if answer.failure is not None]
    return {
        "measured": {name: _number(value) for name, value in values.items()},
        "failed": len(failed),
        "failures": list(dict.fromkeys(text[:_CUT] for text in failed if text))[:5],
        "truncated": cut_words(values["truncated"], settings),
    }


def _pair(item: Item, default: Answer, selected: Answer) -> dict[str, Any]:
    return {
        **_item(item),
        "target": str(item.target)[:_CUT],
        "default": {"text": default.text[:_ANSWER], "score": _number(default.score), "cut": default.is_cut},
        "selected": {"text": selected.text[:_ANSWER], "score": _number(selected.score), "cut": selected.is_cut},
    }


def _raced(record: TrialRecord) -> dict[str, Any]:
    reason = record.course[-1].reason if record.course else ""
    return {
        "trial": record.number,
        "state": record.state.value,
        "blocks": [_number(report.value) for report in record.reports],
        "reason": reason,
    }


def _item(item: Item) -> dict[str, Any]:
    return {"id": item.id, "question": item.question[:_CUT], "group": item.group}


def _scores(answers: Sequence[Answer], replicates: int) -> list[float | None]:
    """(n,) by item, the mean over its replicates; None where it is missing."""
    rows = [answers[i : i + replicates] for i in range(0, len(answers), replicates)]
    return [_number(measured(row)["score"]) for row in rows]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
