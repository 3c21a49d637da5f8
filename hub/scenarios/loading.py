"""Packs into an open hub, by the services that any city uses: registry, collection, status, sources, grants.

Several packs may stand in one hub. A department that two of them name is registered once, with the types of both.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND
from hub.access.service import Caller
from hub.clock import BEIJING, new_id, rfc3339
from hub.collection.service import CollectionOrder, CollectionService
from hub.issuing.files import identifiers_of
from hub.issuing.types.registry import TypeInForce
from hub.runtime import Hub
from hub.scenarios.checking import needs_of
from hub.scenarios.declaring import (
    authorities,
    code_of,
    departments,
    event_of,
    issuer_of,
    matter_of,
    owner_of,
    trial_of,
)
from hub.scenarios.pack import PackError
from hub.scenarios.places import Dialling, Embedded, Places, Standing, Table
from hub.scenarios.rows import register_file, register_rows, source_rows
from hub.scenarios.values import Pack
from hub.storage.files import write_durably
from signing.jose import sign_jws
from signing.keys import SoftwareSigner

_GRANTED_FOR: Final = timedelta(days=365)
Progress = Callable[[str, int, int], None]
"""Name of the step, done, in all."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pack in a hub, with its system signed in.

    Attributes:
        grants: ids by slug of the type, or code of the interface, that is granted.
        authorities: the deciding department's code by requirement.
        tables: where each source's table stands.
        read_from: of granted types whose claims stay at their source, its interface.
        slugs: types by code.
        folder: the pack's own.
    """

    pack: Pack
    caller: Caller
    purpose: str
    grants: Mapping[str, tuple[str, ...]]
    authorities: Mapping[str, str]
    tables: Mapping[str, Standing]
    read_from: Mapping[str, str]
    slugs: Mapping[str, str]
    folder: Path

    def given_by(self, name: str) -> tuple[str, ...]:
        """What a name takes away of what is granted: a type's slug or an interface's code is itself; a source has its
        interfaces, and the types that are read by them.

        Raises: KeyError: the pack has no such type, interface or source.
        """
        if name in self.grants:
            return (name,)
        interfaces = {item["code"] for item in self.pack.declared.get("interfaces", ()) if item["source"] == name}
        found = tuple(each for each in self.grants if self.read_from.get(each, each) in interfaces)
        if not found:
            raise KeyError(name)
        return found

    def named_by(self, matter: str) -> frozenset[str]:
        """Slugs of the types and codes of the interfaces that a matter's requirements name."""
        declared = next(item for item in self.pack.declared["matters"] if item["code"] == matter)
        needs = (need for item in declared["requirements"] for need in needs_of(item))
        return frozenset(need.get("type") or need["interface"] for need in needs)

    def code_of(self, slug: str) -> str:
        """The code of a type."""
        return next(code for code, known in self.slugs.items() if known == slug)

    def table_away(self, source: str) -> AbstractContextManager[None]:
        """A department's system fails, until the end."""
        return self.tables[source].away()


async def load(
    hub: Hub, packs: Sequence[Pack], folder: Path, *, on_progress: Progress, places: Places | None = None
) -> dict[str, Loaded]:
    """Load packs into a hub that has none of their departments; answers them by name. Takes seconds.

    `folder` takes the registers, the reports, the systems' private keys and, where no `places` are given, the sources'
    databases.

    Raises: PackError; CatalogError, CertificateError, CollectionError, ConflictError, as the services say.
    """
    now = hub.clock()
    today = now.astimezone(BEIJING).date()
    on_progress("catalogue 目录", 0, 1)
    for text in {slug: pack.type_text(slug) for pack in packs for slug in pack.types}.values():
        await hub.registry.add_type(text)
    for department in departments(packs):
        await hub.registry.add_department(department)
    on_progress("catalogue 目录", 1, 1)
    slugs = {known.type.code: known.type.slug for known in hub.types.current().values()}
    codes = {slug: code for code, slug in slugs.items()}
    loaded = {}
    for pack in packs:
        home = folder / pack.name
        await _collect(hub, pack, home, today, on_progress)
        await _change(hub, pack)
        tables = await _publish(hub, pack, home / "sources", today, places or Embedded())
        for matter in pack.declared["matters"]:
            await hub.registry.add_matter(matter_of(pack, matter, codes))
        if event := pack.declared.get("event"):
            await hub.life_events.add(COMMAND, event_of(pack, event))
        caller = await _system(hub, pack, home)
        loaded[pack.name] = Loaded(
            pack=pack,
            caller=caller,
            purpose=pack.declared["system"]["purpose"],
            grants=await _grant(hub, pack, now),
            authorities=authorities(pack),
            tables=tables,
            read_from=_read_from(hub, pack),
            slugs=slugs,
            folder=home,
        )
    return loaded


async def _collect(hub: Hub, pack: Pack, home: Path, today: date, tell: Progress) -> None:
    step, registers = f"registers 登记簿 {pack.name}", list(pack.declared["registers"])
    for done, slug in enumerate(registers):
        tell(step, done, len(registers))
        await collect_rows(hub, pack, slug, register_rows(pack, slug, today=today), home / "registers" / slug)
    tell(step, len(registers), len(registers))


