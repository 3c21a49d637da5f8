"""What a case's answers have said so far, by requirement and party; and about whom something was disclosed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from hub.intake.answers import answer_place
from hub.intake.handling.steps import case_data_key
from hub.intake.handling.store import answers_of
from hub.intake.resolver import CLEARED, Outcome
from hub.intake.store import Case
from hub.storage.vault import Vault
from signing.canonical import strict_loads

_DEPTH: Final = 128


@dataclass(frozen=True, slots=True)
class Given:
    """One decided answer of a case, opened. `body` is the stored form: signed when `finished`."""

    id: str
    kind: str
    body: dict[str, Any]
    raw: bytes
    decided_at: datetime

    @property
    def finished(self) -> bool:
        """Whether it is what the system got, byte for byte."""
        return "bundle" in self.body or "answer" in self.body

    def items(self) -> list[dict[str, Any]]:
        """Its requirements; none for a query."""
        found: list[dict[str, Any]] = self.body.get("requirements") or self.body.get("items") or []
        return found


def given(tx: Connection, vault: Vault, case: Case) -> list[Given]:
    """Everything that was decided for a case, oldest first. Raises: IntegrityBrokenError."""
    key = case_data_key(vault, case)
    found = []
    for request_id, kind, sealed, decided_at in answers_of(tx, case.id):
        raw = key.decrypt(answer_place(request_id), sealed)
        found.append(Given(request_id, kind, strict_loads(raw, max_bytes=len(raw), max_depth=_DEPTH), raw, decided_at))
    return found


def source_department(source: Mapping[str, Any]) -> str:
    """USCC of the department whose record an evidence is; empty where it names none."""
    named = source.get("department")
    return str(named.get("uscc", "")) if isinstance(named, Mapping) else ""


def latest(answers: list[Given]) -> dict[tuple[str, str], Outcome]:
    """What was said last of each requirement of each party."""
    return {(item["code"], item["party"]): Outcome(item["outcome"]) for answer in answers for item in answer.items()}


def disclosed(answers: list[Given]) -> frozenset[str] | None:
    """Parties of whom something was told, "there is none" included; None: somebody of whom cannot be said any more."""
    found = set()
    for answer in answers:
        if answer.kind != "evidence":
            content = answer.body.get("content", answer.body)
            if Outcome(content["outcome"]) in CLEARED:
                return None  # a query's answer does not name its party
        found |= {
            item["party"] for item in answer.items() if Outcome(item["outcome"]) in CLEARED - {Outcome.NOT_APPLICABLE}
        }
    return frozenset(found)
