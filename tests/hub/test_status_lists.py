"""Published status lists: signed from guarded rows only, and never an older state over a newer one."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from certificates.lifecycle import Operation
from hub.issuing.files import identifiers_of
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from signing.jose import read_header
from signing.pki import chain_from_header, validate_chain
from signing.status_list import INVALID, SUSPENDED, VALID, read_status_list
from tests.support import ENTERPRISE, PUBLIC_URL


async def revoke(hub: Hub, operation: Operation = Operation.REVOKE) -> tuple[str, int]:
    """Change the template's one licence; answers its identifier and its index on list 0."""
    found = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    changed = await hub.status.change(found[0]["identifier"], operation, reason="test", legal_basis="test")
    return changed.identifier, changed.status_index


async def listed(hub: Hub, index: int) -> int:
    token = await hub.status.current(0)
    leaf = validate_chain(
        chain_from_header(read_header(token, max_bytes=1 << 20)), anchors=hub.desk.anchors(), now=datetime.now(UTC)
    )
    assert leaf.roles == {"status"}
    read = read_status_list(token, key=leaf.public, uri=f"{PUBLIC_URL}/status-lists/0", now=datetime.now(UTC))
    return read.list.get(index)


async def test_a_change_is_on_the_published_list_at_once(hub: Hub) -> None:
    _, index = await revoke(hub, Operation.SUSPEND)
    assert await listed(hub, index) == SUSPENDED
    await revoke(hub, Operation.RESUME)
    assert await listed(hub, index) == VALID
    await revoke(hub)
    assert await listed(hub, index) == INVALID


async def test_a_revoked_row_put_back_to_valid_by_sql_is_never_signed_as_valid(hub: Hub) -> None:
    _, index = await revoke(hub)
    await hub.database.write(lambda tx: tx.execute(text("UPDATE certificate_versions SET status = 'valid'")))
    with pytest.raises(IntegrityBrokenError):
        await hub.status.build(0)
    with pytest.raises(IntegrityBrokenError):
        await hub.verification.trust_pack()
    assert await listed(hub, index) == INVALID  # the list of before stands until it expires


async def test_a_valid_row_revoked_by_sql_is_not_published(hub: Hub) -> None:
    await hub.database.write(lambda tx: tx.execute(text("UPDATE certificate_versions SET status = 'revoked'")))
    with pytest.raises(IntegrityBrokenError):
        await hub.status.build(0)


async def test_a_list_that_does_not_exist_is_missing(hub: Hub) -> None:
    with pytest.raises(MissingError):
        await hub.status.current(7)
