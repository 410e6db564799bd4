"""A request as it is sent, and the reply to it; the canonical text of a request is what the cache knows it by."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialist.errors import InputError, shown

if TYPE_CHECKING:
    from trialist.llm.item import Message

# The body's own fields, and what would change the kind of the reply. `n` is left out by many servers without a word
# (transformers serve 5.23 and llama-cpp-python 0.3.36 do), so several answers are several calls.
_NOT_SETTINGS = {
    "model": "Give it as the request's model",
    "messages": "Give them as the request's messages",
    "stream": "Leave it out: replies are read whole",
    "stream_options": "Leave it out: replies are read whole",
    "n": "Ask once for each answer, with replicate=0, 1, 2, ...",
}
_LIMITS = ("max_tokens", "max_completion_tokens")
# A chat template adds markers that the messages do not show: some tokens for each, and some for the whole.
_TOKENS_OF_MESSAGE, _TOKENS_OF_REQUEST = 16, 64


@dataclass(frozen=True, slots=True)
class Request:
    """One chat completion. settings: fields of the body beside model and messages; an unset one (None) is absent.

    replicate: which of several answers to the same text; it is not sent.  Whole floats are the integers that they
    equal, so that a temperature of 1 and of 1.0 are one request: to the cache, and on the wire.
    """

    model: str
    messages: tuple[Message, ...]
    settings: Mapping[str, Any]
    replicate: int = 0

    def __post_init__(self) -> None:
        if not self.model:
            raise InputError("model", "it is empty", "Give the model's name as the endpoint knows it.")
        if not self.messages:
            raise InputError("messages", "there is none", "Give at least a user message.")
        if self.replicate < 0:
            raise InputError("replicate", f"{self.replicate} is negative", "Count replicates from 0.")
        for name in self.settings:
            if name in _NOT_SETTINGS:
                raise InputError(f"settings.{name}", "it is no setting of a request", f"{_NOT_SETTINGS[name]}.")
        plain = {name: _plain(name, value) for name, value in self.settings.items() if value is not None}
        object.__setattr__(self, "messages", tuple(self.messages))
        object.__setattr__(self, "settings", dict(sorted(plain.items())))

    @property
    def body(self) -> dict[str, Any]:
        """What is sent, as JSON's own types."""
        messages = [{"role": message.role, "content": message.content} for message in self.messages]
        return {"model": self.model, "messages": messages, **self.settings}

    @property
    def canonical(self) -> str:
        """The body as JSON text, keys sorted, in ASCII: equal for equal requests."""
        return json.dumps(self.body, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def max_output(self) -> int | None:
        """The most tokens that the reply may have, where the request says so."""
        limits = [self.settings[name] for name in _LIMITS if isinstance(self.settings.get(name), int)]
        return max(limits) if limits else None

    @property
    def max_input(self) -> int:
        """A bound on the tokens of the request: no tokenizer in use needs more of them than the text has bytes.

        English has about four bytes to a token, so this is four times too much; what is reserved too much is free
        again as soon as the reply is there.
        """
        text = json.dumps(self.body, ensure_ascii=False, allow_nan=False)
        size = len(text.encode("utf-8", "surrogatepass"))
        return size + _TOKENS_OF_MESSAGE * len(self.messages) + _TOKENS_OF_REQUEST


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a call. cached is a part of input, reasoning a part of output, as servers count them.

    estimated: the server said nothing, or nothing that can be; counted from the texts instead.
    """

    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = False

    @property
    def tokens(self) -> int:
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. finish: "stop", "length" (cut by the limit), ..., or "error" where `failure` says why.

    seconds: of the attempt that was answered, waiting for a turn left out; of a cached reply, those of the call that
    was paid, which no statistic of latency may count again.  cost: of the answer at the client's prices, also where it
    is cached and nothing is paid now.  rejects: the setting that the server refuses, where the failure is that.
    attempts: how often it was sent, 0 where it is cached.
    """

    text: str
    finish: str
    usage: Usage
    seconds: float
    cost: float
    cached: bool
    failure: str | None = None
    rejects: str | None = None
    attempts: int = 1


def _plain(name: str, value: Any) -> Any:
    """The value in JSON's own types, whole floats as integers."""
    if hasattr(value, "item") and not isinstance(value, (str, bytes, int, float)):
        value = value.item()  # a NumPy scalar
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"settings.{name}", f"{value} cannot be sent as JSON", "Give a finite number.")
        return int(value) if value.is_integer() and abs(value) < 2**53 else float(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(name, part) for key, part in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [_plain(name, part) for part in value]
    raise InputError(
        f"settings.{name}", f"{shown(value)} cannot be sent as JSON", "Give text, numbers, lists, mappings."
    )
