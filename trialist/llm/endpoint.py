"""Where completions come from: an OpenAI-compatible server, or any async callable; and their failures, as one kind.

The key is read from the environment when the first call is made, and stays in the openai library's client. What goes
wrong is told anew, in texts from which keys are taken out: the library's own exceptions hold the request with its
headers, and would carry the key along as a cause.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from trialist.errors import EndpointError, InputError, MissingExtraError, TrialistError, shown

Call = Callable[[dict[str, Any]], Awaitable[Any]]  # of a mapping, or of a library's object that becomes one

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MASK = "[key]"
_SECRET_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
_SHORTEST_SECRET = 8  # what is shorter is found in ordinary words
_REASON_CHARS = 500
# The server may have gone on with a request that it, or a gateway before it, gave up: nobody knows what it took.
_GIVEN_UP = (408, 504, 524)
_OVERLOADED = (429, 503, 529)
_NO_QUOTA = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")


class Outcome(Enum):
    """What a failed attempt can have taken."""

    UNSENT = "unsent"  # no connection: no call at all
    REFUSED = "refused"  # an answer that is an error: no tokens
    UNKNOWN = "unknown"  # sent, and no whole answer: perhaps everything
    LATE = "late"  # the same, for there was none in time

    @property
    def may_be_paid(self) -> bool:
        return self in (Outcome.UNKNOWN, Outcome.LATE)


class CallError(TrialistError):
    """One attempt failed; a callable in the place of an endpoint may raise it to say how.

    status: of HTTP, None where there was no answer.  retry_after: seconds that the server asks to wait.  body: the
    answer, if it is known.
    """

    def __init__(
        self,
        reason: str,
        status: int | None = None,
        retry_after: float | None = None,
        outcome: Outcome | None = None,
        body: object = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.status, self.retry_after, self.body = reason, status, retry_after, body
        answered = Outcome.UNKNOWN if status is None else Outcome.LATE if status in _GIVEN_UP else Outcome.REFUSED
        self.outcome = answered if outcome is None else outcome

    @property
    def may_pass(self) -> bool:
        """Whether another try may fare better."""
        if self.ends_all:
            return False
        # Of 5xx, 501 alone says that it will never do.
        return self.status is None or self.status in (408, 409, 425, 429) or self.status == 500 or self.status > 501

    @property
    def ends_all(self) -> bool:
        """Whether no other call can fare better: the key, its rights, or the account's quota."""
        return self.status in (401, 402, 403) or (self.status == 429 and _code(self.body) in _NO_QUOTA)

    @property
    def shows_overload(self) -> bool:
        return self.status in _OVERLOADED or self.outcome is Outcome.LATE

    def rejected(self, settings: Mapping[str, Any]) -> str | None:
        """The setting that the server refuses, where it says which."""
        if self.status not in (400, 422):
            return None
        named = _param(self.body)
        if named in settings:
            return named
        text = f"{self.reason} {self.body if isinstance(self.body, str) else json.dumps(self.body, default=str)}"
        # The longest first: max_tokens is not the one meant where max_tokens_to_sample is.
        for name in sorted(settings, key=len, reverse=True):
            if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
                return name
        return None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible server: its address up to /v1, and the environment variable that holds the key.

    key_env: None where the server needs no key; on this machine itself the variable may be unset as well.
    """

    base_url: str
    key_env: str | None = "OPENAI_API_KEY"

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        # The address is stored and shown, so it must hold nothing secret; not even this message shows it then.
        if parts.username or parts.password or parts.query or parts.fragment:
            problem = "the address holds a user, a password or a query"
            raise InputError(
                "base_url", problem, "Give it without; the key comes from the variable that key_env names."
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError("base_url", f"{shown(self.base_url)} is no address", 'Give such as "http://host:8000/v1".')
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        return urlsplit(self.base_url).hostname in _LOOPBACK


class Transport:
    """How a request's body gets to the endpoint and the response comes back, for each event loop anew."""

    def __init__(self, endpoint: Endpoint | Call) -> None:
        self._endpoint = endpoint
        self.name = endpoint.base_url if isinstance(endpoint, Endpoint) else _name_of(endpoint)
        self._library: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"Transport({self.name!r})"

    async def send(self, body: dict[str, Any], timeout_seconds: float) -> Mapping[str, Any]:
        """The response as JSON's own types; raises CallError, free of keys and of causes, and EndpointError."""
        error: TrialistError
        try:
            async with asyncio.timeout(timeout_seconds):
                if isinstance(self._endpoint, Endpoint):
                    return await self._post(self._endpoint, body, timeout_seconds)
                response = await self._endpoint(body)
                if isinstance(response, Mapping):
                    return response
                return _dumped(response)
        except (InputError, MissingExtraError):
            raise
        except CallError as problem:
            error = CallError(
                scrubbed(problem.reason), problem.status, problem.retry_after, problem.outcome, problem.body
            )
        except Exception as problem:  # noqa: BLE001 - the callable is the user's code, and libraries have errors of their own
            error = _told(problem, timeout_seconds)
        raise error  # out of the handler, or the library's exception would be its context

    async def close(self) -> None:
        if self._library is not None and self._loop is asyncio.get_running_loop():
            await self._library.close()
        self._library = None

    async def _post(self, endpoint: Endpoint, body: dict[str, Any], timeout_seconds: float) -> Mapping[str, Any]:
        if self._library is None or self._loop is not asyncio.get_running_loop():
            # Connections belong to the loop that made them; those of an ended one have ended with it.
            self._library, self._loop = _library(endpoint), asyncio.get_running_loop()
        settings = {name: value for name, value in body.items() if name not in ("model", "messages")}
        response = await self._library.chat.completions.with_raw_response.create(
            model=body["model"], messages=body["messages"], extra_body=settings, timeout=timeout_seconds
        )
        try:
            read = json.loads(response.http_response.content)
        except ValueError:
            read = None
        if not isinstance(read, dict):
            raise CallError(
                "the answer is no JSON object: it was cut, or this is no such server", outcome=Outcome.UNKNOWN
            )
        return read


