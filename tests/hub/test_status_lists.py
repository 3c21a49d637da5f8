"""Published status lists: signed from guarded rows only, by what changed, and never an older state over a newer one."""

import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from sqlalchemy import Connection, text

from certificates.errors import TransitionError
from certificates.lifecycle.rules import Reason
from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND
from hub.issuing.files import identifiers_of, read_document
from hub.issuing.status import reading as status_reading
from hub.issuing.status.published import Published
from hub.issuing.status.reading import Whole
from hub.issuing.transitions.writing import Cause
from hub.runtime import Hub
from hub.storage.errors import ConflictError, IntegrityBrokenError, MissingError
from signing.jose import read_header
from signing.status_list import INVALID, SUPERSEDED, SUSPENDED, VALID, StatusList, read_status_list
from signing.x509.pki import chain_from_header, validate_chain
from tests.hub.city import statements
from tests.support import ENTERPRISE, PUBLIC_URL, Place, enterprise_claims, issue, valid_uscc


async def revoke(hub: Hub, operation: Operation = Operation.REVOKE) -> tuple[str, int]:
    """Change the template's one licence; answers its identifier and its index on list 0."""
    found = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    changed = await hub.status.change(found[0]["identifier"], operation, reason="test", legal_basis="test")
    return changed.identifier, changed.status_index


def read(hub: Hub, token: bytes, *, now: datetime | None = None) -> StatusList:
    now = now or datetime.now(UTC)
    leaf = validate_chain(
        chain_from_header(read_header(token, max_bytes=1 << 20)), anchors=hub.desk.anchors(), now=datetime.now(UTC)
    )
    assert leaf.roles == {"status"}
    return read_status_list(token, key=leaf.public, uri=f"{PUBLIC_URL}/status-lists/0", now=now).list


async def listed(hub: Hub, index: int) -> int:
    return read(hub, await hub.status.current(0)).get(index)


async def sql(hub: Hub, statement: str) -> None:
    await hub.database.write(lambda tx: tx.execute(text(statement)))


def kept(hub: Hub) -> Published:
    found = hub.status._stored(0)
    assert found is not None
    return found


async def test_a_change_is_on_the_published_list_at_once(hub: Hub) -> None:
    _, index = await revoke(hub, Operation.SUSPEND)
    assert await listed(hub, index) == SUSPENDED
    await revoke(hub, Operation.RESUME)
    assert await listed(hub, index) == VALID
    await revoke(hub)
    assert await listed(hub, index) == INVALID


async def test_what_is_made_by_change_is_what_is_made_from_all_rows(hub: Hub) -> None:
    """Forty licences through a random life: after each step, sequenced or not, both readings say the same."""
    codes = [valid_uscc(f"91990100MA00002{number:02}") for number in range(40)]
    await issue(hub, *(enterprise_claims(uscc=code) for code in codes))
    identifiers = [(await identifiers_of(hub, "001", code))[0]["identifier"] for code in codes]
    chance = random.Random(6)
    for _ in range(12):
        for identifier in chance.sample(identifiers, 3):
            cause = _cause(chance.choice([Operation.SUSPEND, Operation.RESUME, Operation.CANCEL, Operation.OTHER]))
            with suppress(TransitionError):  # without publishing each
                await hub.database.write(
                    lambda tx, identifier=identifier, cause=cause: hub.status._change(tx, identifier, cause)  # type: ignore[misc]
                )
        if chance.random() < 0.5:
            await hub.ledger.drain()
        by_change = read(hub, await hub.status.build(0))
        sums = kept(hub).sums
        assert read(hub, await hub.status.build(0, whole=True)) == by_change
        assert kept(hub).sums == sums
    assert {by_change.get(index) for index in range(1 << 20)} == {VALID, INVALID, SUSPENDED}


def _cause(operation: Operation) -> Cause:
    return Cause(operation=operation, reason_code=Reason.OTHER, reason="因故", legal_basis="法")


