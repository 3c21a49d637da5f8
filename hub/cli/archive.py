"""`yizheng archive`: packages of closed cases, made, given out, stamped again; and checked with no hub at all.

`verify` reads the package and the roots, and nothing else: no home, no settings, no database, no network.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from hub.cli.archive_files import read_package, write_folder, write_stamped
from hub.cli.common import Exit, HomeOption, JsonOption, fail, show, with_hub
from hub.cli.witness_keys import WitnessOption, witness_keys

if TYPE_CHECKING:
    from datetime import datetime

    from certificates.archive.verdict import ArchiveVerdict
    from hub.runtime import Hub

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, help="Archives of closed cases 归档包")
CaseArgument = Annotated[str, typer.Argument(help="The hub's case number 办件编号")]
PackageArgument = Annotated[Path, typer.Argument(help="A zip, or the folder it was unpacked into 归档包或其目录")]
_MAX_ANCHORS_BYTES: Final = 1 << 20


@app.command()
def verify(
    package: PackageArgument,
    anchors: Annotated[
        Path, typer.Option("--anchors", help="Roots that you trust, PEM; not those in the package 根证书")
    ],
    at: Annotated[
        str | None, typer.Option("--at", help="As of this instant, RFC 3339; default now 以此时刻为准")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="A stamp whose authority has ended leaves it undecided 从严")
    ] = False,
    witnesses: WitnessOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a package without the hub. Exit 0 passed, 1 failed, 2 indeterminate, 64 wrong call. 核验归档包"""
    from certificates.archive.check import check_archive
    from certificates.errors import ArchiveError
    from certificates.verifying.verdict import Result

    roots, moment, known = _anchors(anchors), _moment(at), witness_keys(witnesses)
    try:
        files = read_package(package)
    except ArchiveError as error:
        found = {"result": "failed", "reason": error.reason, "files": list(error.files)}
        show(found, as_json=as_json, text=f"failed 未通过  ({error.reason}) {' '.join(error.files)}".rstrip())
        raise typer.Exit(Exit.FAILED) from None
    verdict = check_archive(files, anchors=roots, at=moment, strict=strict, witnesses=known)
    show(verdict.to_json(), as_json=as_json, text=_text(verdict))
    codes = {Result.PASSED: Exit.OK, Result.FAILED: Exit.FAILED, Result.INDETERMINATE: Exit.INDETERMINATE}
    raise typer.Exit(codes[verdict.result])


