"""Whatever is done to them, the store in memory and the one in a file tell the same story, exactly."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trialist.errors import TrialistError
from trialist.protocols import Owner, Store
from trialist.space.number import Float
from trialist.store import open_store
from trialist.store.records import COLUMNS, record_of, records_of, row_of
from trialist.testing.example_study import PLAN, SPACE
from trialist.trials.fidelity import Fidelity
from trialist.trials.instruction import Act
from trialist.trials.messages import Decided, Declared, Failed, Finished, Noted, Reported
from trialist.trials.trial import (
    Action,
    Cause,
    Exhausted,
    Failure,
    Promotion,
    Proposal,
    Score,
    Stage,
    State,
    Taken,
    TrialRecord,
)

_floats = st.floats(allow_nan=False)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | _floats | _texts | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)
_params = st.dictionaries(_texts, _plain, max_size=4)
_any_text = st.text(max_size=20)  # also with lone surrogates: tracebacks have them
_failures = st.builds(Failure, st.sampled_from(Cause), _any_text, _any_text, st.none() | st.tuples(*[_any_text] * 4))
_fidelities = st.none() | st.sampled_from([0.5, 1, 3.0])
_proposals = st.builds(
    Proposal,
    _params,
    _texts,
    _texts,
    st.sampled_from(Stage),
    st.none() | st.integers(0, 2**40),
    st.none() | st.just(0),
    _fidelities,
    st.none() | st.just(0),
)
_steps = st.integers(0, 4) | st.just(0.5)
_taken = st.builds(Taken, st.just(1) | st.just(0.5), st.sampled_from([Action.GO_ON, Action.PAUSE, Action.STOP]), _texts)

_OWNERS = (Owner("a", 60.0, "ann"), Owner("b", 60.0, "bob"), Owner("silent", 0.0, "sue"), None)
_numbers, _attempts = st.integers(-1, 5), st.sampled_from([0, 0, 0, 1, 2])
_seconds = st.floats(0, 1e6)
_metrics = st.fixed_dictionaries(
    {"loss": st.lists(_floats, min_size=1, max_size=3).map(tuple)},
    optional={"accuracy": st.tuples(st.floats())},
)
_messages = st.one_of(
    st.builds(
        Reported,
        _numbers,
        _attempts,
        _steps,
        _floats,
        st.dictionaries(_texts, _floats, max_size=2),
        of=st.none() | st.just(9),
        since=_steps,
    ),
    st.builds(Decided, _numbers, _attempts, _taken),
    st.builds(Noted, _numbers, _attempts, _texts, _plain),
    st.builds(Declared, _numbers, _attempts, st.sampled_from("xy"), st.just(Float(0, 1)), st.floats(0, 1)),
    st.builds(
        Finished,
        _numbers,
        _attempts,
        _metrics,
        _seconds,
        st.none() | _seconds,
        st.sampled_from([State.COMPLETE, State.STOPPED, State.WAITING, State.PAUSED, State.PAUSED]),
        _texts,
        st.dictionaries(st.sampled_from(["ms", "$gb"]), st.floats(allow_nan=False), max_size=2),
    ),
    st.builds(Failed, _numbers, _attempts, _failures, _seconds, st.booleans()),
)
_actions = st.one_of(
    st.builds(lambda proposals: ("enqueue", proposals), st.lists(_proposals, max_size=2)),
    st.builds(lambda owner, proposal: ("open", owner, proposal), st.sampled_from(_OWNERS[:3]), _proposals),
    st.builds(lambda owner, proposal: ("open", owner, proposal), st.sampled_from(_OWNERS[:2]), _proposals),
    st.builds(
        lambda owner, number, fidelity: ("open", owner, Promotion(number, "one of the best", fidelity)),
        st.sampled_from(_OWNERS[:2]),
        _numbers,
        _fidelities,
    ),
    st.builds(lambda owner: ("open", owner, Exhausted("done")), st.sampled_from(_OWNERS[:2])),
    st.builds(
        lambda n, m, owner: ("record", n, m, owner), _numbers, st.lists(_messages, max_size=3), st.sampled_from(_OWNERS)
    ),
    st.builds(lambda n, m, owner: ("record", n, m, owner), st.just(0), st.lists(_messages, max_size=3), st.just(None)),
    st.just(("release",)),
    st.builds(
        lambda act, who, words, trial: ("instruct", act, who, words, trial),
        st.sampled_from(Act),
        _any_text,
        _any_text,
        st.none() | _numbers,
    ),
    st.builds(lambda stage, value, once: ("stage", stage, value, once), _texts, _plain, st.booleans()),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_actions, max_size=25), st.none() | st.just(Fidelity("epochs", 0.5, 4)))
def test_both_stores_answer_alike(actions: list[tuple[Any, ...]], fidelity: Fidelity | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.db"
        memory, file = open_store("memory"), open_store(path)
        try:
            for store in (memory, file):
                store.create_study(replace(PLAN, fidelity=fidelity), SPACE, at=1.0)
            for at, action in enumerate(actions, start=2):
                assert repr(_done(memory, action, float(at))) == repr(_done(file, action, float(at))), action
                assert repr(_told(memory)) == repr(_told(file))
            fresh = open_store(path)  # which remembers nothing
            assert repr(_told(memory)) == repr(_told(fresh))
            fresh.close()
        finally:
            file.close()


@given(
    st.builds(
        TrialRecord,
        st.integers(0, 2**40),
        st.sampled_from(State),
        st.sampled_from(Stage),
        _params,
        _texts,
        _texts,
        st.integers(0, 2**62),
        metrics=st.dictionaries(_texts, st.lists(_floats, min_size=1).map(tuple).map(Score), max_size=3),
        loss=st.none() | _floats,
        failure=st.none() | _failures,
        earlier=st.lists(_failures, max_size=2).map(tuple),
        stop_reason=_texts,
        notes=_params,
        fidelity=st.none() | st.just(0.5) | st.just(3),
        length=st.none() | st.just(81),
        course=st.lists(_taken, max_size=3).map(tuple),
        inherits=st.none() | st.just(7),
        used=st.floats(0, 1e9),
    )
)
def test_a_record_written_to_a_row_reads_back_exactly(record: TrialRecord) -> None:
    row = row_of(record)
    again = record_of([row[name] for name in COLUMNS], ())
    assert repr(again) == repr(record)
    assert repr(list(records_of([[row[name] for name in COLUMNS]], []))) == repr([record])


def _done(store: Store, action: tuple[Any, ...], at: float) -> object:
    kind, *given_values = action
    calls: dict[str, Callable[..., object]] = {
        "enqueue": lambda proposals: store.enqueue("digits", proposals, at),
        "open": lambda owner, proposal: store.open_trial(
            "digits", owner, lambda number: Exhausted("six are enough") if number >= 6 else proposal, at
        ),
        "record": lambda number, messages, owner: store.record("digits", number, messages, at, owner),
        "release": lambda: store.release_expired("digits", at),
        "instruct": lambda act, who, words, trial: store.instruct("digits", act, who, words, at, trial),
        "stage": lambda stage, value, once: store.write_stage("digits", stage, {"value": value}, at, once),
    }
    try:
        return calls[kind](*given_values)
    except TrialistError as problem:
        return problem


def _told(store: Store) -> object:
    spent = dict(store.spent("digits"))
    del spent["seconds"]
    study = store.load_study("digits")
    thin, curves = store.changes("digits", thin=True), [store.curve("digits", n, 2) for n in range(study.trials)]
    looked_at = thin, curves, store.moment("digits"), store.instructions("digits")
    return store.changes("digits").records, store.best("digits"), spent, study, store.revisions("digits"), looked_at
