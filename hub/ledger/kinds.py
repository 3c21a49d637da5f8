"""Every kind of entry that the hub writes, closed: of a person, who reads it among who looked, or of nobody, and why.

A new kind is put here first, and one about persons has its words in `hub.citizens.access_words`:
`tests/citizens/test_entry_kinds.py` holds both against every place that writes. What comes by all the same is an alarm.
A kind of a person may be written without a subject, too, where the hub knows nobody by that number.
"""

from collections.abc import Mapping
from typing import Final

import structlog

SANDBOX: Final = "sandbox."
"""Before the kind of what a sandbox's system did."""
_log = structlog.get_logger(__name__)


def _of(family: str, steps: str) -> frozenset[str]:
    return frozenset(f"{family}.{step}" for step in steps.split())


def _none(reason: str, family: str, steps: str) -> dict[str, str]:
    return dict.fromkeys(sorted(_of(family, steps)), reason)


_COUNTER: Final = "_at_counter _standing_at_counter _at_kiosk _by_agent"
OF_PERSONS: Final[frozenset[str]] = (
    frozenset({"disclosure", "answer", "refusal", "evidence.read", "slip.printed", "late.shown", "subject.sought"})
    | _of(
        "acting",
        "begun collected ended filed opened presented refused saw_accesses saw_agreements saw_collection"
        " saw_delegations saw_licence saw_licences saw_objections showed showed_taken showing_declined showing_ended"
        " showing_given showing_made showing_offline showing_refused showing_taken",
    )
    | _of("authorisation", "asked silent read_at_counter")
    | _of(
        "authorisation",
        " ".join(f"{step}{way}" for step in ("given", "refused", "withdrawn") for way in ("", *_COUNTER.split())),
    )
    | _of("case", "open rated rated_by_slip archive_read")
    | _of(
        "certificate",
        "cancel cancel_transfer change complete_transfer correct expire export issue not_opened not_opened_by_agent"
        " opened opened_by_agent opened_together other render renew restamp resume revoke search supersede suspend"
        " transfer_in transfer_out verified verified_copy verified_public withdraw",
    )
    | _of("collection", "by_holder own own_by_agent")
    | _of("copy", "read sealed withdrawn")
    | _of(
        "delegation",
        "ended given given_at_counter read_at_counter received withdrawn withdrawn_at_counter withdrawn_at_kiosk",
    )
    | _of(
        "form",
        "answered_at_kiosk answered_by_agent read_at_kiosk read_by_agent read_by_signer signed_at_kiosk"
        " signed_by_agent",
    )
    | _of("holder", "sign_in sign_out")
    | _of("identity", "bound refused released shown")
    | _of("kiosk", "left looks printed visit")
    | _of("objection", "answered handed ordered raised read scan_read withdrawn")
    | _of("presentation", "expired made refused taken")
    | _of("showing", "declined ended given made offline refused taken")
    | _of("task", "answered asked read")
    | _of(
        "wallet",
        "allowed code_used deleted guessed issued offer_ended offer_taken offered refused removed renewal_ended shown",
    )
)
"""Of what was disclosed, refused, verified, read and changed of a person, and of what he did himself."""

