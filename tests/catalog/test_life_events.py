"""Several matters as one event: who is who in each, what waits for what; rings and clashes are refused."""

from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from catalog.errors import DefinitionError
from catalog.life_events.guiding import event_guide
from catalog.life_events.joining import applies, check_event, feeds, one_form, waits_for, waves
from catalog.life_events.reading import read_event
from catalog.life_events.values import LifeEvent
from catalog.matters.asking import Known, KnownType
from catalog.matters.lines import Setting
from catalog.matters.reading import read_matter
from catalog.matters.values import Matter

TITLE = {"zh": "开公司", "en": "Open a company"}
FIELD = {"field": "phone", "term": "phone"}


def event(**changes: Any) -> LifeEvent:
    return read_event(
        {
            "code_system": "test",
            "code": "OPEN",
            "title": TITLE,
            "department": "x",
            "parties": ["company", "owner"],
            "matters": [
                {"matter": "LICENCE", "parties": {"applicant": "owner"}},
                {"matter": "SEAL", "parties": {"applicant": "company"}, "when": "facts.sealed"},
                {"matter": "TAX"},
            ],
            "facts": {"sealed": {"kind": "boolean", "title": TITLE}},
        }
        | changes
    )


def matter(code: str, *roles: str, takes: str = "identity", of: str = "", **changes: Any) -> Matter:
    needs = [[{"type": takes, "fields": ["name"]}]]
    requirement = {"code": "shown", "title": TITLE, "party": of or roles[0], "legal_basis": "法", "alternatives": needs}
    declared = {
        "code_system": "test", "code": code, "name": TITLE, "department": "x", "roles": list(roles),
        "requirements": [requirement],
    }  # fmt: skip
    return read_matter(declared | changes)


def town(**changes: Matter) -> dict[str, Matter]:
    licence = matter("LICENCE", "applicant", "company", results=[{"type": "licence", "party": "company"}])
    return {
        "LICENCE": licence,
        "SEAL": matter("SEAL", "applicant", takes="licence", results=[{"type": "seal"}]),
        "TAX": matter("TAX", "company", "owner", takes="seal", of="company"),
    } | changes


def test_what_one_matter_gives_feeds_what_the_next_asks_of_the_same_party() -> None:
    found = feeds(event(), town())
    told = [(item.matter, item.type_code, item.party, item.to, item.requirement) for item in found]
    assert told == [("LICENCE", "licence", "company", "SEAL", "shown"), ("SEAL", "seal", "company", "TAX", "shown")]
    assert waves(event(), town()) == (("LICENCE",), ("SEAL",), ("TAX",))
    # The same type about somebody else is not what the next one waits for.
    others = town(TAX=matter("TAX", "company", "owner", takes="seal", of="owner"))
    assert waits_for(event(), others)["TAX"] == ()
    check_event(event(), others)


def test_a_ring_of_matters_is_refused_by_name() -> None:
    ring = town(LICENCE=matter("LICENCE", "applicant", "company", takes="seal", of="company",
                               results=[{"type": "licence", "party": "company"}]))  # fmt: skip
    with pytest.raises(DefinitionError, match=r"circular: \w+ → \w+ → \w+"):
        check_event(event(), ring)
    ordered = [{"matter": "LICENCE", "parties": {"applicant": "owner"}, "after": ["TAX"]}]
    ordered += [{"matter": "SEAL", "parties": {"applicant": "company"}}, {"matter": "TAX"}]
    with pytest.raises(DefinitionError) as refused:
        check_event(event(matters=ordered), town())
    ring_told = str(refused.value).removeprefix("circular: ").split(" → ")
    assert ring_told[0] == ring_told[-1]
    assert set(ring_told) == {"LICENCE", "SEAL", "TAX"}
    # Told in the order of waiting: each waits for the one behind it.
    assert all(after in waits_for(event(matters=ordered), town())[before] for before, after in pairwise(ring_told))
    prerequisite = town(LICENCE=matter("LICENCE", "applicant", prerequisites=["TAX"], results=[{"type": "licence"}]))
    assert waits_for(event(), prerequisite)["LICENCE"] == ("TAX",)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"parties": []}, "it needs parties"),
        ({"matters": []}, "from 1 to 50 matters"),
        ({"matters": [{"matter": "TAX"}, {"matter": "TAX"}]}, "named twice"),
        ({"matters": [{"matter": "TAX", "after": ["X"]}]}, "TAX is after X"),
        ({"matters": [{"matter": "TAX", "parties": {"company": "nobody"}}]}, "unknown parties nobody"),
        ({"matters": [{"matter": "TAX", "wen": "true"}]}, "unknown wen"),
        ({"matters": [{"matter": "TAX", "when": "facts.unheard"}]}, "unheard"),
        ({"signatures": ["company", "owner", "third"]}, "signatures"),
        ({"title": 1}, "event"),
    ],
)
def test_what_is_wrong_with_an_event_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        event(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"TAX": None}, "no matter TAX is in force"),
        ({"LICENCE": matter("LICENCE", "founder")}, "LICENCE has no role applicant"),
        ({"TAX": matter("TAX", "payer")}, "nobody is payer of TAX"),
        (
            {"TAX": matter("TAX", "company", facts={"sealed": {"kind": "text", "title": TITLE}})},
            "fact sealed: boolean in OPEN, text in TAX",
        ),
    ],
)
def test_an_event_whose_matters_do_not_fit_is_refused(changes: dict[str, Matter | None], said: str) -> None:
    known = {code: item for code, item in (town() | changes).items() if item is not None}
    with pytest.raises(DefinitionError, match=said):
        check_event(event(), known)


