"""The grounds of a campaign's decisions 判定依据: as of a pull's, with one part for each holder."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.exchange.bulk.matter_ground import MatterStanding
from hub.exchange.bulk.matter_judging import Judged
from hub.exchange.bulk.store import Run
from hub.intake.compose import Item
from hub.intake.replaying.keeping import (
    Part,
    answers_of,
    common_of,
    party_digest,
    read_by,
    who,
    write_grounds,
    written,
)
from hub.intake.resolving.looked import looked_of
from hub.intake.resolving.values import Question, Seen
from hub.storage.vault import Vault


def keep_campaign_grounds(
    tx: Connection, vault: Vault, run: Run, standing: MatterStanding, judged: Sequence[Judged], now: datetime
) -> dict[str, str]:
    """Write the grounds of holders that are decided now; answers the digests for their entries, by subject."""
    questions = [_seen(one).question for one in judged]
    if not questions:
        return {}
    names = {name for item in standing.requirements for name in read_by(item)}
    common = common_of(questions[0], names) | {
        "matter": standing.case.matter_id,
        "requirements": [item.code for item in standing.requirements],
        "grants": [grant.id for grant in standing.grants],
    }
    parts = [
        Part(str(one.subject.number), _plain(one, question, names, common), _told(standing, question), one.person)
        for one, question in zip(judged, questions, strict=True)
    ]
    digests = write_grounds(tx, vault, standing.case, run.id, (common, parts), now)
    return {one.subject.id: digest for one, digest in zip(judged, digests, strict=True)}


def _seen(judged: Judged) -> Seen:
    seen = judged.before[0].seen
    assert seen is not None  # noqa: S101  # whoever judges a holder keeps what he looked at
    return seen


def _plain(judged: Judged, question: Question, names: set[str], common: dict[str, Any]) -> dict[str, Any]:
    values = written(question.values, names)
    same = common.get("values", {})
    pairs = list(zip(judged.before, judged.items, strict=True))
    found: dict[str, Any] = {
        "values": {name: value for name, value in values.items() if same.get(name) != value},
        "looked": {code: looked for item in judged.before for code, looked in [_looked(item)] if looked},
        "said": {code: said for item in judged.before for code, said in [_said(item)] if said},
        "ended": {item.resolution.requirement.code: _ended(item) for item in judged.items},
        "first": {
            before.resolution.requirement.code: _ended(before)
            for before, item in pairs
            if _ended(before) != _ended(item)
        },
        "party": party_digest(next(iter(question.parties.values()), None)),
    }
    return {name: value for name, value in found.items() if value}


def _looked(item: Item) -> tuple[str, dict[str, Any]]:
    resolution, seen = item.resolution, item.seen
    assert seen is not None  # noqa: S101  # whoever judges a holder keeps what he looked at
    return resolution.requirement.code, looked_of(resolution, seen.question, seen.said).as_json()


def _said(item: Item) -> tuple[str, dict[str, Any]]:
    assert item.seen is not None  # noqa: S101
    return item.resolution.requirement.code, answers_of(item.resolution, item.seen)


def _ended(item: Item) -> list[str]:
    return [item.resolution.outcome.value, item.resolution.why.code]


def _told(standing: MatterStanding, question: Question) -> dict[str, Any]:
    party = question.parties.get(standing.role)
    return {"who": who(party)} if party is not None else {}
