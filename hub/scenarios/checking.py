"""What a pack of the right shape may still get wrong: names of what it does not have. Pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from catalog.matters.roles import read_roles, role_of

Problems = Iterator[tuple[str, str]]
"""Place and rule."""
CAST: Final = ("persons", "enterprises", "foreigners", "newborns")
"""The members of a pack that name people and companies."""


def faults_of(declared: Mapping[str, Any], types: Collection[str]) -> Problems:
    """Every reference to nothing.

    Args:
        declared: of the shape of `pack.schema.json`.
        types: slugs of the types that ship.
    """
    people: set[str] = set()
    for kind in CAST:
        if double := sorted(people & set(declared.get(kind, {}))):
            yield f"/{kind}", f"key of somebody else too: {', '.join(double)}"
        people |= set(declared.get(kind, {}))
    yield from _departments(declared, types)
    issued = {slug for item in declared["departments"].values() for slug in item.get("issues", ())}
    for key, item in declared.get("persons", {}).items():
        if item.get("spouse") not in {None, *people}:
            yield f"/persons/{key}/spouse", "unknown holder"
    yield from _registers(declared, issued, people)
    for place, item in enumerate(declared.get("changes", ())):
        if item["holder"] not in people:
            yield f"/changes/{place}/holder", "unknown holder"
        if item["type"] not in issued:
            yield f"/changes/{place}/type", "nobody here issues it"
    yield from _matters(declared, types)
    published = {item["code"] for item in declared.get("interfaces", ())}
    for place, item in enumerate(declared["grants"]):
        if "type" in item and item["type"] not in issued:
            yield f"/grants/{place}/type", "nobody here issues it"
        if "interface" in item and item["interface"] not in published:
            yield f"/grants/{place}/interface", "nobody here publishes it"
    yield from _before(declared)
    yield from _cases(declared, people)
    yield from _refused(declared, people)
    yield from _event(declared)


def requirements_of(declared: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Requirements of all matters by code."""
    return {item["code"]: item for matter in declared["matters"] for item in matter["requirements"]}


def _departments(declared: Mapping[str, Any], types: Collection[str]) -> Problems:
    issuers: dict[str, str] = {}
    for key, item in declared["departments"].items():
        for place, slug in enumerate(item.get("issues", ())):
            where = f"/departments/{key}/issues/{place}"
            if slug not in types:
                yield where, "unknown type"
            if slug in issuers:
                yield where, f"issued by {issuers[slug]} already"
            issuers[slug] = key
    named = [("/system/department", declared["system"]["department"])]
    named += [(f"/sources/{code}/department", item["department"]) for code, item in declared.get("sources", {}).items()]
    for kind in ("interfaces", "matters"):
        named += [
            (f"/{kind}/{place}/department", item["department"]) for place, item in enumerate(declared.get(kind, ()))
        ]
    for where, key in named:
        if key not in declared["departments"]:
            yield where, "unknown department"
    for place, item in enumerate(declared.get("interfaces", ())):
        if item["source"] not in declared.get("sources", {}):
            yield f"/interfaces/{place}/source", "unknown source"


def _registers(declared: Mapping[str, Any], issued: Collection[str], people: Collection[str]) -> Problems:
    for slug, item in declared["registers"].items():
        if slug not in issued:
            yield f"/registers/{slug}", "nobody here issues it"
        named = {"of": item["of"] if isinstance(item["of"], list) else (), "except": item.get("except", ())}
        for name, keys in named.items():
            for place, key in enumerate(keys):
                if key not in people:
                    yield f"/registers/{slug}/{name}/{place}", "unknown holder"
        for place, each in enumerate(item.get("rows", ())):
            if each["of"] not in people:
                yield f"/registers/{slug}/rows/{place}/of", "unknown holder"
    for code, item in declared.get("sources", {}).items():
        for place, key in enumerate(item["of"]):
            if key not in people:
                yield f"/sources/{code}/of/{place}", "unknown holder"
        said = set(item["row"]).union(*(each["row"] for each in item.get("rows", ())))
        if unknown := sorted(said - set(item["columns"])):
            yield f"/sources/{code}/row", f"no such column: {', '.join(unknown)}"
        if not item["of"] and not item.get("rows"):
            yield f"/sources/{code}/of", "a source without a row cannot be tried"
        for place, each in enumerate(item.get("rows", ())):
            if each["of"] not in people:
                yield f"/sources/{code}/rows/{place}/of", "unknown holder"
    for place, item in enumerate(declared.get("interfaces", ())):
        columns = declared.get("sources", {}).get(item["source"], {}).get("columns", ())
        if unknown := sorted(set(item["by"]) - set(columns)):
            yield f"/interfaces/{place}/by", f"no such column: {', '.join(unknown)}"


