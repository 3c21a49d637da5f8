"""Metadata of GB/T 36903 as a file: of this moment, in clear and under a signature; never kept."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from certificates.metadata import Change, Copying
from certificates.purpose_copy import VCT
from certificates.stores.transitions import MADE
from certificates.verifying.papers import METADATA_TYPE
from hub.issuing.keys.desk import Certified
from hub.issuing.transitions.reading import CertificateHistory
from signing.canonical import canonical
from signing.jose import sign_jws

_OF_A_COPY: Final = ("iss", "vct", "aud", "exp", "jti", "purpose")
"""What the metadata of a copy takes over from it beside its claims. Not `cnf`: nothing binds a file to a key."""


def last_change(history: CertificateHistory) -> Change | None:
    """The last act on the version that was asked for; of one that nothing was done to since, the act by which it took
    the place of another. A register's new version has none of its own: there it is what ended the one before it.
    """
    events = history.lifetime.events
    if events and (events[-1].number > MADE or history.predecessor() is not None):
        return Change(events[-1].effective_at, events[-1].reason)
    ended = [
        event
        for life in history.lifetimes.values()
        for event in life.events
        if event.number > MADE and event.related_id == history.asked.id
    ]
    return Change(ended[-1].effective_at, ended[-1].reason) if ended else None


def licence_claims(payload: Mapping[str, Any], identifier: str, binding: str, *, at: datetime) -> dict[str, Any]:
    """What stands beside the metadata of a licence under the signature."""
    return {"iss": payload["iss"], "sub": identifier, "iat": int(at.timestamp()), "binding": binding}


def copy_claims(payload: Mapping[str, Any], identifier: str, *, at: datetime) -> dict[str, Any]:
    """The same of a purpose copy: whom it is for, what for, until when. No binding: that would tie copies together."""
    return {"sub": identifier, "iat": int(at.timestamp())} | {name: payload[name] for name in _OF_A_COPY}


def copying(payload: Mapping[str, Any], *, maker: str, matter_code: str, matter_name: str) -> Copying:
    """The elements of 加注件, out of the copy's own claims. Raises: ValueError for what is no copy."""
    if payload.get("vct") != VCT:
        raise ValueError("not a purpose copy")
    made_at, expires_at = (datetime.fromtimestamp(int(payload[name]), UTC) for name in ("iat", "exp"))
    return Copying(made_at, maker, payload["purpose"]["text"], expires_at, matter_code, matter_name)


def signed(content: Mapping[str, Any], claims: Mapping[str, Any], certified: Certified) -> bytes:
    """The file: the metadata, the binding where there is one, and `jws` over both and the claims beside them."""
    jws = sign_jws({**claims, "metadata": content}, signer=certified.signer, typ=METADATA_TYPE, header=certified.header)
    shown = {name: claims[name] for name in ("binding",) if name in claims}
    return canonical({"metadata": content, "jws": jws, **shown})
