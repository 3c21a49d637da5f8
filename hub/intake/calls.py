"""A request for evidence as it came in, and as it passed unit 1."""

from dataclasses import dataclass, field

from catalog.matters.values import Matter, Requirement
from certificates.stores.holders import Subject
from hub.intake import store
from hub.intake.resolver import Open, Question, Resolution
from hub.intake.resolving.asked_back import Answer, Chosen


@dataclass(frozen=True, slots=True)
class EvidenceCall:
    """One request for evidence as it came in. `requirements` None asks for all the matter lists."""

    case_no: str
    requirements: tuple[str, ...] | None
    purpose: str
    language: str
    request_hash: str
    idempotency_key: str | None = None
    follows: str | None = None
    """The promise after which the hub itself looks, also when the case has closed; nobody is given the answer."""
    pays: str | None = None
    """The debt for which the hub itself asks again."""
    answers: tuple[Answer, ...] = ()
    """To questions of an earlier answer."""
    party: str | None = None
    """Of a requirement that is asked of several, the one about whom it is asked; None: all of them."""
    materials: tuple[str, ...] | None = None
    """The same as `requirements`, by the system's own codes."""
    streams: bool = False
    """Whoever has it in hand renews his lease, so that others need not wait long for him."""
    resumes: tuple[str, str] | None = None
    """The request that a crash cut off, and the lease of its holder: the hub itself goes on with that one."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A requirement that nobody can judge before others are answered."""

    requirement: Requirement


@dataclass(frozen=True, slots=True)
class Claimed:
    """A request that passed unit 1. What is not resolved takes sources, or the answers to other requirements.

    `question` is what the resolver looked at: it goes on from there.
    """

    request_id: str
    lease: str
    case: store.Case
    matter: Matter
    parties: dict[str, store.Party]
    subjects: dict[bytes, Subject]
    resolutions: tuple[Resolution | Open | Waiting, ...]
    question: Question
    said: Chosen = field(default_factory=dict)
    """What the caller says now is meant."""

    @property
    def complete(self) -> bool:
        """Whether unit 1 has answered all of it, and the library holds what is disclosed."""
        return all(isinstance(item, Resolution) and not item.elsewhere for item in self.resolutions)

    def resolved(self) -> tuple[Resolution, ...]:
        """What unit 1 alone has answered."""
        return tuple(item for item in self.resolutions if isinstance(item, Resolution))
