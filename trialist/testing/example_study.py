"""The study that the store's checks tell their stories with, and the words they are told in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trialist.protocols import Owner, Store
from trialist.space.categorical import Categorical
from trialist.space.number import Float
from trialist.space.space import Space
from trialist.trials.budget import Budget
from trialist.trials.messages import Failed, Finished
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import Cause, Failure, Proposal, TrialRecord

SPACE = Space(lr=Float(1e-5, 1e-1, log=True), act=Categorical(["relu", "tanh"]))
PLAN = Plan("digits", (Objective("loss"), Objective("accuracy", Direction.MAXIMIZE)), Budget(trials=9), seed=3)
ME, OTHER = Owner("me", 60.0, "ann@host:1"), Owner("other", 60.0, "bob@host:2")


class StoreChecks:
    """What all checks of a store start from; `make_store` gives an empty store, another one at each call."""

    make_store: Callable[[], Store]

    @classmethod
    def checks(cls) -> tuple[str, ...]:
        return tuple(sorted(name for name in dir(cls) if name.startswith("test_")))

    @contextmanager
    def study(self) -> Iterator[Store]:
        store = self.make_store()
        try:
            store.create_study(PLAN, SPACE, at=1.0)
            yield store
        finally:
            store.close()


def proposed(number: int) -> Proposal:
    """A configuration that shows its number."""
    return Proposal({"lr": float(number)}, f"number {number}", "counting")


def opened(store: Store, owner: Owner) -> TrialRecord:
    """The next trial of the study, which must be there."""
    record = store.open_trial(PLAN.name, owner, proposed, at=2.0)
    assert isinstance(record, TrialRecord), record
    return record


def finished(loss: float, attempt: int = 0) -> Finished:
    return Finished(0, attempt, {"loss": (loss,), "accuracy": (0.5,)}, seconds=1.0)


def failed(retry: bool = False, attempt: int = 0) -> Failed:
    return Failed(0, attempt, Failure(Cause.KILLED, "killed by signal 9"), seconds=1.0, retry=retry)


@contextmanager
def raises(kind: type[Exception], *words: str) -> Iterator[None]:
    """Fail unless the block raises `kind` with all the words in its message."""
    try:
        yield
    except kind as problem:
        missing = [word for word in words if word not in str(problem)]
        assert not missing, f"{problem!r} does not say {missing}"
    else:
        raise AssertionError(f"{kind.__name__} was not raised")
