"""What stands in a showing's row, sealed under its holder's key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from hub.citizens.showing.behalf import Behalf
from hub.citizens.showing.values import Pick
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, strict_loads


@dataclass(frozen=True, slots=True)
class Content:
    """`code` is empty once it was taken, and where there is none to be seen; `called` before.

    Attributes:
        matter: of the request that it answers.
        signed: of an offline code, what it says, without a signature.
        behalf: who shows it for whom, where that is somebody else.
    """

    picks: tuple[Pick, ...]
    purpose: str
    code: str = field(default="", repr=False)
    called: str = field(default="", repr=False)
    matter: str = ""
    signed: Mapping[str, Any] | None = field(default=None, repr=False)
    behalf: Behalf | None = field(default=None, repr=False)

    def sealed(self, key: DataKey, place: str) -> bytes:
        """As it is stored; see `place_of`."""
        said: dict[str, Any] = {"called": self.called, "code": self.code, "matter": self.matter}
        said |= {"purpose": self.purpose, "picks": picks_json(self.picks), "signed": self.signed and dict(self.signed)}
        said |= {"behalf": self.behalf.as_json()} if self.behalf else {}
        return key.encrypt(place, canonical(said))


def picks_json(picks: Sequence[Pick]) -> list[dict[str, Any]]:
    """As rows and answers say them."""
    return [{"identifier": pick.identifier, "claims": list(pick.claims)} for pick in picks]


def key_of(vault: Vault, row: Row[Any]) -> DataKey:
    """The holder's key, of a row that came with it."""
    return vault.data_key(row.data_key, row.kek_kid)


def opened(vault: Vault, row: Row[Any]) -> Content | None:
    """What a row says; None where there is nothing, the holder was erased since, or somebody changed whom it is for, or
    until when.
    """
    if row.content is None:
        return None
    try:
        plain = key_of(vault, row).decrypt(place_in(row), row.content)
    except IntegrityBrokenError:
        return None
    said = strict_loads(plain, max_bytes=len(plain))
    picks = tuple(Pick(item["identifier"], tuple(item["claims"])) for item in said["picks"])
    behalf = Behalf.of_json(said["behalf"]) if "behalf" in said else None
    matter, signed = said.get("matter", ""), said.get("signed")
    return Content(picks, said["purpose"], said["code"], said["called"], matter, signed, behalf)


def code_hash(vault: Vault, digits: str) -> bytes:
    """By what a code is found."""
    return vault.lookup_hash("showing", digits)


def place_of(
    showing_id: str,
    department_id: str | None,
    asked_id: str | None,
    until: datetime,
    shown_by: str | None,
) -> str:
    """Where it is sealed: with whom it is for, what it answers, its end, and who shows it for somebody else, so that by
    SQL it is shown to nobody else, not longer, and nobody finds it among his own.
    """
    by = f":{shown_by}" if shown_by else ""
    return f"showings:{showing_id}:{department_id or ''}:{asked_id or ''}:{int(until.timestamp())}{by}:content"


def place_in(row: Row[Any]) -> str:
    """The same of a row that is there."""
    return place_of(row.id, row.department_id, row.asked_id, row.expires_at, row.shown_by)
