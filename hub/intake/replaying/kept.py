"""Grounds read again: what `keeping` wrote, each held against the digest in its decision's entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.matters.feeding import CLAIMS
from catalog.matters.values import Need, Requirement
from catalog.tables import table
from certificates.stores.holders import subject_by_id
from hub.intake.answers import case_key
from hub.intake.outcomes import Outcome, Why
from hub.intake.replaying.keeping import digest_of, ground_place, part_place, placed, was
from hub.intake.replaying.tables import DecisionGroundRow
from hub.intake.resolving.choosing import Looked
from hub.intake.rulings import Ruling
from hub.intake.store import Case, Party
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical, sha256, strict_loads, unb64u
from signing.errors import MalformedError

_GROUNDS: Final = table(DecisionGroundRow)


class GroundChangedError(Exception):
    """What is stored as a ground is not what the entry committed to."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a source answered, as far as it was kept: what it said is not."""

    outcome: Outcome
    why: Why
    records: tuple[Mapping[str, Any], ...]
    as_of: datetime | None
    obtained_at: datetime | None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ground:
    """What one decision was judged by. `told` is None where nobody can open it any more."""

    common: Mapping[str, Any]
    plain: Mapping[str, Any]
    told: Mapping[str, Any] | None

    @property
    def at(self) -> datetime:
        """When it was judged; it was decided a little later."""
        return datetime.fromisoformat(self.common["at"])

    @property
    def first(self) -> tuple[str, str] | None:
        """Outcome and reason before it was checked again and anything stood in, where they were others."""
        found = self.plain.get("first")
        return (str(found[0]), str(found[1])) if found else None

    @property
    def looked(self) -> Looked:
        """How records stood to what its rules look into."""
        return _looked(self.plain.get("looked", {}))

    def looked_at(self, code: str) -> Looked:
        """The same for one requirement of a holder of a campaign, whose requirements have one ground."""
        return _looked(self.plain.get("looked", {}).get(code, {}))

    def answers(self, requirement: Requirement) -> dict[Need, Said]:
        """How sources answered, by need."""
        said = self.plain.get("said", {})
        said = said.get(requirement.code, {}) if "ended" in self.plain else said  # of a holder: by requirement
        return {need: _said(need, said[place]) for place, need in placed(requirement) if place in said}

    def named(self) -> Party | None:
        """The party, where an answer had named it."""
        found = (self.told or {}).get("who")
        return _party("", found) if found else None

    def names(self, role: str) -> list[Party]:
        """Whom its answer named."""
        return [_party(role, found) for found in (self.told or {}).get("named", ())]

    def yields(self, name: str) -> list[Any]:
        """What each of its records told of a claim."""
        return list((self.told or {}).get("yields", {}).get(name, ()))


class Grounds:
    """The grounds of a case."""

    def __init__(self, tx: Connection, vault: Vault, case: Case) -> None:
        self._tx = tx
        self._vault = vault
        self._key = case_key(vault, case)
        self._rows: dict[str, list[tuple[str, Mapping[str, Any] | None]]] = {}
        columns = (_GROUNDS.c.id, _GROUNDS.c.about, _GROUNDS.c.content)
        for row in tx.execute(select(*columns).where(_GROUNDS.c.case_id == case.id)):
            self._rows.setdefault(row.about, []).append((row.id, self._opened(row.id, row.content)))

    def of(self, ruling: Ruling, about: str, name: str) -> Ground | None:
        """The ground of a decision; None: none is kept any more. Raises: GroundChangedError."""
        broken = False
        for ground_id, content in self._rows.get(about, ()):
            broken = broken or content is None
            plain = (content or {}).get("of", {}).get(name)
            if content is None or plain is None:
                continue
            if digest_of(sha256(canonical(content["common"])), plain) != ruling.said("ground"):
                raise GroundChangedError
            return Ground(content["common"], plain, self._told(ruling, ground_id, name, plain))
        if broken:
            raise GroundChangedError
        return None

    def _opened(self, ground_id: str, content: bytes) -> Mapping[str, Any] | None:
        try:
            plain = self._key.decrypt(ground_place(ground_id), content)
            found: Mapping[str, Any] = strict_loads(plain, max_bytes=len(plain))
        except (IntegrityBrokenError, MalformedError):
            return None
        return found

    def _told(self, ruling: Ruling, ground_id: str, name: str, plain: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if "sealed" not in plain:
            return {}
        key = self._key
        if ruling.subject_id is not None:
            subject = subject_by_id(self._tx, ruling.subject_id)
            if subject is None or not subject.data_key:
                return None
            key = self._vault.data_key(subject.data_key, subject.kek_kid)
        try:
            opened = key.decrypt(part_place(ground_id, name), unb64u(plain["sealed"]))
        except IntegrityBrokenError:
            return None
        told: Mapping[str, Any] = strict_loads(opened, max_bytes=len(opened))
        return told


def told_claims(names: Sequence[str], grounds: Mapping[str, Sequence[Ground]]) -> dict[str, Any] | None:
    """The claims of other answers that a condition read, from the grounds of those; None: one cannot be opened."""
    found = {}
    for name in names:
        code, _, claim = name.removeprefix(CLAIMS).partition(".")
        givers = [ground for ground in grounds.get(code, ()) if ground.told is None or "yields" in ground.told]
        if not givers or any(ground.told is None for ground in givers):
            return None
        told = {was(value) for ground in givers for value in ground.yields(claim) if value is not None}
        if len(told) == 1:
            found[name] = told.pop()
    return found


def _looked(said: Mapping[str, Any]) -> Looked:
    return Looked(said.get("fitting", {}), said.get("recent", ()), said.get("picked", {}))


def _said(need: Need, kept: Sequence[Any]) -> Said:
    outcome, why, count, shows, *times = kept
    as_of, obtained_at = (datetime.fromisoformat(one) if one else None for one in times)
    record = dict.fromkeys(need.fields[:1]) if shows else {}
    return Said(Outcome(outcome), Why(why), (record,) * count, as_of, obtained_at)


def _party(role: str, found: Sequence[str | None]) -> Party:
    id_type, lookup, name = found
    return Party(
        role,
        id_type,
        bytes.fromhex(lookup) if lookup else None,
        bytes.fromhex(name) if name else None,
    )
