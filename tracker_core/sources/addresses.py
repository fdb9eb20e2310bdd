"""Addresses and paths: what is an address, how it may be shown, and which file a path or `file://` URL names."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from tracker_core.errors import SourceError

HIDDEN = "***"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^\s'\"]+")
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


def to_path(text: str) -> Path:
    """Return the path that a user means: as it is written, else a `file://` URL, with `~`, or without stray spaces.

    Raises `SourceError` for a URL of a file on another computer.
    """
    literal = Path(text)
    if scheme_of(text) == "file":
        return _path_of_file_url(text)
    if os.path.lexists(literal):
        return literal
    if text.startswith("~"):
        try:
            return literal.expanduser()
        except RuntimeError:  # there is no such user: a file whose name begins with ~
            return literal
    stripped = text.strip().strip("'\"")  # pasted with a line end, or in quotes
    return Path(stripped) if stripped and os.path.lexists(stripped) else literal


def _path_of_file_url(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc.lower() not in ("", "localhost") and os.name != "nt":
        raise SourceError(f"'{url}' is on another computer ('{parts.netloc}'); give the path where it is mounted here.")
    as_written = Path(url[len("file://") :].removeprefix("localhost"))
    place = parts.path + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
    if os.name == "nt":
        host = "" if parts.netloc.lower() in ("", "localhost") else f"//{parts.netloc}"
        decoded = Path(url2pathname(host + place))
    else:
        decoded = Path(unquote(place))
    return as_written if os.path.lexists(as_written) and not os.path.lexists(decoded) else decoded


def hide_credentials_in(text: str) -> str:
    """Return a text (a message, a traceback) with the credentials of every address in it hidden."""
    return _ADDRESS.sub(lambda found: hide_credentials(found.group()), text)
