"""Agents put together: their desk over boxes in this process, or on the Redis that the processes of one hub share."""

from pathlib import Path

from hub.clock import Clock
from hub.exchange.agents.boxes import Boxes, MemoryBoxes
from hub.exchange.agents.deliveries import DeliveryDesk
from hub.exchange.agents.desk import AgentDesk
from hub.exchange.agents.errands import Errands
from hub.issuing.keys.desk import SigningDesk
from hub.storage.cache import Cache
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault


def open_agents(
    database: Database,
    *,
    vault: Vault,
    cache: Cache,
    redis_url: str | None,
    home: Path,
    desk: SigningDesk,
    log_key: DataKey,
    public_url: str,
    clock: Clock,
) -> AgentDesk:
    """The desk of agents. Nothing is connected yet."""
    deliveries = DeliveryDesk(database, vault=vault, desk=desk, log_key=log_key, public_url=public_url, clock=clock)
    boxes = open_boxes(redis_url, secret=vault.row_mac(b"derive\x1fredis"))
    # Over Redis every process reaches every agent.
    errands = None if redis_url else Errands(home, desk=desk, public_url=public_url, clock=clock)
    return AgentDesk(
        cache=cache,
        boxes=boxes,
        desk=desk,
        deliveries=deliveries,
        public_url=public_url,
        clock=clock,
        errands=errands,
    )


def open_boxes(redis_url: str | None, *, secret: bytes) -> Boxes:
    """On the Redis of this URL, else in this process. Nothing is connected yet. `secret` as for `open_shared`."""
    if redis_url is None:
        return MemoryBoxes()
    # Inside, for an embedded hub need not load a driver that it does not use (decision 0006).
    from hub.exchange.agents.redis import LISTENING_SECONDS, RedisBoxes
    from hub.storage.redis_link import RedisLink, prefix_of

    prefix = prefix_of(secret)
    listening = RedisLink(redis_url, prefix=prefix, answer_seconds=LISTENING_SECONDS)
    return RedisBoxes(RedisLink(redis_url, prefix=prefix), listening=listening)
