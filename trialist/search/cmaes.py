"""CMA-ES for any space: numbers by a normal distribution, choices by a categorical one, replayed from the history.

A worker never waits: while trials of a generation still run, further offspring come from the present distribution.
Everything is recomputed from the records (`replay`), and kept only to save time.
"""

from __future__ import annotations

import numpy as np

from trialist.numerics import choices as categorical
from trialist.numerics.keys import Key
from trialist.search.design import ATTEMPTS, first_new
from trialist.search.replay import NAME, Replay
from trialist.search.restarts import Run
from trialist.trials.history import History
from trialist.trials.trial import Exhausted, Proposal

WIDENING = 1.1  # by how much each draw that came up before widens the next one


class CMAES:
    """Offspring of a distribution that follows the ranks of the trials; with restarts, for long searches.

    Begins round the best trials of other strategies where there are enough, else widely round the default.
    """

    name = NAME

    def __init__(self) -> None:
        self._replay: Replay | None = None

    def propose(self, history: History, key: Key) -> Proposal | Exhausted:
        space = history.space
        if not len(space):
            return first_new(self.name, history, space, key, lambda attempt: None, "")
        replay = self._replay
        if replay is None or not replay.is_of(history, key.seed):
            replay = self._replay = Replay(history, key.seed)
        run = replay.follow(history)
        params, passed = _drawn(replay, run, key)
        if params is None:
            return first_new(self.name, history, space, key, lambda attempt: None, "")
        after = f", after {passed} that broke a constraint or came up before" if passed else ""
        return Proposal(params, _reason(run, replay.why_restarted) + after, self.name)


def _drawn(replay: Replay, run: Run, key: Key) -> tuple[dict[str, object] | None, int]:
    """A new configuration, or None, and how many draws were passed over."""
    rng, dials, space = key.generator(NAME), replay.dials, replay.space
    repeats = 0
    for attempt in range(ATTEMPTS):
        point = run.gaussian.at(WIDENING**repeats * rng.standard_normal(dials.n))
        row = dials.rows(point[None], categorical.drawn(run.choices, rng.random(dials.m))[None])
        params = space.decode(row[0].tolist())
        if not space.allows(params):
            continue
        if space.identity(params) not in replay.taken:
            return params, attempt
        repeats += 1
    return None, ATTEMPTS


def _reason(run: Run, why_restarted: str) -> str:
    setting, generation = run.setting, len(run.bests) + 1
    step = float(np.median(run.gaussian.deviations)) if len(run.gaussian.mean) else 0.0
    width = f"steps of {step:.2g} of a dial's scale"
    name = f"CMA-ES run {setting.index + 1}"
    if generation > 1:
        return f"{name}, generation {generation}: {width} round the best of {run.spent}"
    if setting.index:
        return f"{name} begins anew, since of the run before {why_restarted}: {width}"
    return f"{name}, generation 1: {width}"
