"""What the processes of one hub share beside the database: in this process, or on Redis. One place chooses."""

from collections.abc import Callable
from dataclasses import dataclass

from hub.storage.cache import MemoryCache, MemoryRateLimits, RateLimits, SharedCache
from hub.storage.jobs import Jobs, MemoryJobs


@dataclass(frozen=True, slots=True)
class Shared:
    """Cache and locks, rate limits, and what lets a worker hear of jobs enqueued in other processes."""

    cache: SharedCache
    limits: RateLimits
    hearing: Callable[[MemoryJobs], Jobs]


def open_shared(redis_url: str | None, *, secret: bytes) -> Shared:
    """On the Redis of this URL, else in this process. Nothing is connected yet.

    `secret` is the hub's, the same in each of its processes; another hub on the same Redis has another.
    """
    if redis_url is None:
        return Shared(MemoryCache(), MemoryRateLimits(), lambda worker: worker)
    # Inside, for an embedded hub need not load a driver that it does not use (decision 0006).
    from hub.storage.redis_cache import RedisCache, RedisRateLimits
    from hub.storage.redis_jobs import LISTENING_SECONDS, RedisJobs
    from hub.storage.redis_link import RedisLink, prefix_of

    prefix = prefix_of(secret)
    link = RedisLink(redis_url, prefix=prefix)
    listening = RedisLink(redis_url, prefix=prefix, answer_seconds=LISTENING_SECONDS)
    return Shared(
        RedisCache(link, secret=secret),
        RedisRateLimits(link),
        lambda worker: RedisJobs(link, listening=listening, worker=worker),
    )
