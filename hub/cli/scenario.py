"""`yizheng scenario list | run`: a life event played from end to end on a throw-away hub, and its waterfall."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.cli.common import Exit, JsonOption, fail, guarded, show

if TYPE_CHECKING:
    from hub.scenarios.values import Pack

app = typer.Typer(help="Scenario packs 场景包", no_args_is_help=True)
ALL: Final = "all"


@app.command("list")
def list_packs(as_json: JsonOption = False) -> None:
    """The packs that ship: papers before, cases. 列出场景包"""
    from hub.scenarios.pack import shipped_pack, shipped_packs

    packs = [shipped_pack(name) for name in shipped_packs()]
    lines = [
        f"{pack.name:<20} {pack.title['zh']} {pack.title['en']}  "
        f"({pack.before.papers}, {pack.before.label.value}; {len(pack.cases)} cases)"
        for pack in packs
    ]
    listed = [
        {
            "name": pack.name,
            "title": dict(pack.title),
            "papers_before": pack.before.papers,
            "label": pack.before.label.value,
            "cases": [case.key for case in pack.cases],
        }
        for pack in packs
    ]
    show({"packs": listed}, as_json=as_json, text="\n".join(lines))


@app.command("run")
def run(
    name: Annotated[str, typer.Argument(help="A pack that ships, `all`, or a file of your own 场景包、all 或文件")],
    without: Annotated[
        str | None, typer.Option("--without", help="Withhold a type or a source, and compare 停用一类证照或数据源")
    ] = None,
    real: Annotated[
        bool, typer.Option("--real", help="The hub on its database, Redis and S3 settings, sources on servers 真实部件")
    ] = False,
    enterprises: Annotated[
        Path | None, typer.Option("--enterprises", help="A real register of companies to play 真实企业登记簿（CSV）")
    ] = None,
    first: Annotated[int, typer.Option("--first", min=1, help="How many of its companies 取前几家")] = 50,
    home: Annotated[
        Path | None, typer.Option("--home", help="An empty folder to keep the hub in; default: thrown away 保留目录")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Found a hub, play every case, print the waterfall; exit 1 when a case ends otherwise than the pack says. 运行"""
    packs = _packs(name)
    if len(packs) > 1 and (without is not None or enterprises is not None):
        fail("--without and --enterprises go with one pack", f"name one, not {name}", Exit.USAGE)
    from hub.cli.scenario_played import Wish, played
    from hub.cli.scenario_shown import print_played, shown

    with _folder(home) as folder:
        wish = Wish(folder, without=without, real=real, enterprises=enterprises, first=first, quiet=as_json)
        found = guarded(lambda: played(packs, wish))
    if as_json:
        show(shown(found), as_json=True, text="")
    else:
        print_played(found)
    differences = [(runs[0].loaded.pack.name, item) for runs in found.packs for item in runs[0].differences]
    for pack, item in differences:
        case = f"{pack}: {item.case}" if len(packs) > 1 else item.case
        print(f"{case}: {item.about}: {item.found}, 应为 expected {item.expected}", file=sys.stderr)
    if differences:
        print(f"yizheng: {len(differences)} differences in {name}", file=sys.stderr)
        raise typer.Exit(Exit.FAILED)


def _packs(name: str) -> "list[Pack]":
    from hub.scenarios.pack import shipped_pack, shipped_packs

    return [shipped_pack(each) for each in shipped_packs()] if name == ALL else [_pack(name)]


def _pack(name: str) -> "Pack":
    from hub.scenarios.pack import PackError, pack_file, shipped_pack, shipped_packs

    try:
        return shipped_pack(name) if name in shipped_packs() else pack_file(Path(name))
    except PackError as error:
        for where, what in error.problems:
            print(f"{where or '/'}: {what}", file=sys.stderr)
        fail(f"{error.name} cannot be used", "docs/scenarios.md has the form of a pack", Exit.BAD_DATA)
    except (OSError, UnicodeDecodeError):
        fail(f"there is no pack {name}", f"one of: {', '.join(shipped_packs())}; {ALL}; or a file", Exit.USAGE)


@contextmanager
def _folder(home: Path | None) -> Iterator[Path]:
    if home is not None:
        if home.exists() and any(home.iterdir()):
            fail(f"{home} is not empty", "name an empty folder, or none", Exit.USAGE)
        yield home
        return
    made = Path(tempfile.mkdtemp(prefix="yizheng-scenario-"))
    try:
        yield made / "hub"
    finally:
        shutil.rmtree(made, ignore_errors=True)
