"""Companies of a real register in a pack: its file is collected as licences, and each has the pack's usual case.

The file stays where it is, and nothing of it is printed but counts. All that is known of these companies is what the
register says: no other register of the pack has a record of them, and none is invented.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from catalog.errors import IdentifierError
from catalog.identifiers import USCC, check, normalise_id
from hub.collection.service import CollectionOrder, CollectionService
from hub.runtime import Hub
from hub.scenarios.lines import PackRun
from hub.scenarios.loading import Loaded
from hub.scenarios.pack import PackError
from hub.scenarios.values import CaseSpec, Holder, Playing

LICENCE: Final = "business_licence"


@dataclass(frozen=True, slots=True)
class Register:
    """What became of a register's file: rows that are licences now, rows that were refused, and companies to play."""

    issued: int
    rejected: int
    loaded: Loaded


async def collect_register(hub: Hub, loaded: Loaded, path: Path, reports: Path, *, first: int) -> Register:
    """Collect a file as licences of the pack's issuer of them, and put its first companies in the place of the cast.

    Raises: PackError: the pack has no company in its usual case, or no licence; OSError; CollectionError.
    """
    pack, known = loaded.pack, hub.types.find(LICENCE)
    issuers = [item["code"] for item in pack.declared["departments"].values() if LICENCE in item.get("issues", ())]
    usual = pack.cases[0]
    roles = [role for role, said in usual.parties.items() if pack.holders[said.holder].id_type == USCC]
    if known is None or not issuers or not roles:
        raise PackError(pack.name, [("/cases/0/parties", "no company, or nobody issues its licence")])
    collection = CollectionService(hub.database, issuing=hub.issuing, types=hub.types, vault=hub.vault, clock=hub.clock)
    order = CollectionOrder(
        type=known.type.code, issuer=issuers[0], files=[path], report_dir=reports, as_of=hub.clock()
    )  # fmt: skip
    totals = (await collection.collect(order)).totals
    columns = {claim: column for column, claim in known.type.default_mapping.items()}
    companies = list(_companies(path, columns["name"], columns["uscc"], first))
    cases = tuple(_case(usual, roles[0], holder) for holder in companies)
    holders = {**pack.holders, **{holder.key: holder for holder in companies}}
    return Register(
        totals.issued, totals.rejected, replace(loaded, pack=replace(pack, holders=holders, cases=cases, refused=()))
    )


def outcomes(run: PackRun) -> dict[str, Counter[str]]:
    """How often each requirement ended in what."""
    found: dict[str, Counter[str]] = {}
    for case in run.cases:
        for line in case.lines:
            found.setdefault(line.counted.code, Counter())[line.counted.outcome] += 1
    return found


def _companies(path: Path, name: str, number: str, first: int) -> Iterator[Holder]:
    """Those of the first rows whose number is one; each once."""
    seen: set[str] = set()
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            uscc = normalise_id(USCC, row[number] or "").value
            try:
                check(USCC, uscc)
            except IdentifierError:
                continue
            if uscc not in seen:
                seen.add(uscc)
                yield Holder(f"company_{len(seen)}", USCC, uscc, row[name], "登记簿企业", "a company of the register")
            if len(seen) == first:
                return


def _case(usual: CaseSpec, role: str, holder: Holder) -> CaseSpec:
    parties = {**usual.parties, role: Playing(holder.key)}
    return replace(usual, key=holder.key, weight=1, parties=parties, expect={}, family=None)
