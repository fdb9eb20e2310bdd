"""Network addresses: what is one, and how it may be shown."""

from __future__ import annotations

import re

HIDDEN = "***"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_PORT = re.compile(r":(\d*)$")
# `?user=a&pwd=b`, `;token=c`, and what recorders put into the path: `/user=a_password=b_channel=1`
_SECRET_FIELD = re.compile(
    r"((?:^|[?&;/_#])[^=&;/?#_]*_?"
    r"(?:pass|pwd|token|auth|key|secret|sig|cred|user|usr|login|jwt|session|streamid)[^=&;/?#_]*=)"
    r"[^&;/?#]*?(?=_[A-Za-z]+=|[&;/?#]|$)",
    re.IGNORECASE,
)


def is_address(text: str) -> bool:
    """Tell whether `text` begins as `scheme://`; a path does not, nor does a Windows path with its drive."""
    return _SCHEME.match(text) is not None


def scheme_of(address: str) -> str:
    """Return the scheme of an address in lower case, without `://`; empty for a path."""
    match = _SCHEME.match(address)
    return match.group()[:-3].lower() if match else ""


def hide_credentials(address: str) -> str:
    """Return an address as it may be shown, logged and saved; anything that is not an address is returned as it is.

    User name and password before the host are removed; the values of query and path fields that commonly hold
    secrets (`pwd=`, `token=`, `passphrase=`, …) become `***`.
    """
    scheme = _SCHEME.match(address)
    if scheme is None:
        return address
    rest = address[scheme.end() :]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        rest = rest[authority.rindex("@") + 1 :]
    elif ":" in authority and "@" in rest and not (_PORT.search(authority) or authority.startswith("[")):
        rest = rest[rest.rindex("@") + 1 :]  # a password with a '/' that should have been written as %2F
    host = re.match(r"[^/?#]*", rest)
    assert host is not None
    return scheme.group() + host.group() + _SECRET_FIELD.sub(rf"\g<1>{HIDDEN}", rest[host.end() :])
