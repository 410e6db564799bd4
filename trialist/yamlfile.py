"""YAML as people expect it, with the line of every key: 1e-4 is a number, `on` and `no` are words, keys come once.

The rules for plain words are those of YAML 1.2: true, false, null, decimal numbers; anything else is text. Aliases and
merge keys (`<<: *name`) mean what they mean everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from trialist.errors import CommandError, InputError, shown

INTEGER = re.compile(r"[+-]?\d+")
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")

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


def read_yaml(name: str, text: str, error_type: type[InputError] = CommandError) -> Document:
    """The document in that text; an error of that type names the file and the line of what is no YAML."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        told = getattr(error, "problem", None) or "unreadable characters"
        raise error_type(
            name, f"{where}this is no YAML ({told})", "Give each key as `key: value`, indented alike."
        ) from None
    document = Document()
    if node is not None:
        document.content = _Builder(name, document, error_type).build(node, (), ())
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

    def __init__(self, name: str, document: Document, error_type: type[InputError]) -> None:
        self.name, self.document, self.error_type = name, document, error_type

    def build(self, node: yaml.Node, path: Path, above: tuple[yaml.Node, ...]) -> Any:
        line = node.start_mark.line + 1
        self.document.lines.setdefault(path, line)
        if node in above:
            raise self.error_type(self.name, f"line {line}: an alias holds itself", "Remove it.")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, (*above, node))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i), (*above, node)) for i, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path, above: tuple[yaml.Node, ...]) -> dict[Any, Any]:
        built: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if isinstance(key_node, yaml.ScalarNode) and key_node.value == "<<" and key_node.style is None:
                merged = {**self._merged(value_node, path, above), **merged}
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.error_type(self.name, f"line {line}: a key is a list or a mapping", "Use text as keys.")
            key = _scalar(key_node)
            if key in built:
                raise self.error_type(
                    self.name, f"line {line}: the key {shown(key)} comes twice", "Remove one of them."
                )
            here = (*path, key)
            self.document.lines[here] = line
            built[key] = self.build(value_node, here, above)
        return {**merged, **built}  # a key of its own goes before one that is merged in

    def _merged(self, node: yaml.Node, path: Path, above: tuple[yaml.Node, ...]) -> dict[Any, Any]:
        merged: dict[Any, Any] = {}
        for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(each, yaml.MappingNode):
                line = each.start_mark.line + 1
                raise self.error_type(self.name, f"line {line}: `<<` takes in what is no mapping", "Give `<<: *name`.")
            merged = {**self.build(each, path, above), **merged}
        return merged


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
