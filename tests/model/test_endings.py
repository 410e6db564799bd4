"""Endings: what full runs tell of a run that stands where they stood, and when they tell nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from trialist.model.analogues import FEWEST
from trialist.model.curves import Curves
from trialist.model.endings import CHECKPOINTS, Endings, expected_ends
from trialist.testing.strategies import MIXED, PLAN
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History
from trialist.trials.trial import Report, Score, Stage, State, TrialRecord

DIAL = replace(PLAN, fidelity=Fidelity("epochs", 1, 40))
T = np.arange(1, 41) / 40
ENDS = np.array([0.2, 0.35, 0.5, 0.7, 0.9, 1.3])


def falling(end: float) -> np.ndarray:
    """Down to its end by two thirds of the way; the worse the end, the higher the start."""
    return end + (1 + end) * np.clip(1 - 1.5 * T, 0, None)


def trial(number: int, values: np.ndarray, state: State = State.COMPLETE) -> TrialRecord:
    reports = tuple(Report(step, float(value)) for step, value in enumerate(values, start=1))
    record = TrialRecord(number, state, Stage.SEARCH, {}, "", "test", 0, reports=reports, fidelity=40, length=40)
    last = float(values[-1])
    return replace(record, loss=last, metrics={"loss": Score((last,))}) if state is State.COMPLETE else record


def curves(*records: TrialRecord) -> Curves:
    return Curves().look(History(DIAL, MIXED, records))


FULL = tuple(trial(n, falling(end)) for n, end in enumerate(ENDS))


def endings(share: float, records: tuple[TrialRecord, ...] = FULL) -> Endings:
    found = Endings.of(curves(*records), share)
    assert found is not None
    return found


def test_a_few_full_runs_tell_nothing() -> None:
    assert Endings.of(curves(*FULL[: FEWEST - 1]), 0.5) is None
    assert Endings.of(curves(*FULL[:FEWEST]), 0.5) is not None


def test_a_run_that_was_halted_early_is_none_of_them() -> None:
    assert Endings.of(curves(*FULL[: FEWEST - 1], trial(9, falling(0.1)[:30], State.STOPPED)), 0.5) is None


@pytest.mark.parametrize("share", [0.4, 0.5, 0.8])
@pytest.mark.parametrize("end", [0.3, 0.6, 1.1])
def test_where_curves_are_alike_the_end_of_another_one_is_told(share: float, end: float) -> None:
    curve = falling(end)
    at, before = round(share * 40) - 1, round((share - 0.1) * 40) - 1
    found = endings(share)
    told = found.told(curve[[at]], curve[[before]])
    stands = curve[at] - end  # how far off it would be to say that it ends where it stands
    assert abs(told.losses[0] - end) <= max(0.35 * stands, 0.03)
    assert told.chance(end - 0.4)[0] < 0.2 < 0.8 < told.chance(9.0)[0]


def test_a_constant_is_added_and_a_scale_multiplied_to_what_is_told() -> None:
    def told(a: float, b: float) -> float:
        records = tuple(trial(n, a + b * falling(end)) for n, end in enumerate(ENDS))
        x = a + b * falling(0.6)
        return float(endings(0.5, records).told(x[19:20], x[15:16]).losses[0])

    assert told(-3.0, 100.0) == pytest.approx(-3.0 + 100.0 * told(0.0, 1.0))


def test_diverged_runs_do_no_harm() -> None:
    wild = trial(8, np.where(T > 0.9, 1e30, falling(2.0)))
    broken = trial(9, np.where(T < 0.5, np.inf, falling(1.0)))
    curve = falling(0.6)
    for records in ((*FULL, wild), (*FULL, broken)):
        told = endings(0.8, records).told(curve[31:32], curve[27:28]).losses[0]
        assert np.isfinite(told) and abs(told - 0.6) < 0.4


def crossing(end: float) -> np.ndarray:
    """The reverse of the final order up to 0.45 of the way, the final one from there on."""
    return np.where(T < 0.45, 3 - end, end)


def test_an_order_counts_once_it_has_lasted_a_tenth_of_a_run() -> None:
    records = tuple(trial(n, crossing(end)) for n, end in enumerate(ENDS))
    assert [endings(share, records).is_agreed for share in (0.4, 0.5, 0.6)] == [False, False, True]
    assert not endings(0.6, records).was_agreed and endings(0.95, records).was_agreed
    assert endings(0.4).is_agreed and endings(0.4).was_agreed


def test_what_no_full_run_was_like_is_told() -> None:
    found = endings(0.5)
    assert found.has_seen(found.here[3], found.before[3])
    assert not found.has_seen(found.here.max() + 0.1, found.before.max() + 0.1)  # stands higher
    assert not found.has_seen(found.here[3], found.here[3] + 2.0)  # falls faster


def test_runs_that_were_stopped_late_have_an_expected_end_and_others_none() -> None:
    stopped = [trial(10, falling(0.6)[:24], State.STOPPED), trial(11, falling(1.0)[:33], State.STOPPED)]
    others = [trial(12, falling(0.6)[:24], State.PAUSED), trial(13, falling(0.6)[:8], State.STOPPED)]
    found = expected_ends(curves(*FULL, *stopped, *others))
    assert np.isnan(found[[*range(len(ENDS)), 8, 9]]).all()
    assert found[6:8] == pytest.approx([0.6, 1.0], abs=0.1)
    assert np.isnan(expected_ends(curves(*FULL[:2], *stopped))).all()


def test_what_is_kept_of_expected_ends_is_what_would_be_told_anew() -> None:
    kept, stopped = Curves(), trial(10, falling(0.6)[:24], State.STOPPED)
    further = [
        (*FULL[:-1], stopped),
        (*FULL[:-1], stopped, trial(11, falling(1.0)[:33], State.STOPPED)),
        (*FULL[:-1], trial(10, falling(0.9)[:30], State.STOPPED), trial(11, falling(1.0)[:33], State.STOPPED)),
        (*FULL[:-1], stopped, trial(11, falling(1.0)[:33], State.STOPPED), FULL[-1]),
    ]
    told = [expected_ends(kept.look(History(DIAL, MIXED, records))) for records in further]
    for found, records in zip(told, further, strict=True):
        np.testing.assert_array_equal(found, expected_ends(curves(*records)))
    assert told[1][len(FULL) - 1] == told[0][len(FULL) - 1] != told[2][len(FULL) - 1]


def test_checkpoints_are_late_and_ascend() -> None:
    assert CHECKPOINTS[0] >= 0.3 and all(a < b for a, b in pairwise(CHECKPOINTS))
    assert CHECKPOINTS[-1] < 1
