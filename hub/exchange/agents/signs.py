"""Signs of life: whether the agent of a source is there, when it was last seen, what was refused. Kept in the cache.

They may be lost with it, and come again with the agent's next poll. No value of a question or an answer is among them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from hub.clock import Clock, rfc3339
from hub.storage.cache import Cache

PRESENT_SECONDS: Final = 6.0
"""How long after its last sign of life an agent counts as there."""
_REMEMBERED_SECONDS: Final = 7 * 86_400.0
_MOST_INSTANCES: Final = 16


@dataclass(frozen=True, slots=True)
class Beat:
    """What an agent says of itself with every poll. `instance` is new with each start of the program."""

    instance: str
    version: str
    wait_seconds: float
    take: bool
    leaving: bool
    refused: int = 0
    """Items that it refused since its start: not signed by the pinned key, repeated, expired, for somebody else."""


@dataclass(frozen=True, slots=True)
class AgentHealth:
    """An agent as the hub sees it. `last_seen` and the refusals reach back seven days."""

    present: bool = False
    last_seen: datetime | None = None
    version: str = ""
    in_flight: int = 0
    """Questions of the process that tells, to this agent, that are not answered yet."""
    refused_by_agent: int = 0
    refused_by_hub: int = 0
    refused_at: datetime | None = None
    known: bool = True
    """False where this process cannot tell, because another one serves and cannot be asked."""

    def as_json(self) -> dict[str, Any]:
        """For the API, the command line and the console."""
        return {
            "known": self.known,
            "present": self.present,
            "last_seen": rfc3339(self.last_seen) if self.last_seen else None,
            "version": self.version,
            "in_flight": self.in_flight,
            "refused_by_agent": self.refused_by_agent,
            "refused_by_hub": self.refused_by_hub,
            "refused_at": rfc3339(self.refused_at) if self.refused_at else None,
        }

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> "AgentHealth":
        """What another process told, with its own key on it."""
        instants = {name: _instant(told[name]) for name in ("last_seen", "refused_at")}
        return cls(**{**told, **instants})


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent and its deliveries as its department sees them."""

    health: AgentHealth
    deliveries_waiting: int
    deliveries_dead: int

    def as_json(self) -> dict[str, Any]:
        """For the API, the command line and the console."""
        counts = {"deliveries_waiting": self.deliveries_waiting, "deliveries_dead": self.deliveries_dead}
        return self.health.as_json() | counts


class Signs:
    """Of the agents of every source."""

    def __init__(self, cache: Cache, *, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock

    async def of_life(self, source: str, beat: Beat) -> None:
        """It is there, or says goodbye."""
        if beat.leaving:
            await self._cache.delete(f"agent:present:{source}")
            await self._cache.delete(f"agent:alive:{source}:{beat.instance}")
            return
        await self._cache.set(f"agent:present:{source}", True, seconds=PRESENT_SECONDS)  # noqa: FBT003
        await self._cache.set(f"agent:alive:{source}:{beat.instance}", True, seconds=PRESENT_SECONDS)  # noqa: FBT003
        seen = {"at": rfc3339(self._clock()), "version": beat.version}
        await self._cache.set(f"agent:seen:{source}", seen, seconds=_REMEMBERED_SECONDS)
        if beat.refused:
            await self._refused(source, f"agent {beat.instance}", beat.refused)

    async def of_refusal(self, source: str) -> None:
        """An answer was not the agent's word. Counted without a lock: two in one moment may count once."""
        told = await self._cache.get(f"agent:refused:{source}") or {"by": {}}
        await self._refused(source, "hub", told["by"].get("hub", 0) + 1)

    async def present(self, source: str) -> bool:
        """Whether any agent of this source is there."""
        return bool(await self._cache.get(f"agent:present:{source}"))

    async def alive(self, source: str, instance: str) -> bool:
        """Whether this very program is."""
        return bool(await self._cache.get(f"agent:alive:{source}:{instance}"))

    async def health(self, source: str, *, in_flight: int) -> AgentHealth:
        """All that is remembered."""
        seen = await self._cache.get(f"agent:seen:{source}")
        told = await self._cache.get(f"agent:refused:{source}") or {"by": {}, "at": None}
        by_hub = told["by"].get("hub", 0)
        return AgentHealth(
            present=await self.present(source),
            last_seen=_instant(seen["at"]) if seen else None,
            version=seen["version"] if seen else "",
            in_flight=in_flight,
            refused_by_agent=sum(told["by"].values()) - by_hub,
            refused_by_hub=by_hub,
            refused_at=_instant(told["at"]),
        )

    async def _refused(self, source: str, by: str, count: int) -> None:
        key = f"agent:refused:{source}"
        told = await self._cache.get(key) or {"by": {}, "at": None}
        if told["by"].get(by) == count:
            return
        counts = dict(list(({**told["by"], by: count}).items())[-_MOST_INSTANCES:])
        await self._cache.set(key, {"by": counts, "at": rfc3339(self._clock())}, seconds=_REMEMBERED_SECONDS)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
