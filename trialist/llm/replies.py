"""A server's response read: its text, how it ended, and its tokens, which are believed where they can be.

The tokens decide what counts as spent. What cannot be is replaced by the most that the texts can have had, one token
for each byte, and marked: the cost is then too high rather than too low. (Reasoning that is neither shown nor counted
leaves no trace, and cannot be charged for.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialist.llm.endpoint import CallError, Outcome
from trialist.llm.request import Request, Usage

# No completion in one call is longer; what claims to be is a mistake.
_MOST_TOKENS = 2_000_000
_ROUND_TEXT = 16  # tokens that end a text or mark its parts
_LONGEST_TOKEN = 128  # bytes: runs of blanks in the vocabularies in use


def read(response: Mapping[str, Any], request: Request, ceiling: int | None) -> tuple[str, str, Usage]:
    """(text, finish, usage); CallError where there is none. ceiling: of the reply's tokens, if it is known."""
    choices = response.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        error = response.get("error")
        if isinstance(error, Mapping):
            code, reason = error.get("code"), str(error.get("message") or error)
            status = code if isinstance(code, int) and 400 <= code < 600 else 500
            raise CallError(f"{status}: {reason}", status, body=dict(response))
        raise CallError("the response holds no message", outcome=Outcome.UNKNOWN)
    text = _text(message.get("content"))
    if not text and isinstance(message.get("refusal"), str):
        text = message["refusal"]
    hidden = next((_text(message[name]) for name in ("reasoning_content", "reasoning") if message.get(name)), "")
    finish = choice.get("finish_reason")
    finish = finish if isinstance(finish, str) and finish else "unknown"
    told, size = response.get("usage"), _size(text) + _size(hidden)
    usage = _usage(told, request, ceiling, size) or _estimated(told, request, ceiling, finish, size)
    return text, finish, usage


def _usage(told: object, request: Request, ceiling: int | None, size: int) -> Usage | None:
    """What the server says, unless it cannot be. size: bytes of all that it sent."""
    if not isinstance(told, Mapping):
        return None
    sent, back = told.get("prompt_tokens"), told.get("completion_tokens")
    cached = _detail(told, "prompt_tokens_details", "cached_tokens")
    reasoning = _detail(told, "completion_tokens_details", "reasoning_tokens")
    counts = (sent, back, cached, reasoning)
    if not all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= _MOST_TOKENS for n in counts):
        return None
    assert isinstance(sent, int) and isinstance(back, int)
    # Nothing asked, or more than there were bytes; a text out of nothing, or out of tokens longer than any there are.
    if sent == 0 or sent > request.max_input or cached > sent or reasoning > back or size > _LONGEST_TOKEN * back:
        return None
    # Beyond the limit, and neither the text nor hidden reasoning shows it.
    if ceiling is not None and back > ceiling and back - reasoning > size + _ROUND_TEXT:
        return None
    return Usage(sent, cached, back, reasoning)


def _estimated(told: object, request: Request, ceiling: int | None, finish: str, size: int) -> Usage:
    output = size + _ROUND_TEXT
    if ceiling is not None:
        claimed = told.get("completion_tokens") if isinstance(told, Mapping) else None
        is_cut = finish == "length" or (isinstance(claimed, int) and claimed > ceiling)
        output = ceiling if is_cut else min(output, ceiling)
    return Usage(request.max_input, 0, output, 0, estimated=True)


def _detail(told: Mapping[str, Any], group: str, name: str) -> Any:
    details = told.get(group)
    found = details.get(name) if isinstance(details, Mapping) else None
    return 0 if found is None else found


def _text(content: object) -> str:
    """The content as text: a string, or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = (part.get("text") if isinstance(part, Mapping) else part for part in content)
        return "".join(part for part in parts if isinstance(part, str))
    return ""


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
