"""Two systems of departments in the sample city: SQLite files with tables as old software spells them, and what is
published from them through the services that any department uses.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

from hub.access.actors import COMMAND
from hub.clock import rfc3339
from hub.runtime import Hub
from hub.sample import catalogue
from hub.sample.city import City
from hub.sample.people import Person

Definition = dict[str, Any]
_STATES: Final = ("1", "1", "1", "1", "2", "3")
_TABLES: Final = {
    "social_insurance": ("参保", ("身份证号", "姓名", "状态", "单位", "月数", "缴至", "基数")),
    "enterprises": ("市场主体", ("信用代码", "名称", "状态", "成立日期", "注册资本万元")),
}


def write_databases(city: City, folder: Path) -> dict[str, Path]:
    """Write the departments' databases into `folder`; answers their paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {"social_insurance": _insured(city), "enterprises": _enterprises(city)}
    paths = {}
    for name, (table, columns) in _TABLES.items():
        path = paths[name] = folder / f"{name}.sqlite3"
        path.unlink(missing_ok=True)
        places = ", ".join("?" * len(columns))
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(f"CREATE TABLE {table} ({' TEXT, '.join(columns)} TEXT, PRIMARY KEY ({columns[0]}))")
            database.executemany(f"INSERT INTO {table} VALUES ({places})", rows[name])  # noqa: S608  # names of our own
    return paths


async def publish(hub: Hub, paths: Mapping[str, Path], city: City) -> None:
    """Register the sources and take the interfaces live, each after a test with an invented person or enterprise."""
    tried = {
        "social_insurance": {"citizen_id": city.persons["complete"].citizen_id},
        "enterprise_status": {"uscc": next(firm.uscc for firm in city.enterprises if firm.registered)},
    }
    for definition in sources(paths):
        await hub.sources.add(COMMAND, definition)
    for definition in interfaces():
        code = (await hub.interfaces.draft(COMMAND, definition)).code
        trial = await hub.trials.try_out(COMMAND, code, params=tried[code])
        if not trial.passed:
            raise RuntimeError(f"the sample interface {code} does not answer: {trial.as_json()}")
        await hub.interfaces.to_test(COMMAND, code)
        await hub.interfaces.take_live(COMMAND, code)
    for grant in grants(hub.clock()):
        await hub.registry.add_grant(grant)


def sources(paths: Mapping[str, Path]) -> list[Definition]:
    """Source definitions over these files."""
    made = []
    for declared in _declared()["sources"]:
        source = {**declared, "department": catalogue.department_code(declared["department"]), "kind": "sql"}
        path = paths[source.pop("register")].absolute()
        made.append({**source, "connection": {"dialect": "sqlite", "database": str(path)}})
    return made


def interfaces() -> list[Definition]:
    """Interface definitions."""
    return [
        {**declared, "department": catalogue.department_code(declared["department"])}
        for declared in _declared()["interfaces"]
    ]


def grants(now: datetime) -> list[Definition]:
    """Grants of these interfaces for one year from `now`, each by the department that publishes it."""
    purposes = {system["client_id"]: system["purpose"] for system in catalogue.systems()}
    owners = {interface["code"]: interface["department"] for interface in interfaces()}
    return [
        {
            **grant,
            "owner": owners[grant["interface"]],
            "purpose": purposes[grant["system"]],
            "valid_from": rfc3339(now),
            "valid_until": rfc3339(now + catalogue.GRANT_PERIOD),
        }
        for grant in _declared()["grants"]
    ]


def described(now: datetime) -> list[Definition]:
    """What `sample.json` tells of the interfaces: who may ask which fields, for which matters."""
    granted = grants(now)
    return [
        {
            "code": interface["code"],
            "name": interface["title"]["zh"],
            "department": interface["department"],
            "party": next(iter(interface["params"].values()))["id_type"],
            "grants": [
                {"client_id": grant["system"], "matters": grant["matters"], "fields": grant["fields"]}
                for grant in granted
                if grant["interface"] == interface["code"]
            ],
        }
        for interface in interfaces()
    ]


def _insured(city: City) -> Iterator[tuple[str, ...]]:
    employers = [firm for firm in city.enterprises if firm.registered]
    last = (city.today.replace(day=1) - timedelta(days=1)).strftime("%Y%m%d")
    for person in city.people:
        if "housing_fund_account" not in person.records:
            continue
        rng = Random(f"social_insurance {person.citizen_id}")  # noqa: S311  # invents data, keeps no secret
        state = "1" if person is city.persons["complete"] else rng.choice(_STATES)
        employer = rng.choice(employers).name if state == "1" else ""
        months = _months(city, person, rng)
        yield person.citizen_id, person.name, state, employer, str(months), last, str(rng.randint(45, 300) * 100)


def _months(city: City, person: Person, rng: Random) -> int:
    working = max(1, 12 * (city.today.year - person.born.year - 20))
    return rng.randint(min(6, working), min(240, working))


def _enterprises(city: City) -> Iterator[tuple[str, ...]]:
    for firm in city.enterprises:
        if firm.registered:
            day = firm.established_on
            yield firm.uscc, firm.name, "K", f"{day.year}年{day.month}月{day.day}日", firm.capital.partition("(")[0]


@cache
def _declared() -> Mapping[str, Any]:
    text = resources.files("hub.sample").joinpath("sources.yaml").read_text(encoding="utf-8")
    declared: Definition = yaml.safe_load(text)
    return declared
