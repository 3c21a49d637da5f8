"""What licences say 证照内容, as far as a rule looks into them before anything is disclosed: to narrow several down to
the one that is meant, and to count an age from the register's own day. For the resolver alone; nothing of it leaves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from catalog.matters.roles import PLAIN, role_of
from catalog.matters.values import Requirement
from certificates.stores.version import HeldVersion
from hub.intake.identity import unconfirmed
from hub.intake.licences import Licences
from hub.intake.resolver import grants_for
from hub.intake.resolving.values import Question
from hub.issuing.drafting import INDEXED
from hub.issuing.types.registry import TypeInForce

Told = dict[str, Mapping[str, Any] | None]


def may_open(requirements: Iterable[Requirement], question: Question) -> tuple[list[Requirement], list[HeldVersion]]:
    """What may be looked into for an answer: requirements that grants cover, licences of parties who are confirmed.

    Opening takes time that a caller can measure: without a grant, or by a wrong name, it would tell that there is
    somebody, and that he has something (threat S14).
    """
    covered = [requirement for requirement in requirements if grants_for(requirement, question)[0]]
    today, known = question.today(), set()
    for party in question.parties.values():
        deceased = question.rules.get(role_of(party.role), PLAIN).deceased
        if unconfirmed(party, question.held, question.types, today=today, deceased=deceased) is None:
            known.add(party.lookup_hash)
    return covered, [held for held in question.held if held.subject.lookup_hash in known]


def told_by(
    tx: Connection,
    licences: Licences,
    requirements: Iterable[Requirement],
    held: Sequence[HeldVersion],
    types: Mapping[str, TypeInForce],
) -> Told:
    """By version, the claims that these requirements look into; None of one that does not verify. What lies elsewhere
    is left out.

    Most matters look into none, and nothing is opened for them.
    """
    looked: dict[str, set[str]] = {}
    for code, name in _looked_into(requirements, types):
        looked.setdefault(code, set()).add(name)
    wanted = [item for item in held if item.record.type_code in looked and item.record.is_whole()]
    wanted = [item for item in wanted if item.record.state != INDEXED]
    licences.learn_keys(tx, {item.record.signing_kid for item in wanted})
    found: Told = {}
    for item in wanted:
        said = licences.content(item)
        names = looked[item.record.type_code]
        found[item.record.id] = None if said is None else {name: said[name] for name in names if name in said}
    return found


def _looked_into(requirements: Iterable[Requirement], types: Mapping[str, TypeInForce]) -> Iterator[tuple[str, str]]:
    for requirement in requirements:
        for needs in requirement.alternatives:
            for need in needs:
                if need.interface is not None:
                    continue
                yield from ((need.type_code, name) for name in need.where)
                known = types.get(need.type_code)
                if requirement.max_age_days is not None and known is not None and known.type.validity.start:
                    yield need.type_code, known.type.validity.start
