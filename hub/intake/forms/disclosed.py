"""What was disclosed to a case, read again from its stored answers. Nothing new is disclosed by it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from catalog.forms.filling import Said
from certificates.errors import TypeHaltedError
from hub.access.service import Caller
from hub.clock import BEIJING
from hub.intake.answers import Answers
from hub.intake.errors import GrantEndedError, InFlightError
from hub.intake.facts import facts_of
from hub.intake.forms.store import answered_requests
from hub.intake.resolver import Outcome
from hub.intake.store import Case, Party, identity_place
from hub.issuing.types.registry import TypeRegistry
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault
from signing.canonical import strict_loads

_COMPANY: Final = "001"
_CITIZEN: Final = "111"


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What fills forms. `withheld`: answers whose grants ended, or of whose types one is stopped: they fill nothing."""

    said: tuple[Said, ...]
    pulls: int
    withheld: int


class Disclosures:
    """Reads answers again."""

    def __init__(self, database: Database, *, vault: Vault, answers: Answers, types: TypeRegistry) -> None:
        self._database = database
        self._vault = vault
        self._answers = answers
        self._types = types

    async def of_case(
        self, caller: Caller, case: Case, parties: Mapping[str, Party], names: Mapping[str, str]
    ) -> Disclosed:
        """What evidence, facts and the case itself say; of each requirement and party the newest answer alone.
        `names`: how the form calls the parties of the case.

        Raises: CaseClosedError.
        """
        found = await self._database.read(lambda tx: answered_requests(tx, [case.id], caller.system_id))
        requests = found.get(case.id, [])
        newest: dict[tuple[str, str], dict[str, Any]] = {}
        withheld = 0
        for request in requests:
            try:
                body = await self._answers.again(caller, case, request)
            except (GrantEndedError, TypeHaltedError, InFlightError):
                withheld += 1
                continue
            for item in json.loads(body)["requirements"]:
                newest[item["code"], item["party"]] = item
        key = self._vault.data_key(case.data_key, case.kek_kid)
        known = {party: _known(parties[party], key) for party in names if party in parties}
        said = [
            one
            for (_, party), item in newest.items()
            if party in names
            for one in self._said(case, item, names[party], known.get(party, {}))
        ]
        said += self._of_itself(case, parties, names)
        return Disclosed(tuple(said), len(requests), withheld)

    def _said(self, case: Case, item: Mapping[str, Any], party: str, known: Mapping[str, Any]) -> list[Said]:
        if item["outcome"] != Outcome.SATISFIED.value:
            return []
        given = [*([item["evidence"]] if "evidence" in item else []), *item.get("further_evidence", [])]
        return [
            Said(
                matter=case.matter_code,
                party=party,
                claims=evidence.get("claims") or {},
                origin=_origin(evidence, item, case.matter_code),
                slug=self._slug(evidence, known),
                requirement=item["code"],
            )
            for evidence in given
        ]

    def _slug(self, evidence: Mapping[str, Any], party: Mapping[str, Any]) -> str:
        """The type by which terms fill; none where the party is not the principal holder of a licence that others hold
        too: what the register of births says of the child, it does not say of the mother whose proof it is.
        """
        code = (evidence.get("certificate") or {}).get("type", "")
        known = self._types.find(code) if code else None
        if known is None:
            return ""
        told, holder = evidence.get("claims") or {}, known.type.holder
        named = ((holder.id, "id_number"), (holder.name, "name"))
        other = any(claim in told and told[claim] != party.get(own) for claim, own in named)
        return "" if known.type.further_holders and other else known.type.slug

    def _of_itself(self, case: Case, parties: Mapping[str, Party], names: Mapping[str, str]) -> list[Said]:
        key = self._vault.data_key(case.data_key, case.kek_kid)
        stated = {"kind": "case", "matter": case.matter_code}
        found = [
            Said(case.matter_code, names[role], _identity(party, key), {"kind": "case"})
            for role, party in parties.items()
            if role in names and party.sealed is not None
        ]
        facts = facts_of(self._vault, case)
        return found + ([Said(case.matter_code, "", facts, stated | {"kind": "answer"}, facts=True)] if facts else [])


def _known(party: Party, key: DataKey) -> Mapping[str, Any]:
    if party.sealed is None:
        return {}
    plain = key.decrypt(identity_place(party.sealed.id), party.sealed.identity)
    found: Mapping[str, Any] = strict_loads(plain, max_bytes=len(plain))
    return found


def _identity(party: Party, key: DataKey) -> dict[str, Any]:
    """Name and number in terms, as the intake system stated them."""
    known = _known(party, key)
    if not known:
        return {}
    if party.id_type == _COMPANY:
        return {"company_name": known["name"], "uscc": known["id_number"]}
    number = {"citizen_id": known["id_number"]} if party.id_type == _CITIZEN else {}
    return {"person_name": known["name"]} | number


def _origin(evidence: Mapping[str, Any], item: Mapping[str, Any], matter: str) -> dict[str, Any]:
    """Which evidence, of which department, of which day: that of the data where the source says it."""
    source, certificate = evidence.get("source") or {}, evidence.get("certificate") or {}
    day = _day(str(source.get("as_of") or evidence["obtained_at"]))
    told = {
        "kind": source.get("kind", "certificate_library"),
        "department": source.get("department"),
        "interface": source.get("interface"),
        "type": certificate.get("type"),
        "certificate": certificate.get("identifier"),
        "matter": matter,
        "requirement": item["code"],
        "rung": item.get("rung"),
        "on": day,
    }
    return {name: value for name, value in told.items() if value is not None}


def _day(said: str) -> str:
    """The civil day of an instant; a day stays what it is."""
    return datetime.fromisoformat(said).astimezone(BEIJING).date().isoformat() if "T" in said else said
