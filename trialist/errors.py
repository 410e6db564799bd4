"""Every error that Trialist raises, as a tree; each names the field, the value and the remedy.

TrialistError
├── InputError                  wrong input, found before any work or write (also a ValueError)
│   ├── SpaceError              a dial, a condition, a constraint, or a configuration outside its space
│   ├── PlanError               objectives, budget, limits, split: what is declared beforehand
│   ├── ResultError             what an objective returned or reported is not a result
│   ├── CommandError            a command line, its braces, or a study.yaml
│   └── SuiteError              a suite of items for a language model, its checks, its templates
├── StudyError                  a study as a whole
│   ├── UnknownStudyError       no study, or no trial, of that name or number (also a LookupError)
│   ├── StudyExistsError        the name is taken
│   └── PlanChangedError        the same name with another plan; lists the differences
├── StateError                  a move that the table of states does not allow: telling twice, for one
│   └── LeaseLostError          the trial was given to somebody else meanwhile
├── StoreError                  the place where studies are kept (also an OSError)
│   ├── StoreMissingError       no such file or folder
│   ├── StoreFullError          no space left; goes on once there is
│   ├── StoreReadOnlyError      not writable
│   ├── StoreDamagedError       not a database, or a broken one
│   ├── StoreBusyError          somebody held the write lock too long
│   └── StoreVersionError       written by a newer Trialist
├── ExecutionError              workers could not be started, or all of them are set aside
├── EndpointError               a model's server that no call can use: its key, its quota, its address
├── BudgetUsedError             the next call to a model could exceed the budget; it was not made
├── ScoringError                an answer could not be scored: its judge or its scorer failed
├── SealedError                 sealed test data touched outside verification, or looked at again unasked
│   └── SealBrokenError         the test data are not those that were sealed when the study began
└── MissingExtraError           an optional package is not installed (also an ImportError)
"""

from __future__ import annotations

# Long values are cut in messages, so that one bad megabyte does not hide the sentence round it.
_SHOWN = 80


class TrialistError(Exception):
    """The root: catch it to catch everything that Trialist raises on purpose."""


class InputError(TrialistError, ValueError):
    """Wrong input: `field` is wrong in the way of `problem`; `remedy` says what to do instead.

    >>> raise SpaceError("learning_rate", "low 2.0 is above high 1.0", "Swap them.")
    Traceback (most recent call last):
    ...
    trialist.errors.SpaceError: learning_rate: low 2.0 is above high 1.0. Swap them.
    """

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{shown_name(field)}: {problem}. {remedy}")
        self.field, self.problem, self.remedy = field, problem, remedy

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.field, self.problem, self.remedy)  # crosses process borders whole


class SpaceError(InputError):
    """A parameter, condition or constraint that cannot be, or a configuration outside its space."""


class PlanError(InputError):
    """A plan that cannot be: objectives, budget, limits, split, strategy."""


class ResultError(InputError):
    """An objective returned or reported something that is not a result."""


class CommandError(InputError):
    """A command line, its braces or a study file that cannot be read."""


class SuiteError(InputError):
    """A suite of items that cannot be read, a check, a scorer or a template that does not fit it."""


class StudyError(TrialistError):
    """Something about a study as a whole."""


class UnknownStudyError(StudyError, LookupError):
    """No study, or no trial, of that name or number."""


class StudyExistsError(StudyError):
    """The name is taken."""


class PlanChangedError(StudyError):
    """The same name was declared with another plan; the message lists the differences."""


class StateError(TrialistError):
    """A move that the table of states does not allow; nothing was changed."""


class LeaseLostError(StateError):
    """The trial's lease ran out and somebody else holds it now; nothing was changed."""


class StoreError(TrialistError, OSError):
    """The store failed; the message names its path, the cause and the remedy. What was acknowledged is kept."""


class StoreMissingError(StoreError):
    """The store's file or folder is not there."""


class StoreFullError(StoreError):
    """No space is left; the store goes on once there is some."""


class StoreReadOnlyError(StoreError):
    """The store's file or folder is not writable."""


class StoreDamagedError(StoreError):
    """The file is not a database, or a damaged one."""


class StoreBusyError(StoreError):
    """Another process held the write lock for too long."""


class StoreVersionError(StoreError):
    """The store was written by a newer Trialist."""


class ExecutionError(TrialistError):
    """Workers could not be started, or all of them failed again and again."""


class ScoringError(TrialistError):
    """An answer could not be scored: the judge or the scorer failed, which says nothing of the answer."""


class EndpointError(TrialistError):
    """No call to the model's server can succeed: the key is refused or has no rights, or the quota is used up."""


class BudgetUsedError(TrialistError):
    """The next call to a model could exceed the budget; it was not made, and what was answered is kept."""


class SealedError(TrialistError):
    """Sealed test data were touched outside verification, or a further look was not asked for by name."""


class SealBrokenError(SealedError):
    """The test data are not those that were sealed when the study began; nothing was opened."""


class MissingExtraError(TrialistError, ImportError):
    """An optional package is missing; the message holds the install line."""

    def __init__(self, purpose: str, extra: str) -> None:
        super().__init__(f"{purpose} the '{extra}' extra: pip install 'trialist[{extra}]'")
        self.purpose, self.extra = purpose, extra

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.purpose, self.extra)


def shown(value: object) -> str:
    """A value as it stands in a message: its repr, cut where it is long, never failing."""
    try:
        text = repr(value)
    except Exception as problem:  # noqa: BLE001 - a repr is the user's code: whatever it raises, the message goes on
        text = f"<{type(value).__name__} whose repr raised {type(problem).__name__}>"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 20]}... ({len(text)} characters)"


def shown_name(name: str) -> str:
    """A field's name as it stands in a message: as it is, unless empty, long or unprintable."""
    return name if name.isprintable() and 0 < len(name) <= _SHOWN else shown(name)
