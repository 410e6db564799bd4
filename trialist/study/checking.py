"""What cannot run is refused before anything does: objectives, tests and commands, and a search that nothing ends.

Checked where work meets a session, whichever way it came; and by `tune` once more, before it creates a study, since the
study of a refused call would stand in the way of the mended one.
"""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING

from trialist.errors import CommandError, PlanError, shown
from trialist.execute.command import Command
from trialist.space.constraint import nearest
from trialist.study.work import describe

if TYPE_CHECKING:
    from trialist.space.space import Space
    from trialist.trials.plan import Plan


def check_objective(work: object, space: Space) -> None:
    """PlanError for what is neither a command nor a function of a trial, CommandError for one of another space."""
    if isinstance(work, str):
        command = f"Command({tuple(work.split())!r})"
        raise PlanError("objective", f"{shown(work)} is text", f"Give a function of a trial, or tl.{command}.")
    _check("command" if isinstance(work, Command) else "objective", work, ("trial",), space)


def check_test(test: object, space: Space) -> None:
    """The same for what is to be called with (params, seed): a search must not end with that."""
    if getattr(test, "with_trial", None) is None:
        _check("test", test, ("params", "seed"), space)


def check_end(plan: Plan, ways: str = "budget=40") -> None:
    """PlanError for a plan under which a search would never end."""
    if plan.budget.is_unlimited and not plan.stopping.rules:
        raise PlanError("budget", "None, and nothing else ends the search", f"Give trials, {ways}, or a tl.Budget.")


def _check(field: str, work: object, arguments: tuple[str, ...], space: Space) -> None:
    if isinstance(work, Command):
        _check_places(field, work, space)
        return
    wanted = "a trial" if arguments == ("trial",) else f"({', '.join(arguments)})"
    remedy = f"Give a function of {wanted}, or a Command."
    if not callable(work):
        raise PlanError(field, f"{shown(work)} cannot be called", remedy)
    try:
        found = signature(work)
    except (TypeError, ValueError):  # functions of C often have none
        return
    try:
        found.bind(*arguments)
    except TypeError as problem:
        told = f"{describe(work)}{found} cannot be called with {', '.join(arguments)} ({problem})"
        raise PlanError(field, told, remedy) from None


def _check_places(field: str, command: Command, space: Space) -> None:
    """CommandError where a brace names no dial, or a dial has no place: a flag left out would be tuned in vain."""
    for name in command.names:
        if name not in space:
            remedy = f"Use {nearest(name, dict(space.items()))}, or fidelity={name!r} if it says how far a run goes."
            raise CommandError(f"{{{name}}}", "the space has no dial of this name", remedy)
    for name in space.names:
        if name not in command.names:
            problem = f"it has no place for the dial {shown(name)}"
            raise CommandError(field, problem, f"Write {{{name}}} where its value goes, or remove the dial.")
