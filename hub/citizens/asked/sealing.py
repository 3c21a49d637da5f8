"""What stands in a request's row, sealed under a key of its own together with whose it is."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from hub.citizens.asked.values import Item, Wanted
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, strict_loads


@dataclass(frozen=True, slots=True)
class Content:
    """What is asked for, and the codes."""

    wanted: Wanted
    code: str = field(repr=False)
    typed: str = field(repr=False)

    def sealed(self, key: DataKey, place: str) -> bytes:
        """As it is stored."""
        wanted = self.wanted
        said = {"code": self.code, "typed": self.typed, "items": [item.as_json() for item in wanted.items]}
        return key.encrypt(place, canonical(said | {"matter": wanted.matter, "purpose": wanted.purpose}))


def opened(vault: Vault, row: Row[Any]) -> Content:
    """What a row says. Raises: IntegrityBrokenError: it was put there for somebody else, or changed."""
    key = vault.data_key(row.data_key, row.kek_kid)
    place = place_of(row.id, row.department_id, row.system_id, row.staff_id, row.expires_at)
    plain = key.decrypt(place, row.content)
    said = strict_loads(plain, max_bytes=len(plain))
    items = [Item(each["type"], tuple(each["claims"]), tuple(each["needed"])) for each in said["items"]]
    return Content(Wanted(items, said["matter"], said["purpose"]), said["code"], said["typed"])


def place_of(request_id: str, department_id: str, system_id: str | None, staff_id: str | None, until: datetime) -> str:
    """Where it is sealed: with who asks, and its end, so that by SQL nobody asks in another's name, and not longer."""
    who = f"{department_id}:{system_id or ''}:{staff_id or ''}"
    return f"showing_requests:{request_id}:{who}:{int(until.timestamp())}:content"


def code_hash(vault: Vault, digits: str) -> bytes:
    """By what a request is found."""
    return vault.lookup_hash("showing-request", digits)
