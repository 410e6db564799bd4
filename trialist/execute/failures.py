"""What went wrong, in words a person understands: Failures of exceptions, of signals and of exit codes."""

from __future__ import annotations

import errno
import os
import re
import signal
import traceback
from collections.abc import Sequence
from types import TracebackType

from trialist import errors
from trialist.errors import BudgetUsedError, CommandError, InputError
from trialist.trials.trial import Cause, Failure

_ERROR = re.compile(r"^\s*[\w.]*(error|exception|fatal|panic|interrupt)\b", re.IGNORECASE)

_TAIL = 8_000  # bytes of a log that are searched for the error
_TAIL_LINES = 30

MAX_MESSAGE = 2_000  # characters
MAX_TRACEBACK = 20_000  # characters


def of_exception(error: BaseException) -> Failure:
    """The Failure that an exception of the objective is: memory for MemoryError, with `usage` where it misused us.

    A call that the budget does not allow is no fault of the configuration: what was reported before it counts.
    """
    if isinstance(error, SystemExit):
        message = f"the objective called sys.exit({errors.shown(error.code)})"
    elif isinstance(error, MemoryError):
        message = f"the objective ran out of memory (MemoryError: {_text_of(error)})".replace(": )", ")")
    else:
        message = f"{type(error).__name__}: {_text_of(error)}".removesuffix(": ")
    usage = _usage(error) if isinstance(error, InputError) else None
    if isinstance(error, BudgetUsedError):
        return Failure(Cause.BUDGET, as_text(_text_of(error), MAX_MESSAGE))
    cause = Cause.MEMORY if isinstance(error, MemoryError) else Cause.OBJECTIVE
    return Failure(cause, as_text(message, MAX_MESSAGE), _traceback_of(error), usage)


def of_misuse(error: InputError) -> Failure:
    """The Failure that stops a study: no other configuration would cure it."""
    return Failure(Cause.OBJECTIVE, as_text(str(error), MAX_MESSAGE), usage=_usage(error))


def of_signal(number: int) -> Failure:
    """The Failure of a process that died by a signal which we did not send."""
    try:
        name = f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        name = f"signal {number}"
    hints: dict[int, str] = {
        signal.SIGKILL: "; the system may have run out of memory",
        signal.SIGSEGV: "; native code crashed, its stack is in the log",
        signal.SIGBUS: "; native code crashed, or a disk or shared memory is full",
        signal.SIGILL: "; native code was built for another processor",
        signal.SIGABRT: "; native code gave up, its last words are in the log",
    }
    return Failure(Cause.KILLED, f"killed by {name}{hints.get(number, '')}")


def of_exit(code: int) -> Failure:
    """The Failure of a worker process that ended by an exit code in the middle of its trial."""
    return Failure(Cause.OBJECTIVE, f"the process exited with code {code} in the middle of the trial")


def of_start(program: str, problem: OSError) -> Failure:
    """The Failure of a command that could not be started."""
    remedies = {
        errno.ENOENT: ("was not found", "Give the path of a program, or put its folder on PATH."),
        errno.EACCES: ("is not executable", "Use chmod +x, or put its interpreter in front, such as python."),
        errno.ENOEXEC: ("is not a program", "Give its interpreter in front, such as python."),
        errno.EMSGSIZE: ("has a command line that is too long", "Use shorter values, such as names of files."),
        errno.E2BIG: ("has a command line that is too long", "Use shorter values, such as names of files."),
    }
    if problem.errno in remedies:
        what, remedy = remedies[problem.errno]
        return of_misuse(CommandError("command", f"{program!r} {what}", remedy))
    return Failure(Cause.INFRASTRUCTURE, f"the command could not be started: {problem}")


def last_lines(log: int, begins: int) -> list[str]:
    """The last lines of an open log, of what was written from that byte on."""
    size = os.fstat(log).st_size
    text = os.pread(log, _TAIL, max(begins, size - _TAIL)).decode("utf-8", "replace")
    return [line for line in re.split(r"[\r\n]+", text) if line.strip()][-_TAIL_LINES:]


def last_error(tail: Sequence[str]) -> str:
    """The last line that looks like an error, else the last line."""
    line = next((line for line in reversed(tail) if _ERROR.match(line)), tail[-1] if tail else "nothing was printed")
    return as_text(line.strip(), MAX_MESSAGE)


def as_text(text: str, limit: int = MAX_TRACEBACK) -> str:
    """Text that any file can hold, at most `limit` characters: the middle is cut, since both ends tell most."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) <= limit:
        return text
    half = limit // 2 - 30
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters cut ...\n{text[-half:]}"


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as problem:  # noqa: BLE001 - __str__ is the user's code
        return f"<its message could not be read: {type(problem).__name__}>"


def _usage(error: InputError) -> tuple[str, str, str, str]:
    # The nearest class that errors.py defines: a user's own subclass could not be raised again by name.
    kind = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    return kind, errors.shown_name(as_text(error.field)), as_text(error.problem), as_text(error.remedy)


def _traceback_of(error: BaseException) -> str:
    try:
        lines = traceback.format_exception(type(error), error, _without_our_frames(error.__traceback__))
        return as_text("".join(lines))
    except Exception as problem:  # noqa: BLE001 - formatting calls the user's code, deep in a full stack or memory
        return as_text(f"<the traceback could not be written: {errors.shown(problem)}>")


def _without_our_frames(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the user's first frame on; all of it where there is no such frame."""
    here = trace
    while here is not None and here.tb_frame.f_globals.get("__name__", "").startswith("trialist.execute."):
        here = here.tb_next
    return here if here is not None else trace
