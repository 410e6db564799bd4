"""The contract kit, on all three executors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trialist.execute.commands import Commands
from trialist.execute.local import InProcess
from trialist.execute.processes import WorkerProcesses
from trialist.testing.executors import EXECUTOR_CLAIMS, Maker

EXECUTORS: dict[str, Maker] = {
    "in process": lambda work: InProcess(work.objective),
    "worker processes": lambda work: WorkerProcesses(work.objective, workers=2),
    "commands": lambda work: Commands(work.command, workers=2),
}


@pytest.mark.parametrize("claim", EXECUTOR_CLAIMS, ids=lambda claim: claim.__name__)
@pytest.mark.parametrize("kind", EXECUTORS)
def test_every_executor_holds(kind: str, claim: Callable[[Maker, Path], None], tmp_path: Path) -> None:
    claim(EXECUTORS[kind], tmp_path)
