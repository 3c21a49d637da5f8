"""A scan whose objection was never written, because its process died in between, does not stay."""

import pytest

from hub.citizens.objections.ending import FILING_TIME
from hub.citizens.objections.raising import Agent
from hub.citizens.objections.values import Kind, Said
from hub.runtime import Hub
from tests.citizens.conftest import Watch, signed_in
from tests.citizens.test_objections import PNG
from tests.support import AMR, POLICE

pytestmark = pytest.mark.embedded


class Killed(BaseException):
    """What nobody catches, as nobody catches a power cut."""


async def killed(_unit: object) -> str:
    raise Killed


async def test_a_scan_that_a_crash_left_is_deleted_and_one_with_its_row_stays(hub: Hub, watch: Watch) -> None:
    holder, objections = await signed_in(hub), hub.citizens.objections
    kind = hub.types.find("identity_card")
    assert kind is not None
    code = kind.type.code
    made = await objections.raise_(
        holder, Said(kind=Kind.MISSING, text="少一本证", type_code=code, department=POLICE, scan=PNG)
    )
    lost = Said(kind=Kind.MISSING, text="少一本证", type_code=code, department=AMR, scan=PNG)
    with pytest.raises(Killed):
        await objections.raise_(holder, lost, agent=Agent({}, killed))
    objects = hub.objects
    assert len(objects.names("objections/")) == 2
    watch.ahead += FILING_TIME
    await hub.jobs.sweep()
    assert objects.names("objections/") == [f"objections/{made}"]