@app.command()
def export(
    case_no: CaseArgument,
    out: Annotated[Path, typer.Argument(help="File, or with --folder a new folder, to write 输出")],
    folder: Annotated[bool, typer.Option("--folder", help="Plain files instead of a zip 目录形式")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the package of a case. The look is on the ledger. 导出归档包"""
    from hub.access.actors import COMMAND
    from hub.storage.files import write_durably

    file = _run(home, lambda hub: hub.archives.export(COMMAND, case_no))
    if folder:
        write_folder(out, file.data)
    else:
        write_durably(out, file.data, mode=0o600)
    told = {"file": str(out), "sha256": file.digest, "bytes": len(file.data)}
    show(told, as_json=as_json, text=f"{out}\nSHA-256 {file.digest}")


@app.command()
def make(
    case_no: CaseArgument,
    again: Annotated[
        bool, typer.Option("--again", help="Put a lost package together again, under a stamp of now 重新生成")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the package of a closed case now; nothing happens to one that is made. 生成归档包"""
    from hub.access.actors import COMMAND

    async def work(hub: "Hub") -> None:
        if again:
            await hub.archives.remake(COMMAND, case_no)
            return
        case_id = await hub.archives.order(case_no)
        await hub.ledger.drain()
        await hub.archives.make(case_id)

    _run(home, work)
    show({"case_no": case_no, "made": True}, as_json=as_json, text=f"{case_no}: archived 已归档")


@app.command()
def restamp(
    package: Annotated[
        Path | None, typer.Argument(help="A zip or a folder, which gets it; none: those that the hub keeps 归档包")
    ] = None,
    days: Annotated[
        int, typer.Option("--days", min=1, help="Kept ones whose stamp ends within so many days 天数")
    ] = 365,
    out: Annotated[Path | None, typer.Option("--out", help="Write here instead 输出文件")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a newer time-stamp over everything, before authorities or algorithms age; nothing old changes. 续盖时间戳"""
    if package is None:
        if out is not None:
            fail("--out goes with a package", "leave it out: kept packages stay where they are", Exit.USAGE)
        _restamp_kept(home, days, as_json=as_json)
        return
    target = out or package
    if target.is_dir() != package.is_dir():
        fail("--out is a new zip", "a folder gets the stamp itself: leave --out away", Exit.USAGE)
    files = read_package(package)
    packed = _run(home, lambda hub: hub.archives.stamped_again(files))
    write_stamped(target, files, packed.data)
    ends = packed.stamp.not_after.date().isoformat()
    told = {"file": str(target), "stamps": packed.stamps, "ends_at": ends}
    show(told, as_json=as_json, text=f"{target}: {packed.stamps} stamps 时间戳, until 有效至 {ends}")


def _restamp_kept(home: Path | None, days: int, *, as_json: bool) -> None:
    from dataclasses import asdict
    from datetime import timedelta

    from hub.access.actors import COMMAND

    async def work(hub: "Hub") -> dict[str, int]:
        done = await hub.archives.restamp(COMMAND, ends_before=hub.clock() + timedelta(days=days))
        return asdict(done)

    counts = _run(home, work)
    show(counts, as_json=as_json, text="   ".join(f"{name} {count}" for name, count in counts.items()))
    if counts["broken"] or counts["no_longer"]:
        raise typer.Exit(Exit.FAILED)


def _run(home: Path | None, work: "Callable[[Hub], Awaitable[T]]") -> T:
    """Run on the hub; what stands between a case and its archive becomes one line and what to do."""

    async def run(hub: "Hub") -> T:
        from hub.archive.errors import ArchiveFaultyError, ArchiveNotReadyError, CaseOpenError
        from hub.storage.errors import MissingError

        try:
            return await work(hub)
        except CaseOpenError:
            fail("the case is open", "an archive is made when it is closed", Exit.REFUSED)
        except ArchiveNotReadyError as error:
            fail(str(error), "try again in a minute; `yizheng archive make CASE_NO` makes one now", Exit.UNAVAILABLE)
        except ArchiveFaultyError as error:
            fail(str(error), "see docs/archive.md, “When an archive does not verify”", Exit.BAD_DATA)
        except MissingError as error:
            fail(f"there is no such {error}", "name a case that this hub keeps, by the hub's number", Exit.BAD_DATA)

    return with_hub(home, run, writes=True)


def _anchors(file: Path) -> tuple[bytes, ...]:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        text = file.read_bytes() if file.stat().st_size <= _MAX_ANCHORS_BYTES else b""
        plain = text.partition(b"\0")[0]  # a package is no list of roots, though its own stand in it, readable
        return tuple(each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(plain))
    except OSError as error:
        fail(f"{file}: {error.strerror}", "name a file with roots in PEM", Exit.USAGE)
    except ValueError:
        fail(f"{file} has no certificate in PEM", "name the roots of the hub and of the authority", Exit.USAGE)


def _moment(text: str | None) -> "datetime":
    from datetime import datetime

    from hub.clock import utc_now

    if text is None:
        return utc_now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        fail("--at is no instant with a time zone", "such as 2046-11-22T00:00:00Z", Exit.USAGE)
    return moment


def _text(verdict: "ArchiveVerdict") -> str:
    words = {"passed": "passed 通过", "failed": "failed 未通过", "indeterminate": "indeterminate 无法判定"}
    lines = [f"{words[verdict.result.value]}  ({verdict.reason})"]
    if verdict.manifest is not None:
        lines.append(f"  case 办件 {verdict.manifest.case_no}   hub 枢纽 {verdict.manifest.hub}   {verdict.signed_by}")
        lines.append(f"  closed 办结 {verdict.manifest.closed_at}   answers 应答 {verdict.answers}")
    for item in verdict.stamped.stamps:
        marks = ("  trial 试用" if item.stamp.trial else "") + ("  aged 已过期" if item.aged else "")
        lines.append(f"  stamp 时间戳 {item.number}: {item.stamp.time.isoformat()}  {item.stamp.authority}{marks}")
    if verdict.ledger is not None:
        names = ", ".join(verdict.ledger.witnesses) or "–"
        lines.append(f"  log 账本 {verdict.ledger.origin}   known witnesses that co-signed it 已知见证方: {names}")
    for step in verdict.steps:
        lines.append(f"  ({step.step}) {step.name:<12} {step.result.value}")
        lines += [f"        {item.reason}: {item.file}" for item in step.findings]
    lines += [f"  note 提示 {remark}" for remark in verdict.remarks]
    return "\n".join(lines)