def scrubbed(text: str) -> str:
    """The text without the values of environment variables that are called a key, token, secret or password."""
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST_SECRET and _SECRET_NAMES.search(name):
            text = text.replace(value, _MASK)
    return text


def without_key(text: str, endpoint: object) -> str:
    """A model's answer without the key, should the server have put it there."""
    key = os.environ.get(endpoint.key_env, "") if isinstance(endpoint, Endpoint) and endpoint.key_env else ""
    return text.replace(key, _MASK) if len(key) >= _SHORTEST_SECRET else text


def _library(endpoint: Endpoint) -> Any:
    """The openai library's client; it never tries again by itself, so that every attempt is counted."""
    try:
        from openai import AsyncOpenAI
    except ImportError:
        raise MissingExtraError("Calls to a model's server need", "llm") from None
    key = os.environ.get(endpoint.key_env) if endpoint.key_env else "none"
    if not key:
        if not endpoint.is_here:
            remedy = f"Set it to the key of {endpoint.base_url}, or give key_env=None where that needs none."
            raise InputError("key_env", f"the environment variable {endpoint.key_env} is not set", remedy)
        key = "none"
    return AsyncOpenAI(base_url=endpoint.base_url, api_key=key, max_retries=0)


def _told(problem: Exception, timeout_seconds: float) -> CallError:
    """Another library's exception as ours, by what such exceptions have in common: a status, or a telling name."""
    response = getattr(problem, "response", None)
    status = getattr(problem, "status_code", None) or getattr(response, "status_code", None)
    names = {kind.__name__ for cause in (problem, problem.__cause__) for kind in type(cause).__mro__}
    if isinstance(status, int):
        headers = getattr(response, "headers", None) or {}
        body = _scrubbed_body(getattr(problem, "body", None) or _text_of(response))
        return CallError(f"{status}: {_reason(body, problem)}", status, _retry_after(headers, time.time()), body=body)
    reason = scrubbed(f"{type(problem).__name__}: {problem}")[:_REASON_CHARS]
    if names & {"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "gaierror", "PoolTimeout"}:
        # "Connection error." is all that some libraries say; its cause says whether the name or the port is wrong.
        said = scrubbed(str(problem.__cause__ or problem))[:_REASON_CHARS]
        return CallError(f"no connection: {said.rstrip('.')}", outcome=Outcome.UNSENT)
    if isinstance(problem, TimeoutError) or any("Timeout" in name for name in names):
        return CallError(f"no answer in {timeout_seconds:g} s", outcome=Outcome.LATE)
    if isinstance(problem, OSError) or any("Connection" in name or "Protocol" in name for name in names):
        return CallError(f"the connection broke: {reason}")
    # Neither the server nor the way to it: the callable itself, which will fail again.
    return CallError(f"the callable raised {reason}", status=501, outcome=Outcome.UNKNOWN)


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait: by milliseconds, by seconds, or by a date, which is compared with the server's own clock."""
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(milliseconds) / 1000)
        written = headers.get("retry-after")
        if written is None:
            return None
        if re.fullmatch(r"\s*[0-9.]+\s*", written):
            return float(written)
        theirs = headers.get("date")
        start = parsedate_to_datetime(theirs).timestamp() if theirs else now
        return max(0.0, parsedate_to_datetime(written).timestamp() - start)
    except (ValueError, TypeError, OverflowError):
        return None  # what cannot be read says nothing: the wait is ours then


