"""promptfoo's prompts: texts, files, chats as JSON or YAML; and the messages that one makes with a test's variables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trialist.errors import SuiteError, shown
from trialist.llm.formats.reading import messages_of, named, parse_json, read_text
from trialist.llm.formats.spot import FILE, Spot
from trialist.llm.item import Message
from trialist.llm.templates import render
from trialist.yamlfile import read_yaml

_ENDINGS = (".txt", ".md", ".json", ".yaml", ".yml", ".j2")
_PROGRAMS = (".py", ".js", ".cjs", ".mjs", ".ts", ".sh", ".exe")


def prompts_of(spot: Spot, value: Any) -> tuple[str, ...]:
    """The templates of a suite; `---` on a line of its own separates several in a text file."""
    listed = value if isinstance(value, list) else [value]
    prompts = [each for n, entry in enumerate(listed) for each in _of_entry(_child(spot, value, n), entry)]
    if not prompts:
        spot.refuse("there are no prompts", "Give at least one, such as '{{question}}'.")
    return tuple(dict.fromkeys(prompts))


def chat_of(prompt: str, variables: Mapping[str, Any], where: str) -> tuple[Message, ...]:
    """The messages of a prompt: those of a chat in JSON, else its text as the user's one message."""
    chat = _as_chat(prompt)
    if chat is None:
        text = render(prompt, variables, where=where)
        # A chat whose JSON is made by loops is JSON only once it is filled in.
        chat = _as_chat(text) if prompt.lstrip().startswith("[") and text != prompt else None
        return messages_of(where, text if chat is None else chat)
    filled = [{**m, "content": render(str(m.get("content", "")), variables, where=where)} for m in chat]
    return messages_of(where, filled)


def _child(spot: Spot, value: Any, n: int) -> Spot:
    return spot.at(n) if isinstance(value, list) else spot


def _of_entry(spot: Spot, entry: Any) -> list[str]:
    if isinstance(entry, Mapping):
        spot.known_keys(entry, ("id", "label", "raw", "config"), {"function": "it is a program"})
        entry = entry.get("raw", entry.get("id"))
    if not isinstance(entry, str) or not entry.strip():
        spot.refuse(f"the prompt {shown(entry)} is no text", "Write it as text, or name its file.")
    # "Summarise notes.txt" is a prompt, "prompts/short.txt" is a file.
    is_name = len(entry.split()) == 1 and "{{" not in entry and entry.lower().endswith((*_ENDINGS, *_PROGRAMS))
    if entry.startswith("exec:") or entry.split(":")[0].lower().endswith(_PROGRAMS):
        spot.refuse(f"the prompt {shown(entry)} is a program, which is not run", "Write the prompt as text.")
    if not entry.startswith(FILE) and not is_name:
        return [entry]
    return [each for file in spot.files(entry) for each in _of_file(spot, file)]


def _of_file(spot: Spot, file: Any) -> list[str]:
    if file.suffix.lower() not in _ENDINGS:
        what = "is a program, which is not run" if file.suffix.lower() in _PROGRAMS else "is no file of a prompt"
        spot.refuse(f"{file.name} {what}", f"Write the prompt as text, or into a file: {', '.join(_ENDINGS)}.")
    text = read_text(file)
    if file.suffix.lower() in (".yaml", ".yml"):
        return [json.dumps(read_yaml(named(file), text, SuiteError).content, ensure_ascii=False)]
    if file.suffix.lower() == ".json":
        return [text.strip()]
    parts = [part.strip() for part in ("\n" + text.replace("\r\n", "\n")).split("\n---\n")]
    return [part for part in parts if part]


def _as_chat(text: str) -> list[Mapping[str, Any]] | None:
    if not text.lstrip().startswith("["):
        return None
    try:
        content = parse_json("prompt", text)
    except SuiteError:
        return None
    is_chat = isinstance(content, list) and content and all(isinstance(m, Mapping) and "role" in m for m in content)
    return content if is_chat else None
