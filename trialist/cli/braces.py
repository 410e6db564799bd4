"""Dials in a command line: `--lr '{1e-4..1 log =0.01}' --act '{relu,tanh}'` as parameters and a template.

{low..high}     a number; `int` for whole numbers, `log`, `step 8`, and `=default`, in any order
{a,b,c}         a choice; ` =b` behind it marks the default
{name: ...}     either of them under a name of its own; needed where several stand in one word

Without it, the name is that of the flag (`--lr`), or what stands before the equals sign (`model.lr=`).
A brace that only holds the name of a dial or of the fidelity, or `{trial.seed}`, is a place where its value goes.
Doubled braces, and words that are JSON objects, mean what they are.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from trialist.cli.expanded import rejoined, suspects, unquoted
from trialist.cli.literals import literal, split_outside_quotes, word_of
from trialist.errors import CommandError, shown
from trialist.execute.command import TRIAL
from trialist.space.parameter import Categorical, Float, Int, Parameter, declare
from trialist.yamlfile import INTEGER, NUMBER

_BRACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_NAME = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*:\s(.*)", re.DOTALL)
_RANGE = re.compile(rf"\s*({NUMBER.pattern})\.\.({NUMBER.pattern})(?=\s|$)(.*)", re.DOTALL)
# The choice before the mark is quoted, or holds no mark of its own.
_DEFAULT = re.compile(r"""('[^']*'|"[^"]*"|[^'"].*?|)\s+=\s*(\S.*)""", re.DOTALL)
_EXAMPLE = "--lr '{1e-4..1 log =0.01}' or --act '{relu,tanh}'"


@dataclass(frozen=True, slots=True)
class Braced:
    """A command line read: its dials by name, the template with `{name}` in their places, and notes for the user.

    placed: the dials declared elsewhere that have a place in it.
    """

    dials: dict[str, Parameter]
    template: tuple[str, ...]
    placed: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def parse(argv: Sequence[str], declared: Collection[str] = (), field: str = "command") -> Braced:
    """Read the dials of a command line; `declared` are dials and the fidelity, named elsewhere.

    Raises CommandError for braces that say nothing or were expanded by the shell, SpaceError for dials that cannot be.

    >>> parse(["python", "train.py", "--lr", "{1e-4..1 log =0.01}"]).template
    ('python', 'train.py', '--lr', '{lr}')
    """
    if not argv:
        raise CommandError(field, "no command is given", f"Give one after --, such as: -- python train.py {_EXAMPLE}.")
    if whole := rejoined(argv):
        problem = "the shell split the braces at their spaces, since they are not quoted"
        raise CommandError(field, problem, f"Use quotes: {unquoted(whole)}")
    reader = _Reader(argv, declared)
    template = tuple(reader.word(position) for position in range(len(argv)))
    if not reader.dials and not reader.placed:
        raise _no_dials(field, argv)
    return Braced(reader.dials, template, frozenset(reader.placed), (*reader.notes, *_notes(argv)))


def brace(parameter: Parameter) -> str:
    """The brace that declares a parameter, without conditions and priors.

    >>> brace(Int(8, 128, log=True, default=32))
    '{8..128 int log =32}'
    """
    if isinstance(parameter, Categorical):
        default = "" if parameter.default_index is None else f" ={word_of(parameter.baseline)}"
        return "{" + ",".join(word_of(choice) for choice in parameter.choices) + default + "}"
    whole = isinstance(parameter, Int)
    words = [f"{word_of(parameter.low)}..{word_of(parameter.high)}"]
    words += ["int"] if whole else []
    words += ["log"] if parameter.log else []
    words += [f"step {parameter.step!r}"] if parameter.step is not None and not (whole and parameter.step == 1) else []
    words += [f"={parameter.default!r}"] if parameter.default is not None else []
    return "{" + " ".join(words) + "}"


class _Reader:
    """Goes through the words of a command line and gathers its dials."""

    def __init__(self, argv: Sequence[str], declared: Collection[str]) -> None:
        self.argv, self.declared = argv, declared
        self.dials: dict[str, Parameter] = {}
        self.placed: set[str] = set()  # declared dials that the command holds
        self.notes: list[str] = []

    def word(self, position: int) -> str:
        """The word at that position with `{name}` in place of every brace."""
        word = self.argv[position]
        if _is_json(word):
            return word.replace("{", "{{").replace("}", "}}")
        count = sum(1 for found in _BRACE.finditer(word) if found.group(1) is not None)
        return _BRACE.sub(lambda found: self._place(position, found, alone=count == 1), word)

    def _place(self, position: int, found: re.Match[str], alone: bool) -> str:
        content, name = found.group(1), None
        if content is None:
            return found.group(0)
        if named := _NAME.fullmatch(content):
            name, content = named.groups()
        if name is None and content.strip() in (*self.declared, *TRIAL):
            self.placed.add(content.strip())
            return "{" + content.strip() + "}"
        if name is None:
            name = _flag(self.argv, position, found, alone)
        parameter = _parameter(name or "the dial", found.group(0), content, (*self.declared, *self.dials))
        if name is None:
            remedy = f"Give it one, as in '{{name: {content.strip()}}}'."
            raise CommandError("command", f"the dial {found.group(0)} has no name", remedy)
        if name in self.dials or name in self.declared:
            problem = f"{shown(name)} is declared twice"
            raise CommandError("command", problem, f"Give one of them another name: '{{{name}_2: {content.strip()}}}'.")
        self.dials[name] = parameter
        if isinstance(parameter, Float) and _has_whole_bounds(content):
            whole = f"{{{content.strip()} int}}"
            self.notes.append(f"{name}: {found.group(0)} takes any number in between; for whole numbers write {whole}")
        return "{" + name + "}"


