"""The command line does it all: register, draft, try, report, publish, end."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.hub.command import Done, yizheng
from tests.registry.department import CODE, LISTING, SOURCE, interface, register, source
from tests.support import ENTERPRISE, Place


def written(folder: Path, name: str, value: Any) -> str:
    path = folder / name
    path.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return str(path)


async def done(place: Place, *arguments: str, code: int = 0) -> Done:
    found = await yizheng(place, *arguments)
    assert found.code == code, found
    return found


async def test_from_a_file_to_a_live_interface_and_back(place: Place, tmp_path: Path) -> None:
    path = register(tmp_path)
    added = await done(place, "source", "add", written(tmp_path, "s.yaml", source(path)), "--json")
    assert added.json() == {"added": [SOURCE]}
    assert (await done(place, "source", "probe", SOURCE, "--json")).json()["ok"] is True
    definition = written(tmp_path, "i.yaml", interface())
    assert (await done(place, "interface", "add", definition, "--json")).json() == {
        "drafts": [{"code": CODE, "version": 1}]
    }
    assert (await done(place, "interface", "check", CODE, "--json")).json() == {"errors": []}
    params = written(tmp_path, "p.yaml", {"uscc": ENTERPRISE["id_number"]})
    tried = await done(place, "interface", "try", CODE, "--params", params, "--json")
    assert tried.json()["passed"] is True
    assert ENTERPRISE["name"] not in tried.out + tried.err
    listing = written(tmp_path, "l.yaml", LISTING)
    report = (await done(place, "interface", "quality", CODE, "--list", listing, "--json")).json()
    assert (report["rows"], report["failing_required"]) == (2, 0)
    live = await done(place, "interface", "publish", CODE, "--json")
    assert live.json() == {"code": CODE, "version": 1, "state": "live"}
    (listed,) = (await done(place, "interface", "list", "--json")).json()["interfaces"]
    assert (listed["state"], listed["quarantine"]) == ("live", None)
    exported = await done(place, "interface", "export", CODE)
    assert yaml.safe_load(exported.out) == interface()
    ended = await done(place, "interface", "withdraw", CODE, "--reason", "下线", "--json")
    assert ended.json() == {"code": CODE, "state": "withdrawn", "holders": []}
    await done(place, "ledger", "verify")


async def test_a_refusal_says_what_is_missing_and_has_its_exit_code(place: Place, tmp_path: Path) -> None:
    await done(place, "source", "add", written(tmp_path, "s.yaml", source(register(tmp_path))))
    await done(place, "interface", "add", written(tmp_path, "i.yaml", interface()))
    early = await done(place, "interface", "publish", CODE, code=65)
    assert "trial: missing" in early.err
    nobody = written(tmp_path, "p.yaml", {"uscc": "91990100MA00000994"})
    assert "no_record" in (await done(place, "interface", "try", CODE, "--params", nobody, code=1)).out
    assert "no such interface" in (await done(place, "interface", "show", "nothing-here", code=65)).err
    wrong = interface(mapping={"version": 1, "fields": {"uscc": {"from": "uscc", "as": "number"}}})
    await done(place, "interface", "add", written(tmp_path, "w.yaml", wrong))
    lacking = await done(place, "interface", "check", CODE, "--json", code=1)
    assert lacking.json()["errors"][0]["pointer"].startswith("/mapping")
    await done(place, "interface", "deprecate", CODE, "--ends-at", "2030-01-01", "--reason", "x", code=64)
    await done(place, "source", "add", written(tmp_path, "bad.yaml", {"code": "x"}), code=65)


async def test_a_secret_is_read_from_a_file_and_shown_nowhere(place: Place, tmp_path: Path) -> None:
    connection = {"dialect": "postgresql", "host": "db.invalid", "port": 5432, "database": "d", "user": "u"}
    definition = source(Path("x"), connection=connection | {"password": "secret:pw"}, targets=["db.invalid:5432"])
    await done(place, "source", "add", written(tmp_path, "s.yaml", definition))
    (tmp_path / "value").write_text("canary-91c\n", encoding="utf-8")
    set_ = await done(place, "source", "secret", SOURCE, "pw", "--file", str(tmp_path / "value"))
    shown = await done(place, "source", "show", SOURCE)
    probed = await done(place, "source", "probe", SOURCE, "--json", code=1)
    assert "canary" not in set_.out + set_.err + shown.out + probed.out + probed.err
    assert json.loads(shown.out)["secrets"][0]["changed_at"] is not None
    await done(place, "source", "disable", SOURCE, "--reason", "x")
    assert "disabled" in (await done(place, "source", "list")).out
