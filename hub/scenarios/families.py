"""A case of a pack with all its matters as one family 联办: opened at once, each paper asked for once, one form.

Results feed what waits for them, and it ends by one exit.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

from catalog.forms.merging import Part, merge
from catalog.matters.roles import keys_of
from catalog.waterfall import Counted, waterfall
from certificates.lifecycle.states import Operation
from hub.clock import BEIJING, new_id, rfc3339
from hub.intake.families.asking import FamilyCall, request_hash
from hub.intake.families.casting import FamilyOpening
from hub.intake.families.naming import Named
from hub.intake.families.progress import WAIT, needed, state_of
from hub.intake.families.progress import Line as Told
from hub.intake.families.reading import Whole
from hub.intake.families.store import Family
from hub.intake.forms.signing import Signature
from hub.issuing.files import identifiers_of
from hub.runtime import Hub
from hub.scenarios.lines import Difference, FamilyRun, FormRun, Line, differences, line_of
from hub.scenarios.loading import Loaded, collect_rows
from hub.scenarios.parties import OPERATOR, corroborated, named
from hub.scenarios.rows import result_row
from hub.scenarios.values import CaseSpec, FamilySpec
from signing.canonical import canonical, strict_loads

_MOST: Final = 4 * 1024 * 1024
_LANGUAGE: Final = "zh-CN"
_CITIZEN: Final = "111"


async def played_together(hub: Hub, loaded: Loaded, spec: CaseSpec) -> FamilyRun:
    """From opening to close. Raises: IntakeError; ValueError: the figures do not close."""
    joined = spec.family
    assert joined is not None  # noqa: S101  # played where there is one
    family = await hub.families.open(loaded.caller, _opening(hub, loaded, spec), request=None)
    await _pulled(hub, loaded, spec, family.family_no)
    await _given(hub, loaded, spec, joined, family)
    form = await _one_form(hub, loaded, joined, family)
    counted_lines = await _lines(hub, loaded, spec, family)
    view = await hub.families.progress(loaded.caller, family.family_no, _LANGUAGE)
    if not view["owed"]:  # a case that is owed something is not closed before it is paid
        await hub.families.close(loaded.caller, family.family_no, when_paid=False, abandoned=False)
    await _taken_back(hub, loaded, joined)
    lines = tuple(line for line, _ in counted_lines)
    whole = waterfall(loaded.pack.before, [counted for _, counted in counted_lines])
    key = f"{spec.key} (family)"
    found = differences(key, {**spec.expect, **joined.expect}, joined.asked, lines, whole)
    shown = sum(item.papers for _, item in counted_lines if item.asked and item.outcome == "satisfied")
    # The family's own sum counts no card that is shown.
    said: list[tuple[str, object, object]] = [("papers", whole.asked - shown, view["papers"])]
    if joined.form is not None:
        said.append(("form", joined.form, (form.apart, form.fields, form.answered) if form else None))
    found += [Difference(key, about, str(wanted), str(told)) for about, wanted, told in said if wanted != told]
    return FamilyRun(spec, lines, whole, form, len(joined.results), tuple(found))


def _opening(hub: Hub, loaded: Loaded, spec: CaseSpec) -> FamilyOpening:
    return FamilyOpening(
        event=loaded.pack.declared["event"]["code"],
        parties=named(loaded.pack, spec.parties),
        subjects=[dict(subject) for subject in spec.subjects],
        operator=OPERATOR,
        channel="counter",
        external_no=f"{spec.key}-{new_id()}",
        corroboration=corroborated(spec.corroboration, hub.clock()),
        facts=spec.facts,
    )


async def _pulled(hub: Hub, loaded: Loaded, spec: CaseSpec, number: str) -> None:
    body = canonical({"purpose": loaded.purpose})
    call = FamilyCall(number, loaded.purpose, {}, _LANGUAGE, request_hash(number, body))
    with ExitStack() as away:
        if spec.without_table:
            away.enter_context(loaded.table_away(spec.without_table))
        await hub.family_asking.pull(loaded.caller, call)


async def _given(hub: Hub, loaded: Loaded, spec: CaseSpec, joined: FamilySpec, family: Family) -> None:
    """What its matters give: issued by their departments, as any licence is; and numbers that somebody has now."""
    today = hub.clock().astimezone(BEIJING).date()
    for result in joined.results:
        row = result_row(loaded.pack, result, today=today)
        await collect_rows(hub, loaded.pack, result.type, [row], loaded.folder / "results" / new_id())
    for party in joined.names:
        given = loaded.pack.holders[spec.parties[party].holder].given
        named_now = Named(party, _CITIZEN, given, None, OPERATOR)
        await hub.family_naming.name(loaded.caller, family.family_no, named_now)
    if joined.results:  # the job that its register ordered, now: a sweep would do all that other cases left behind too
        await hub.family_asking.advance({"family": family.id})


async def _taken_back(hub: Hub, loaded: Loaded, joined: FamilySpec) -> None:
    """Whoever plays the cases once more finds the registers as they were."""
    for result in joined.results:
        holder, code = loaded.pack.holders[result.of], loaded.code_of(result.type)
        held = await identifiers_of(hub, str(holder.id_type), str(holder.id_number))
        for each in (item for item in held if item["type"] == code):
            reason, basis = "场景演示结束", "《政务数据共享条例》第十九条"
            await hub.status.change(each["identifier"], Operation.WITHDRAW, reason=reason, legal_basis=basis)


async def _one_form(hub: Hub, loaded: Loaded, joined: FamilySpec, family: Family) -> FormRun | None:
    """Fill it, answer what is asked, have it signed."""
    whole = await hub.database.read(lambda tx: hub.families.reader.whole(tx, family))
    apart = sum(len(_fields(whole, member.matter.code)) for member in whole.members)
    if not apart:
        return None
    sheet = await hub.families.sheet(loaded.caller, family.family_no)
    await hub.forms.answer(loaded.caller, sheet, joined.answers, None)
    shown = await hub.forms.shown(sheet, _LANGUAGE)
    if shown["asked"]:
        raise ValueError(f"the form still asks for {', '.join(shown['asked'])}")
    for party in shown["signers"]:
        now = rfc3339(hub.clock())
        signature = Signature(party, shown["digest"], "holder_confirmation", at=now, reference="SCENARIO-PAD-01")
        await hub.forms.sign(loaded.caller, sheet, signature)
    states = [item["state"] for item in shown["fields"]]
    return FormRun(apart, len(states), states.count("filled"), states.count("answered"), len(shown["signers"]))


def _fields(whole: Whole, matter: str) -> Sequence[object]:
    """What one matter would ask by itself."""
    member = whole.member(matter)
    assert member is not None  # noqa: S101  # of its own members
    held = {role: tuple(keys_of(role, member.cast.names)) for role in member.matter.roles}
    return merge([Part(matter, member.matter.form, held)])


async def _lines(hub: Hub, loaded: Loaded, spec: CaseSpec, family: Family) -> list[tuple[Line, Counted]]:
    """The newest word on every requirement, and how it counts: of what several matters want, the first asks."""
    whole = await hub.database.read(lambda tx: hub.families.reader.whole(tx, family))
    told = await hub.database.read(lambda tx: hub.families.reader.lines(tx, whole))
    answers = {
        name: strict_loads(await hub.evidence.fetch(loaded.caller, name), max_bytes=_MOST)
        for name in dict.fromkeys(line.answer_id for line in told)
    }
    wanted = needed(told, whole.feeds, whole.coming)
    first = {_place(max(item.lines, key=lambda line: line.requirement.papers)) for item in wanted}
    merged = {_place(line) for item in wanted for line in item.lines} - first
    found = []
    for line in told:
        member = whole.member(line.matter)
        assert member is not None  # noqa: S101  # of its own members
        item = _item(answers[line.answer_id], line)
        made = line_of(loaded, spec, member.matter, item, needed=_place(line) in first)
        counted = made.counted
        if not counted.asked and _place(line) in merged:
            counted = replace(counted, outcome="satisfied", rung="held")
        elif state_of(line, whole.feeds, whole.coming) == WAIT:
            counted = replace(counted, outcome="pending", asked=False)
        found.append((made, counted))
    return found


def _item(answer: Mapping[str, Any], line: Told) -> Mapping[str, Any]:
    asked = (line.requirement.code, line.role)
    found: Mapping[str, Any] = next(item for item in answer["requirements"] if (item["code"], item["party"]) == asked)
    return found


def _place(line: Told) -> tuple[str, str, str]:
    return line.matter, line.requirement.code, line.role
