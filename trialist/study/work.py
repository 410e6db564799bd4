"""What is tuned, and where it runs: a function in this process or in workers, or a command."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialist.errors import CommandError, PlanError, shown
from trialist.execute.command import Command
from trialist.execute.worker import Trial
from trialist.space.constraint import nearest
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
    check_objective(work)
    if is_in_process(work, workers, limits):
        from trialist.execute.local import InProcess

        return InProcess(work, space)
    from trialist.execute.processes import WorkerProcesses

    return WorkerProcesses(work, workers, limits)


def check_objective(work: object) -> None:
    """PlanError for what is neither a command nor a function of a trial."""
    if isinstance(work, str):
        command = f"Command({tuple(work.split())!r})"
        raise PlanError("objective", f"{shown(work)} is text", f"Give a function of a trial, or tl.{command}.")
    _check_takes("objective", work, ("trial",))


def check_test(test: object) -> None:
    """PlanError for what is neither a command nor a function of (params, seed): a search must not end with that."""
    if getattr(test, "with_trial", None) is None:
        _check_takes("test", test, ("params", "seed"))


def check_places(command: Command, space: Space) -> None:
    """CommandError where a brace names no dial, or a dial has no place: a flag left out would be tuned in vain."""
    for name in command.names:
        if name not in space:
            remedy = f"Use {nearest(name, dict(space.items()))}, or fidelity={name!r} if it says how far a run goes."
            raise CommandError(f"{{{name}}}", "the space has no dial of this name", remedy)
    for name in space.names:
        if name not in command.names:
            problem = f"it has no place for the dial {shown(name)}"
            raise CommandError("command", problem, f"Write {{{name}}} where its value goes, or remove the dial.")


def _check_takes(field: str, function: object, arguments: tuple[str, ...]) -> None:
    if isinstance(function, Command):
        return
    wanted = "a trial" if arguments == ("trial",) else f"({', '.join(arguments)})"
    remedy = f"Give a function of {wanted}, or a Command."
    if not callable(function):
        raise PlanError(field, f"{shown(function)} cannot be called", remedy)
    try:
        found = signature(function)
    except (TypeError, ValueError):  # functions of C often have none
        return
    try:
        found.bind(*arguments)
    except TypeError as problem:
        told = f"{describe(function)}{found} cannot be called with {', '.join(arguments)} ({problem})"
        raise PlanError(field, told, remedy) from None


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
