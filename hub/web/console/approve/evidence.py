"""What an approver sees of the evidence: each requirement by its newest answer, with values and a verdict of now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from certificates.verifying.verdict import Result, Verdict
from hub.citizens.objections.desk import ObjectionDesk
from hub.intake.handling.given import Given, source_department
from hub.issuing.types.registry import TypeRegistry
from hub.registry.meanings import Words
from hub.verification.asking import Question
from hub.verification.presenting import PresentationDesk


@dataclass(frozen=True, slots=True)
class Proof:
    """One piece of evidence. `verdict` None: it cannot be judged here. `slug`: of its type, if there is such a type."""

    what: Words
    department: str
    obtained_at: str
    identifier: str
    claims: Sequence[tuple[Words, str]] = field(repr=False)
    verdict: Verdict | None = field(repr=False, default=None)
    slug: str = ""
    said: Mapping[str, Any] = field(default_factory=dict, repr=False)
    disputed: bool = False
    """Whether an objection runs against its licence, or a value of it, at this moment, or did when it was given."""
    interface: str = ""
    """Code of the interface that gave it."""

    @property
    def passed(self) -> bool:
        """Whether it holds as of now."""
        return self.verdict is not None and self.verdict.result is Result.PASSED


@dataclass(frozen=True, slots=True)
class Answered:
    """A requirement of a party by its newest answer."""

    code: str
    party: str
    title: str
    outcome: str
    rung: str
    why: Mapping[str, Any]
    proofs: Sequence[Proof] = field(repr=False, default=())

    @property
    def holds(self) -> bool:
        """Whether every piece of it holds as of now."""
        return all(proof.passed for proof in self.proofs)


async def answered(
    answers: Sequence[Given], *, types: TypeRegistry, desk: PresentationDesk, audience: str
) -> list[Answered]:
    """The newest answer to each requirement, its evidence judged anew: a licence may have ended since. A copy that is
    past its own end is judged as of when it was given.
    """
    newest: dict[tuple[str, str], tuple[Given, Mapping[str, Any]]] = {
        (item["code"], item["party"]): (answer, item) for answer in answers for item in answer.items()
    }
    found = []
    for (code, party), (answer, item) in newest.items():
        given: list[Mapping[str, Any]] = [
            *([item["evidence"]] if "evidence" in item else []),
            *item.get("further_evidence", []),
        ]
        proofs = [await _judged(_proof(entry, types), entry, answer.decided_at, desk, audience) for entry in given]
        found.append(Answered(code, party, item["title"], item["outcome"], item["rung"] or "", item["why"], proofs))
    return found


def _proof(entry: Mapping[str, Any], types: TypeRegistry) -> Proof:
    certificate, interface = entry.get("certificate") or {}, entry.get("interface") or {}
    known = types.current().get(certificate.get("type", ""))
    claims = [(_title(name, known), _text(value)) for name, value in entry["claims"].items()]
    what = str(certificate.get("type") or interface.get("title") or entry["source"].get("interface") or "")
    return Proof(
        what=(known.type.name.zh, known.type.name.en) if known else (what, what),
        department=source_department(entry["source"]),
        obtained_at=entry["obtained_at"],
        identifier=str(certificate.get("identifier", "")),
        claims=claims,
        slug=known.type.slug if known else "",
        said=entry["claims"],
        disputed=(certificate or interface).get("disputed") is True,
        interface=str(interface.get("code", "")),
    )


async def _judged(
    proof: Proof, entry: Mapping[str, Any], decided_at: datetime, desk: PresentationDesk, audience: str
) -> Proof:
    verdict = await desk.judge_text(entry["token"], Question(audience=audience))
    if verdict.reason == "expired" and verdict.status == "valid":
        verdict = await desk.judge_text(entry["token"], Question(audience=audience, as_of=decided_at))
    return replace(proof, verdict=verdict)


async def marked(answers: Sequence[Answered], objections: ObjectionDesk, case_id: str = "") -> list[Answered]:
    """The same, with what is disputed by now. `case_id`: whose parties may dispute what interfaces gave."""
    named = {proof.identifier for item in answers for proof in item.proofs if proof.identifier}
    asked = case_id and any(proof.interface for item in answers for proof in item.proofs)
    licences, values = await objections.disputed(named), await objections.disputed_in(case_id) if asked else set()

    def disputed(party: str, one: Proof) -> bool:
        fields = ((party, one.interface, name) in values for name in one.said)
        return one.disputed or one.identifier in licences or any(fields)

    return [
        replace(item, proofs=[replace(one, disputed=disputed(item.party, one)) for one in item.proofs])
        for item in answers
    ]


def _title(name: str, known: Any) -> Words:
    claim = known.type.claims.get(name) if known else None
    return (claim.title.zh, claim.title.en) if claim else (name, name)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "是 yes" if value else "否 no"
    if isinstance(value, list):
        return "；".join(_text(item) for item in value)
    if isinstance(value, Mapping):
        return "；".join(f"{name}: {_text(item)}" for name, item in value.items())
    return str(value)
