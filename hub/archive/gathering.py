"""What goes into a case's archive, read in one transaction: what the case itself disclosed, and public data.

Answers are taken as they were stored for the system that asked. Beside them stand public data of the licences they
name, and of the ledger the leaves of entries, never what was committed to: no salt leaves, so a person who is erased
later is erased from the log as before.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from certificates.archive.status import UNKNOWN
from certificates.lifecycle.history import Lifetime
from certificates.stores import certificates as library
from hub.archive import store
from hub.archive.errors import ArchiveNotReadyError
from hub.archive.records import entries_of, gather_records
from hub.clock import rfc3339
from hub.intake.answers import answer_place, case_key
from hub.intake.store import Case, parties_of
from hub.issuing.keys.desk import find_key_certificate
from hub.issuing.transitions.reading import read_history
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.errors import NotSequencedError
from hub.ledger.proofs import Under, prove_inclusion
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import sha256, strict_loads
from signing.jose import read_header, take_apart

_DEPTH: Final = 128
_MAX_TOKEN_BYTES: Final = 16 * 1024 * 1024
_DESCRIBED: Final = ("identifier", "type", "type_name", "issuer", "issued_on", "valid_from", "valid_until")


@dataclass(slots=True)
class _Named:
    """What the answers name."""

    entries: dict[str, str] = field(default_factory=dict)
    """By ledger entry, its time."""
    kids: set[str] = field(default_factory=set)
    certificates: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """By identifier, how a purpose copy describes it."""
    shown: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """By identifier and entry, the claims that were shown."""
    told: set[tuple[str, ...]] = field(default_factory=set)
    """Of stand-ins: `hub.archive.records.Told`."""


def answers(tx: Connection, vault: Vault, case: Case) -> list[tuple[str, bytes]]:
    """Id and bytes of every answer that was given for a case, oldest first.

    Raises: ArchiveNotReadyError: one is disclosed and not signed yet. IntegrityBrokenError.
    """
    key, found = case_key(vault, case), []
    for row in store.answers_of(tx, case.id):
        if row.state != "done" or row.answer is None:
            raise ArchiveNotReadyError("answers")
        found.append((row.id, key.decrypt(answer_place(row.id), row.answer)))
    return found


def gather(
    tx: Connection, vault: Vault, types: TypeRegistry, case: Case, *, hub_uri: str, under: Under
) -> dict[str, Any]:
    """Everything of an archive that is not a signature yet, but for the answers themselves, which are named by digest.

    Raises: ArchiveNotReadyError: an answer or the log is not so far. IntegrityBrokenError: a licence's status or
        history was written by anybody but the hub.
    """
    given, named = answers(tx, vault, case), _Named()
    for _, body in given:
        _read(strict_loads(body, max_bytes=len(body), max_depth=_DEPTH), named)
    turning = store.turning_points(tx, case.id)
    kept = gather_records(tx, vault, case, named.told)
    note, proofs = _proofs(tx, [*turning.values(), *named.entries, *entries_of(kept["records"])], under(tx))
    licences = [_licence(tx, vault, types, case, identifier, named) for identifier in sorted(named.certificates)]
    kids = named.kids | {item["signing_key"] for item in licences if item["signing_key"]}
    assert case.closed_at is not None  # noqa: S101  # only closed cases come here
    return {
        "hub": hub_uri,
        "case": {
            "case_no": case.case_no,
            "external_no": case.external_no,
            "department": case.department_code,
            "matter": case.matter_code,
            "kind": case.kind,
            "channel": case.channel,
            "subjects": case.subjects,
            "parties": sorted(parties_of(tx, case.id)),
            "opened_at": rfc3339(case.opened_at),
            "closed_at": rfc3339(case.closed_at),
        },
        "matter": store.rules_of(tx, case.matter_id),
        "closing": turning["case.close"],
        "answers": [{"id": request, "sha256": sha256(body).hex()} for request, body in given],
        "checkpoint": note,
        "proofs": proofs,
        "licences": licences,
        "keys": list(_keys(tx, kids)),
        **kept,
    }


def _read(body: dict[str, Any], named: _Named) -> None:
    if "bundle" not in body:
        _entry(body["receipt"], named)
        named.kids |= _kids(body["receipt"], body["answer"])
        return
    named.kids |= _kids(body["bundle"])
    for item in body["requirements"]:
        entry = _entry(item["receipt"], named)
        named.kids |= _kids(item["receipt"])
        named.told.add((item["code"], item["party"], item["why"]["code"]))
        for evidence in [*([item["evidence"]] if "evidence" in item else []), *item.get("further_evidence", [])]:
            token = evidence["token"].partition("~")[0]
            named.kids |= _kids(token)
            described = _payload(token).get("certificate")
            if described is None:  # of source data, or of what stands in: no licence has a status then
                named.told.add((evidence.get("stand_in", {}).get("reference", ""),))
                continue
            identifier = described["identifier"]
            named.certificates[identifier] = described
            shown = named.shown.setdefault(identifier, {}).setdefault(entry, set())
            shown.update(evidence["claims"])


def _entry(receipt: str, named: _Named) -> str:
    claims = _payload(receipt)
    named.entries[claims["entry"]] = claims["time"]
    return str(claims["entry"])


def _payload(token: str) -> dict[str, Any]:
    payload: dict[str, Any] = strict_loads(
        take_apart(token, max_bytes=_MAX_TOKEN_BYTES).payload, max_bytes=_MAX_TOKEN_BYTES, max_depth=_DEPTH
    )
    return payload


def _kids(*tokens: str) -> set[str]:
    return {str(read_header(token, max_bytes=_MAX_TOKEN_BYTES)["kid"]) for token in tokens}


def _proofs(
    tx: Connection, entries: Iterable[str], cosigned: tuple[int, str] | None
) -> tuple[str, list[dict[str, Any]]]:
    """One checkpoint, and every entry's place under it: the co-signed one, where it covers all of them."""
    found, ids = [], list(dict.fromkeys(entries))
    try:
        proofs = [proof for entry in ids if (proof := prove_inclusion(tx, entry, under=cosigned)) is not None]
        if cosigned is not None and any(proof.note != cosigned[1] for proof in proofs):
            proofs = [proof for entry in ids if (proof := prove_inclusion(tx, entry)) is not None]
    except NotSequencedError as error:
        raise ArchiveNotReadyError("ledger") from error
    for proof in proofs:
        if proof.note != proofs[0].note:  # a checkpoint was made between two statements
            raise ArchiveNotReadyError("ledger")
        path = [base64.b64encode(node).decode() for node in proof.path]
        found.append({"entry": proof.entry_id, "index": proof.index, "leaf": proof.leaf_data.decode(), "path": path})
    return proofs[0].note, found


