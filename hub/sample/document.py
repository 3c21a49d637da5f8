"""`sample.json`: what a script needs to try the hub — keys, purposes, matters, holders and what a pull of each answers.

A holder's `expect` concerns the first role of each matter (`party`); the other roles stand in `spouse` and
`legal_representative`, with expectations of their own. All of it is for the first system, with its purpose and the
corroboration given; what the other systems are refused stands in their `not_granted`. `acting`: who may act for whom.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from certificates.definitions.loading import shipped_types
from hub.clock import rfc3339
from hub.sample import belonging, catalogue, sources
from hub.sample.city import City, cast
from hub.sample.people import Identity

Json = dict[str, Any]
OPERATOR: Final = {"id": "W-0817", "name": "示例窗口人员"}
SATISFIED: Final = "satisfied"


def sample_document(city: City, *, kids: Mapping[str, str], key_files: Mapping[str, str], now: datetime) -> Json:
    """The whole document.

    Args:
        kids: key id by client id; key_files: paths of the private keys, relative to the document, by client id.
        now: when the sample's card was read.
    """
    matters = catalogue.matters()
    granted = catalogue.grants(now)
    return {
        "departments": [
            {"code": department["code"], "name": department["name"]["zh"]} for department in catalogue.departments()
        ],
        "systems": [
            {
                "client_id": system["client_id"],
                "name": system["name"]["zh"],
                "kid": kids[system["client_id"]],
                "private_key_file": key_files[system["client_id"]],
                "purpose": system["purpose"],
                "matters": system["matters"],
                "not_granted": _not_granted(system, matters, granted),
            }
            for system in catalogue.systems()
        ],
        "certificate_types": [_type(slug) for slug in catalogue.type_texts()],
        "matters": [_matter(matter) for matter in matters],
        "interfaces": sources.described(now),
        "operator": OPERATOR,
        "corroboration": [{"kind": "card_read", "at": rfc3339(now), "reference": "SAMPLE-READER-01"}],
        "holders": holders(city, matters),
        "acting": [
            {"ground": pair.ground, "person": _identity(pair.person), "principal": _identity(pair.principal)}
            for pair in belonging.pairs(city)
        ],
    }


def holders(city: City, matters: Sequence[Json]) -> list[Json]:
    """The cast, persons first, with their expectations."""
    codes: dict[str, list[str]] = {}
    for matter in matters:
        for requirement in matter["requirements"]:
            codes.setdefault(requirement["party"], []).append(requirement["code"])
    roles = {role["key"]: role for role in cast()["persons"]}
    found = []
    for key, role in roles.items():
        person = city.persons[key]
        holder = _holder(person.identity, "applicant", role, codes)
        if person.marriage is not None:
            spouse = {"expect": role.get("spouse_expect", {})}
            holder["spouse"] = _holder(person.marriage.spouse, "spouse", spouse, codes)
        found.append(holder)
    for role in cast()["enterprises"]:
        firm = city.firms[role["key"]]
        holder = _holder(firm.identity, "enterprise", role, codes)
        own = roles[role["representative"]].get("expect")
        unconfirmed = {"expect": own if isinstance(own, str) else {}}
        holder["legal_representative"] = _holder(
            firm.representative.identity, "legal_representative", unconfirmed, codes
        )
        found.append(holder)
    return found


def _holder(identity: Identity, party: str, role: Json, codes: Mapping[str, Sequence[str]]) -> Json:
    declared = role.get("expect", {})
    holder: Json = {
        "id_type": identity.id_type,
        "id_number": identity.id_number,
        "name": role.get("presents", identity.name),
        "party": party,
        "expect": {
            code: declared if isinstance(declared, str) else declared.get(code, SATISFIED) for code in codes[party]
        },
    }
    return {**holder, "story": role["story"]} if "story" in role else holder


def _identity(who: Identity) -> Json:
    return {"id_type": who.id_type, "id_number": who.id_number, "name": who.name}


def _type(slug: str) -> Json:
    known = shipped_types()[slug]
    return {
        "code": known.code,
        "name": known.name.zh,
        "issuer": catalogue.issuers()[known.code],
        "slug": slug,
        "register": f"registers/{slug}.csv",
    }


def _matter(matter: Json) -> Json:
    return {
        "code": matter["code"],
        "name": matter["name"]["zh"],
        "roles": matter["roles"],
        "requirements": [
            {
                "code": requirement["code"],
                "title": requirement["title"]["zh"],
                "party": requirement["party"],
                "types": list(dict.fromkeys(need["type"] for needs in requirement["alternatives"] for need in needs)),
            }
            for requirement in matter["requirements"]
        ],
    }


def _not_granted(system: Json, matters: Sequence[Json], granted: Sequence[Json]) -> list[str]:
    """Requirements of the system's matters of which no alternative is covered by its grants."""
    mine = [grant for grant in granted if grant["system"] == system["client_id"]]
    return [
        requirement["code"]
        for matter in matters
        if matter["code"] in system["matters"]
        for requirement in matter["requirements"]
        if not any(all(_covered(need, matter["code"], mine) for need in needs) for needs in requirement["alternatives"])
    ]


def _covered(need: Json, matter: str, granted: Sequence[Json]) -> bool:
    return any(
        grant["type"] == need["type"] and matter in grant["matters"] and set(need["fields"]) <= set(grant["fields"])
        for grant in granted
    )
