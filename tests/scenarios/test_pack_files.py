"""Packs as files: everything that is wrong is told with its place; the command says what differs."""

from pathlib import Path

import pytest

from hub.scenarios.pack import PackError, read_pack, shipped_packs
from tests.hub.command import yizheng
from tests.support import Place

NOBODY = "nobody here issues it"
SHAPE = {
    "/cases/1/expect/bank_premises: enum": ("bank_premises: no_source", "bank_premises: lost"),
    "/persons/wang: additionalProperties number": ("wang: {name", "wang: {number: '1', name"),
    "/departments/tax/code: format": ("code: 11990100MB0000182U", "code: 11990100MB0000182X"),
    "/cases/3/family: additionalProperties forms": (
        "family:\n      expect: {pf",
        "family:\n      forms: 1\n      expect: {pf",
    ),
    "/refused/0/problem: pattern": ("problem: invalid-party", "problem: Any"),
}
NAMES = {
    "/cases/1/parties/enterprise: unknown holder": ("{enterprise: tenant,", "{enterprise: tenent,"),
    "/refused/0/parties/owner: unknown role": ("{legal_representative: wang}\n", "{owner: wang}\n"),
    "/cases/1/expect/bank_place: unknown requirement": ("bank_premises: no", "bank_place: no"),
    f"/grants/5/type: {NOBODY}": ("- {type: company_seal_record,", "- {type: vehicle_licence,"),
    "/departments/market/issues/0: unknown type": ("issues: [business_licence]", "issues: [licence]"),
    "/before/items: tax_premises: 2 papers here, 1 in its matter": (
        "requirement: tax_premises}", "requirement: tax_premises, papers: 2}",
    ),
    "/cases/3/family/results/0/of: unknown holder": ("_record, of: fresh}", "_record, of: fresch}"),
    "/event/matters/4/matter: unknown matter": ("{matter: company_bank}", "{matter: company_banc}"),
    "/refused/0/matter: unknown matter": ("matter: company_seal\n", "matter: company_seals\n"),
}  # fmt: skip
KEYS = {"line 4: repeated_key": ("name: open-a-company", "name: open-a-company\nname: other")}
"""What is told: the text, what stands in its place."""


@pytest.mark.parametrize("wrong", [SHAPE, NAMES, KEYS], ids=["shape", "names", "keys"])
def test_every_problem_is_told_at_once_with_its_place(pack_text: str, wrong: dict[str, tuple[str, str]]) -> None:
    text = pack_text
    for was, now in wrong.values():
        assert text.count(was) >= 1, was
        text = text.replace(was, now, 1)
    with pytest.raises(PackError) as raised:
        read_pack(text, "mine.yaml")
    assert set(wrong) <= {f"{where}: {what}" for where, what in raised.value.problems}


@pytest.mark.parametrize("text", ["", "[]", "a: [", "a: &x 1\nb: *x", "x" * 300_000])
def test_what_is_no_pack_is_refused(text: str) -> None:
    with pytest.raises(PackError):
        read_pack(text, "mine.yaml")


async def test_the_command_prints_what_differs_and_ends_with_1(tmp_path: Path, pack_text: str) -> None:
    cases = pack_text.index("cases:\n")
    first = pack_text[cases : pack_text.index("  - key: hosted")]
    mine = pack_text[:cases] + first.replace("tax_premises: no_source", "tax_premises: satisfied").replace(
        "asked: 3", "asked: 2"
    )
    (tmp_path / "mine.yaml").write_text(mine, encoding="utf-8")
    place = Place(tmp_path / "unused", None)
    done = await yizheng(place, "scenario", "run", str(tmp_path / "mine.yaml"), "--json")
    assert done.code == 1
    told = [(item["case"], item["about"], item["expected"], item["found"]) for item in done.json()["differences"]]
    assert told == [
        ("tenant", "tax_premises", "satisfied", "no_source"),
        ("tenant", "asked", "2", "3"),
        ("tenant (family)", "tax_premises", "satisfied", "no_source"),
    ]
    assert [(item["key"], item["waterfall"]["asked"]) for item in done.json()["families"]] == [
        ("owner", 1),
        ("tenant", 2),
    ]
    assert "tenant: tax_premises: no_source, 应为 expected satisfied" in done.err
    usual = done.json()["usual"]
    assert (usual["before"]["papers"], usual["before"]["label"], usual["asked"]) == (25, "reconstructed", 1)
    assert not (tmp_path / "unused").exists()


async def test_a_case_that_is_refused_is_named(tmp_path: Path, pack_text: str) -> None:
    persons = "roles: [enterprise, {role: legal_representative, kinds: ['111']}]"
    first = pack_text.index("  - key: tenant")
    last = pack_text[pack_text.index("  - key: company\n") :]
    mine = pack_text[:first].replace("roles: [enterprise, legal_representative]", persons) + last
    (tmp_path / "mine.yaml").write_text(mine, encoding="utf-8")
    done = await yizheng(Place(tmp_path / "unused", None), "scenario", "run", str(tmp_path / "mine.yaml"))
    assert (done.code, "company: /parties/1/id_type: wrong_kind" in done.err) == (65, True)


async def test_packs_are_listed_and_an_unknown_one_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path / "unused", None)
    listed = await yizheng(place, "scenario", "list", "--json")
    assert [item["name"] for item in listed.json()["packs"]] == list(shipped_packs())
    missing = await yizheng(place, "scenario", "run", "housing")
    assert (missing.code, "housing-fund-loan" in missing.err) == (64, True)
    full = await yizheng(place, "scenario", "run", "housing-fund-loan", "--home", str(Path(__file__).parent))
    assert (full.code, "not empty" in full.err) == (64, True)
