"""Into one's own dossier from a terminal: by the services of one's own pages, and only while one stands there."""

from sqlalchemy import Connection

from hub.citizens.dossier.hands import Hand
from hub.citizens.dossier.ways import Services, Way
from hub.citizens.kiosk.standing import Visit


class KioskHand(Hand):
    """Of the person himself, by his card; what is opened or collected by it is not written down, nor shown, once he has
    left.
    """

    def __init__(self, visit: Visit) -> None:
        super().__init__({**visit.holder.as_json(), "kiosk": visit.kiosk.id})
        self._visit = visit

    def check(self, tx: Connection) -> None:
        """Raises: KioskOverError."""
        self._visit.must_stand(tx)


def kiosk_way(services: Services, visit: Visit) -> Way:
    """The way of whoever stands there into his own."""
    return Way(services, visit.holder, visit.holder.identity, KioskHand(visit))
