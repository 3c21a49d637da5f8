"""What a pull of evidence is made of: the case, the one life of its answer, its steps, and the same in parts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from hub.archive.service import order_at_close
from hub.assembly.agreeing import assemble_questions
from hub.assembly.ground import Ground
from hub.assembly.publishing import Publishing, source_finder
from hub.citizens.authorising.asking import HolderAsking
from hub.exchange.agents.writing import WriteBack
from hub.exchange.compose import QuerySigner
from hub.exchange.indexed import IndexedClaims
from hub.exchange.judging import Readers
from hub.exchange.sandbox.people import by_number
from hub.exchange.sandbox.steps import SANDBOX_ANSWER_TYPE, SANDBOX_KIND
from hub.exchange.shared_data import SharedData
from hub.intake.answers import Answers
from hub.intake.cases import CaseService
from hub.intake.claiming import Claiming
from hub.intake.compose import EvidenceSigner
from hub.intake.copies import CopyMaker
from hub.intake.course import Course
from hub.intake.deciding import Deciding
from hub.intake.evidence import EvidenceService
from hub.intake.families.asking import case_closed
from hub.intake.lower.answering import end_tasks
from hub.intake.lower.port import LowerRungs
from hub.intake.owed.opening import Opening
from hub.intake.owed.settling import Settling
from hub.intake.quotas import QuotaBook
from hub.intake.resolving.walk import Walking
from hub.intake.store import Case
from hub.intake.streaming.interrupted import Interrupted
from hub.intake.streaming.parts import Parts
from hub.intake.streaming.service import Streaming


@dataclass(frozen=True, slots=True)
class Pull:
    """What answers, of whatever kind, stand on; and the two ways to pull evidence."""

    cases: CaseService
    answers: Answers
    course: Course
    quotas: QuotaBook
    readers: Readers
    evidence: EvidenceService
    streaming: Streaming


@dataclass(frozen=True, slots=True)
class _Steps:
    """What happens to a pull, in this order, whether it is answered at once or in parts."""

    claiming: Claiming
    walking: Walking
    copies: CopyMaker
    deciding: Deciding


def assemble_pull(ground: Ground, publishing: Publishing, *, log_origin: str) -> Pull:
    """Connect them."""
    cases, quotas, readers = _cases(ground), QuotaBook(), Readers()
    signer = EvidenceSigner(ground.desk, log_origin=log_origin)
    answers = _answers(ground, cases, signer, log_origin=log_origin)
    course = Course(ground.database, cases=cases, answers=answers, quotas=quotas)
    steps = _steps(ground, publishing, cases, quotas, readers)
    evidence = EvidenceService(
        ground.database,
        cases=cases,
        claiming=steps.claiming,
        copies=steps.copies,
        deciding=steps.deciding,
        answers=answers,
        course=course,
        walking=steps.walking,
        clock=ground.clock,
    )
    parts = Parts(vault=ground.vault, deciding=steps.deciding, answers=answers, public_url=ground.public_url)
    answers.completed_by(_interrupted(ground, steps, parts, answers, quotas).complete)
    streaming = Streaming(
        ground.database,
        vault=ground.vault,
        evidence=evidence,
        walking=steps.walking,
        parts=parts,
        answers=answers,
        course=course,
        signer=signer,
        clock=ground.clock,
        most=ground.settings.evidence_streams_per_system,
    )
    return Pull(
        cases=cases,
        answers=answers,
        course=course,
        quotas=quotas,
        readers=readers,
        evidence=evidence,
        streaming=streaming,
    )


def _closed(write_back: WriteBack, tx: Connection, case: Case, now: datetime) -> None:
    """What the transaction that closes a real case has done: the source is told, and an archive is made."""
    end_tasks(tx, case)
    case_closed(tx, case, now)
    write_back.enqueue(tx, case, now)
    order_at_close(tx, case, now)


def _cases(ground: Ground) -> CaseService:
    return CaseService(
        ground.database,
        vault=ground.vault,
        log_key=ground.log_key,
        clock=ground.clock,
        sandbox_numbers=frozenset(by_number()),
        write_back=partial(_closed, WriteBack(ground.vault)),
    )


def _answers(ground: Ground, cases: CaseService, signer: EvidenceSigner, *, log_origin: str) -> Answers:
    return Answers(
        ground.database,
        vault=ground.vault,
        cases=cases,
        clock=ground.clock,
        signers={
            "evidence": signer,
            "query": QuerySigner(ground.desk, log_origin=log_origin),
            SANDBOX_KIND: QuerySigner(ground.desk, log_origin=log_origin, answer_type=SANDBOX_ANSWER_TYPE),
        },
    )


def _steps(ground: Ground, publishing: Publishing, cases: CaseService, quotas: QuotaBook, readers: Readers) -> _Steps:
    database, vault, types, clock = ground.database, ground.vault, ground.types, ground.clock
    lifetime = timedelta(hours=ground.settings.purpose_copy_hours)
    copies = CopyMaker(vault=vault, types=types, clock=clock, public_url=ground.public_url, lifetime=lifetime)
    lower = LowerRungs(vault=vault, public_url=ground.public_url, lifetime=lifetime)
    finder = source_finder(ground, publishing, readers)
    return _Steps(
        claiming=Claiming(vault=vault, types=types, copies=copies, quotas=quotas, answer_facts=cases.answer_in),
        walking=Walking(
            database,
            vault=vault,
            types=types,
            copies=copies,
            indexed=IndexedClaims(database, vault=vault, types=types, finder=finder, clock=clock),
            sources=SharedData(vault=vault, finder=finder, readers=readers),
            quotas=quotas,
            foresee=lower.foresee,
        ),
        copies=copies,
        deciding=Deciding(
            vault=vault,
            public_url=ground.public_url,
            opening=Opening(vault=vault, types=types),
            settling=Settling(vault=vault, close=cases.end_paid),
            lower=lower,
            holders=HolderAsking(assemble_questions(ground)),
        ),
    )


def _interrupted(ground: Ground, steps: _Steps, parts: Parts, answers: Answers, quotas: QuotaBook) -> Interrupted:
    return Interrupted(
        ground.database,
        vault=ground.vault,
        claiming=steps.claiming,
        deciding=steps.deciding,
        parts=parts,
        answers=answers,
        quotas=quotas,
        clock=ground.clock,
    )
