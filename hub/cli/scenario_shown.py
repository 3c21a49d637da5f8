"""What `yizheng scenario run` prints: the waterfall as a table, its sentence with the label of the list, every case."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from catalog.waterfall import TITLES, Label, Step, Waterfall, said
from hub.cli.scenario_bars import bars
from hub.cli.scenario_played import Played
from hub.scenarios.enterprises import outcomes
from hub.scenarios.lines import CaseRun, FamilyRun, PackRun


def shown(found: Played) -> dict[str, Any]:
    """One pack as itself, several as a list; with the register of companies where one was played."""
    answers = [runs_as_json(runs) for runs in found.packs]
    answer: dict[str, Any] = answers[0] if len(answers) == 1 else {"packs": answers}
    if found.real:
        answer["real"] = dict(found.real)
    if found.register is not None and found.companies is not None:
        answer["register"] = {
            "issued": found.register.issued,
            "rejected": found.register.rejected,
            "total": found.companies.total.as_json(),
            "outcomes": {code: dict(counted) for code, counted in outcomes(found.companies).items()},
        }
    return answer


def print_played(found: Played) -> None:
    """For people."""
    for runs in found.packs:
        print_runs(runs)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if found.real:
        console.print(f"真实部件 real parts: {', '.join(f'{name} {value}' for name, value in found.real.items())}")
    if found.register is not None and found.companies is not None:
        console.print(
            f"登记簿 register: {found.register.issued} 家 licences, {found.register.rejected} 行退回 rows refused"
        )
        for language in ("zh-CN", "en"):
            console.print(f"  {said(found.companies.total, language)}")
        for code, counted in outcomes(found.companies).items():
            console.print(f"  {code:<20} {', '.join(f'{name} {times}' for name, times in counted.most_common())}")


def runs_as_json(runs: Sequence[PackRun]) -> dict[str, Any]:
    """The pack as it is, and what changes without a type where there is a second run."""
    base = runs[0]
    answer: dict[str, Any] = {
        "pack": base.loaded.pack.name,
        "report": dict(base.loaded.pack.report),
        "usual": base.usual.counted.as_json(),
        "total": base.total.as_json(),
        "cases": [_case(case) for case in base.cases],
        "families": [_family(family) for family in base.families],
        "refused": [
            {
                "key": item.spec.key,
                "story": {"zh": item.spec.story_zh, "en": item.spec.story_en},
                "matter": item.spec.matter,
                "problem": item.problem,
                "rule": item.rule,
            }
            for item in base.refused
        ],
        "seconds": round(base.seconds, 3),
        "differences": [
            {"case": item.case, "about": item.about, "expected": item.expected, "found": item.found}
            for item in base.differences
        ],
    }
    if len(runs) > 1:
        answer["without"] = {
            "types": list(runs[1].withheld),
            "usual": runs[1].usual.counted.as_json(),
            "total": runs[1].total.as_json(),
            "more_asked": runs[1].total.asked - base.total.asked,
        }
    return answer


def print_runs(runs: Sequence[PackRun]) -> None:
    """For people, Chinese and English beside each other."""
    console, base = Console(soft_wrap=True, highlight=False, markup=False), runs[0]
    pack = base.loaded.pack
    console.rule(f"{pack.title['zh']} {pack.title['en']}")
    console.print(_table(runs))
    console.print(f"平均每件 mean of a case{_label(base)}")
    titles = ["原需 before", *(" ".join(TITLES[step]) for step in Step)]
    for title, bar in zip(titles, bars(base.total), strict=True):
        console.print(f"  {title}{' ' * (36 - cell_len(title))}{bar}".rstrip())
    for found, whose in ((base.usual.counted, "首例 usual case"), (base.total, "全部 all cases")):
        console.print(f"{whose}\n  {said(found, 'zh-CN')}\n  {said(found, 'en')}")
    if pack.report:
        console.print(f"报告所述 said in the report, without a list\n  {pack.report['zh']}\n  {pack.report['en']}")
    console.print(f"各办件 cases{_label(base)}")
    for case in base.cases:
        owed = case.counted.steps[Step.OWED]
        figures = f"{case.counted.before} → {case.counted.asked}" + (f" (+{owed} 欠件 owed)" if owed else "")
        console.print(f"  {case.spec.key:<15} {figures:<9} {case.spec.story_zh} {case.spec.story_en}")
    _print_brought(console, base)
    _print_families(console, base)
    if base.refused:
        console.print("不予收件 openings that are refused")
    for refused in base.refused:
        why = " ".join(filter(None, (refused.problem or "未被拒绝 not refused", refused.rule)))
        console.print(f"  {refused.spec.key:<18} {why}\n    {refused.spec.story_zh} {refused.spec.story_en}")
    if len(runs) > 1:
        asked = [run.total.asked for run in runs]
        names = ", ".join(runs[1].withheld)
        console.print(f"停用 without {names}: {asked[0]} → {asked[1]} ({asked[1] - asked[0]:+d})")
    console.print(f"用时 took {sum(run.seconds for run in runs):.1f} s")


def _print_brought(console: Console, base: PackRun) -> None:
    console.print("首例本人提供 brought in the usual case")
    for line in base.usual.lines:
        if line.counted.asked:
            shown = line.counted.outcome == "satisfied"  # fetched, and yet the card was laid on the counter
            why = "出示原件以确认身份 shown, to say who they are" if shown else line.why
            why = "窗口仍要求提供 asked for by the clerk all the same" if line.insisted else why
            console.print(f"  {line.title_zh} {line.title_en}: {why}")


def _print_families(console: Console, base: PackRun) -> None:
    apart = {case.spec.key: case.counted.asked for case in base.cases}
    if base.families:
        console.print(f"作为一件事联办 as one family{_label(base)}")
    for family in base.families:
        key, form = family.spec.key, family.form
        figures = f"{family.counted.before} → {family.counted.asked}"
        console.print(
            f"  {key:<15} {figures:<9} 逐项办理 matter by matter {apart[key]}，办结证照 results {family.results}"
        )
        steps = (f"{' '.join(TITLES[step])} {papers}" for step, papers in family.counted.steps.items() if papers)
        console.print(f"    {'；'.join(steps)}")
        if form is not None:
            console.print(
                f"    一表 one form: {form.apart} → {form.fields} 项 fields，记录预填 from records {form.filled}，"
                f"本人填写 answered {form.answered}，签名 signatures {form.signatures}"
            )


def _table(runs: Sequence[PackRun]) -> Table:
    base = runs[0]
    columns: list[tuple[str, Waterfall]] = [("首例\nusual", base.usual.counted), ("平均\nmean", base.total)]
    if len(runs) > 1:
        columns += [("停用后首例\nwithout", runs[1].usual.counted), ("停用后平均\nmean", runs[1].total)]
    table = Table(title=f"材料 papers{_label(base)}")
    table.add_column("步骤 step", no_wrap=True)
    for title, _ in columns:
        table.add_column(title, justify="right", no_wrap=True)
    whole = [_figure(found.before, found) for _, found in columns]
    table.add_row("原需 before", *whole, style="bold", end_section=True)
    for step in Step:
        last = step is Step.ASKED
        figures = [_figure(found.steps[step] if last else -found.steps[step], found) for _, found in columns]
        row = " ".join(TITLES[step])
        table.add_row(row, *figures, style="bold" if last else None, end_section=step is Step.OWED)
    return table


def _label(base: PackRun) -> str:
    """Beside every figure that is compared with a list that nobody published."""
    return "（重构清单 reconstructed list）" if base.total.label is Label.RECONSTRUCTED else ""


def _figure(papers: int, of: Waterfall) -> str:
    return str(papers) if of.cases == 1 else f"{papers / of.cases:.3f}"


def _case(case: CaseRun) -> dict[str, Any]:
    lines = [
        {
            "requirement": line.counted.code,
            "party": line.counted.party,
            "authority": line.counted.authority,
            "papers": line.counted.papers,
            "outcome": line.counted.outcome,
            "rung": line.counted.rung,
            "asked": line.counted.asked,
        }
        for line in case.lines
    ]
    return {
        "key": case.spec.key,
        "story": {"zh": case.spec.story_zh, "en": case.spec.story_en},
        "weight": case.spec.weight,
        "awkward": case.spec.awkward or None,
        "waterfall": case.counted.as_json(),
        "requirements": lines,
    }


def _family(family: FamilyRun) -> dict[str, Any]:
    form = family.form
    return {
        "key": family.spec.key,
        "waterfall": family.counted.as_json(),
        "requirements": [
            {"requirement": line.counted.code, "party": line.counted.party, "outcome": line.counted.outcome}
            for line in family.lines
        ],
        "results": family.results,
        "form": None if form is None else asdict(form),
    }
