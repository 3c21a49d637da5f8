"""The schema of a matter: it names everything that is out of shape at once, and leaves its reader no surprise."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from catalog.errors import DefinitionError
from catalog.matters.reading import read_matter
from catalog.matters.values import Matter
from hub.registry.matters.drafts import drafted
from hub.registry.matters.shape import misshapen
from hub.sample.catalogue import matters

WHOLE: Final[dict[str, Any]] = yaml.safe_load("""
code_system: 示例目录
code: everything
name: {zh: 全部写法, en: Every member}
department: 11990100MB00000132
roles: [applicant, {role: seller, many: true, kinds: ["111"]}, {role: agent, agent: true}, {role: late, deceased: true}]
facts:
  premises: {kind: text, title: {zh: 场所, en: Premises}, choices: [{value: own, zh: 自有, en: Owned}]}
  staff: {kind: integer, title: {zh: 人数, en: Staff}}
situations: [{code: owner, title: {zh: 自有, en: Own}, sets: {premises: own}}]
prerequisites: [other]
owed_clock: runs
accept_days: 5
decide_days: 20
in_force_from: 2026-01-01
in_force_until: "2030-12-31"
withdrawn: false
form:
  - {field: trade, title: {zh: 业态, en: Trade}, kind: text, required: false,
     choices: [{value: food, zh: 餐饮, en: Food}]}
  - {field: staff, title: {zh: 人数, en: Staff}, kind: integer, fact: staff, party: applicant}
  - {field: name, title: {zh: 名称, en: Name}, given: [{requirement: licence, claim: name}]}
signatures: [applicant]
results: [{type: 11990000MB0000002Q001, party: applicant, fill: {name: name}}]
requirements:
  - code: licence
    title: {zh: 营业执照, en: Business licence}
    party: applicant
    legal_basis: 《示例条例》第一条
    material: M-1
    papers: 2
    none_clears: false
    max_age_days: 30
    reuse_days: 10
    assurance: low
    in_force_from: 2026-01-01
    in_force_until: 2027-01-01
    when: facts.premises == "own"
    yields: {name: text}
    gives: [{role: late, id_type: "111", id_number: address, name: name}]
    alternatives:
      - [{type: 11990000MB0000002Q001, fields: [name, address], reads: [uscc], where: {address: facts.premises}}]
      - [{interface: companies, fields: [name, address], subject: enterprise, params: {year: "2026"}, one: true}]
    stand_ins:
      sealed_copy: {reusable_days: 90}
      verification: {department: 11990100MB00000132, days: 3, reusable_days: 9,
                     form: {held: boolean, day: {kind: date}}}
      commitment: {template: plain, due_days: 5, legal_basis: 《条例》第二条, consequence: {zh: 撤销, en: Undone},
                   text: {zh: 我承诺, en: I promise}}
  - code: paper
    title: {zh: 图纸, en: Drawings}
    party: applicant
    legal_basis: 《示例条例》第二条
    own_paper: {zh: 图纸, en: drawings}
    alternatives: []
""")
STRANGE: Final[tuple[Any, ...]] = (None, "", "x", 0, 3, True, [], ["x"], {}, {"x": "y"})


def taken(definition: Mapping[str, Any]) -> bool:
    try:
        read_matter(definition)
    except DefinitionError:
        return False
    return True


def altered(node: Any) -> Iterator[Any]:
    """The declaration with one member left out, put strangely, or put in besides."""
    members = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for member in members:
        for value in STRANGE:
            other = copy.copy(node)
            other[member] = value
            yield other
        without = copy.copy(node)
        del without[member]
        yield without
        for inner in altered(node[member]):
            other = copy.copy(node)
            other[member] = inner
            yield other
    if isinstance(node, dict):
        yield {**node, "unheard": "of"}


def test_every_spelling_that_the_page_names_is_in_shape() -> None:
    for definition in (WHOLE, *matters()):
        assert misshapen(definition) == ()
        assert isinstance(drafted(definition), Matter)


def test_whatever_one_member_says_it_is_taken_or_refused_in_words() -> None:
    counts = dict.fromkeys(("taken", "misshapen", "refused", "tolerated"), 0)
    for definition in altered(WHOLE):
        said = drafted(definition)
        kind = "taken" if isinstance(said, Matter) else "misshapen" if said[0].code == "shape" else "refused"
        counts[kind] += 1
        counts["tolerated"] += taken(definition) and kind == "misshapen"  # an earlier release may have stored it
    assert all(counts.values()), counts
    assert counts["misshapen"] > 10 * counts["refused"]


def test_everything_is_named_at_once_at_its_place_and_without_its_value() -> None:
    wrong = copy.deepcopy(WHOLE)
    del wrong["department"]
    wrong["roles"] = "geheim"
    wrong["ownerr"] = "geheim"
    wrong["requirements"][0]["papers"] = 0
    del wrong["requirements"][1]["legal_basis"]
    wrong["requirements"][0]["alternatives"][0][0]["interface"] = "geheim"
    found = misshapen(wrong)
    assert {(item.pointer, item.requirement) for item in found} == {
        ("", ""),
        ("/roles", ""),
        ("/requirements/0/papers", "licence"),
        ("/requirements/0/alternatives/0/0", "licence"),
        ("/requirements/1", "paper"),
    }
    told = "".join(item.zh + item.en for item in found)
    assert "缺少 department" in told
    assert "legal_basis is missing" in told
    assert "ownerr is no member" in told
    assert "geheim" not in told
