"""What a type's description says that cannot all be so.

Each rule keeps something from failing later, while a licence is issued, shown or looked up.
"""

from collections import Counter
from collections.abc import Iterator

from catalog import identifiers
from catalog.errors import IdentifierError
from certificates import claims as claim_rules
from certificates.claims import RESERVED_CLAIMS, Disclosure, Format
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.parts import Custody, DocumentFormat, HolderRule, Suite
from certificates.rendering.templates import SHIPPED

Fault = tuple[str, str]
"""A path in the description, and the rule that is broken there."""


def contradictions(candidate: CertificateType) -> Iterator[Fault]:
    """Every rule that a type of the right shape breaks."""
    yield from _authority(candidate)
    yield from _claims(candidate)
    yield from _holders(candidate)
    yield from _record(candidate)
    yield from _custody(candidate)
    yield from _looks(candidate)


def _authority(candidate: CertificateType) -> Iterator[Fault]:
    try:
        identifiers.check(identifiers.USCC, candidate.defining_authority.uscc)
    except IdentifierError as error:
        yield "defining_authority/uscc", error.reason
    if candidate.code[:18] != candidate.defining_authority.uscc:
        yield "code", "not_of_defining_authority"


def _claims(candidate: CertificateType) -> Iterator[Fault]:
    for name in sorted(RESERVED_CLAIMS & candidate.claims.keys()):
        yield f"claims/{name}", "reserved"
    for claim in candidate.claims.values():
        if not claim_rules.satisfiable(claim.schema):
            yield f"claims/{claim.name}/schema", "unsatisfiable"


def _holders(candidate: CertificateType) -> Iterator[Fault]:
    if not candidate.holder_kinds <= identifiers.ID_TYPES.keys():
        yield "holder_kinds", "unknown_id_type"
    further = candidate.further_holders
    principal = "holders/0" if further else "holder"
    places = [(principal, candidate.holder), *((f"holders/{place}", rule) for place, rule in enumerate(further, 1))]
    for where, rule in places:
        if rule.id_type is not None and rule.id_type not in candidate.holder_kinds:
            yield f"{where}/id_type", "not_a_holder_kind"
    required = {claim.name for claim in candidate.claims.values() if claim.required}
    named = {f"{principal}/id": candidate.holder.id, f"{principal}/name": candidate.holder.name}
    if candidate.holder.id_type_claim is not None:
        named[f"{principal}/id_type/claim"] = candidate.holder.id_type_claim
    for where, name in ({"record_key": candidate.record_key} | named).items():
        if name not in required:
            yield where, "not_a_required_claim"
    for where, rule in places[1:]:
        yield from _further(candidate, where, rule)
    counted = Counter(rule.id for _, rule in places)
    yield from ((f"{where}/id", "named_twice") for where, rule in places if counted[rule.id] > 1)
    if further and candidate.confirms_identity:  # a record of two names would confirm either under the other's number
        yield "confirms_identity", "of_one_holder_only"


def _further(candidate: CertificateType, where: str, rule: HolderRule) -> Iterator[Fault]:
    known = [name for name in rule.claims() if name in candidate.claims]
    if len(known) < len(rule.claims()):
        yield where, "not_a_claim"
    elif len({candidate.claims[name].required for name in known}) > 1:
        yield where, "required_in_part"


def _record(candidate: CertificateType) -> Iterator[Fault]:
    claims, end = candidate.claims, candidate.validity.claim
    if end is not None and (end not in claims or claims[end].format is not Format.DATE):
        yield "validity/claim", "not_a_date_claim"
    start = candidate.validity.start
    if start is not None and (start not in claims or claims[start].format is not Format.DATE):
        yield "validity/from", "not_a_date_claim"
    elif start is not None and not claims[start].required:
        yield "validity/from", "not_a_required_claim"
    required = {claim.name for claim in claims.values() if claim.required}
    mapped = list(candidate.default_mapping.values())
    if len(set(mapped)) != len(mapped) or not required <= set(mapped) <= claims.keys():
        yield "mapping/columns", "not_one_column_per_claim"


def _custody(candidate: CertificateType) -> Iterator[Fault]:
    claims, source = candidate.claims, candidate.source
    if candidate.custody is Custody.LIBRARY:
        if source is not None:
            yield "source", "only_of_an_index"
        if DocumentFormat.SD_JWT not in candidate.supports.formats:  # the original is one
            yield "supports/formats", "without_the_original"
        return
    if source is None:
        yield "source", "needed_by_an_index"
    else:
        showable = {name for name, claim in claims.items() if claim.disclosure is not Disclosure.NEVER}
        needed = {name for name in showable if claims[name].required}
        if not needed <= source.claims.keys() <= showable:
            yield "source/claims", "not_one_field_per_claim"
        for name in source.ended.keys() - source.claims.keys():
            yield f"source/ended/{name}", "not_a_claim"


def unkept(candidate: CertificateType) -> Iterator[Fault]:
    """What the hub would not keep: a new description may not say it. Types in force that do are still read, for their
    licences' sake.
    """
    if Suite.ES256 not in candidate.supports.suites:  # every token, original or copy, is signed with it
        yield "supports/suites", "without_es256"


def _looks(candidate: CertificateType) -> Iterator[Fault]:
    if candidate.face.template is not None and candidate.face.template not in SHIPPED:
        yield "face/template", "no_such_template"
    for place, name in enumerate(candidate.face.rows):
        if name not in candidate.claims:
            yield f"face/rows/{place}", "not_a_claim"
        elif candidate.claims[name].disclosure is Disclosure.NEVER:
            yield f"face/rows/{place}", "never_shown"
