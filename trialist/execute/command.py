"""A command line whose braces are dials: `python train.py --lr {lr} --act={act} --seed {trial.seed}`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from trialist.errors import CommandError, shown

TRIAL = ("trial.seed", "trial.number", "trial.directory", "trial.fidelity")  # what a trial gives beside its dials

# A doubled brace is a brace; anything else in single braces is a name.
_BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Command:
    """The words of a command line, in which `{name}` stands for a dial's value, and `{{` for a brace.

    dials: all names that the space has; None where any name is taken for a dial.  fidelity: the name of the study's
    fidelity, such as epochs: `{epochs}` is how far a run is to go, and so is `{trial.fidelity}`.
    Raises CommandError for an empty command, a name that is no dial, a command that is itself a dial's, a dial that is
    called as the fidelity is.

    >>> Command(("train", "--lr", "{lr}", "--act={act}")).argv({"lr": 1e-05}, seed=7, number=3, directory="")
    ['train', '--lr', '1e-05']
    """

    template: tuple[str, ...]
    dials: tuple[str, ...] | None = None
    fidelity: str | None = None

    def __post_init__(self) -> None:
        given: object = self.template
        if isinstance(given, str):
            remedy = f"Give its words: Command({tuple(given.split())!r})."
            raise CommandError("command", f"{shown(given)} is text", remedy)
        object.__setattr__(self, "template", tuple(self.template))
        if self.fidelity is not None and self.fidelity in (self.dials or ()):
            problem = f"{shown(self.fidelity)} is a dial, too"
            raise CommandError("fidelity", problem, "Remove the dial: the scheduler says how far a run goes.")
        if not self.template or not self.template[0]:
            raise CommandError(
                "command", f"{shown(self.template)} names no program", "Give one, such as python train.py."
            )
        if _names(self.template[0]):
            raise CommandError("command", f"{shown(self.template[0])} is not one program", "Give a program's own name.")
        for word in self.template:
            if "\0" in word:
                raise CommandError("command", f"{shown(word)} holds a NUL", "Remove it: no command line can.")
            for name in _names(word):
                self._check(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The dials that occur, in their order."""
        places = (name for word in self.template for name in _names(word))
        return tuple(dict.fromkeys(name for name in places if name not in (*TRIAL, self.fidelity)))

    def argv(
        self, params: Mapping[str, Any], seed: int, number: int, directory: str, fidelity: float | None = None
    ) -> list[str]:
        """The words for one trial; an inactive dial is left out, with its flag where that is a word of its own.

        Numbers are written so that they read back exactly, None as `none`, parts of a tuple with commas between.
        """
        values = {**params, "trial.seed": seed, "trial.number": number, "trial.directory": directory}
        if fidelity is not None:
            values["trial.fidelity"] = fidelity
            if self.fidelity is not None:
                values[self.fidelity] = fidelity
        words: list[str] = []
        for i, word in enumerate(self.template):
            if all(name in values for name in _names(word)):
                words.append(_BRACES.sub(lambda found: _filled(found, values), word))
            elif i > 1 and not word.startswith("-") and _is_flag(self.template[i - 1]):
                words.pop()
        return words

    def __str__(self) -> str:
        import shlex

        return shlex.join(self.template)

    def _check(self, name: str) -> None:
        if name in TRIAL or (name and (self.dials is None or name in self.dials or name == self.fidelity)):
            return
        known = (*(self.dials or ()), *([self.fidelity] if self.fidelity else ()), *TRIAL)
        nearest = get_close_matches(name, known, n=1)
        remedy = f"Use {{{nearest[0]}}}" if nearest else f"Use one of {', '.join(known)}"
        raise CommandError(f"{{{name}}}", "no dial has this name", f"{remedy}, or double the braces to mean braces.")


def rendered(name: str, value: Any) -> str:
    """A dial's value as a word of a command line.

    >>> [rendered("x", value) for value in (0.1, 1e-05, 64, True, None, "adam", (8, 4))]
    ['0.1', '1e-05', '64', 'True', 'none', 'adam', '8,4']
    """
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ",".join(rendered(name, part) for part in value)
    text = os.fsdecode(value) if isinstance(value, bytes) else str(value)
    if "\0" in text:
        raise CommandError(name, f"the value {shown(value)} holds a NUL", "Remove that choice: no command line can.")
    return text


def _filled(found: re.Match[str], values: Mapping[str, Any]) -> str:
    name = found.group(1)
    return found.group()[0] if name is None else rendered(name, values[name])


def _names(word: str) -> list[str]:
    return [found.group(1) for found in _BRACES.finditer(word) if found.group(1) is not None]


def _is_flag(word: str) -> bool:
    return word.startswith("-") and "=" not in word and not _names(word)