async def test_a_change_reads_what_changed_and_not_the_whole_list(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    await hub.status.build(0, whole=True)
    await hub.ledger.drain()

    def never(tx: Connection, number: int) -> Whole:
        raise AssertionError("all rows were read")

    monkeypatch.setattr(status_reading, "whole", never)
    _, index = await revoke(hub)
    assert await listed(hub, index) == INVALID


async def test_a_job_for_a_list_that_says_so_already_signs_nothing(hub: Hub) -> None:
    await revoke(hub)
    before = kept(hub)
    await hub.jobs.sweep()
    await hub.status.publish({"number": 0})
    assert kept(hub) == before


async def test_a_superseded_version_is_listed_as_such(hub: Hub) -> None:
    found = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    await issue(hub, enterprise_claims(address="新址"))
    await hub.jobs.sweep()
    old = await hub.transitions.history(COMMAND, found[0]["identifier"])
    assert await listed(hub, old.asked.status_index) == SUPERSEDED


@pytest.mark.parametrize("listed_before", [False, True])
async def test_a_revoked_row_put_back_to_valid_by_sql_is_never_signed_as_valid(hub: Hub, listed_before: bool) -> None:  # noqa: FBT001
    _, index = await revoke(hub)
    if listed_before:
        await hub.ledger.drain()
        await hub.status.build(0)  # the change lies before the last list: no look at it by change
    await sql(hub, "UPDATE certificate_versions SET status = 'valid'")
    with pytest.raises(IntegrityBrokenError):
        await hub.status.build(0)
    with pytest.raises(IntegrityBrokenError):
        await hub.verification.trust_pack()
    assert await listed(hub, index) == INVALID  # the list of before stands until it expires


@pytest.mark.parametrize("listed_before", [False, True])
async def test_a_valid_row_revoked_by_sql_is_not_published(hub: Hub, listed_before: bool) -> None:  # noqa: FBT001
    if listed_before:
        await hub.status.build(0)
    await sql(hub, "UPDATE certificate_versions SET status = 'revoked'")
    with pytest.raises(IntegrityBrokenError):
        await hub.status.build(0)


async def test_two_rows_exchanged_by_sql_are_noticed(hub: Hub) -> None:
    await issue(hub, enterprise_claims(uscc=valid_uscc("91990100MA0000003")))
    await revoke(hub)
    await hub.status.build(0)
    await sql(hub, "UPDATE certificate_versions SET status = CASE status WHEN 'valid' THEN 'revoked' ELSE 'valid' END")
    with pytest.raises(IntegrityBrokenError):
        await hub.status.build(0)


@pytest.mark.embedded
@pytest.mark.parametrize("damage", ["token", "head", "other"])
async def test_a_stored_list_that_somebody_exchanged_is_made_from_the_rows_again(hub: Hub, damage: str) -> None:
    _, index = await revoke(hub)
    stored = hub.objects.get("status-lists/0")
    head, token = stored.split(b"\n", 1)
    forged = {
        "token": head + b"\n" + token[:-8] + b"AAAAAAAA",
        "head": head.replace(b'"position"', b'"positron"') + b"\n" + token,
        "other": b"1763769600.0\n" + token,  # as an earlier release wrote it
    }[damage]
    hub.objects.put("status-lists/0", forged)
    assert await listed(hub, index) == INVALID
    assert kept(hub).sums == {INVALID: (1, index)}


async def test_an_older_state_written_over_a_newer_one_is_replaced(hub: Hub) -> None:
    """As if another process had signed later rows and lost the race to the store."""
    await hub.status.build(0)
    ahead = datetime.now(UTC) + timedelta(seconds=1)
    await sql(hub, f"UPDATE status_lists SET published_at = {round(ahead.timestamp() * 1_000_000)}")
    await hub.status.build(0)
    assert kept(hub).read_at > ahead - timedelta(seconds=1)


async def test_a_list_that_does_not_exist_is_missing(hub: Hub) -> None:
    with pytest.raises(MissingError):
        await hub.status.current(7)


async def test_lists_are_looked_at_as_a_whole_again_at_half_their_life(hub: Hub) -> None:
    assert await hub.status.due() == [0]
    assert await hub.status.sweep() == 1
    assert await hub.status.due() == []
    past = datetime.now(UTC) - timedelta(hours=13)
    await sql(hub, f"UPDATE status_lists SET audited_at = {round(past.timestamp() * 1_000_000)}")
    assert await hub.status.sweep() == 1
    assert await hub.status.due() == []


async def test_no_status_no_licence(hub: Hub) -> None:
    """A licence whose place on a list cannot be recorded is not issued: no row, no entry, nothing to sign."""
    found = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    before = await _counts(hub)
    await sql(hub, "UPDATE status_lists SET next_counter = 0")  # would give a place out a second time
    with pytest.raises(ConflictError):
        await issue(hub, enterprise_claims(uscc=valid_uscc("91990100MA0000004")))
    assert await _counts(hub) == before
    assert await hub.issuing.finish() == 0
    # The hub's verdict reads the row; whoever has neither row nor list cannot tell.
    token = await read_document(hub, found[0]["identifier"])
    assert (await hub.verification.verify(token, audience=None)).reason == "ok"
    await sql(hub, "UPDATE certificate_versions SET status_index = status_index + 1")
    lost = await hub.verification.verify(token, audience=None)
    assert (lost.result, lost.reason) == ("indeterminate", "status_unavailable")


async def _counts(hub: Hub) -> list[int]:
    tables = ("certificate_versions", "certificates", "ledger_entries")
    return [
        await hub.database.read(lambda tx, name=name: tx.execute(text(f"SELECT count(*) FROM {name}")).scalar())  # type: ignore[misc]
        for name in tables
    ]


async def test_a_list_is_a_static_object_to_caches(hub: Hub, client: httpx2.AsyncClient) -> None:
    first = await client.get("/status-lists/0")
    assert first.headers["content-type"] == "application/statuslist+jwt"
    assert first.headers["cache-control"] == "public, max-age=600"
    assert first.headers["access-control-allow-origin"] == "*"
    tag = first.headers["etag"]
    async with statements(hub) as asked:
        same = await client.get("/status-lists/0", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert [line for line in asked if "certificate" in line] == []
    await revoke(hub)
    changed = await client.get("/status-lists/0", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_a_list_as_it_was_at_an_earlier_moment(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    _, index = await revoke(hub, Operation.SUSPEND)
    await revoke(hub)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    opened, suspended, revoked = now - timedelta(days=9), now - timedelta(days=5), now - timedelta(days=2)
    await sql(hub, f"UPDATE status_lists SET changed_at = {_micro(opened)}")
    moments = {"suspend": suspended, "revoke": revoked}

    def earlier(tx: Connection) -> None:
        """As if all of it had been recorded in another week."""
        from dataclasses import replace

        from sqlalchemy import update

        from catalog.tables import table
        from certificates.stores.transitions import _act
        from certificates.tables import TransitionRow
        from hub.issuing.transitions.writing import _meaning

        rows = table(TransitionRow)
        for row in tx.execute(rows.select()).all():
            act = replace(_act(row), recorded_at=moments[row.operation], effective_at=moments[row.operation])
            mac = hub.vault.row_mac(_meaning(act))
            values = {"recorded_at": act.recorded_at, "effective_at": act.effective_at, "mac": mac}
            tx.execute(update(rows).where(rows.c.id == row.id).values(**values))

    await hub.database.write(earlier)
    for moment, status in (
        (opened + timedelta(days=1, seconds=30), VALID),
        (suspended + timedelta(hours=1), SUSPENDED),
        (revoked + timedelta(hours=1), INVALID),
        (now, INVALID),
    ):
        answer = await client.get("/status-lists/0", params={"time": round(moment.timestamp())})
        assert answer.status_code == 200, answer.text
        assert read(hub, answer.content, now=moment).get(index) == status  # `iat` ≤ then < `exp`
    for moment in (opened - timedelta(hours=1), now + timedelta(hours=1)):
        answer = await client.get("/status-lists/0", params={"time": round(moment.timestamp())})
        assert answer.status_code == 404
    await sql(hub, "UPDATE certificate_transitions SET from_status = 'valid'")
    forged = await client.get("/status-lists/0", params={"time": round((suspended + timedelta(hours=1)).timestamp())})
    assert forged.status_code == 502


def _micro(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
