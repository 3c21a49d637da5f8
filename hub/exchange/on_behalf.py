"""Questions that the hub puts for itself, inside a pull: on the strength of the pull's own checks, without a request of
their own.
"""

from collections.abc import Mapping
from dataclasses import replace

from adapters.port import Value
from catalog.grants import Grant
from catalog.interface_store import StoredInterface
from catalog.matters.values import Requirement
from catalog.source_store import StoredSource
from certificates.stores.holders import Subject
from hub.exchange.claiming import ClaimedQuery
from hub.exchange.question import Identity, QueryCall, bind_params
from hub.intake import store
from hub.intake.answers import case_key
from hub.intake.calls import Claimed, EvidenceCall
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import strict_loads


def question_of(
    claimed: Claimed, call: EvidenceCall, requirement: Requirement, interface: str, subject: int | None = None
) -> QueryCall:
    """The question to an interface that a requirement of a pull comes down to."""
    return QueryCall(
        interface=interface,
        case_no=claimed.case.case_no,
        purpose=call.purpose,
        party=requirement.party,
        subject=subject,
        params={},
        fields=None,
        material=requirement.title("zh-CN"),
        language=call.language,
        request_hash=call.request_hash,
    )


def query_for(
    vault: Vault,
    claimed: Claimed,
    query: QueryCall,
    *,
    answering: tuple[StoredInterface, StoredSource],
    grant: Grant,
    fields: frozenset[str],
    params: Mapping[str, Value],
    subject: Subject | None,
    known: bool = True,
    several: bool = False,
) -> ClaimedQuery:
    """The claimed question, as a source is asked it: about the party that `query` names, in clear.

    Args:
        params: what a caller gives.
        known: whether the library confirms who the party is.
        several: whether somebody will say which of several records is meant.
    Raises: QuestionError: the question cannot be put about this party and these subjects. IntegrityBrokenError.
    """
    stored, source = answering
    party = claimed.parties[query.party or ""]
    if party.sealed is None:
        raise IntegrityBrokenError("case_parties")
    key = case_key(vault, claimed.case)
    told = strict_loads(key.decrypt(store.identity_place(party.sealed.id), party.sealed.identity), max_bytes=4096)
    identity = Identity(id_type=party.id_type, id_number=told["id_number"], name=told["name"])
    place = store.operator_place(claimed.case.id)
    operator = strict_loads(key.decrypt(place, claimed.case.operator), max_bytes=4096)
    return ClaimedQuery(
        request_id=claimed.request_id,
        lease=claimed.lease,
        case=claimed.case,
        interface=stored,
        source=source,
        owner_code=stored.interface.department,
        grant=grant,
        fields=fields,
        party=party,
        identity=identity,
        identity_known=known,
        subject=subject,
        operator_id=operator["id"],
        params=bind_params(stored.interface, replace(query, params=params), identity, claimed.case.subjects),
        several=several,
    )
