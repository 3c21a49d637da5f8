"""The same device: the wallet lies on the phone whose browser asked, and leads it back (OpenID4VP 1.0 §8.2, §13.3).

The wallet is told an address with a code in it that nobody else hears. Only with that code is the outcome told: who
sends somebody else a question of his own session does not learn what that person showed, because the code arrives in
that person's browser. Pure.
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

CODE: Final = "response_code"
MOST: Final = 500
_LOCAL: Final = frozenset({"127.0.0.1", "localhost"})
_PLAIN: Final = re.compile(r"[!-~]+", re.ASCII)


def may_return_to(address: str) -> bool:
    """Whether a browser may be led there: an https address, or one of this very machine, without a fragment or our
    code in it.
    """
    try:
        parts = urlsplit(address)
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        plain = bool(parts.hostname) and parts.username is None and not parts.fragment
    except ValueError:
        return False
    return safe and plain and len(address) <= MOST and bool(_PLAIN.fullmatch(address)) and CODE not in address


def way_back(address: str | None) -> dict[str, str]:
    """What a question remembers of it."""
    return {} if address is None else {"return_to": address, CODE: secrets.token_urlsafe(32)}


def kept_of(content: Mapping[str, Any]) -> dict[str, str]:
    """What of it the answer keeps."""
    kept: list[str] = ["return_to", CODE]
    return {name: content[name] for name in kept if name in content}


def redirect_of(content: Mapping[str, Any]) -> str | None:
    """Where the wallet leads the browser; None: to nowhere, another device asked."""
    address = content.get("return_to")
    return None if address is None else f"{address}{'&' if '?' in address else '?'}{CODE}={content[CODE]}"


def opens(content: Mapping[str, Any], code: str | None) -> bool:
    """Whether the outcome may be told to whoever brings this code, or none."""
    wanted = content.get(CODE)
    return wanted is None or (code is not None and hmac.compare_digest(wanted.encode(), code.encode()))
