"""Whether somebody may still show for another: asked when it is made, and when it is taken."""

from datetime import datetime

from sqlalchemy import Connection

from hub.citizens.acting.standing import Standing
from hub.citizens.acting.values import Principal
from hub.citizens.confirming import Confirming
from hub.citizens.showing.behalf import Behalf


class Behalves:
    """Judges them."""

    def __init__(self, *, standing: Standing, confirming: Confirming) -> None:
        self._standing = standing
        self._confirming = confirming

    def judge(
        self, tx: Connection, behalf: Behalf, principal_id: str, matter: str | None, now: datetime
    ) -> Principal | None:
        """Whom he shows for, if he is himself still and may do it at this moment, held until the transaction ends. The
        caller holds both. Raises: IntegrityBrokenError.
        """
        agent = self._confirming.find(tx, behalf.agent, now)
        if agent is None or agent.id != behalf.agent_id:
            return None
        found = self._standing.one(tx, agent.id, behalf.agent, behalf.key, now)
        return found if found is not None and found.id == principal_id and found.may_show(matter) else None
