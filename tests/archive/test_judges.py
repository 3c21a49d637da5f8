"""An archive in other hands: `sha256sum` and `openssl` as its README says, and our checker with the files alone."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certificates.archive.package import write_zip
from tests.archive.made import YEAR, Made, archived, closed_case
from tests.hub.command import yizheng
from tests.support import Place, case_body

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def unpacked(made: Made, tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    for name, content in made.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command.split(), cwd=folder, capture_output=True, text=True)


def told_by_the_readme(folder: Path) -> list[str]:
    """The commands of the English half, as somebody would type them."""
    text = (folder / "README.txt").read_text(encoding="utf-8").partition("English\n")[2]
    text = text.replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if re.match(r" {7}(sha256sum|openssl|yizheng) ", line)]


def test_what_the_readme_tells_works_and_notices_a_change(unpacked: Path, made: Made) -> None:
    checksums, stamped, signed = (
        next(line for line in told_by_the_readme(unpacked) if part in line)
        for part in ("sha256sum -c", "ts -verify", "cms -verify")
    )
    stamp = made.check().stamped.stamps[0].stamp
    moment = int(stamp.time.timestamp())
    now = [run(unpacked, line.replace("-attime T", f"-attime {moment}")) for line in (checksums, stamped, signed)]
    assert [done.returncode for done in now] == [0, 0, 0], now
    stated = run(unpacked, next(line for line in told_by_the_readme(unpacked) if "ts -reply" in line)).stdout
    assert stamp.time.strftime("%b %e %H:%M:%S %Y GMT") in stated
    late = int((datetime.now(UTC) + 20 * YEAR).timestamp())
    assert "expired" in run(unpacked, f"{stamped} -attime {late}").stderr
    assert run(unpacked, f"{stamped} -attime {moment}").returncode == 0
    fingerprint = run(unpacked, next(line for line in told_by_the_readme(unpacked) if "x509" in line)).stdout
    assert fingerprint.strip().rpartition("=")[2] in {
        x509.load_der_x509_certificate(root)
        .fingerprint(x509.load_der_x509_certificate(root).signature_hash_algorithm)  # type: ignore[arg-type]
        .hex(":")
        .upper()
        for root in made.anchors
    }
    (unpacked / "manifest.json").write_bytes(made.files["manifest.json"] + b" ")
    changed = [run(unpacked, line.replace("-attime T", "")).returncode for line in (checksums, signed)]
    assert 0 not in changed
    (unpacked / "stamps/0001.sha256").write_bytes(made.files["stamps/0001.sha256"] + b"\n")
    assert run(unpacked, stamped).returncode != 0


ALONE = """
import os, socket, sys

def watched(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(event)
    if event == "open" and str(arguments[0]).startswith({home!r}):
        raise RuntimeError("home")

sys.addaudithook(watched)
from hub.cli.main import run
sys.argv = ["yizheng", "archive", "verify", *{arguments!r}]
try:
    run()
finally:
    heavy = {{"hub.settings", "hub.runtime", "hub.storage", "sqlalchemy", "fastapi", "pydantic_settings", "httpx2"}}
    print(sorted(heavy & sys.modules.keys()), file=sys.stderr)
"""


def test_it_passes_in_twenty_years_with_no_hub_no_home_and_no_network(made: Made, tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_bytes(_pem(made))
    (tmp_path / "package.zip").write_bytes(write_zip(made.files))
    home = str(tmp_path / "home")
    late = (datetime.now(UTC) + 20 * YEAR).isoformat()
    arguments = [str(tmp_path / "package.zip"), "--anchors", str(tmp_path / "roots.pem"), "--at", late, "--json"]
    program = [sys.executable, "-c", ALONE.format(home=home, arguments=arguments)]
    cut = ["unshare", "-rn"] if subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0 else []
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "YIZHENG_HOME": home, "HOME": home}
    done = subprocess.run([*cut, *program], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["result"], told["checked_at"][:4]) == ("passed", str((datetime.now(UTC) + 20 * YEAR).year))
    assert "stamp_aged:1" in told["remarks"]
    assert done.stderr.strip() == "[]"
    assert not Path(home).exists()


@pytest.mark.embedded
async def test_the_command_line_from_the_case_to_the_verdict(place: Place, tmp_path: Path) -> None:
    async with place.open() as hub, place.client(hub) as client:
        headers = await place.headers(client)
        case_no = await closed_case(hub, client, headers)
        await archived(hub, case_no)
        open_no = (await client.post("/api/v1/cases", json=case_body(), headers=headers)).json()["case_no"]
        roots = [x509.load_der_x509_certificate(root).public_bytes(Encoding.PEM) for root in hub.stamps.anchors()]
    pem, package, folder = tmp_path / "roots.pem", tmp_path / "case.zip", tmp_path / "case"
    pem.write_bytes(b"".join(roots))
    exported = (await yizheng(place, "archive", "export", case_no, str(package), "--json")).json()
    assert exported["bytes"] == package.stat().st_size
    assert package.stat().st_mode & 0o777 == 0o600
    assert (await yizheng(place, "archive", "export", case_no, str(folder), "--folder")).code == 0
    for what in (package, folder):
        done = await yizheng(place, "archive", "verify", str(what), "--anchors", str(pem))
        assert (done.code, done.out.splitlines()[0]) == (0, "passed 通过  (ok)")
    stamped = (await yizheng(place, "archive", "restamp", str(folder), "--json")).json()
    assert stamped["stamps"] == 2
    assert (await yizheng(place, "archive", "verify", str(folder), "--anchors", str(pem), "--strict")).code == 0
    (folder / "matter.json").write_bytes(b"{}")
    failed = await yizheng(place, "archive", "verify", str(folder), "--anchors", str(pem), "--json")
    assert failed.code == 1
    assert {item["file"] for step in failed.json()["steps"] for item in step["findings"]} == {"matter.json"}
    assert (await yizheng(place, "archive", "restamp", str(folder))).code == 65
    wrong = [
        ("verify", str(tmp_path / "none.zip"), "--anchors", str(pem)),
        ("verify", str(package), "--anchors", str(package)),
        ("verify", str(package), "--anchors", str(pem), "--at", "2046-01-01"),
        ("verify", str(package)),
    ]
    assert [(await yizheng(place, "archive", *call)).code for call in wrong] == [64] * 4
    assert (await yizheng(place, "archive", "make", open_no)).code == 77
    assert (await yizheng(place, "archive", "make", "YZ0000")).code == 65
    assert (await yizheng(place, "archive", "make", case_no)).code == 0
    assert (await yizheng(place, "archive", "make", case_no, "--again")).code == 0
    kept = await yizheng(place, "archive", "restamp", "--days", "99999", "--json")
    assert (kept.code, kept.json()) == (1, {"stamped": 0, "no_longer": 1, "broken": 0})


def _pem(made: Made) -> bytes:
    return b"".join(x509.load_der_x509_certificate(root).public_bytes(Encoding.PEM) for root in made.anchors)
