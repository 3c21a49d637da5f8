"""`yizheng matter guide | script | checklist | lint`: what a matter says to people, and what is wrong with a draft."""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hub.cli.acting import FileArgument, read_definitions
from hub.cli.common import Exit, HomeOption, JsonOption, fail, settings_of, show, with_hub

if TYPE_CHECKING:
    from catalog.matters.findings import Finding
    from catalog.matters.guiding import Checklist, Guide, Script
    from catalog.matters.lines import Line
    from catalog.matters.values import Matter
    from hub.runtime import Hub

CodeArgument = Annotated[str, typer.Argument(help="Code of the matter 事项代码")]
FactOption = Annotated[list[str] | None, typer.Option("--fact", help="CODE=VALUE, repeatable 情形")]
PartyOption = Annotated[
    list[str] | None, typer.Option("--party", help="A role that takes part, repeatable; default: unknown 当事人")
]
SituationOption = Annotated[str | None, typer.Option("--situation", help="One of the matter's 情形")]
DayOption = Annotated[str | None, typer.Option("--on", help="Filing day, default today 收件日")]
LanguageOption = Annotated[str, typer.Option("--lang", help="zh-CN or en 语言")]
_TRUE: Final = frozenset({"true", "yes", "是"})
_FALSE: Final = frozenset({"false", "no", "否"})


def add_to(app: typer.Typer) -> None:
    """These commands beside `matter add`."""
    app.command("lint")(lint)
    app.command("schema")(schema)
    app.command("guide")(guide)
    app.command("script")(script)
    app.command("checklist")(checklist)
    app.command("simulate")(simulate)


