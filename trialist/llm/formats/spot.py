"""Where something stands in a YAML file, and the files that it names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from trialist.errors import SuiteError, shown
from trialist.llm.formats.reading import named, parse_json, read_text
from trialist.yamlfile import Document, read_yaml

FILE = "file://"
_MAX_GLOB = 10_000


@dataclass(frozen=True, slots=True)
class Spot:
    """A key or an item of a file.

    home: the folder of the suite, from which the files that it names are counted; only with `trust` may they lie
    outside of it: what they hold is sent to a model.
    """

    file: Path
    document: Document
    home: Path
    trust: bool = False
    path: tuple[str | int, ...] = ()

    def at(self, *path: str | int) -> Spot:
        return replace(self, path=(*self.path, *path))

    @property
    def where(self) -> str:
        return f"{named(self.file)} line {self.document.line(self.path)}"

    def refuse(self, problem: str, remedy: str) -> NoReturn:
        raise SuiteError(self.where, problem, remedy)

    def mapping(self, value: Any, what: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.refuse(f"{what} {shown(value)} is no mapping", "Write `key: value` lines under it.")
        return value

    def known_keys(self, value: Mapping[str, Any], known: Collection[str], refused: Mapping[str, str]) -> None:
        """Refuses, by name and line, a key that nobody reads."""
        for key in value:
            if key in refused:
                self.at(key).refuse(f"{key} is not supported: {refused[key]}", "Remove it.")
            if key not in known:
                near = get_close_matches(str(key), known, 1)
                meant = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(sorted(known))}."
                self.at(key).refuse(f"the key {shown(key)} is unknown", meant)

    def number(self, value: Any, what: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
            self.refuse(f"{what} {shown(value)} is no number from 0", "Give one.")
        return float(value)

    def files(self, name: str) -> list[Path]:
        """The files that `file://name` names: one, or those that a pattern finds, in order."""
        relative = name.removeprefix(FILE)
        if any(mark in relative for mark in "*?["):
            try:
                found = sorted(self.home.glob(relative))
            except (ValueError, NotImplementedError) as error:
                self.refuse(f"{shown(name)} is no pattern ({error})", "Give one that starts at the suite's folder.")
            if not found or len(found) > _MAX_GLOB:
                self.refuse(f"{shown(name)} finds {len(found)} files", "Check the pattern.")
        else:
            found = [self.home / relative]
        for file in found:
            inside = file.resolve().is_relative_to(self.home.resolve())
            if not inside and not self.trust:
                remedy = "Put it there, or declare trust in the suite (trust=True)."
                self.refuse(f"{named(file)} lies outside of the suite's folder", remedy)
            if not file.exists():
                self.refuse(f"{named(file)} is not there", "Check the path; it starts at the suite's folder.")
        return found

    def content(self, file: Path) -> Any:
        """What a file of a variable or a schema holds: JSON and YAML as values, other files as text."""
        ending = file.suffix.lower()
        if ending in (".js", ".cjs", ".mjs", ".ts", ".py"):
            self.refuse(f"{file.name} is a program, which is not run", "Write what it gives into a file.")
        if ending == ".json":
            return parse_json(named(file), read_text(file))
        if ending in (".yaml", ".yml"):
            return read_yaml(named(file), read_text(file), SuiteError).content
        return read_text(file).strip()


def open_document(file: Path, home: Path, trust: bool) -> Spot:
    """The top of a YAML or JSON file."""
    return Spot(file, read_yaml(named(file), read_text(file), SuiteError), home, trust)
