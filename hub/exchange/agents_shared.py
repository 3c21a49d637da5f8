"""Boxes of agents: in this process, or on the Redis that the processes of one hub share. One place chooses."""

from hub.exchange.agents_boxes import Boxes, MemoryBoxes


def open_boxes(redis_url: str | None, *, secret: bytes) -> Boxes:
    """On the Redis of this URL, else in this process. Nothing is connected yet. `secret` as for `open_shared`."""
    if redis_url is None:
        return MemoryBoxes()
    # Inside, for an embedded hub need not load a driver that it does not use (decision 0006).
    from hub.exchange.agents_redis import LISTENING_SECONDS, RedisBoxes
    from hub.storage.redis_link import RedisLink, prefix_of

    prefix = prefix_of(secret)
    listening = RedisLink(redis_url, prefix=prefix, answer_seconds=LISTENING_SECONDS)
    return RedisBoxes(RedisLink(redis_url, prefix=prefix), listening=listening)