_CASE: Final = "A step of the case's handling: codes and departments, no data; its parties are told of the case itself."
_EACH: Final = "About many at once, and about nobody: each person concerned has an entry of his own."
_RULES: Final = "About what departments publish, are granted and agree on among themselves; no person's data is in it."
_KEYS: Final = "About keys, certificates of keys and trust in them."
_PEOPLE: Final = "About an account of a member of staff, who reads it among the notices of his account."
_REGISTER: Final = "A department's own register, as a whole; of each licence that came of it its holder has an entry."
_ASKER: Final = "By who asks, before anybody has presented anything; whoever answers has an entry of his own."
_LATE: Final = "An order to show late: that he hears of it at its end, and not before, is what it says."
_OWED: Final = "What a department owes a case, or hands it; what is disclosed by it has an entry of its own."
_OWN_FORM: Final = "The person fills in or signs his own form, in his own case."
_DESK: Final = (
    "A case that is stuck is passed on among departments, by codes; who reads its data has an entry for that."
)
_DEVICE: Final = "A device of a counter or terminal; who presents a card to it has an entry of his own."
OF_NOBODY: Final[Mapping[str, str]] = {
    "ask.made": "A clerk asks a person for a paper, to his face; nothing of his data is looked at.",
    **_none(_EACH, "bulk", "agree ask cancel download expire finish refuse release stop"),
    **_none(
        _CASE,
        "case",
        "accept amend archive archive_remade archive_restamp ask_more close close_asked dead_end decide facts notice"
        " replayed succession supplied",
    ),
    "certificate.list": "A department looks along its own licences, numbers struck out; opening one is an entry.",
    "certificate.page_withdrawn": "A page is given out no more since its key was stolen; the licence is as it was.",
    "certificate.touched": "Which licences a stolen key signed: identifiers, for those who issued them.",
    **_none("When the hub is closed for planned work; nobody's data is in it.", "closure", "announced cancelled"),
    "collection.index": _REGISTER,
    "collection.reconciled": _REGISTER,
    **_none(
        "A promise that the person chose and signed, or its end; nothing of his is looked at.",
        "commitment",
        "ended given",
    ),
    "copy.scan_deleted": "A scan is deleted with its archive's term; nobody has looked at it.",
    **_none(_DESK, "dead_end", "answered given_back handed_on taken"),
    **_none(_OWED, "debt", "abandoned ended open paid"),
    **_none(_OWED, "delivery", "dead done queued retry"),
    "face.differed": "A card and a face did not agree at a counter; no picture and nobody's number is kept.",
    **_none(
        "Cases that belong together; each of them has its own opening.", "family", "advance close facts open party"
    ),
    **_none(_OWN_FORM, "form", "answers signed"),
    "hub.founded": "The first entry of all.",
    **_none(_DEVICE, "kiosk", "ended registered set_up"),
    **_none(_LATE, "late", "extended proposed refused seconded signed"),
    **_none(_ASKER, "showing", "asked cancelled"),
    "subject.erased": "His key is gone with what it opened, and he has no list any more: the tombstone is public.",
    "wallet.asked": _ASKER,
    "wallet.erased": "With the person: as `subject.erased`.",
}
"""Kinds that concern no holder, and why."""

FAMILIES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("anchor", "crl", "key", "log", "seal", "trust", "witness"), _KEYS),
    **dict.fromkeys(("catalog", "clock", "demand", "department", "event", "gateway", "grant", "interface"), _RULES),
    **dict.fromkeys(("mandate", "matter", "proposal", "request", "source", "subscription", "system", "type"), _RULES),
    "certificate.type": _RULES,
    "certificate.act": "An act on a licence is asked for, confirmed or not; once it is done its holder has an entry.",
    "certificate.act_list": _EACH,
    "collection.batch": _REGISTER,
    "collection.feed": _REGISTER,
    "reader": _DEVICE,
    "staff": _PEOPLE,
}
"""Families of kinds, by how they begin, in which nothing can be about a holder."""


def note_unlisted(kind: str, *, of_person: bool) -> None:
    """Raise the alarm for a kind that stands in neither list. It is written all the same: to do a thing without its
    entry would be worse than to tell of it in general words, which is what its person reads.
    """
    plain = kind.removeprefix(SANDBOX)
    if plain not in OF_PERSONS and (of_person or reason_of(plain) is None):
        _log.error("entry_kind_unlisted", alarm=True, kind=kind)


def reason_of(kind: str) -> str | None:
    """Why this kind concerns no holder: its own reason, or its family's. None: it has none."""
    parts = kind.split(".")
    families = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return OF_NOBODY.get(kind) or next((FAMILIES[name] for name in families if name in FAMILIES), None)
