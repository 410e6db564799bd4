"""The end of a study in a few lines: search score, fresh score, verdict, how much of the first was luck; warnings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trialist.scoring.fresh import fresh_score
from trialist.study.beginning import LEAKS
from trialist.study.prose import measured
from trialist.study.summary import constraint_note
from trialist.trials.history import History
from trialist.trials.trial import Score, Stage, TrialRecord

if TYPE_CHECKING:
    from trialist.scoring.optimism import Optimism
    from trialist.study.known import Known

_LABEL = 8  # columns


def closing(study: Known) -> str:
    """What the scores of the chosen trial are worth, a line for each stage; empty before any score."""
    return "\n".join(f"{label:<{_LABEL}}{words}" for label, words in _lines(study))


def luck(study: Known) -> Optimism | None:
    """How much too good the best search score looks, or was: as it was found when the choice was made, if it was."""
    from trialist.scoring.optimism import optimism

    selection, history = study.selection, study.history
    if selection is not None and selection.optimism is not None:
        return selection.optimism
    return optimism(history) if history.scored else None


def noise(history: History) -> str:
    """Where the noise of scores comes from, and what it takes to tell the two best apart; or an empty text."""
    from trialist.scoring.components import components

    found = components(history)
    return "" if found is None else found.words


def leaks(study: Known) -> tuple[str, ...]:
    """The leaks that were found before the search began, in words."""
    kept = study.stage(LEAKS) or {}
    return tuple(f"{each['split']}: {each['severity']}, {each['words']}" for each in kept.get("found", ()))


def _lines(study: Known) -> Iterator[tuple[str, str]]:
    history, best, verdict = study.history, study.best, study.verdict
    if best is None:
        return
    default, name = history.baseline, study.declared.objective.name
    against = None if default is None or default.number == best.number else default
    yield "search", _beside(name, best, best.score, against, None if against is None else against.score)
    if (fresh := fresh_score(history, best.number, name)) is not None:
        of_default = None if against is None else fresh_score(history, against.number, name)
        yield "fresh", _beside(name, best, fresh, against, of_default)
    if note := constraint_note(default, best):
        yield "note", note
    if verdict is not None:
        verified = (study.stage("verified") or {}).get("trial", best.number)
        yield "test", verdict.sentence
        if verified != best.number:
            yield "", f"this is on trial {verified}; trial {best.number} is chosen now, and not verified"
        if words := study.doubt:
            yield "doubt", words
    elif study.declared.test is None:
        yield "test", "not verified: no test was given"
    if (found := luck(study)) is not None:
        yield "luck", found.sentence
    if words := noise(history):
        yield "noise", words
    for words in leaks(study):
        yield "leaks", words


def _beside(name: str, best: TrialRecord, score: Score | None, default: TrialRecord | None, of: Score | None) -> str:
    which = "the default itself" if best.stage is Stage.BASELINE else f"trial {best.number}"
    told = f"{name} {_measured(score)} ({which})"
    return told if default is None else f"{told}, default {_measured(of)}"


def _measured(score: Score | None) -> str:
    return "none" if score is None else measured({"mean": score.mean, "stderr": score.stderr})
