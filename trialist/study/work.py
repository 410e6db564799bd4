"""What is tuned, and where it runs: a function in this process or in workers, or a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialist.execute.command import Command
from trialist.execute.worker import Trial
from trialist.study.evaluation import Evaluation
from trialist.trials.amounts import whole
from trialist.trials.plan import Limits

if TYPE_CHECKING:
    from trialist.protocols import Executor
    from trialist.space.space import Space

Work = Callable[[Trial], Any] | Command


def is_in_process(work: Work, workers: int, limits: Limits) -> bool:
    """One worker without limits runs here: nothing to start, and a debugger works. Limits need a process to end."""
    return not isinstance(work, Command) and workers == 1 and not limits.needs_process


def executor_for(work: Work, workers: int, limits: Limits, space: Callable[[], Space]) -> Executor:
    """The executor that such work needs; close it in the end."""
    whole("workers", workers, at_least=1)
    if isinstance(work, Command):
        from trialist.execute.commands import Commands

        return Commands(work, workers, limits)
    if is_in_process(work, workers, limits):
        from trialist.execute.local import InProcess

        return InProcess(work, space)
    from trialist.execute.processes import WorkerProcesses

    return WorkerProcesses(work, workers, limits)


def describe(work: Work | None) -> str:
    """What is tuned, in words that the same work has in another process too."""
    if work is None:
        return ""
    if isinstance(work, Command):
        return str(work)
    function = work
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    owner = getattr(function, "__self__", function)
    if isinstance(owner, Evaluation):
        return describe(owner.make) if owner is function else f"sealed test of {describe(owner.make)}"
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return str(name)


def default_name(work: Work) -> str:
    """A study's name where none is given: the function's, or the script's."""
    text = describe(work)
    if isinstance(work, Command):
        words = [word for word in work.template if not word.startswith("-")]
        return Path(next((word for word in words if word.endswith(".py")), words[0])).stem
    return text.rsplit(".", 1)[-1].strip("<>") or "study"
