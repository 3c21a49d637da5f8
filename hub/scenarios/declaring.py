"""What a pack declares, in the words of the services: departments, matters, events, and who is behind each. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hub.scenarios.checking import officer_of
from hub.scenarios.pack import PackError
from hub.scenarios.values import Pack

CODE_SYSTEM: Final = "示例市政务服务事项目录"
EVENTS: Final = "示例市一件事目录"


def departments(packs: Sequence[Pack]) -> Iterator[dict[str, Any]]:
    """Each once, with the types of all packs. Raises: PackError: two packs call one otherwise."""
    merged: dict[str, dict[str, Any]] = {}
    for pack in packs:
        for key, item in pack.declared["departments"].items():
            known = merged.setdefault(item["code"], {**item, "level": "city", "issues": []})
            if known["name"] != item["name"]:
                raise PackError(pack.name, [(f"/departments/{key}/name", "another pack calls it otherwise")])
            known["issues"] = list(dict.fromkeys([*known["issues"], *item.get("issues", ())]))
    return iter(merged.values())


def matter_of(pack: Pack, declared: Mapping[str, Any], codes: Mapping[str, str]) -> dict[str, Any]:
    """A matter, its types by `codes`. Raises: PackError: nobody issues one."""

    def need(item: Mapping[str, Any]) -> dict[str, Any]:
        if "interface" in item:
            return {**item}
        if item["type"] not in codes:
            raise PackError(pack.name, [("/departments", f"nobody issues {item['type']}")])
        return {**item, "type": codes[item["type"]]}

    requirements = [
        {
            **item,
            "alternatives": [[need(each) for each in needs] for needs in item["alternatives"]],
            **_standing_in(pack, item),
        }
        for item in declared["requirements"]
    ]
    return {
        "code_system": CODE_SYSTEM,
        **declared,
        "department": code_of(pack, declared["department"]),
        "requirements": requirements,
    } | ({"results": [need(item) for item in declared["results"]]} if "results" in declared else {})


def _standing_in(pack: Pack, requirement: Mapping[str, Any]) -> dict[str, Any]:
    officer = officer_of(requirement)
    if officer is None:
        return {}
    verification = {**requirement["stand_ins"]["verification"], "department": code_of(pack, officer)}
    return {"stand_ins": {**requirement["stand_ins"], "verification": verification}}


def event_of(pack: Pack, declared: Mapping[str, Any]) -> dict[str, Any]:
    """The life event."""
    return {"code_system": EVENTS, **declared, "department": code_of(pack, declared["department"])}


def trial_of(pack: Pack, declared: Mapping[str, Any]) -> dict[str, str]:
    """What the test asks: as the pack says, and else about whoever stands first in the source."""
    source = pack.declared["sources"][declared["source"]]
    first = pack.holders[[*source["of"], *(item["of"] for item in source.get("rows", ()))][0]]
    return {name: declared.get("trial", {}).get(name) or first.id_number or first.name for name in declared["params"]}


def authorities(pack: Pack) -> dict[str, str]:
    """The deciding department by requirement."""
    return {
        item["code"]: code_of(pack, matter["department"])
        for matter in pack.declared["matters"]
        for item in matter["requirements"]
    }


def owner_of(pack: Pack, grant: Mapping[str, Any]) -> str:
    """Who gives what a grant is over."""
    if "type" in grant:
        return issuer_of(pack, grant["type"])
    published = next(item for item in pack.declared["interfaces"] if item["code"] == grant["interface"])
    return code_of(pack, published["department"])


def issuer_of(pack: Pack, slug: str) -> str:
    """Who issues a type."""
    return next(str(item["code"]) for item in pack.declared["departments"].values() if slug in item.get("issues", ()))


def code_of(pack: Pack, department: str) -> str:
    """A department's code by its key."""
    return str(pack.declared["departments"][department]["code"])