async def collect_rows(hub: Hub, pack: Pack, slug: str, rows: Iterable[Mapping[str, str]], folder: Path) -> None:
    """Records of a type, collected as its issuer's register; `folder` takes the file and the report.

    Raises: PackError: some are refused.
    """
    collection = CollectionService(hub.database, issuing=hub.issuing, types=hub.types, vault=hub.vault, clock=hub.clock)
    known, path = _type(hub, slug), folder / f"{slug}.csv"
    write_durably(path, register_file(known.type, rows))
    order = CollectionOrder(
        type=known.type.code,
        issuer=issuer_of(pack, slug),
        files=[path],
        report_dir=folder / "reports",
        as_of=hub.clock(),
    )
    result = await collection.collect(order)
    if result.totals.rejected:
        told = result.report.read_text(encoding="utf-8")[:500]
        raise PackError(pack.name, [(f"/registers/{slug}", f"{result.totals.rejected} rows are refused: {told}")])


async def _change(hub: Hub, pack: Pack) -> None:
    """Suspend and revoke what the pack says, as an issuer does."""
    for place, item in enumerate(pack.declared.get("changes", ())):
        holder, code = pack.holders[item["holder"]], _type(hub, item["type"]).type.code
        number = str(holder.id_number)
        held = [each for each in await identifiers_of(hub, str(holder.id_type), number) if each["type"] == code]
        if not held:
            raise PackError(pack.name, [(f"/changes/{place}", "the holder has none")])
        for each in held:
            operation = Operation(item["operation"])
            await hub.status.change(
                each["identifier"], operation, reason=item["reason"], legal_basis=item["legal_basis"]
            )


async def _publish(hub: Hub, pack: Pack, folder: Path, today: date, places: Places) -> dict[str, Standing]:
    """Departments' own systems, and what is published from them, after a test with one of the cast."""
    tables = {}
    for code, item in pack.declared.get("sources", {}).items():
        rows = tuple(source_rows(pack, code, today=today))
        asked = tuple(each["by"] for each in pack.declared.get("interfaces", ()) if each["source"] == code)
        table = Table(code, item["table"], tuple(item["columns"]), rows, item.get("real", "postgresql"), asked)
        standing = tables[code] = places.stand(table, folder)
        department = code_of(pack, item["department"])
        source = {"code": code, "name": item["name"], "contact": item["contact"], **standing.definition()}
        await hub.sources.add(COMMAND, {**source, "department": department})
        for name, value in standing.secrets().items():
            await hub.sources.put_secret(COMMAND, code, name, value)
        if isinstance(standing, Dialling):
            await standing.dial(hub, department)
    for declared in pack.declared.get("interfaces", ()):
        own = {name: value for name, value in declared.items() if name not in {"by", "trial"}}
        operation = tables[declared["source"]].operation(declared["by"])
        definition = {**own, "operation": operation, "department": code_of(pack, declared["department"])}
        code = (await hub.interfaces.draft(COMMAND, definition)).code
        trial = await hub.trials.try_out(COMMAND, code, params=trial_of(pack, declared))
        if not trial.passed:
            raise PackError(pack.name, [("/interfaces", f"{code} does not answer: {trial.as_json()}")])
        await hub.interfaces.to_test(COMMAND, code)
        await hub.interfaces.take_live(COMMAND, code)
    return tables


async def _system(hub: Hub, pack: Pack, home: Path) -> Caller:
    """Register the pack's intake system and sign it in as it would itself: with its key."""
    declared, signer = pack.declared["system"], SoftwareSigner.generate()
    client_id = declared["client_id"]
    write_durably(home / f"{client_id}.pem", signer.to_pem(), mode=0o600)
    department = code_of(pack, declared["department"])
    await hub.registry.add_system(
        {"client_id": client_id, "department": department, "name": declared["name"], "keys": [signer.public.jwk]}
    )
    now = int(hub.clock().timestamp())
    claims = {"iss": client_id, "sub": client_id, "aud": hub.settings.public_url, "iat": now, "exp": now + 60}
    assertion = sign_jws({**claims, "jti": new_id()}, signer=signer, typ="client-authentication+jwt")
    return await hub.access.caller(await hub.access.token(assertion))


async def _grant(hub: Hub, pack: Pack, now: datetime) -> dict[str, tuple[str, ...]]:
    given: dict[str, tuple[str, ...]] = {}
    for item in pack.declared["grants"]:
        definition = {
            **item,
            "system": pack.declared["system"]["client_id"],
            "owner": owner_of(pack, item),
            "matters": [matter["code"] for matter in pack.declared["matters"]],
            "purpose": pack.declared["system"]["purpose"],
            "valid_from": rfc3339(now),
            "valid_until": rfc3339(now + _GRANTED_FOR),
        }
        name = item.get("type") or item["interface"]
        given[name] = (*given.get(name, ()), await hub.registry.add_grant(definition))
    return given


def _type(hub: Hub, slug: str) -> TypeInForce:
    known = hub.types.find(slug)
    if known is None:
        raise RuntimeError(f"the type {slug} has just been registered")
    return known


def _read_from(hub: Hub, pack: Pack) -> dict[str, str]:
    slugs = (item["type"] for item in pack.declared["grants"] if "type" in item)
    sources = {slug: _type(hub, slug).type.source for slug in slugs}
    return {slug: source.interface for slug, source in sources.items() if source is not None}