def _is_json(word: str) -> bool:
    """A JSON object, an argument of its own: no dial looks like one."""
    if not (word.startswith("{") and word.endswith("}") and '"' in word):
        return False
    try:
        json.loads(word)
    except ValueError:
        return False
    return True


def _flag(argv: Sequence[str], position: int, found: re.Match[str], alone: bool) -> str | None:
    """The name that stands before a brace: of the flag before it, or before its equals sign."""
    word = argv[position]
    if not alone or found.end() != len(word):
        return None
    before = word[: found.start()]
    if before.endswith("="):
        name = before[:-1]
    elif not before and position and argv[position - 1].startswith("-") and "=" not in argv[position - 1]:
        name = argv[position - 1]
    else:
        return None
    # Dashes within become underscores, as argparse and click have it; Hydra's + and ~ are no part of a name.
    return name.lstrip("-+~").replace("-", "_") or None


def _parameter(name: str, brace: str, content: str, known: Sequence[str]) -> Parameter:
    if found := _RANGE.fullmatch(content):
        return _range(name, brace, *found.groups())
    words = [word.strip() for word in split_outside_quotes(content, ",")]
    default = None
    if marked := _DEFAULT.fullmatch(words[-1]):
        words[-1], default = marked.groups()
    if len(words) > 1:
        if "" in words:
            problem = f"{brace} holds an empty choice"
            raise CommandError(name, problem, "Remove the comma too many, or give '' for an empty text.")
        given: dict[str, Any] = {} if default is None else {"default": literal(default)}
        return declare(name, Categorical, [literal(word) for word in words], **given)
    near = get_close_matches(content.strip(), known, 1)
    if near:
        raise CommandError("command", f"{brace} names no dial", f"Use {{{near[0]}}}.")
    if ".." in content:
        problem = f"{brace} is not a range of numbers"
        raise CommandError(name, problem, "Give {low..high}, such as {1e-4..1 log} or {1..8 int}.")
    problem = f"{brace} is neither a range nor choices"
    remedy = "Give {low..high} or {a,b}, such as {1e-4..1 log =0.01}, or double the braces to mean braces."
    raise CommandError(name, problem, remedy)


def _range(name: str, brace: str, low: str, high: str, rest: str) -> Parameter:
    words = re.sub(r"=\s+", "=", rest).split()
    given: dict[str, Any] = {}
    whole = "int" in words
    while words:
        word = words.pop(0)
        key, text = word, ""
        if word.startswith("="):
            key, text = "default", word[1:]
        elif word.startswith("step"):
            key, text = "step", word[4:].lstrip("=") or (words.pop(0) if words else "")
        elif word not in ("log", "int"):
            near = get_close_matches(word, ("log", "int", "step"), 1, 0.5)
            remedy = f"Use {near[0]!r}." if near else "Use log, int, step 8 or =default."
            raise CommandError(name, f"{shown(word)} in {brace} has no meaning", remedy)
        if key in given:
            raise CommandError(name, f"{brace} gives {key} twice", "Give it once.")
        given[key] = True if key in ("log", "int") else _number(name, brace, key, text, whole)
    given.pop("int", None)
    bounds = _number(name, brace, "low", low, whole), _number(name, brace, "high", high, whole)
    return declare(name, Int, *bounds, **given) if whole else declare(name, Float, *bounds, **given)


def _number(name: str, brace: str, argument: str, text: str, whole: bool) -> Any:
    given = f"{argument} {shown(text)} in {brace}"
    if whole and not INTEGER.fullmatch(text):
        raise CommandError(name, f"{given} is not a whole number", "Give an integer, or remove int.")
    if not NUMBER.fullmatch(text):
        raise CommandError(name, f"{given} is not a number", f"Give a number as {argument}.")
    return int(text) if whole else float(text)


def _has_whole_bounds(content: str) -> bool:
    found = _RANGE.fullmatch(content)
    if found is None or not all(INTEGER.fullmatch(bound) for bound in found.group(1, 2)):
        return False
    return int(found.group(2)) - int(found.group(1)) > 1  # {0..1} is a share, a rate, a momentum


def _no_dials(field: str, argv: Sequence[str]) -> CommandError:
    if expanded := suspects(argv):
        problem = f"no braces are left in it; the shell seems to have expanded them at {expanded[0].where}"
        return CommandError(field, problem, f"Use quotes: {unquoted(expanded[0].repaired)}")
    if halves := [word for word in argv if word.count("{") != word.count("}")]:
        problem = f"{shown(halves[0])} has a brace without its partner"
        return CommandError(field, problem, f"Close it, as in {_EXAMPLE}.")
    problem = f"{shown(shlex.join(argv))} holds no dials"
    return CommandError(field, problem, f"Give at least one in quoted braces, such as {_EXAMPLE}.")


def _notes(argv: Sequence[str]) -> list[str]:
    return [
        f"{expanded.where} passes several values; if the shell expanded braces there, quote them: {expanded.quoted}"
        for expanded in suspects(argv)
    ]
