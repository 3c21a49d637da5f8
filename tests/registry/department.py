"""A department with people and a register in an SQLite file, for tests of publishing."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.store import find_department
from hub.access.actors import Actor, Role
from hub.registry.interface_drafting import Version
from hub.runtime import Hub
from tests.exchange.declared import TERMS, TITLE, derived, field
from tests.support import AMR, ENTERPRISE, POLICE, valid_uscc

SOURCE = "amr-register"
CODE = "enterprise_by_uscc"
GOOD = {"uscc": ENTERPRISE["id_number"]}
OTHER = valid_uscc("91990100MA0000002")
LISTING = {"statement": "SELECT name, uscc, day, zt FROM enterprises ORDER BY rowid"}


@dataclass(frozen=True)
class People:
    """Staff of the market regulation, and of somebody else."""

    engineer: Actor
    approver: Actor
    both: Actor
    stranger: Actor
    auditor: Actor


async def people(hub: Hub) -> People:
    """Actors of two departments."""
    own, other = await hub.database.read(lambda tx: (find_department(tx, AMR), find_department(tx, POLICE)))
    assert own is not None
    assert other is not None

    def actor(name: str, department: str | None, *roles: Role) -> Actor:
        return Actor("staff", name, name, department, frozenset(roles))

    return People(
        engineer=actor("engineer", own.id, Role.OWNER_ENGINEER),
        approver=actor("approver", own.id, Role.OWNER_APPROVER),
        both=actor("both", own.id, Role.OWNER_ENGINEER, Role.OWNER_APPROVER),
        stranger=actor("stranger", other.id, Role.OWNER_ENGINEER, Role.OWNER_APPROVER),
        auditor=actor("auditor", None, Role.AUDITOR),
    )


def register(folder: Path) -> Path:
    """A register of two invented enterprises, one of them with gaps."""
    path = folder / "register.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE enterprises (name TEXT, uscc TEXT, day TEXT, zt TEXT)")
        rows = [
            (ENTERPRISE["name"], ENTERPRISE["id_number"], "2019年3月1日", "1"),
            ("示例市夜色食品有限公司", OTHER.lower(), None, "2"),
        ]
        connection.executemany("INSERT INTO enterprises VALUES (?, ?, ?, ?)", rows)
    return path


def rewrite(path: Path, statement: str) -> None:
    """Let the register change."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def source(path: Path, **changes: Any) -> dict[str, Any]:
    """The register as a source."""
    return {
        "code": SOURCE,
        "department": AMR,
        "name": {"zh": "市场主体登记库", "en": "Register of enterprises"},
        "kind": "sql",
        "connection": {"dialect": "sqlite", "database": str(path)},
        "contact": "信息中心",
    } | changes


def interface(**changes: Any) -> dict[str, Any]:
    """ "Enterprise by USCC" over the register."""
    return {
        "code": CODE,
        "title": {"zh": "企业登记信息", "en": "Enterprise by USCC"},
        "department": AMR,
        "source": SOURCE,
        "params": {"uscc": {"title": TITLE, "from": "party.id_number", "id_type": "001"}},
        "terms": TERMS,
        "fields": {
            "uscc": field({"type": "string", "format": "uscc"}, required=True),
            "name": field(required=True),
            "established_on": field({"type": "string", "format": "date"}),
            "status": field({"type": "string", "enum": ["存续", "注销"]}, required=True),
            "is_active": derived("status", "equals", "存续"),
        },
        "echoes": {"uscc": "uscc"},
        "identity_name": "name",
        "complete": True,
        "operation": {"statement": "SELECT name, uscc, day, zt FROM enterprises WHERE upper(uscc) = :uscc"},
        "mapping": {
            "version": 1,
            "fields": {
                "uscc": "uscc",
                "name": "name",
                "established_on": "day",
                "status": {"from": "zt", "codes": {"1": "存续", "2": "注销"}},
            },
        },
    } | changes


async def tested(hub: Hub, staff: People, **changes: Any) -> Version:
    """A version that only approval keeps from being live."""
    version = await hub.interfaces.draft(staff.engineer, interface(**changes))
    await hub.interfaces.to_test(staff.engineer, CODE)
    result = await hub.trials.try_out(staff.engineer, CODE, params=GOOD)
    assert result.passed, result
    return version


async def entries(hub: Hub, kind: str) -> int:
    """How many ledger entries of a kind there are."""
    from sqlalchemy import func, select

    from catalog.tables import table
    from hub.ledger.tables import LedgerEntryRow

    ledger = table(LedgerEntryRow)
    query = select(func.count()).select_from(ledger).where(ledger.c.kind == kind)
    return int(await hub.database.read(lambda tx: tx.execute(query).scalar_one()))
