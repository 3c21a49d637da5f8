"""From a description of the right shape to the parts of a type. What is left out gets its default here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from certificates.claims import Bilingual, Claim, Disclosure, Format, claim_schema
from certificates.definitions.parts import (
    PRINCIPAL,
    Custody,
    DefiningAuthority,
    DocumentFormat,
    FaceRule,
    HolderRule,
    Kind,
    OnMissing,
    RegisterRule,
    Reissue,
    SealRule,
    SourceRule,
    Stage,
    Suite,
    Supports,
    ValidityRule,
)

_BODIES: Final = frozenset({"001", "099"})


def parts_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a CertificateType. The shape has been checked (`schema.read_definition`)."""
    validity, mapping = definition["validity"], definition["mapping"]
    principal, *further = [_holder(item) for item in definition.get("holders") or [definition["holder"]]]
    return {
        "slug": definition["slug"],
        "code": definition["code"],
        "name": Bilingual(**definition["name"]),
        "defining_authority": DefiningAuthority(**definition["defining_authority"]),
        "kind": Kind(definition["kind"]),
        "holder_kinds": frozenset(definition["holder_kinds"]),
        "holder": principal,
        "further_holders": tuple(further),
        "record_key": definition["record_key"],
        "claims": MappingProxyType({name: _claim(name, item) for name, item in definition["claims"].items()}),
        "validity": _validity(validity),
        "confirms_identity": definition["confirms_identity"],
        "complete": definition["complete"],
        "single_instance": definition["single_instance"],
        "custody": Custody(definition["custody"]),
        "default_mapping": MappingProxyType(dict(mapping["columns"])),
        "absent_values": frozenset(mapping["absent"]),
        "mapping_version": mapping["version"],
        "legal_basis": definition.get("legal_basis", ""),
        "maker_checker": definition.get("maker_checker", False),
        "stage": _stage(definition),
        **_rules(definition),
    }


def _stage(definition: Mapping[str, Any]) -> Stage:
    """As it says; else what a body holds is most often a permit, and of a person's nobody can tell."""
    if "stage" in definition:
        return Stage(definition["stage"])
    bodies = set(definition["holder_kinds"]) <= _BODIES
    if Kind(definition["kind"]) is Kind.APPRAISAL and bodies:
        return Stage.QUALIFICATION
    return Stage.PERMITS if bodies else Stage.OTHER


def _validity(rule: str | Mapping[str, Any]) -> ValidityRule:
    if isinstance(rule, str):
        return ValidityRule()
    return ValidityRule(**{"start" if name == "from" else name: value for name, value in rule.items()})


def _rules(definition: Mapping[str, Any]) -> dict[str, Any]:
    face = definition.get("face", {})
    register = definition.get("register_driven", {})
    supports = definition.get("supports", {})
    source = definition.get("source")
    return {
        "face": FaceRule(**{**face, "rows": tuple(face.get("rows", ()))}),
        "seal": SealRule(**definition.get("seal", {})),
        "register_driven": RegisterRule(
            OnMissing(register.get("on_missing", OnMissing.KEEP)), Reissue(register.get("reissue", Reissue.VERSION))
        ),
        "supports": Supports(
            tuple(Suite(item) for item in supports.get("suites", Supports().suites)),
            tuple(DocumentFormat(item) for item in supports.get("formats", tuple(DocumentFormat))),
        ),
        "source": source and _source(source),
    }


def _source(given: Mapping[str, Any]) -> SourceRule:
    ended = {name: frozenset(values) for name, values in given.get("ended", {}).items()}
    return SourceRule(given["interface"], MappingProxyType(dict(given["claims"])), MappingProxyType(ended))


def _holder(definition: Mapping[str, Any]) -> HolderRule:
    id_type = definition["id_type"]
    return HolderRule(
        id=definition["id"],
        name=definition["name"],
        id_type=id_type if isinstance(id_type, str) else None,
        id_type_claim=None if isinstance(id_type, str) else id_type["claim"],
        role=definition.get("role", PRINCIPAL),
    )


def _claim(name: str, definition: Mapping[str, Any]) -> Claim:
    claim_format = Format(definition["format"])
    return Claim(
        name=name,
        title=Bilingual(**definition["title"]),
        format=claim_format,
        schema=claim_schema(claim_format, definition.get("schema", {})),
        required=definition["required"],
        disclosure=Disclosure(definition["disclosure"]),
    )
