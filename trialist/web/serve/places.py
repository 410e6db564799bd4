"""Addresses: each study, trial, panel and action has one; any text may be a study's name."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,80}")


def key_of(name: str) -> str:
    """A study's name as one part of an address: itself where it is harmless, else written in base64 behind a "~".

    >>> key_of("digits-mlp"), key_of("../é")
    ('digits-mlp', '~Li4vw6k=')
    """
    return name if _PLAIN.fullmatch(name) else "~" + urlsafe_b64encode(name.encode()).decode()


def name_of(key: str) -> str | None:
    """The name that a part of an address stands for; None where it stands for none.

    >>> name_of("~Li4vw6k="), name_of("digits-mlp"), name_of("~x")
    ('../é', 'digits-mlp', None)
    """
    if not key.startswith("~"):
        return key if _PLAIN.fullmatch(key) else None
    try:
        return urlsafe_b64decode(key[1:]).decode()
    except (Error, ValueError):
        return None


def study_at(name: str) -> str:
    """The address of a study's pages."""
    from urllib.parse import quote

    return f"/studies/{quote(key_of(name))}"
