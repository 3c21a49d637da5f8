"""Scenario packs as files: YAML of one shape, every problem told with its place before anything is founded.

All people and enterprises in a pack are invented: a pack gives names and birthdays, and the numbers are made here, in
divisions that no list has (`hub.sample.numbers`). No number can be written down in a pack.
"""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import yaml

from catalog.identifiers import CITIZEN_ID, USCC
from catalog.waterfall import Before, BeforeItem, Label, Step
from catalog.yaml_loading import DataLoader, load_data
from certificates.claims import compile_schema
from certificates.definitions.loading import catalogue
from hub.sample.numbers import DISTRICTS, citizen_id, enterprise_code
from hub.scenarios.checking import faults_of
from hub.scenarios.values import CaseSpec, FamilySpec, Holder, Pack, Playing, RefusedSpec, ResultSpec

MAX_PACK_CHARACTERS: Final = 256 * 1024
_PASSPORT: Final = "414"
SHIPPED: Final = resources.files("hub.scenarios").joinpath("packs")


class PackError(Exception):
    """A pack cannot be used. `problems` are all that is wrong: place and rule."""

    def __init__(self, name: str, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"{name}: " + "; ".join(f"{where or '/'}: {what}" for where, what in problems))
        self.name = name
        self.problems = tuple(problems)


class _StrictLoader(DataLoader):
    """YAML as JSON has it: no aliases, no repeated keys, and days stay texts."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # as the parser wants it
        first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:timestamp"]
        for first, rules in DataLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("alias")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        seen = set()
        for key, _ in node.value:
            if (said := self.construct_object(key, deep=True)) in seen:
                raise yaml.MarkedYAMLError(None, None, "repeated_key", key.start_mark)
            seen.add(said)
        return super().construct_mapping(node, deep=deep)


def shipped_packs() -> tuple[str, ...]:
    """Names of the packs that ship, in order."""
    names = (entry.name for entry in SHIPPED.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


@cache
def shipped_pack(name: str) -> Pack:
    """Read a pack that ships. Raises: KeyError: there is none of this name; PackError."""
    if name not in shipped_packs():
        raise KeyError(name)
    return read_pack(SHIPPED.joinpath(f"{name}.yaml").read_text(encoding="utf-8"), name)


def pack_file(path: Path) -> Pack:
    """Read a pack of somebody's own. Raises: PackError; OSError."""
    with path.open(encoding="utf-8-sig") as file:
        return read_pack(file.read(MAX_PACK_CHARACTERS + 1), path.name)


def read_pack(text: str, name: str) -> Pack:
    """Read a pack.

    Not checked: what the services will check themselves when it is loaded: matters, interfaces, grants, rows.

    Raises: PackError: unreadable, of another shape, or naming what it does not have.
    """
    if len(text) > MAX_PACK_CHARACTERS:
        raise PackError(name, [("", "too_long")])
    try:
        declared = load_data(text, _StrictLoader)
        shape = list(_shape(declared))
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise PackError(name, [(place, error.problem or "unreadable")]) from error
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise PackError(name, [("", "unreadable")]) from error
    if problems := shape or list(faults_of(declared, {*catalogue(), *declared.get("types", {})})):
        raise PackError(name, problems)
    return Pack(
        name=declared["name"],
        title=declared["title"],
        declared=declared,
        holders={holder.key: holder for holder in _holders(declared)},
        cases=tuple(_case(item) for item in declared["cases"]),
        refused=tuple(_refused(item) for item in declared.get("refused", ())),
        before=_before(declared["before"]),
        report=declared["before"].get("report", {}),
    )


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    text = resources.files("hub.scenarios").joinpath("pack.schema.json").read_text(encoding="utf-8")
    return compile_schema(json.loads(text))


def _shape(declared: Any) -> Iterator[tuple[str, str]]:
    for error in _validator().iter_errors(declared):
        place = "".join(f"/{step}" for step in error.instance_path)
        details = error.kind.as_dict()
        named = details.get("property") or ", ".join(map(str, details.get("unexpected", ())))
        yield place, f"{error.kind.name} {named}".strip()


