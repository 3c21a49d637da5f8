"""Running packs: every case is opened, pulled and closed as an intake system does it; figures come from its answers."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import date, datetime
from time import monotonic
from typing import Final

from catalog.grants import GrantState
from catalog.matters.roles import role_of
from catalog.matters.values import Matter
from catalog.waterfall import waterfall
from hub.clock import new_id
from hub.intake.asks.reasons import Reason
from hub.intake.asks.service import Asking
from hub.intake.calls import EvidenceCall
from hub.intake.errors import IntakeError
from hub.intake.opening import Opening
from hub.problems import problem_of
from hub.runtime import Hub
from hub.scenarios.families import played_together
from hub.scenarios.lines import CaseRun, Line, PackRun, RefusedRun, differences, line_of, with_givers
from hub.scenarios.loading import Loaded, Progress
from hub.scenarios.lower_rungs import hand_in
from hub.scenarios.parties import OPERATOR, corroborated, named
from hub.scenarios.values import CaseSpec, Playing, RefusedSpec
from signing.canonical import canonical, sha256, strict_loads

_MOST: Final = 4 * 1024 * 1024


async def run(
    hub: Hub,
    loaded: Loaded,
    *,
    on_progress: Progress,
    withheld: Sequence[str] = (),
    only: Collection[str] | None = None,
    base: PackRun | None = None,
) -> PackRun:
    """Play the cases of a pack; each also as a family where it says so; and try what must be refused.

    Args:
        only: keys of cases; None plays all.
        withheld: types and interfaces whose grants are suspended meanwhile; `Loaded.given_by` tells those of a source.
            Then every case is played matter by matter, and nothing else.
        base: the run that this one is compared with: a matter that names nothing of what is withheld is not played
            again, and ended as it did there. None plays everything.

    Raises: ValueError: a case is refused, or its figures do not close; StorageError.
    """
    began, scanned = monotonic(), list[tuple[str, str]]()
    matters = [await hub.registry.matters.find(item["code"]) for item in loaded.pack.declared["matters"]]
    cases, specs = [], [spec for spec in loaded.pack.cases if only is None or spec.key in only]
    joined = [] if withheld else [spec for spec in specs if spec.family is not None]
    step, steps = f"cases 办件 {loaded.pack.name}", len(specs) + len(joined)
    async with _withheld(hub, loaded, withheld):
        for done, spec in enumerate(specs):
            on_progress(step, done, steps)
            known = None if base is None else next(case for case in base.cases if case.spec.key == spec.key)
            with _told_of(loaded, spec):
                cases.append(await _case(hub, loaded, spec, matters, frozenset(withheld), known, scanned))
    for case_no, copy in scanned:  # whoever plays these cases once more scans again
        await hub.lower.copies.withdraw(loaded.caller, case_no, copy, "场景演示结束")
    families = []
    for done, spec in enumerate(joined, len(specs)):
        on_progress(step, done, steps)
        with _told_of(loaded, spec):
            families.append(await played_together(hub, loaded, spec))
    refused = (
        [] if withheld or only is not None else [await _refused(hub, loaded, spec) for spec in loaded.pack.refused]
    )
    on_progress(step, steps, steps)
    return PackRun(loaded, tuple(cases), tuple(withheld), tuple(families), tuple(refused), monotonic() - began)


@contextmanager
def _told_of(loaded: Loaded, spec: CaseSpec) -> Iterator[None]:
    """Of a case that is refused, say which it was."""
    try:
        yield
    except (IntakeError, ValueError) as error:
        raise ValueError(f"{loaded.pack.name}: {spec.key}: {error}") from error


@asynccontextmanager
async def _withheld(hub: Hub, loaded: Loaded, names: Sequence[str]) -> AsyncIterator[None]:
    """As if these had never been shared: their owners suspend the grants, and restore them afterwards."""
    grants = [grant for name in names for grant in loaded.grants[name]]
    for grant in grants:
        await hub.registry.change_grant(grant, GrantState.SUSPENDED)
    try:
        yield
    finally:
        for grant in grants:
            await hub.registry.change_grant(grant, GrantState.LIVE)


async def _case(
    hub: Hub,
    loaded: Loaded,
    spec: CaseSpec,
    matters: Sequence[Matter],
    withheld: frozenset[str],
    known: CaseRun | None,
    scanned: list[tuple[str, str]],
) -> CaseRun:
    lines: list[Line] = []
    for matter in matters:
        if known is not None and withheld.isdisjoint(loaded.named_by(matter.code)):
            lines += [line for line in known.lines if matter.requirement(line.counted.code) is not None]
            continue
        parties = {key: said for key, said in spec.parties.items() if role_of(key) in matter.roles}
        if matter.roles[0] not in parties:  # of a life event with one more matter than this case
            raise ValueError(f"no {matter.roles[0]} for {matter.code}")
        lines += await _pulled(hub, loaded, spec, matter, parties, scanned)
    counted = waterfall(loaded.pack.before, [line.counted for line in lines])
    found = differences(spec.key, spec.expect, spec.asked, lines, counted)
    return CaseRun(spec, tuple(lines), counted, tuple(found))


async def _pulled(
    hub: Hub,
    loaded: Loaded,
    spec: CaseSpec,
    matter: Matter,
    parties: Mapping[str, Playing],
    scanned: list[tuple[str, str]],
) -> list[Line]:
    """One matter of a case, from opening to close, by the services that the API calls. `scanned` takes its copies."""
    opening = _opening(loaded, spec, matter.code, parties, hub.clock(), asked=matter.facts)
    case = await hub.cases.open(loaded.caller, opening, request=None)
    body = {"case_no": case.case_no, "purpose": loaded.purpose}
    call = EvidenceCall(
        case_no=case.case_no,
        requirements=None,
        purpose=loaded.purpose,
        language="zh-CN",
        request_hash=sha256(canonical(body)).hex(),
    )
    with ExitStack() as away:
        if spec.without_table:
            away.enter_context(loaded.table_away(spec.without_table))
        answer = strict_loads(await hub.evidence.pull(loaded.caller, call), max_bytes=_MOST)
        if await hand_in(hub, loaded, spec, matter, answer, scanned):
            answer = strict_loads(await hub.evidence.pull(loaded.caller, call), max_bytes=_MOST)
    asked = await _asked(hub, loaded, spec, matter, case.case_no)
    if not answer.get("owed"):  # a case that is owed something is not closed before it is paid
        await hub.cases.close(loaded.caller, case.case_no)
    needed = answer["still_needed"]
    lines = [line_of(loaded, spec, matter, item, needed=item["code"] in needed) for item in answer["requirements"]]
    # What a clerk asks for all the same is brought, whatever was fetched.
    return [
        replace(line, counted=replace(line.counted, asked=True), insisted=True)
        if (line.counted.code, line.counted.party) in asked
        else line
        for line in with_givers(matter, parties, lines)
    ]


async def _asked(hub: Hub, loaded: Loaded, spec: CaseSpec, matter: Matter, case_no: str) -> set[tuple[str, str]]:
    """Ask for what the pack's clerk asks for all the same; of whom."""
    found = set()
    for item in spec.asks:
        if matter.requirement(item["requirement"]) is not None:
            asking = Asking(item["requirement"], Reason(item["reason"]), item.get("party"))
            told = await hub.asks.ask(loaded.caller, case_no, asking, "zh-CN")
            found.add((told["requirement"], told["party"]))
    return found


