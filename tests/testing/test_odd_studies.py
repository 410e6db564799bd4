"""The odd studies are what they say: views are tried on them, so each must hold what makes it odd."""

import math

import pytest

import trialist as tl
from trialist.testing.odd_studies import HOSTILE, ODD


@pytest.fixture
def studies(odd_studies):
    return odd_studies


def states(study):
    return {record.state for record in study.trials}


def test_each_is_made_in_the_store_that_was_asked_for(odd):
    path, _ = odd["empty"]
    store = tl.Study.load("empty", path).store
    assert set(store.studies()) == {name for _, name in odd.values()}
    assert len(store.studies()) == len(ODD)


def test_they_hold_what_they_are_named_for(studies):
    assert not studies["empty"].trials
    assert len(studies["one_trial"].trials) == 1
    assert states(studies["all_failed"]) == {tl.State.FAILED}
    assert len({record.failure.message for record in studies["all_failed"].trials}) > 1
    values = [record.value for record in studies["not_finite"].trials if record.value is not None]
    assert max(values) > 1e308
    reported = [report.value for record in studies["not_finite"].trials for report in record.reports]
    assert any(map(math.isnan, reported))
    told = [record for record in studies["foretold"].trials if record.foretold is not None]
    assert len(told) > 12 and {tl.State.FAILED, tl.State.COMPLETE} == {record.state for record in told}
    assert all(set(record.foretold.quantiles) == {"loss", "accuracy"} for record in told)
    several = studies["several_objectives"]
    assert len(several.declared.objectives) == 3
    assert any(not record.is_feasible for record in several.trials)
    conditional = studies["conditional"]
    assert len({tuple(record.params) for record in conditional.trials}) >= 4
    assert conditional.history.failed
    assert len({tuple(record.params) for record in studies["define_by_run"].trials}) >= 4
    assert tl.State.PAUSED in states(studies["screened"])
    assert tl.State.STOPPED in states(studies["stopped_early"])
    assert {len(record.reports) for record in studies["raced"].trials} > {10}
    assert studies["raced"].selection is not None
    assert studies["verified"].verdict.outcome is tl.Outcome.IMPROVED
    assert len(studies["verified"].ledger) == 2
    assert len(studies["many"].trials) == 300
    assert HOSTILE in studies["hostile_names"].space
    assert {tl.State.RUNNING, tl.State.WAITING} <= states(studies["under_way"])