def _dumped(response: object) -> Mapping[str, Any]:
    """The response of libraries that wrap it in an object (openai, litellm) as a mapping."""
    for method in ("model_dump", "to_dict", "dict"):
        if callable(dump := getattr(response, method, None)):
            read = dump()
            if isinstance(read, Mapping):
                return read
    raise CallError(
        f"the callable returned {type(response).__name__}, not a mapping", status=501, outcome=Outcome.UNKNOWN
    )


def _reason(body: object, problem: Exception) -> str:
    """The server's own words."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("detail") or json.dumps(error, default=str)
    text = error if isinstance(error, str) and error.strip() else str(error or problem)
    return " ".join(scrubbed(text).split())[:_REASON_CHARS]


def _scrubbed_body(body: object) -> object:
    try:
        return json.loads(scrubbed(json.dumps(body, default=str)))
    except ValueError:
        return scrubbed(str(body))


def _text_of(response: object) -> object:
    try:
        text = getattr(response, "text", None)
    except Exception:  # noqa: BLE001 - a response that was not read raises its library's own error
        return None
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _code(body: object) -> object:
    error = body.get("error", body) if isinstance(body, Mapping) else None
    return (error.get("code") or error.get("type")) if isinstance(error, Mapping) else None


def _param(body: object) -> str | None:
    """The field that the error names by itself: OpenAI's `param`, or the `loc` of a list of details."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(error, Mapping) and isinstance(error.get("param"), str):
        return str(error["param"])
    details = body.get("detail") if isinstance(body, Mapping) else body
    for detail in details if isinstance(details, list) else ():
        place = detail.get("loc") if isinstance(detail, Mapping) else None
        for part in place if isinstance(place, list) else ():
            if isinstance(part, str) and part != "body":
                return part
    return None


def _name_of(call: object) -> str:
    """A callable by its `name`, or its place in the code, which stands for the endpoint in the cache."""
    if not callable(call):
        raise InputError("endpoint", f"{shown(call)} is neither an Endpoint nor callable", "Give one of these.")
    own = getattr(call, "name", None)
    if isinstance(own, str) and own:
        return own
    while isinstance(call, partial):
        call = call.func
    home, name = getattr(call, "__module__", None), getattr(call, "__qualname__", None)
    return f"{home}.{name}" if name else f"{type(call).__module__}.{type(call).__qualname__}"


def ended(error: CallError, name: str) -> EndpointError:
    """The error that ends the run."""
    if error.outcome is Outcome.UNSENT:
        return EndpointError(f"{name}: {error.reason}. Check the address, and that the server runs.")
    remedies = {401: "Check the key.", 403: "Check the key's rights."}
    remedy = remedies.get(error.status or 0, "Add to the account's quota. What was answered is kept.")
    return EndpointError(f"{name}: {error.reason}. {remedy}")
