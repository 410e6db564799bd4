"""The fresh score of a finalist: what its runs on fresh seeds and splits say together."""

from __future__ import annotations

from collections.abc import Iterable

from trialist.trials.trial import Score, Stage, TrialRecord


def fresh_score(records: Iterable[TrialRecord], number: int, metric: str) -> Score | None:
    """The score of all fresh runs of that trial; None where there are none.

    Of declared folds all units count, with their overlap, since fresh splits are of the same rows; else each run counts
    as one replicate, whatever it returned: what replicates within a run share is not known.
    """
    found = [
        record.metrics[metric]
        for record in records
        if record.stage is Stage.SELECT and record.repeats == number and record.is_scored and metric in record.metrics
    ]
    if not found:
        return None
    if len(found) == 1:
        return found[0]
    overlap = max(score.overlap for score in found)
    if overlap:
        return Score(tuple(x for score in found for x in score.replicates), overlap)
    return Score(tuple(score.mean for score in found))