def test_the_form_of_an_event_asks_everybody_once() -> None:
    forms = town(
        LICENCE=matter("LICENCE", "applicant", form=[FIELD]),
        SEAL=matter("SEAL", "applicant", form=[FIELD]),
        TAX=matter("TAX", "company", "owner", form=[FIELD, FIELD | {"field": "mobile", "party": "owner"}]),
    )
    fields = one_form(event(), forms, ("company", "owner", "owner#2"))
    assert {item.key: item.matters for item in fields} == {
        "owner.phone": ("LICENCE", "TAX"), "owner#2.phone": ("LICENCE", "TAX"), "company.phone": ("SEAL", "TAX"),
    }  # fmt: skip


def test_whether_a_matter_is_opened_may_be_a_question() -> None:
    seal = event().matters[1]
    day = {"case.filed_on": date(2026, 1, 1)}
    assert applies(seal, {**day, "facts.sealed": True}).value is True
    assert applies(seal, {**day, "facts.sealed": False}).value is False
    assert applies(seal, day).missing == {"facts.sealed"}
    assert applies(event().matters[2], {}).value is True


def test_the_guide_of_an_event_names_each_paper_once_and_none_that_a_matter_gives() -> None:
    def asks(code: str, title: str, kind: str, party: str) -> dict[str, Any]:
        return {
            "code": code, "title": {"zh": title, "en": title}, "party": party, "legal_basis": "法",
            "alternatives": [[{"type": kind, "fields": ["name"]}]],
        }  # fmt: skip

    deed, card = asks("deed", "租赁合同", "lease", "applicant"), asks("card", "身份证", "identity", "applicant")
    known = Known({"identity": KnownType("identity", "身份证", "ID card", frozenset({"name"}), ("police",))}, {})
    matters = town(
        LICENCE=matter("LICENCE", "applicant", requirements=[deed, card], results=[{"type": "licence"}], form=[FIELD]),
        SEAL=matter("SEAL", "applicant", requirements=[asks("shown", "营业执照", "licence", "applicant")]),
        TAX=matter("TAX", "owner", requirements=[deed | {"party": "owner"}, card | {"party": "owner"}], form=[FIELD]),
    )
    sealed = [{"matter": "LICENCE", "parties": {"applicant": "owner"}}]
    sealed += [{"matter": "SEAL", "parties": {"applicant": "owner"}, "when": "facts.sealed"}, {"matter": "TAX"}]
    one = event(matters=sealed)
    day = date(2026, 1, 1)
    told = event_guide(one, matters, Setting({"sealed": True}, day), known, "zh-CN")
    assert [(item.title, item.papers) for item in told.bring] == [("租赁合同", 1)]
    assert [item.title for item in told.spared] == ["身份证"]
    assert [item.title for item in told.given] == ["营业执照"]
    assert (told.papers, told.papers_spared, told.fields, told.signatures) == (1, 4, 1, 1)
    assert told.order == (("LICENCE", "TAX"), ("SEAL",))
    unknown = event_guide(one, matters, Setting({}, day), known, "en")
    assert [item.fact for item in unknown.questions] == ["sealed"]
    assert [opened for *_, opened in unknown.matters] == [True, None, True]
    assert [item.title for item in unknown.open] == ["营业执照"]
    without = event_guide(one, matters, Setting({"sealed": False}, day), known, "en")
    assert [opened for *_, opened in without.matters] == [True, False, True]
    assert without.given == ()
