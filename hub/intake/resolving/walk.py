"""A pull on its way 取证过程: what is ready is asked at once, and what waited for it goes on as soon as it is there.

So a pull takes as long as its longest chain of answers that need each other, and no longer for having many. It lives in
memory alone; what it found is decided, and on the ledger, before anything of it leaves.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from catalog.expressions.reading import read_value
from catalog.expressions.values import Value
from catalog.matters.feeding import CLAIMS, OUTCOMES, PARTIES
from catalog.matters.roles import keys_of
from catalog.matters.values import Need, Requirement
from certificates.stores import certificates as library
from certificates.stores.holders import Subject
from certificates.stores.version import HeldVersion
from hub.access.service import Caller
from hub.citizens.authorising.decisions import Decisions, decisions_of
from hub.intake.answers import LONGEST
from hub.intake.calls import Claimed, EvidenceCall, Waiting
from hub.intake.claiming import quota_uses
from hub.intake.compose import Item
from hub.intake.copies import CopyMaker
from hub.intake.identity import identity_types
from hub.intake.outcomes import Fetched, Outcome, Why
from hub.intake.parties import each_party
from hub.intake.quotas import QuotaBook, Taken
from hub.intake.resolver import Ask, Open, Resolution, Source, resolve, unasked
from hub.intake.resolving.depending import cleared
from hub.intake.resolving.given import joined, names_somebody, party_in, says_who
from hub.intake.resolving.naming import not_named
from hub.intake.resolving.pacing import MOMENT, Late, behind
from hub.intake.resolving.ports import Foresee, Indexed, Settle, Sources, as_it_is
from hub.intake.resolving.telling import Told, may_open, told_by
from hub.intake.resolving.values import Seen
from hub.intake.store import Party
from hub.issuing.drafting import INDEXED
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards, settled
from hub.storage.database import Database
from hub.storage.vault import Vault


class Walking:
    """Walks pulls."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        types: TypeRegistry,
        copies: CopyMaker,
        indexed: Indexed,
        sources: Sources,
        quotas: QuotaBook,
        foresee: Foresee | None = None,
    ) -> None:
        self.foresee = foresee
        self.database = database
        self.vault = vault
        self.types = types
        self.copies = copies
        self.indexed = indexed
        self.sources = sources
        self.quotas = quotas

    async def items(
        self, caller: Caller, call: EvidenceCall, claimed: Claimed, *, settle: Settle = as_it_is
    ) -> tuple[Claimed, list[Item]]:
        """Every requirement's item, in the matter's order, and the request with the parties that answers named."""
        walk = _Walk(self, caller, call, claimed, settle)
        return await walk.run()


