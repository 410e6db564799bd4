"""YAML as people expect it, with the line of every key: 1e-4 is a number, `on` and `no` are words, keys come once.

The rules for plain words are those of YAML 1.2: true, false, null, decimal numbers; anything else is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from trialist.cli.literals import INTEGER, NUMBER
from trialist.errors import CommandError, shown

Path = tuple[str | int, ...]
_SPECIAL = re.compile(r"[+-]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


@dataclass(slots=True)
class Document:
    """What a file holds, and on which line (from 1) each key and item of it stands."""

    content: Any = None
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest key above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(name: str, text: str) -> Document:
    """The document in that text; CommandError names the file and the line of what is no YAML."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        told = getattr(error, "problem", None) or "unreadable characters"
        raise CommandError(
            name, f"{where}this is no YAML ({told})", "Give each key as `key: value`, indented alike."
        ) from None
    document = Document()
    if node is not None:
        document.content = _Builder(name, document).build(node, (), ())
    return document


class _Loader(yaml.SafeLoader):
    """Resolves plain words by YAML 1.2."""

    yaml_implicit_resolvers = {}


for _tag, _pattern in (
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$")),
    ("null", re.compile(r"(?:null|Null|NULL|~|)$")),
    ("int", re.compile(rf"(?:{INTEGER.pattern})$")),
    ("float", re.compile(rf"(?:{NUMBER.pattern}|{_SPECIAL.pattern})$")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, None)


class _Builder:
    """Turns YAML nodes into plain values and writes down their lines."""

    def __init__(self, name: str, document: Document) -> None:
        self.name, self.document = name, document

    def build(self, node: yaml.Node, path: Path, above: tuple[yaml.Node, ...]) -> Any:
        line = node.start_mark.line + 1
        self.document.lines.setdefault(path, line)
        if node in above:
            raise CommandError(self.name, f"line {line}: an alias holds itself", "Remove it.")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, (*above, node))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i), (*above, node)) for i, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path, above: tuple[yaml.Node, ...]) -> dict[Any, Any]:
        built: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise CommandError(self.name, f"line {line}: a key is a list or a mapping", "Use text as keys.")
            key = _scalar(key_node)
            if key in built:
                raise CommandError(self.name, f"line {line}: the key {shown(key)} comes twice", "Remove one of them.")
            here = (*path, key)
            self.document.lines[here] = line
            built[key] = self.build(value_node, here, above)
        return built


def _scalar(node: yaml.Node) -> Any:
    kind, text = node.tag.rpartition(":")[2], node.value
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text.replace(".", "") if _SPECIAL.fullmatch(text) else text)
    return text
