"""The end of the matter: default against chosen, the verdict, and the line to paste."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from trialist.cli.format import NOTHING, difference, safe, score, value
from trialist.cli.front import front_lines
from trialist.cli.table import Column, labelled, table
from trialist.scoring.fresh import fresh_score
from trialist.study import onwards
from trialist.study.closing import leaks, luck, noise
from trialist.study.summary import constraint_note
from trialist.trials.history import History
from trialist.trials.trial import Score, TrialRecord

if TYPE_CHECKING:
    from trialist.study.study import Study

_MOST_DIALS = 12
_COLOURS = {"improved": "green", "worse": "red"}


def result_lines(study: Study, room: int) -> list[str]:
    """What came of a study, for people: empty states say what to do next."""
    history, best = study.history, study.best
    if best is None:
        return labelled("result", _nothing_yet(history), room)
    heads = [Column("", flexible=True), Column("default", right=True, flexible=True)]
    heads += [Column("chosen", right=True, flexible=True), Column("")]
    lines = table(heads, _rows(study, history, best), room)
    selection = study.selection
    lines += labelled("chosen", safe(selection.reason if selection else _not_selected(study, best)), room)
    if _ignores_seeds(study, history, best):
        text = "fresh seeds changed nothing; if the script takes a seed, give it one: --seed '{trial.seed}'"
        lines += labelled("note", text, room, "yellow")
    is_told = selection is not None and any(row.violates for row in selection.table)
    if (note := constraint_note(history.baseline, best)) and not is_told:
        lines += labelled("note", safe(note), room, "yellow")
    lines += verdict_lines(study, room)
    if (found := luck(study)) is not None:
        lines += labelled("luck", safe(found.sentence), room)
    if words := noise(history):
        lines += labelled("noise", safe(words), room)
    for words in leaks(study):
        lines += labelled("leaks", safe(words), room, "yellow")
    if len(study.declared.objectives) > 1:
        lines += front_lines(history, best.number, room)
    pasted = command_line(study, best)
    # One line, however long: it is there to be pasted.
    return [*lines, *([f"{'run it':<11}{pasted}"] if pasted else [])]


def verdict_lines(study: Study, room: int) -> list[str]:
    """The verdict, or why there is none."""
    verdict, best = study.verdict, study.best
    if verdict is not None:
        lines = labelled("verdict", verdict.sentence, room, _COLOURS.get(verdict.outcome.value, "yellow"))
        verified = (study.stage("verified") or {}).get("trial")
        if best is not None and verified not in (None, best.number):
            text = f"this is on trial {verified}; trial {best.number} is chosen now, and not verified"
            lines += labelled("", text, room, "yellow")
        return lines + (labelled("doubt", safe(words), room, "red") if (words := study.doubt) else [])
    if study.declared.test is None:
        test = "test command was given (--test)" if onwards.is_command(study.declared) else "test was given (test=)"
        return labelled("verdict", f"not verified: no {test}", room, "yellow")
    return labelled("verdict", f"not verified yet: {onwards.to_verify(study.declared)}", room, "yellow")


def command_line(study: Study, record: TrialRecord) -> str | None:
    """The command with that trial's dials in place, quoted for a shell; None where a function is tuned."""
    from trialist.cli.request import stored
    from trialist.errors import CommandError
    from trialist.study.folders import trial_folder

    try:
        command, _ = stored(study)
    except CommandError:
        return None
    folder = str(trial_folder(study.directory, record.number))
    return shlex.join(command.argv(record.params, record.seed, record.number, folder, record.fidelity))


def _not_selected(study: Study, best: TrialRecord) -> str:
    reason = f"trial {best.number} has the best search score so far; part of it is luck"
    expected = study.incumbent
    if expected is None or len(study.declared.objectives) > 1 or expected.number == best.number:
        return reason
    return f"{reason}: a model of all scores expects most of trial {expected.number}"


def _rows(study: Study, history: History, best: TrialRecord) -> list[list[str]]:
    baseline = history.baseline
    rows = []
    for objective in study.declared.objectives:
        sides = (baseline.metrics.get(objective.name) if baseline else None, best.metrics.get(objective.name))
        rows.append(
            [f"search {safe(objective.name)}", score(sides[0]), score(sides[1]), _gain(sides, objective.direction.sign)]
        )
        fresh = (
            fresh_score(history, baseline.number, objective.name) if baseline else None,
            fresh_score(history, best.number, objective.name),
        )
        if fresh[1] is not None:
            rows.append(
                [
                    f"fresh {safe(objective.name)}",
                    score(fresh[0]),
                    score(fresh[1]),
                    _gain(fresh, objective.direction.sign),
                ]
            )
    rows += _test_row(study, best)
    default = baseline.params if baseline else study.space.baseline()
    names = list(dict.fromkeys([*best.params, *default]))
    for name in names[:_MOST_DIALS]:
        sides_text = [value(side[name]) if name in side else NOTHING for side in (default, best.params)]
        rows.append([safe(name), *sides_text, "same" if sides_text[0] == sides_text[1] else ""])
    if len(names) > _MOST_DIALS:
        rows.append([f"and {len(names) - _MOST_DIALS} more dials", "", "", ""])
    return rows


def _test_row(study: Study, best: TrialRecord) -> list[list[str]]:
    """The verified scores, where the verdict is on the trial that is chosen now."""
    verdict = study.verdict
    if verdict is None or (study.stage("verified") or {}).get("trial", best.number) != best.number:
        return []
    sides = Score((verdict.baseline_score,)), Score((verdict.selected_score,))
    gained = _gain(sides, verdict.direction.sign)
    return [[f"test {safe(verdict.metric)}", score(sides[0]), score(sides[1]), gained]]


def _ignores_seeds(study: Study, history: History, best: TrialRecord) -> bool:
    """Fresh scores are the search score again, and the command has no place for a seed: they say nothing new."""
    fresh = fresh_score(history, best.number, study.declared.objective.name)
    if fresh is None or "{trial.seed}" in study.declared.source or command_line(study, best) is None:
        return False
    return set(fresh.replicates) == {best.value}


def _gain(sides: tuple[Score | None, Score | None], sign: int) -> str:
    if sides[0] is None or sides[1] is None:
        return ""
    return difference(sides[1].mean, sides[0].mean, sign)


def _nothing_yet(history: History) -> str:
    if not len(history):
        return f"no trial has run yet: {onwards.to_start(history.plan)}"
    if history.pending:
        return "no trial is scored yet"
    if history.failed:
        first = history.failed[0]
        return (
            f"no trial has a score: all {len(history.failed)} failed, the first with: "
            f"{safe(first.failure.message if first.failure else '')}. See trialist show {first.number}; "
            f"once it is repaired, {onwards.to_try_again(history.plan)}."
        )
    return "no trial has a score"