def _holders(declared: Mapping[str, Any]) -> Iterator[Holder]:
    for place, (key, item) in enumerate(declared.get("persons", {}).items()):
        number = _number(place, item)
        born = {"sex": item["sex"], "born": item["born"], "spouse": item.get("spouse", "")}
        yield Holder(key, CITIZEN_ID, number, item["name"], *_told(item), **born)
    for key, item in declared.get("enterprises", {}).items():
        number = enterprise_code(next(iter(DISTRICTS)), item["serial"])
        yield Holder(key, USCC, number, item["name"], *_told(item))
    for key, item in declared.get("foreigners", {}).items():
        yield Holder(key, _PASSPORT, f"X99{item['serial']:06d}", item["name"], *_told(item))
    for place, (key, item) in enumerate(declared.get("newborns", {}).items()):
        given = _number(place, item)
        yield Holder(key, None, None, item["name"], *_told(item), sex=item["sex"], born=item["born"], given=given)


def _number(place: int, item: Mapping[str, Any]) -> str:
    """Of two born on one day no two get one number: the place goes into it."""
    divisions = tuple(DISTRICTS)
    sequence = 2 * (place + 1) + 300 + (item["sex"] == "男")
    return citizen_id(divisions[place % len(divisions)], date.fromisoformat(item["born"]), sequence)


def _told(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["story"]["zh"], item["story"]["en"]


def _case(item: Mapping[str, Any]) -> CaseSpec:
    return CaseSpec(
        key=item["key"],
        story_zh=item["story"]["zh"],
        story_en=item["story"]["en"],
        weight=item.get("weight", 1),
        parties=_playing(item),
        facts=item.get("facts", {}),
        subjects=tuple(item.get("subjects", ())),
        corroboration=tuple(item.get("corroboration", ("card_read",))),
        without_table=item.get("without_table", ""),
        expect=item.get("expect", {}),
        asked=item["asked"],
        awkward=item.get("awkward", ""),
        asks=tuple(item.get("asks", ())),
        commits=tuple(item.get("commits", ())),
        confirms=item.get("confirms", {}),
        hands_in=tuple(item.get("hands_in", ())),
        family=_family(item["family"]) if "family" in item else None,
    )


def _playing(item: Mapping[str, Any]) -> dict[str, Playing]:
    return {role: Playing(said) if isinstance(said, str) else Playing(**said) for role, said in item["parties"].items()}


def _family(item: Mapping[str, Any]) -> FamilySpec:
    form = item.get("form")
    return FamilySpec(
        asked=item["asked"],
        expect=item.get("expect", {}),
        results=tuple(ResultSpec(each["type"], each["of"], each.get("row", {})) for each in item.get("results", ())),
        names=tuple(item.get("names", ())),
        answers=item.get("answers", {}),
        form=(form["apart"], form["fields"], form["answered"]) if form else None,
    )


def _refused(item: Mapping[str, Any]) -> RefusedSpec:
    return RefusedSpec(
        key=item["key"],
        story_zh=item["story"]["zh"],
        story_en=item["story"]["en"],
        matter=item["matter"],
        parties=_playing(item),
        facts=item.get("facts", {}),
        corroboration=tuple(item.get("corroboration", ("card_read",))),
        filed_on=item.get("filed_on", ""),
        problem=item["problem"],
        rule=item.get("rule", ""),
    )


def _before(declared: Mapping[str, Any]) -> Before:
    return Before(
        label=Label(declared["label"]),
        source_zh=declared["source"]["zh"],
        source_en=declared["source"]["en"],
        on=date.fromisoformat(declared["on"]) if "on" in declared else None,
        items=tuple(_before_item(item) for item in declared["items"]),
    )


def _before_item(item: Mapping[str, Any]) -> BeforeItem:
    reason = item.get("reason", {})
    return BeforeItem(
        title_zh=item["title"]["zh"],
        title_en=item["title"]["en"],
        papers=item.get("papers", 1),
        requirement=item.get("requirement", ""),
        fate=Step(item["fate"]) if "fate" in item else None,
        reason_zh=reason.get("zh", ""),
        reason_en=reason.get("en", ""),
        shown_by=frozenset(item.get("shown_by", ())),
    )