def needs_of(requirement: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Whatever some alternative names, as it is declared."""
    return (need for needs in requirement["alternatives"] for need in needs)


def officer_of(requirement: Mapping[str, Any]) -> Any:
    """The department whose officer is asked where nobody's records answer, by its key; None: nobody's."""
    verification = (requirement.get("stand_ins") or {}).get("verification")
    return verification.get("department") if isinstance(verification, Mapping) else None


def _matters(declared: Mapping[str, Any], types: Collection[str]) -> Problems:
    seen: set[str] = set()
    published = {item["code"] for item in declared.get("interfaces", ())}
    departments = declared["departments"]
    for place, matter in enumerate(declared["matters"]):
        for at, item in enumerate(matter.get("results", ())):
            if item["type"] not in types:
                yield f"/matters/{place}/results/{at}/type", "unknown type"
        for at, item in enumerate(matter["requirements"]):
            where = f"/matters/{place}/requirements/{at}"
            if officer_of(item) not in {None, *departments}:
                yield f"{where}/stand_ins/verification/department", "unknown department"
            if item["code"] in seen:
                yield f"{where}/code", "two requirements have this code"
            seen.add(item["code"])
            for slug in sorted({need["type"] for need in needs_of(item) if "type" in need} - set(types)):
                yield f"{where}/alternatives", f"unknown type {slug}"
            for code in sorted({need["interface"] for need in needs_of(item) if "interface" in need} - published):
                yield f"{where}/alternatives", f"unknown interface {code}"


def _before(declared: Mapping[str, Any]) -> Problems:
    known = requirements_of(declared)
    papers: dict[str, int] = {}
    for place, item in enumerate(declared["before"]["items"]):
        code = item.get("requirement")
        if code is not None and code not in known:
            yield f"/before/items/{place}/requirement", "unknown requirement"
        elif code is not None:
            papers[code] = papers.get(code, 0) + item.get("papers", 1)
    for code, item in known.items():
        if papers.get(code, 0) != item.get("papers", 1):
            yield "/before/items", f"{code}: {papers.get(code, 0)} papers here, {item.get('papers', 1)} in its matter"


def _cast(where: str, parties: Mapping[str, Any], roles: Collection[str], people: Collection[str]) -> Problems:
    for role, said in parties.items():
        if role_of(role) not in roles:
            yield f"{where}/{role}", "unknown role"
        if (said if isinstance(said, str) else said["holder"]) not in people:
            yield f"{where}/{role}", "unknown holder"


def _refused(declared: Mapping[str, Any], people: Collection[str]) -> Problems:
    matters = {matter["code"] for matter in declared["matters"]}
    roles = {name for matter in declared["matters"] for name in read_roles(matter["roles"])[0]}
    for place, item in enumerate(declared.get("refused", ())):
        if item["matter"] not in matters:
            yield f"/refused/{place}/matter", "unknown matter"
        yield from _cast(f"/refused/{place}/parties", item["parties"], roles, people)


def _event(declared: Mapping[str, Any]) -> Problems:
    event = declared.get("event")
    if event is None:
        return
    if event["department"] not in declared["departments"]:
        yield "/event/department", "unknown department"
    matters = {matter["code"] for matter in declared["matters"]}
    for place, item in enumerate(event["matters"]):
        if item["matter"] not in matters:
            yield f"/event/matters/{place}/matter", "unknown matter"


def _cases(declared: Mapping[str, Any], people: Collection[str]) -> Problems:
    known, seen = requirements_of(declared), set[str]()
    roles = {name for matter in declared["matters"] for name in read_roles(matter["roles"])[0]}
    for place, item in enumerate(declared["cases"]):
        where = f"/cases/{place}"
        if item["key"] in seen:
            yield f"{where}/key", "two cases have this key"
        seen.add(item["key"])
        yield from _cast(f"{where}/parties", item["parties"], roles, people)
        for member in ("commits", "confirms", "hands_in"):
            for code in item.get(member, ()):
                if code not in known:
                    yield f"{where}/{member}/{code}", "unknown requirement"
        for code in item.get("expect", {}):
            if code.partition("/")[0] not in known:
                yield f"{where}/expect/{code}", "unknown requirement"
        if item.get("without_table", "") not in {"", *declared.get("sources", {})}:
            yield f"{where}/without_table", "unknown source"
        if "family" in item:
            yield from _family(declared, f"{where}/family", item, people)


def _family(declared: Mapping[str, Any], where: str, case: Mapping[str, Any], people: Collection[str]) -> Problems:
    if "event" not in declared:
        yield where, "the pack has no event"
    if not {"asks", "commits", "confirms", "hands_in"}.isdisjoint(case):
        yield where, "what stands in is handed in case by case"
    known = requirements_of(declared)
    for code in case["family"].get("expect", {}):
        if code.partition("/")[0] not in known:
            yield f"{where}/expect/{code}", "unknown requirement"
    for place, result in enumerate(case["family"].get("results", ())):
        if result["of"] not in people:
            yield f"{where}/results/{place}/of", "unknown holder"
        if result["type"] not in declared["registers"]:
            yield f"{where}/results/{place}/type", "no register of it"
    for place, role in enumerate(case["family"].get("names", ())):
        said = case["parties"].get(role)
        holder = said["holder"] if isinstance(said, Mapping) else said
        if holder not in declared.get("newborns", {}):
            yield f"{where}/names/{place}", "nobody who is given a number"
