"""Cases and evidence, and the one life that answers of every kind share."""

from dataclasses import dataclass
from datetime import timedelta

from hub.assembly.ground import Ground
from hub.exchange.agents_writing import WriteBack
from hub.exchange.compose import QuerySigner
from hub.exchange.sandbox import SANDBOX_ANSWER_TYPE, SANDBOX_KIND
from hub.exchange.sandbox_people import by_number
from hub.intake.answers import Answers, SignAnswer
from hub.intake.cases import CaseService
from hub.intake.claiming import Claiming
from hub.intake.compose import EvidenceSigner
from hub.intake.copies import CopyMaker
from hub.intake.course import Course
from hub.intake.deciding import Deciding
from hub.intake.evidence import EvidenceService
from hub.intake.quotas import QuotaBook


@dataclass(frozen=True, slots=True)
class Intake:
    """Services around cases."""

    cases: CaseService
    answers: Answers
    course: Course
    evidence: EvidenceService
    quotas: QuotaBook


def assemble_intake(ground: Ground, *, log_origin: str) -> Intake:
    """Connect them."""
    database, vault, clock = ground.database, ground.vault, ground.clock
    cases = CaseService(
        database,
        vault=vault,
        log_key=ground.log_key,
        clock=clock,
        sandbox_numbers=frozenset(by_number()),
        write_back=WriteBack(vault).enqueue,
    )
    copies = CopyMaker(
        vault=vault,
        types=ground.types,
        clock=clock,
        public_url=ground.public_url,
        lifetime=timedelta(hours=ground.settings.purpose_copy_hours),
    )
    quotas = QuotaBook()
    signers: dict[str, SignAnswer] = {
        "evidence": EvidenceSigner(ground.desk, log_origin=log_origin),
        "query": QuerySigner(ground.desk, log_origin=log_origin),
        SANDBOX_KIND: QuerySigner(ground.desk, log_origin=log_origin, answer_type=SANDBOX_ANSWER_TYPE),
    }
    answers = Answers(database, vault=vault, cases=cases, clock=clock, signers=signers)
    course = Course(database, cases=cases, answers=answers, quotas=quotas)
    evidence = EvidenceService(
        database,
        cases=cases,
        claiming=Claiming(vault=vault, types=ground.types, copies=copies, quotas=quotas),
        copies=copies,
        deciding=Deciding(vault=vault, public_url=ground.public_url),
        answers=answers,
        course=course,
        clock=clock,
    )
    return Intake(cases, answers, course, evidence, quotas)