class _Walk:
    def __init__(self, on: Walking, caller: Caller, call: EvidenceCall, claimed: Claimed, settle: Settle) -> None:
        self._on = on
        self._caller = caller
        self._call = call
        self._claimed = claimed
        self._question = claimed.question
        self._settle = settle
        self._ends_at = asyncio.get_running_loop().time() + LONGEST.total_seconds()
        self._said: dict[tuple[Need, str, int | None, bool], asyncio.Task[Fetched]] = {}
        """Questions on their way: two requirements that want the same of the same party ask once."""
        self._differing: set[str] = set()
        """Roles in which an answer names somebody else."""
        self._unread: set[str] = set()
        """Roles in which an answer may name somebody whom nobody can read."""
        self._meeting = asyncio.Lock()

    async def run(self) -> tuple[Claimed, list[Item]]:
        matter = self._claimed.matter
        found: dict[str, list[Resolution | Open | Waiting]] = {}
        for item in self._claimed.resolutions:
            found.setdefault(item.requirement.code, []).append(item)
        tasks: dict[str, asyncio.Task[list[Item]]] = {}
        left = [item.code for item in matter.requirements if item.code in found]
        second = behind(found, matter.after)
        while left:  # a reading matter has refused rings
            for code in [code for code in left if tasks.keys() >= matter.after.get(code, frozenset())]:
                before = [tasks[one] for one in sorted(matter.after.get(code, frozenset()))]
                tasks[code] = asyncio.create_task(self._answer(code, found[code], before, later=code in second))
                left.remove(code)
        try:
            await asyncio.gather(*tasks.values())
        except BaseException:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
            raise
        order = list(found) if not matter.after else [item.code for item in matter.requirements if item.code in found]
        return self._claimed, [item for code in order for item in tasks[code].result()]

    async def _answer(
        self,
        code: str,
        found: Sequence[Resolution | Open | Waiting],
        before: Sequence[asyncio.Task[list[Item]]],
        *,
        later: bool,
    ) -> list[Item]:
        """The items of one requirement, one of each party."""
        if later:
            await asyncio.sleep(MOMENT)
        await asyncio.gather(*before)
        ready: list[Resolution | Open] = []
        for item in found:
            ready += await self._judged(item.requirement) if isinstance(item, Waiting) else [item]
        items = await asyncio.gather(*(self._item(item) for item in ready))
        items = list(await self._settle(self._claimed, items))
        items = await self._foreseen(code, items)
        await self._learn(code, items)
        return items

    async def _foreseen(self, code: str, items: list[Item]) -> list[Item]:
        """With what stands in for them, where another requirement wants to know how they end."""
        awaited = any(code in before for before in self._claimed.matter.after.values())
        if not awaited or self._on.foresee is None or not any(item.resolution.requirement.stand_ins for item in items):
            return items
        foresee = self._on.foresee
        return await self._on.database.read(lambda tx: foresee(tx, self._caller, self._call, self._claimed, items))

    async def _judged(self, requirement: Requirement) -> list[Resolution | Open]:
        """A requirement that waited, of each of its parties."""
        matter, call = self._claimed.matter, self._call
        only = call.party if call.requirements and requirement.code in call.requirements else None
        each = each_party(matter, [requirement], self._claimed.parties, only=only)
        await self._count(requirement, each)
        return [self._resolved(one) for one in each or (requirement,)]

    async def _count(self, requirement: Requirement, each: Sequence[Requirement]) -> None:
        """The quotas of those who turned out to be asked about: unit 1 took them for whom the case named."""
        then, now, quotas = self._claimed.question, self._question, self._on.quotas
        named = each_party(self._claimed.matter, [requirement], then.parties)
        taken = sum(unasked(one, then) is None for one in named)
        wanted = sum(one.party in now.parties and unasked(one, now) is None for one in each)
        uses = [grant for grant in quota_uses([requirement], now) if grant.id not in now.exhausted]
        quotas.spare(uses * (taken - wanted), today=then.today())
        if more := uses * (wanted - taken):
            got = Taken()
            await self._on.database.write(lambda tx: quotas.take(tx, more, today=then.today(), into=got))
            quotas.confirm(got)
            self._question = replace(self._question, exhausted={*self._question.exhausted, *got.exhausted})

    def _resolved(self, requirement: Requirement) -> Resolution | Open:
        question = self._question
        early = unasked(requirement, question)
        if early is not None:
            return early
        if requirement.party in self._differing:
            return Resolution(requirement, Outcome.AMBIGUOUS, Why("party_differs", {"party": requirement.party}))
        if requirement.party in question.parties:
            return resolve(requirement, question)
        return not_named(requirement, self._claimed.matter, question)

    async def _item(self, found: Resolution | Open) -> Item:
        answers: dict[Need, Fetched] = {}
        while isinstance(found, Open):
            said = await asyncio.gather(*(self._asked(found.requirement, ask) for ask in found.asks))
            answers |= {ask.need: one for ask, one in zip(found.asks, said, strict=True)}
            found = resolve(found.requirement, self._question, answers)
        indexed = [source for source in found.sources if source.held.record.state == INDEXED]
        claims = await asyncio.gather(*(self._indexed(found, source) for source in indexed))
        kids = self._on.copies.licences.unknown({item.held.record.signing_kid for item in found.sources})
        if kids:
            await self._on.database.read(partial(self._on.copies.licences.learn_keys, kids=kids))
        fetched = {source.held.record.id: one for source, one in zip(indexed, claims, strict=True)}
        made = self._on.copies.make(found, self._caller, self._claimed.case, self._call.purpose, fetched)
        kept = {source.need: one for source, one in zip(indexed, claims, strict=True)}
        return replace(made, seen=Seen(self._question, answers | kept))

    async def _asked(self, requirement: Requirement, ask: Ask) -> Fetched:
        key = (ask.need, requirement.party, ask.subject, ask.known)
        asked = self._said.get(key)
        if asked is None:
            question = self._on.sources.fetch(self._claimed, self._call, requirement, ask)
            asked = asyncio.create_task(self._in_time(question, {"interface": ask.need.code}))
            self._said[key] = asked
        return await asked

    async def _indexed(self, resolution: Resolution, source: Source) -> Fetched:
        question = self._on.indexed.fetch(self._claimed, self._call, resolution, source)
        return await self._in_time(question, {"type": source.need.type_code})

    async def _in_time(self, question: Awaitable[Fetched], params: Mapping[str, Any]) -> Fetched:
        """All sources of a pull together have so long; whatever has not answered by then has failed."""
        try:
            async with asyncio.timeout_at(self._ends_at):
                return await question
        except TimeoutError:
            return Late(Why("source_timeout", params))

    async def _learn(self, code: str, items: Sequence[Item]) -> None:
        """What the answers tell the others, as far as the matter declares it."""
        requirement = self._claimed.matter.requirement(code)
        standing = {
            **self._question.standing,
            code: tuple((item.ends, item.resolution.failed) for item in items),
        }
        self._question = replace(self._question, standing=standing)
        if requirement is None or not self._claimed.matter.after:
            return
        values = dict(self._question.values)
        outcomes = {item.ends for item in items}
        if cleared(code, standing) and len(outcomes) == 1:
            values[f"{OUTCOMES}{code}"] = outcomes.pop().value
        for name, kind in requirement.yields.items():
            told = {read_value(kind, record[name]) for item in items for record in item.read if name in record}
            if len(told) == 1 and (value := told.pop()) is not None and _all_told(items, name):
                values[f"{CLAIMS}{code}.{name}"] = value
        self._question = replace(self._question, values=values)
        if requirement.gives:
            async with self._meeting:  # of two that name parties at once neither may forget whom the other named
                await self._meet(requirement, items)

    async def _meet(self, requirement: Requirement, items: Sequence[Item]) -> None:
        """The parties that these answers name join the case for as long as this pull lasts."""
        matter, case = self._claimed.matter, self._claimed.case
        parties: dict[str, Any] = dict(self._claimed.parties)
        for gives in requirement.gives:
            if not all(says_who(item, gives) for item in items):
                self._unread.add(gives.role)
            named = []
            for record in (record for item in items for record in item.read):
                found = party_in(record, gives, origin=requirement.code, case=case, vault=self._on.vault)
                if found is not None:
                    named.append(found)
                elif names_somebody(record, gives):
                    self._unread.add(gives.role)
            # Numbered by who they are: a register may name them in another order when a debt is paid.
            for found in sorted(named, key=lambda one: one.lookup_hash or b""):
                more = joined(matter, parties, found)
                if more is None:
                    self._differing.add(gives.role)
                else:
                    parties = more
        fresh = {key: party for key, party in parties.items() if key not in self._claimed.parties}
        subjects, held, told = await self._known(requirement, fresh)
        self._claimed = replace(self._claimed, parties=parties, subjects=self._claimed.subjects | subjects)
        decisions = await self._decided([party.lookup_hash for party in fresh.values()])
        known = {(item.record.id, item.subject.lookup_hash) for item in self._question.held}
        more_held = (item for item in held if (item.record.id, item.subject.lookup_hash) not in known)
        self._question = replace(
            self._question, parties=parties, held=(*self._question.held, *more_held), values=self._who(requirement),
            types=self._on.types.current(), told={**self._question.told, **told},
            decisions={**self._question.decisions, **decisions},
        )  # fmt: skip

    async def _decided(self, hashes: Sequence[bytes | None]) -> Decisions:
        """What those who were named decided of the grants that rest on their agreement."""
        resting = [grant.id for grant in self._question.grants if grant.terms.consent]
        numbers = [each for each in hashes if each]
        if not resting or not numbers:
            return {}
        case_id = None if self._call.follows else self._claimed.case.id
        return await self._on.database.read(
            lambda tx: settled(
                lambda: decisions_of(tx, self._on.vault, numbers, resting, now=self._question.now, case_id=case_id)
            )
        )

    def _who(self, giver: Requirement) -> dict[str, Value]:
        """The values with who takes part, as far as it is known: that there is nobody, or nobody else, is known when
        everybody who could name one has answered, in words that can be read.
        """
        values, parties = dict(self._question.values), self._claimed.parties
        for role in {of.role for of in giver.gives}:
            givers = [one for one in self._claimed.matter.requirements if role in {of.role for of in one.gives}]
            count = len(keys_of(role, parties))
            if count:
                values[f"{PARTIES}{role}.present"] = True
            if role not in self._unread and all(cleared(one.code, self._question.standing) for one in givers):
                values |= {f"{PARTIES}{role}.present": count > 0, f"{PARTIES}{role}.count": count}
        return values

    async def _known(
        self, giver: Requirement, named: Mapping[str, Party]
    ) -> tuple[dict[bytes, Subject], list[HeldVersion], Told]:
        """What the library knows of those who were named."""
        hashes = [party.lookup_hash for party in named.values() if party.lookup_hash]
        if not hashes:
            return {}, [], {}
        roles = {of.role for of in giver.gives}
        wanted = [item for item in self._claimed.matter.requirements if item.party in roles]
        codes = {code for item in wanted for code in item.type_codes()} | set(identity_types(self._on.types.current()))

        def look(tx: Connection) -> tuple[dict[bytes, Subject], list[HeldVersion], Told]:
            def found() -> tuple[dict[bytes, Subject], list[HeldVersion]]:
                subjects, held = library.held_by(tx, sorted(hashes), sorted(codes))
                check_guards(tx, self._on.vault, held=held)
                return subjects, held

            subjects, held = settled(found)
            self._on.types.learn(tx, {(item.record.type_code, item.record.type_version) for item in held})
            types = self._on.types.current()
            question = replace(self._question, parties=named, held=held, types=types)
            return subjects, held, told_by(tx, self._on.copies.licences, *may_open(wanted, question), types)

        return await self._on.database.read(look)


def _all_told(items: Sequence[Item], name: str) -> bool:
    """Whether each of the answers says it: one of them alone speaks for nobody else."""
    return all(any(name in record for record in item.read) for item in items)
