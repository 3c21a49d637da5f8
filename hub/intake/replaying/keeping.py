"""The ground of a decision 判定依据: what it was judged by, kept with it, so that an auditor can have it judged again.

Kept is only what nothing else keeps: of a source how it answered and not what; of a licence nothing, its versions and
acts tell; of facts those that a condition reads. What an answer told about a person, for the conditions of others, is
sealed under that person's key inside. The ledger's entry has the digest, so that a ground written later is noticed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection, insert

from catalog.expressions.reading import read_value
from catalog.expressions.values import Value, Values
from catalog.matters.feeding import CLAIMS, OUTCOMES
from catalog.matters.values import Need, Requirement
from catalog.tables import table
from certificates.stores.holders import Subject
from hub.clock import new_id, rfc3339
from hub.intake.answers import case_key
from hub.intake.calls import Claimed
from hub.intake.compose import Item
from hub.intake.outcomes import CLEARED, Fetched
from hub.intake.replaying.tables import DecisionGroundRow
from hub.intake.resolver import Outcome, Resolution
from hub.intake.resolving.given import party_in
from hub.intake.resolving.looked import looked_of, meant_of
from hub.intake.resolving.values import Question, Seen
from hub.intake.store import Case, Party
from hub.ledger.entries import Draft
from hub.storage.vault import Vault
from signing.canonical import b64u, canonical, sha256

About = tuple[str, str]
"""Requirement and party."""
_GROUNDS: Final = table(DecisionGroundRow)
_INSERT: Final = insert(_GROUNDS)
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Part:
    """What one decision rests on by itself. `told` is about a person, and sealed under `subject`'s key."""

    name: str
    plain: Mapping[str, Any]
    told: Mapping[str, Any]
    subject: Subject | None


def keep_grounds(
    tx: Connection, vault: Vault, claimed: Claimed, judged: Sequence[Item], items: Sequence[Item], now: datetime
) -> dict[About, str]:
    """Write the grounds of decisions that are taken now; answers the digests that go into their entries.

    Args:
        judged: as the resolver answered.
        items: the same as they are decided, after what was checked again and what stood in.
    """
    question = claimed.question
    names = {name for item in items for name in read_by(item.resolution.requirement)}
    common = common_of(question, names) | {"matter": claimed.case.matter_id}
    found = []
    for before, item in zip(judged, items, strict=True):
        requirement = before.resolution.requirement
        party = claimed.parties.get(requirement.party)
        subject = claimed.subjects.get(party.lookup_hash) if party and party.lookup_hash else None
        plain = plain_of(before, item, question) | ({"party": party_digest(party)} if party else {})
        found.append(Part(_name(requirement), plain, _told(vault, claimed, before, party), subject))
    digests = write_grounds(tx, vault, claimed.case, claimed.request_id, (common, found), now)
    return {_about(part.name): digest for part, digest in zip(found, digests, strict=True)}


def write_grounds(
    tx: Connection,
    vault: Vault,
    case: Case,
    about: str,
    said: tuple[Mapping[str, Any], Sequence[Part]],
    now: datetime,
) -> list[str]:
    """One row of what these decisions have in common, and of each by itself; answers their digests."""
    common, parts = said
    ground_id, whole = new_id(), sha256(canonical(dict(common)))
    sealing, digests, stored = case_key(vault, case), [], {}
    for part in parts:
        plain = dict(part.plain)
        if part.told:
            key = vault.data_key(part.subject.data_key, part.subject.kek_kid) if part.subject else sealing
            plain["sealed"] = b64u(key.encrypt(part_place(ground_id, part.name), canonical(dict(part.told))))
        stored[part.name] = plain
        digests.append(digest_of(whole, plain))
    content = sealing.encrypt(ground_place(ground_id), canonical({"v": _FORMAT, "common": dict(common), "of": stored}))
    row = {"id": ground_id, "case_id": case.id, "about": about, "content": content, "decided_at": now}
    tx.execute(_INSERT, row)
    return digests


def common_of(question: Question, names: set[str]) -> dict[str, Any]:
    """What one request has in common: the case as it stood, and the interfaces that answered."""
    case, values = question.case, written(question.values, {name for name in names if not _fed(name)})
    kinds = sorted({item["kind"] for item in case.corroboration if "kind" in item})
    found: dict[str, Any] = {"at": rfc3339(question.now)}
    if question.filed_on is not None:
        found["filed_on"] = question.filed_on.isoformat()
    told = {
        "values": values,
        "subjects": [dict(item) for item in case.subjects],
        "kinds": kinds,
        "interfaces": {code: stored.version for code, (stored, _) in question.answering.items()},
    }
    return found | {name: value for name, value in told.items() if value}


def grounded(draft: Draft, grounds: Mapping[About, str]) -> Draft:
    """The entry of a decision with the digest of its ground."""
    about = (draft.detail["requirement"], draft.detail["party"])
    return replace(draft, detail=draft.detail | {"ground": grounds[about]})


def party_digest(party: Party | None) -> str:
    """Whom a party is, in few letters: to notice that it was corrected since."""
    if party is None:
        return ""
    return b64u(sha256(canonical([party.id_type, _hex(party.lookup_hash), _hex(party.name_hash)]))[:9])


def who(party: Party) -> list[str | None]:
    """Whom a party is, by the keyed hashes: only ever sealed."""
    return [party.id_type, _hex(party.lookup_hash), _hex(party.name_hash)]


def digest_of(common: bytes, part: Mapping[str, Any]) -> str:
    """What the entry of a decision says of its ground, in hex."""
    return sha256(common + canonical(dict(part))).hex()