def lint(file: FileArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Everything wrong with matters, each with its place; exit 65 when one cannot be published. 检查事项定义

    In a hub's home also what that hub could fetch itself, and rings of prerequisites with its matters.
    """
    definitions = read_definitions(file)
    if (settings_of(home).home / "hub.json").exists():
        found = with_hub(home, lambda hub: hub.registry.matters.lint(definitions))
    else:
        found = _linted_alone(definitions)
        print("no hub here: what it could fetch itself is not known 未连接平台，不检查可调取的证照", file=sys.stderr)
    all_found = [item for each in found for item in each]
    usable = not any(item.level.value == "error" for item in all_found)
    listed = [
        {"code": str(definition.get("code", "")), "findings": [item.as_json() for item in each]}
        for definition, each in zip(definitions, found, strict=True)
    ]
    text = "\n".join(map(_said, all_found)) or "nothing found 无误"
    show({"matters": listed, "usable": usable}, as_json=as_json, text=text)
    if not usable:
        raise typer.Exit(Exit.BAD_DATA)


def schema() -> None:
    """The JSON Schema of a matter's file, for an editor that completes as you type. 事项文件的 JSON Schema"""
    from hub.registry.matters.shape import schema_text

    print(schema_text(), end="")


def guide(
    code: CodeArgument,
    fact: FactOption = None,
    party: PartyOption = None,
    on: DayOption = None,
    situation: SituationOption = None,
    lang: LanguageOption = "zh-CN",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the applicant needs, what is not to be brought and why, which questions are open. 办事指南"""
    found: Guide = _explained("guide", code, fact, party, (on, situation), lang, home)
    english = lang == "en"
    parts = [
        ("To bring" if english else "需要提供", found.bring),
        ("Not to be brought" if english else "不用提供", found.spared),
        ("Depends" if english else "视情况", found.open),
    ]
    lines = [f"{found.name}  {found.on}", found.identity]
    for title, items in parts:
        lines += [f"{title}:" if english else f"{title}："] if items else []
        lines += [f"  {_line(item)}" for item in items]
    for offered in found.situations:
        lines.append(f"? {offered['title']} --situation {offered['code']}")
    for question in found.questions:
        lines.append(f"? {question.title} --fact {question.fact}={'|'.join(value for value, _ in question.choices)}")
    papers = f"{found.papers} papers, {found.papers_spared} spared"
    lines.append(papers if english else f"需提供 {found.papers} 份，免交 {found.papers_spared} 份")
    show(found.as_json(), as_json=as_json, text="\n".join(lines))


def script(
    code: CodeArgument,
    fact: FactOption = None,
    party: PartyOption = None,
    on: DayOption = None,
    situation: SituationOption = None,
    lang: LanguageOption = "zh-CN",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the clerk asks, in order, and says; what the clerk must not ask for. 窗口话术"""
    found: Script = _explained("script", code, fact, party, (on, situation), lang, home)
    lines = [found.name]
    for number, step in enumerate(found.steps, 1):
        choices = " / ".join(words for _, words in step.choices)
        lines.append(f"{number}. {step.say}" + (f" [{choices}]" if choices else ""))
    show(found.as_json(), as_json=as_json, text="\n".join(lines))


def checklist(
    code: CodeArgument,
    fact: FactOption = None,
    party: PartyOption = None,
    on: DayOption = None,
    situation: SituationOption = None,
    lang: LanguageOption = "zh-CN",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the approver checks: requirement, condition, legal basis. 审批要点"""
    found: Checklist = _explained("checklist", code, fact, party, (on, situation), lang, home)
    marks = {True: "[ ]", False: "[-]", None: "[?]"}
    lines = [f"{found.name}  {found.on}"]
    for item in found.checks:
        rules = "".join(f"; {rule}" for rule in item.rules)
        lines.append(f"{marks[item.applies]} {item.title} ({item.party})")
        lines.append(f"    {item.condition}{rules}")
        lines.append(f"    {item.legal_basis}")
    show(found.as_json(), as_json=as_json, text="\n".join(lines))


def simulate(
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="Cases opened in so many days 统计天数")] = 365,
    pack: Annotated[
        str | None, typer.Option("--pack", help="Weigh the cases of a scenario's kept hub by its pack 场景包")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which type or interface next would save most papers, by the cases there were. 下一步提供什么，免交最多

    What the figures suppose is told with them. Read are outcomes and rules, no value.
    """
    weights = None if pack is None else _weights(pack)

    async def work(hub: "Hub") -> dict[str, Any]:
        from hub.access.actors import COMMAND

        return await hub.simulating.simulate(COMMAND, days=days, weights=weights)

    found = with_hub(home, work)
    words = {"provider": "提供 provide", "coverage": "补全 complete", "new": "新增 new", "grant": "授权 grant"}
    lines = [f"{found['papers_asked']} papers asked of people, in {found['cases']} cases 仍由本人提供的份数"]
    for item in found["next"]:
        named = f"{item['name']['zh']} {item['name']['en']}" if item["name"] else ""
        lines.append(
            f"{item['papers']:>6}  {words[item['added']]:<14}  {item['code']}  {named}  ({item['cases']} cases)"
        )
    lines.append(f"{found['not_by_one']:>6}  saved by no single addition 单独增加一项不能免交")
    lines += [f"* {item['zh']} {item['en']}" for item in found["supposes"]]
    show(found, as_json=as_json, text="\n".join(lines))


def _weights(name: str) -> dict[str, int]:
    """How often each case of a pack is supposed to be."""
    from hub.scenarios.pack import PackError, pack_file, shipped_pack, shipped_packs

    try:
        found = shipped_pack(name) if name in shipped_packs() else pack_file(Path(name))
    except (PackError, OSError, UnicodeDecodeError):
        fail(f"there is no pack {name}", f"one of: {', '.join(shipped_packs())}; or a file", Exit.USAGE)
    return {case.key: case.weight for case in found.cases}


async def tell_findings(hub: "Hub", definitions: Sequence[dict[str, Any]]) -> None:
    """Before matters are registered: errors end the command, and nothing is; warnings are told."""
    found = [item for each in await hub.registry.matters.lint(definitions) for item in each]
    for item in found:
        if item.code != "unreadable":  # the registry says that in its own words
            print(_said(item), file=sys.stderr)
    if any(item.level.value == "error" and item.code not in {"unreadable", "shape"} for item in found):
        fail("not published: a matter asks for what none may ask for", "docs/matters.md tells each rule", Exit.BAD_DATA)


def _linted_alone(definitions: Sequence[dict[str, Any]]) -> "list[tuple[Finding, ...]]":
    from catalog.matters.asking import Known
    from catalog.matters.linting import lint as linted
    from catalog.matters.values import Matter
    from hub.registry.matters.drafts import drafted

    drafts = [drafted(item) for item in definitions]
    others = [item for item in drafts if isinstance(item, Matter)]
    return [linted(item, Known(), others) if isinstance(item, Matter) else item for item in drafts]


def _explained(
    product: str,
    code: str,
    facts: list[str] | None,
    parties: list[str] | None,
    chosen: tuple[str | None, str | None],
    language: str,
    home: Path | None,
) -> Any:
    """The product; whatever is wrong with the options ends the command."""
    if language not in {"zh-CN", "zh", "en"}:
        fail(f"there is no language {language}", "zh-CN or en", Exit.USAGE)
    on, situation = chosen
    try:
        day = date.fromisoformat(on) if on else None
    except ValueError:
        fail("--on is a day, as 2026-01-31", "", Exit.USAGE)

    async def work(hub: "Hub") -> Any:
        from hub.intake.errors import FactError
        from hub.registry.matters.service import Asked, Product
        from hub.storage.errors import MissingError

        try:
            matter = await hub.registry.matters.find(code)
        except MissingError:
            fail(f"there is no matter {code}", "`yizheng search` finds them", Exit.BAD_DATA)
        told = dict(_fact(item, matter) for item in facts or ())
        asked = Asked(
            Product(product), told, None if parties is None else frozenset(parties), on=day, situation=situation
        )
        try:
            return await hub.registry.matters.explain(code, asked, language)
        except FactError as error:
            fail(f"{error.pointer}: {error.rule}", _advice(error.pointer, matter), Exit.USAGE)

    return with_hub(home, work)


def _fact(option: str, matter: "Matter") -> tuple[str, Any]:
    """`CODE=VALUE` as a case would send it."""
    code, sign, value = option.partition("=")
    fact = matter.facts.get(code)
    if not sign or fact is None:
        fail("--fact is CODE=VALUE of a question of this matter", ", ".join(matter.facts) or "it has none", Exit.USAGE)
    chosen = [item.value for item in fact.choices if value in {item.zh, item.en}]
    match fact.kind.value:
        case "text" if chosen:
            return code, chosen[0]
        case "boolean" if value in _TRUE | _FALSE:
            return code, value in _TRUE
        case "integer" if value.removeprefix("-").isdecimal():
            return code, int(value)
        case "texts":
            return code, value.split(",")
    return code, value


def _advice(pointer: str, matter: "Matter") -> str:
    fact = matter.facts.get(pointer.removeprefix("/facts/"))
    if fact is None:
        return f"roles: {', '.join(matter.roles)}"
    return ", ".join(f"{item.value} ({item.zh} {item.en})" for item in fact.choices)


def _line(item: "Line") -> str:
    return f"{item.title} ({item.party}): {item.why}"


def _said(item: "Finding") -> str:
    return f"{item.level.value:<7} {item.requirement or '-'}  {item.code}  {item.pointer}: {item.zh}。{item.en}"
