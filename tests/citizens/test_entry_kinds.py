"""Every kind of entry is read by whom it is about, in both languages, or has its reason; a new one fails here."""

import ast
import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

import hub
from certificates.lifecycle.states import Operation
from certificates.stores.holders import find_subjects
from hub.citizens.access_words import KINDS, kind_of, words_of
from hub.issuing.plan import lookup_hash
from hub.ledger.entries import Draft, append, seal
from hub.ledger.kinds import FAMILIES, OF_NOBODY, OF_PERSONS, SANDBOX, reason_of
from hub.registry.demands.states import Step as DemandStep
from hub.registry.requests.dispute_store import Move
from hub.registry.requests.values import Step as RequestStep
from hub.runtime import Hub
from hub.storage.vault import DataKey
from tests.citizens.conftest import Watch, session
from tests.hub.city import PERSON, grow
from tests.support import Place

HOME = Path(hub.__file__).parent
KIND = re.compile(r"[a-z_]+(\.[a-z_]+)*")
FIRST = {name.split(".")[0] for name in (*OF_PERSONS, *OF_NOBODY, *FAMILIES)}
COMPOSED = {
    *(f"certificate.{step.value}" for step in Operation),
    *(f"grant.request.{step.value}" for step in RequestStep),
    *(f"grant.dispute.{step.value}" for step in Move),
    *(f"demand.{step.value}" for step in DemandStep),
}
"""Kinds that the code puts together."""


@cache
def modules() -> list[ast.Module]:
    return [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(HOME.rglob("*.py"))]


def name_of(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def writers() -> dict[str, set[int]]:
    """Functions that write an entry of the kind that they are given, and which of their arguments that may be."""
    found: dict[str, set[int]] = {"marked": {0}}
    for tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [one.arg for one in node.args.args if one.arg not in {"self", "cls"}]
                if "kind" not in names:
                    continue
                calls = {name_of(one) for one in ast.walk(node) if isinstance(one, ast.Call)}
                if calls & {"Draft", "record", "_record", "_entry", "_draft", "write_entry"}:
                    found.setdefault(node.name, set()).add(names.index("kind"))
    return found


def steps_in(name: str, call: ast.Call) -> list[str]:
    """Of the steps of a case, which are written as `case.STEP`."""
    place = {"record_step": 4, "_written": 3}.get(name)
    step = call.args[place] if place is not None and len(call.args) > place else None
    return [step.value] if isinstance(step, ast.Constant) and isinstance(step.value, str) else []


def written() -> set[str]:
    """Kinds that stand in the code as they are written, or as constants beside it."""
    given, found = writers(), set()
    for tree in modules():
        constants = {
            node.target.id: node.value
            for node in tree.body
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None
        }
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = name_of(call)
            said = [word.value for word in call.keywords if word.arg == "kind"] if name in {"Draft", *given} else []
            said += [one for place, one in enumerate(call.args) if place in given.get(name, ())]
            said += [constants[one.id] for one in said if isinstance(one, ast.Name) and one.id in constants]
            said += [ast.Constant(f"case.{step}") for step in steps_in(name, call)]
            texts = [one.value for value in said for one in ast.walk(value) if isinstance(one, ast.Constant)]
            found |= {text for text in texts if isinstance(text, str) and KIND.fullmatch(text)}
    return {kind for kind in found if "." in kind and kind.split(".")[0] in FIRST}


def test_every_kind_has_words_in_both_languages_or_a_reason() -> None:
    assert set(KINDS) == OF_PERSONS, "hub.ledger.kinds and hub.citizens.access_words"
    for kind, (look, (zh, en)) in KINDS.items():
        assert look in {"look", "nothing", "own", "change"}, kind
        assert re.search("[一-鿿]", zh), kind
        assert re.fullmatch(r"[\x20-\x7e]{8,}", en), kind
    assert [kind for kind, reason in {**OF_NOBODY, **FAMILIES}.items() if len(reason) < 20] == []
    assert [kind for kind in OF_PERSONS if reason_of(kind)] == [], "of nobody and of somebody"


def test_every_kind_that_the_code_writes_is_listed() -> None:
    found = written()
    assert len(found) > 120, sorted(found)
    unlisted = sorted(kind for kind in found | COMPOSED if kind not in OF_PERSONS and reason_of(kind) is None)
    assert unlisted == []


def test_an_entry_of_no_listed_kind_is_an_alarm() -> None:
    key = DataKey(b"k" * 32, wrapped=b"", kek_kid="")
    drafts = (("case.peeked", None), ("peeked", None), ("grant.add", "somebody"), (f"{SANDBOX}disclosure", "somebody"))
    with capture_logs() as logged:
        for kind, subject_id in (*drafts, ("disclosure", None)):  # the last about a number that the hub does not know
            Draft(kind=kind, detail={}, key=key, subject_id=subject_id)
    assert [(line["event"], line["kind"]) for line in logged] == [
        ("entry_kind_unlisted", kind) for kind, _ in drafts[:3]
    ]


@pytest.mark.embedded
async def test_the_person_reads_an_entry_of_every_kind_in_plain_words(place: Place, hub: Hub, watch: Watch) -> None:
    del watch
    digest = lookup_hash(hub.vault, PERSON["id_type"], PERSON["id_number"])
    kinds = sorted(OF_PERSONS)

    def write(tx: Connection) -> None:
        subject = find_subjects(tx, [digest])[digest]
        key = hub.vault.data_key(subject.data_key, subject.kek_kid)
        now = hub.clock() - timedelta(minutes=1)
        drafts = [Draft(kind=kind, detail={}, key=key, subject_id=subject.id) for kind in kinds]
        append(tx, [seal(draft, now=now) for draft in drafts])

    async with place.client(hub) as client:
        await grow(place, hub, client)
        await hub.database.write(write)
        client.cookies.set("yz_holder", await session(hub))
        for language, place_of in (("zh-CN", 0), ("en", 1)):
            shown: dict[str, set[str]] = {}
            cursor: str | None = ""
            while cursor is not None:
                params: dict[str, Any] = {"cursor": cursor} if cursor else {}
                answer = await client.get("/api/v1/me/accesses", params=params, headers={"Accept-Language": language})
                for item in answer.json()["accesses"]:
                    shown.setdefault(item["kind"], set()).add(item["what"])
                cursor = answer.json()["next"]
            assert {kind: shown.get(kind) for kind in kinds} == {kind: {words_of(kind)[place_of]} for kind in kinds}
    assert kind_of("disclosure") == "look"