def ground_place(ground_id: str) -> str:
    """Where a ground is stored, for its encryption."""
    return f"decision_grounds:{ground_id}:content"


def part_place(ground_id: str, name: str) -> str:
    """Where what one decision was told is sealed inside."""
    return f"decision_grounds:{ground_id}:{name}"


def plain_of(before: Item, item: Item, question: Question) -> dict[str, Any]:
    """What one answer rests on, without anything that was told about a person. `before`: as the resolver gave it."""
    resolution, requirement = before.resolution, before.resolution.requirement
    seen = before.seen or Seen(question)
    looked = seen.question
    names = read_by(requirement)
    fresh = {name for name in names if not name.startswith(CLAIMS)}
    values = written(looked.values, fresh)
    known = written(question.values, {name for name in fresh if not _fed(name)})
    awaited = looked.after.get(requirement.code, frozenset())
    code = requirement.code
    found: dict[str, Any] = {
        "values": {name: value for name, value in values.items() if known.get(name) != value},
        "claims": sorted(name for name in names if name.startswith(CLAIMS) and name in looked.values),
        "standing": {
            one: [outcome.value for outcome, _ in looked.standing[one]] for one in awaited if one in looked.standing
        },
        "said": answers_of(resolution, seen),
        "chosen": {of: choice for (*about, of), choice in looked.chosen.items() if about == [code, requirement.party]},
        "exhausted": sorted(looked.exhausted),
        "decisions": decided_of(requirement.party, looked),
        "looked": looked_of(resolution, looked, seen.said).as_json(),
    }
    first = [resolution.outcome.value, resolution.why.code]
    if first != [item.resolution.outcome.value, item.resolution.why.code]:
        found["first"] = first
    if item.resolution.stands_in is not None and item.copies:
        described = item.copies[0].described.get("stand_in", {})
        found["stood_in"] = {name: described[name] for name in ("rung", "reference", "digest")}
    return {name: value for name, value in found.items() if value}


def decided_of(key: str, looked: Question) -> dict[str, str]:
    """What the party had decided of grants that rest on his agreement."""
    party = looked.parties.get(key)
    return {grant: said for (about, grant), said in looked.decisions.items() if party and about == party.lookup_hash}


def placed(requirement: Requirement) -> list[tuple[str, Need]]:
    """Each need by its place among the alternatives."""
    return [
        (f"{number}.{place}", need)
        for number, needs in enumerate(requirement.alternatives)
        for place, need in enumerate(needs)
    ]


def answers_of(resolution: Resolution, seen: Seen) -> dict[str, list[Any]]:
    """How sources answered, by the place of the need for which they were asked."""
    counted = meant_of(resolution, seen.question, seen.said)
    found = {}
    for place, need in placed(resolution.requirement):
        if need in seen.said:
            records = counted.get(need)
            told = records if isinstance(records, list) else seen.said[need].records
            found[place] = _answer(need, seen.said[need], told)
    return found


def _answer(need: Need, found: Fetched, records: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Outcome, reason, how many records counted, whether each shows something, as of when."""
    shows = bool(records) and all(any(name in record for name in need.fields) for record in records)
    times = [rfc3339(one) if one else None for one in (found.as_of, found.obtained_at)]
    return [found.outcome.value, found.why.code, len(records), shows, *times]


def _told(vault: Vault, claimed: Claimed, item: Item, party: Party | None) -> dict[str, Any]:
    """What only its own person's key opens: what it told for conditions, whom it named, and who a named party is."""
    requirement = item.resolution.requirement
    found: dict[str, Any] = {}
    if requirement.yields and claimed.matter.after and item.resolution.outcome is Outcome.SATISFIED:
        found["yields"] = {
            name: [_json(read_value(kind, record.get(name))) for record in item.read]
            for name, kind in requirement.yields.items()
        }
    named = [
        party_in(record, gives, origin=requirement.code, case=claimed.case, vault=vault)
        for gives in requirement.gives
        for record in item.read
    ]
    if any(named):
        found["named"] = [who(one) for one in named if one is not None]
    if party is not None and (party.origin is not None or item.resolution.outcome not in CLEARED):
        found["who"] = who(party)  # nothing was disclosed about him: he may be corrected yet, or get his number
    return found


def read_by(requirement: Requirement) -> frozenset[str]:
    """The names that its condition reads."""
    return requirement.narrows | (requirement.when.names if requirement.when is not None else frozenset())


def _fed(name: str) -> bool:
    return name.startswith((CLAIMS, OUTCOMES))


def written(values: Values, names: Collection[str]) -> dict[str, Any]:
    """These values as they are kept."""
    return {name: _json(values[name]) for name in sorted(names) if name in values}


def _json(value: Value | None) -> Any:
    """A value as JSON, from which `was` reads the same kind of value."""
    match value:
        case Decimal():
            return {"n": str(value)}
        case date():
            return {"d": value.isoformat()}
        case tuple():
            return list(value)
        case _:
            return value


def was(stored: Any) -> Value:
    """A value as it was before it was written."""
    if isinstance(stored, dict):
        return Decimal(stored["n"]) if "n" in stored else date.fromisoformat(stored["d"])
    return tuple(stored) if isinstance(stored, list) else stored


def _name(requirement: Requirement) -> str:
    return f"{requirement.code}/{requirement.party}"


def _about(name: str) -> About:
    code, _, party = name.rpartition("/")
    return code, party


def _hex(value: bytes | None) -> str | None:
    return value.hex() if value is not None else None
