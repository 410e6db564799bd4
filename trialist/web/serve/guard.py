"""Who may ask: hosts, tokens, and where a request that changes something came from; and what every answer says.

A page of another site can make the browser send requests here, also to 127.0.0.1. Names that it resolves to this
machine (DNS rebinding) are refused by the Host header; requests that change something need this server's own page, by
their origin and by a secret that only the page holds.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 * 1024  # of what a form sends
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # No other site learns an address. Not "no-referrer": with that, browsers send the origin of a form as "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What this server asks of a request.

    token: None where everybody who reaches the server may look.  hosts: names by which it may be called; none: any,
    which only a token makes safe.  secret: what CSRF tokens are made from, this server's own.
    """

    token: str | None = None
    hosts: frozenset[str] = frozenset({"localhost", "127.0.0.1", "::1"})
    read_only: bool = False
    cookie: str = "trialist"
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @property
    def csrf(self) -> str:
        """What a form has to hold: known to pages of this server alone."""
        return hmac.new(self.secret, b"form", hashlib.sha256).hexdigest()

    @property
    def session(self) -> str:
        """What the cookie holds of one who knew the token; it outlives the server, and does not tell the token."""
        return hmac.new((self.token or "").encode(), b"trialist dashboard", hashlib.sha256).hexdigest()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there.

    >>> [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "192.168.0.2")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI: refuses what the rules do not allow, before anything is read, and puts HEADERS on every answer."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, marked)

    def _refusal(self, scope: Scope) -> Response | None:
        rules, headers, method = self._rules, Headers(scope=scope), scope["method"]
        host = _host(headers.get("host", ""))
        if host is None or (rules.hosts and host not in rules.hosts):
            return _no(421, "This server is not called by that name. Use the address that trialist serve printed.")
        if method not in ("GET", "HEAD", "POST"):
            return _no(405, "Only GET and POST are known here.")
        if rules.token is not None and (answer := self._token(scope, headers)) is not None:
            return answer
        if method != "POST":
            return None
        if rules.read_only:
            return _no(403, "This dashboard is read-only. Start trialist serve without --read-only to act here.")
        length = headers.get("content-length", "")
        if not length.isdigit() or int(length) > MOST_BYTES:
            return _no(413, f"A form of at most {MOST_BYTES} bytes is expected, with its length.")
        if not _is_from_here(headers):
            return _no(403, "This came from another site. Act on the dashboard's own pages.")
        return None

    def _token(self, scope: Scope, headers: Headers) -> Response | None:
        """None for one who showed the token; the cookie, for one who shows it in the address now."""
        rules = self._rules
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except CookieError:
            cookies.clear()
        kept = cookies[rules.cookie].value if rules.cookie in cookies else ""
        if _same(kept, rules.session):
            return None
        kind, _, shown = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(shown.strip(), rules.token or ""):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if scope["method"] == "GET" and _same(dict(query).get("token", ""), rules.token or ""):
            # Out of the address at once: it stands in histories and logs.
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            path = "/" + scope.get("raw_path", b"/").decode("latin-1").lstrip("/")
            answer = RedirectResponse(path + (f"?{rest}" if rest else ""), status_code=303)
            answer.set_cookie(rules.cookie, rules.session, httponly=True, samesite="strict", max_age=30 * 86400)
            return answer
        return _no(401, "A token is needed. Open the whole address that trialist serve printed, its ?token= included.")


def is_form_of_ours(rules: Rules, given: str) -> bool:
    """Whether a form holds what only this server's pages hold."""
    return _same(given, rules.csrf)


def _is_from_here(headers: Headers) -> bool:
    """Whether the browser says that a page of this server asks; one that says nothing is none, or very old."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return urlsplit(origin).netloc == headers.get("host")
    return site == "same-origin"


def _host(header: str) -> str | None:
    """The name in a Host header, without its port; None for what is none."""
    try:
        parts = urlsplit(f"//{header}")
        name, _ = parts.hostname, parts.port  # a port that is no number raises
    except ValueError:
        return None
    return name if name and parts.path == "" and parts.username is None else None


def _same(given: str, wanted: str) -> bool:
    """Compared in constant time; an empty text is never right."""
    return bool(wanted) and hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))


def _no(status: int, why: str) -> Response:
    return PlainTextResponse(f"{why}\n", status_code=status)


def hosts_of(*names: str) -> frozenset[str]:
    """Names of this machine, and those given."""
    return frozenset({"localhost", "127.0.0.1", "::1", *(name.lower() for name in _nonempty(names))})


def _nonempty(names: Iterable[str]) -> Iterable[str]:
    return (name for name in names if name)
