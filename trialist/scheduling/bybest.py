"""What simple rules share that stop a trial by the best value it has come to, and never let it go on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from trialist.model.curves import Curves, Floats
from trialist.scheduling.once import RunsOnce
from trialist.scheduling.standing import may_be_halted, reached
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import GO_ON, Action, Decision


@dataclass
class StopsByBest(RunsOnce, ABC):
    """Stops a trial that may be halted where `why` has a reason."""

    _curves: Curves = field(default_factory=Curves, init=False, repr=False, compare=False)

    @abstractmethod
    def why(self, history: History, curves: Curves, report: Reported, share: float, best: Floats) -> str:
        """The reason to stop a trial that came to `best` (m,) by this share of its run; nothing where it goes on."""

    def decide(self, history: History, report: Reported) -> Decision:
        record = history[report.number]
        if not may_be_halted(record):
            return GO_ON
        curves = self._curves.look(history)
        best = reached(curves, record, report, best=True)
        why = self.why(history, curves, report, curves.share(report, record), best)
        return Decision(Action.STOP, why) if why else GO_ON