def _licence(
    tx: Connection, vault: Vault, types: TypeRegistry, case: Case, identifier: str, named: _Named
) -> dict[str, Any]:
    """Public data of a licence, in the words of its purpose copy, and its status when it mattered."""
    described, shown = named.certificates[identifier], named.shown[identifier]
    version = library.find_version(tx, identifier)
    titles: dict[str, Any] = {}
    lifetime = None
    if version is not None:
        lifetime = read_history(tx, vault, version).lifetime
        types.learn(tx, [(version.type_code, version.type_version)])
        claims = types.version(version.type_code, version.type_version).claims
        fields = sorted(set().union(*shown.values()) & claims.keys())
        titles = {name: {"zh": claims[name].title.zh, "en": claims[name].title.en} for name in fields}
    return {
        "description": {
            **{member: described[member] for member in _DESCRIBED},
            "custody": described["custody"],
            "type_version": None if version is None else version.type_version,
            "claims": titles,
            "issuer_key": None if version is None else version.signing_kid,
        },
        "signing_key": None if version is None else version.signing_kid,
        "disclosed": {entry: _status(lifetime, named.entries[entry]) for entry in sorted(shown)},
        "at_close": _status(lifetime, rfc3339(case.closed_at or case.opened_at)),
    }


def _status(lifetime: Lifetime | None, at: str) -> str:
    """The status at an instant, as it was known then."""
    moment = datetime.fromisoformat(at)
    found = None if lifetime is None else lifetime.status_at(moment, known_at=moment)
    return UNKNOWN if found is None else found.value


def _keys(tx: Connection, kids: Iterable[str]) -> Iterable[dict[str, Any]]:
    for kid in sorted(kids):
        known = find_key_certificate(tx, kid)
        if known is None:
            raise IntegrityBrokenError("key_certificates")
        yield {
            "kid": kid,
            "role": known.role,
            "organization": known.organization,
            "organization_id": known.organization_id,
            "chain": [base64.b64encode(der).decode() for der in known.chain],
        }


def bodies_in_order(given: Sequence[tuple[str, bytes]], intent: Mapping[str, Any]) -> list[bytes]:
    """The answers that an intent names, as they are stored. Raises: IntegrityBrokenError: one is another."""
    stored = dict(given)
    bodies = [stored.get(item["id"], b"") for item in intent["answers"]]
    if [sha256(body).hex() for body in bodies] != [item["sha256"] for item in intent["answers"]]:
        raise IntegrityBrokenError("evidence_requests")
    return bodies