async def _refused(hub: Hub, loaded: Loaded, spec: RefusedSpec) -> RefusedRun:
    """Try an opening. One that is not refused is a case like any other, and is closed."""
    opening = _opening(loaded, spec, spec.matter, spec.parties, hub.clock(), asked=spec.facts)
    opening = replace(opening, filed_on=date.fromisoformat(spec.filed_on) if spec.filed_on else None)
    try:
        case = await hub.cases.open(loaded.caller, opening, request=None)
    except IntakeError as error:
        place = getattr(error, "pointer", "")
        return RefusedRun(spec, problem_of(error).slug, f"{place}: {getattr(error, 'rule', '')}" if place else "")
    await hub.cases.close(loaded.caller, case.case_no)
    return RefusedRun(spec, "", "")


def _opening(
    loaded: Loaded,
    spec: CaseSpec | RefusedSpec,
    matter: str,
    parties: Mapping[str, Playing],
    now: datetime,
    *,
    asked: Collection[str],
) -> Opening:
    """`asked`: the questions of the matter."""
    return Opening(
        matter=matter,
        kind="application",
        parties=named(loaded.pack, parties),
        subjects=[dict(subject) for subject in spec.subjects] if isinstance(spec, CaseSpec) else [],
        operator=OPERATOR,
        channel="counter",
        external_no=f"{spec.key}-{new_id()}",
        corroboration=corroborated(spec.corroboration, now),
        facts={code: value for code, value in spec.facts.items() if code in asked},
    )
