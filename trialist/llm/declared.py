"""What is declared of a study of settings beside suite, dials and budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialist.errors import InputError, shown
from trialist.llm.evaluate import MISSING, WRONG
from trialist.llm.stops import FLAWLESS, stops_of
from trialist.trials.stopping import Stopping

if TYPE_CHECKING:
    from trialist.trials.plan import Objective


@dataclass(frozen=True, slots=True)
class Declared:
    """See `prepare`, which has a word on each. InputError for what cannot be."""

    model: str
    objectives: tuple[Objective, ...]
    name: str
    seed: int = 0
    failed: str = WRONG
    replicates: int = 1
    sealed_replicates: int = 2
    blocks: int | None = None
    preflight: bool = True
    one_at_a_time: bool = False
    strategy: str = "auto"
    scheduler: str = "auto"
    stopping: Any = "auto"
    finalists: int | None = None
    matters: float | None = None
    prefer: str = "better"

    def __post_init__(self) -> None:
        if self.failed not in (WRONG, MISSING):
            remedy = f'Use "{WRONG}" or "{MISSING}".'
            raise InputError("failed", f"{shown(self.failed)} is no way to count a failed item", remedy)
        for name in ("replicates", "sealed_replicates"):
            count = getattr(self, name)
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise InputError(name, f"{shown(count)} is no number of answers", "Give 1 or more.")
        Stopping.of(self.rules).check([objective.name for objective in self.objectives])

    @property
    def rules(self) -> list[Any]:
        """When a search ends: with all items right in several trials it can find nothing better."""
        # Nothing is right in every way; and of one dial at a time all levels are asked.
        is_open = self.one_at_a_time or len(self.objectives) > 1
        return stops_of(self.stopping, flawless=0 if is_open else FLAWLESS)
