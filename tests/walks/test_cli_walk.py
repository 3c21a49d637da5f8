"""The manual of the first afternoon, run block by block, over the real register in two real databases."""

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.judges.absence import may_skip
from tests.support import POSTGRES, free_port, valid_uscc
from tests.walks.guide import shown_code, shown_request
from tests.walks.manual import Done, Manual
from tests.walks.ready import ready_commands
from tests.walks.registers import SHARED, address, in_mariadb, in_postgres, rows

MARIADB = os.environ.get("YIZHENG_TEST_MARIADB")
CODES = ("enterprise_by_uscc", "enterprise_by_name", "park_enterprise_by_uscc", "park_enterprise_by_name")
NUMBER, NAME = "91990100MA9000054N", "示例市某某有限公司"
STEPS = ["found", "sources", "draft", "look", "correct", "publish", "consumer", "ask", "decide", "query", "end"]
SECRETS = {"pg-password": "walk-pg-91c7", "maria-password": "walk-maria-42fe"}
NO_RECORD: tuple[str, list[Any]] = ("identity_unconfirmed", [])

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgresql,
    pytest.mark.skipif(not SHARED.exists(), reason="the real register is not here"),
    pytest.mark.skipif(None in {POSTGRES, MARIADB} and may_skip(), reason="no PostgreSQL and MariaDB"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="no curl"),
]


@dataclass(frozen=True)
class Afternoon:
    """A reader at his desk. `known` is a record of the register: number, name."""

    manual: Manual
    url: str
    known: tuple[str, str]

    def post(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        """With curl and the token of the walk; anything but an answer fails."""
        (self.manual.folder / "body.json").write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
        return self.manual.run(
            f'curl -sS {self.url}{path} -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json"'
            f' -H "Idempotency-Key: {key}" -d @body.json'
        ).json()

    def case(self, number: str, name: str) -> str:
        body = json.loads((self.manual.folder / "case.json").read_text(encoding="utf-8"))
        body["parties"][0] |= {"id_number": number, "name": name}
        opened = self.post("/api/v1/cases", body | {"external_no": str(uuid.uuid4())}, str(uuid.uuid4()))
        return str(opened["case_no"])

    def query(self, case_no: str, code: str = CODES[0], **changes: Any) -> dict[str, Any]:
        body = {"case_no": case_no, "purpose": "办理食品经营许可", "party": "applicant"} | changes
        return self.post(f"/api/v1/interfaces/{code}/query", body, str(uuid.uuid4()))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where `yizheng` is."""
    with ready_commands(tmp_path_factory.mktemp("bin")) as folder:
        yield folder


@pytest.fixture
def afternoon(program: Path, tmp_path: Path) -> Iterator[Afternoon]:
    """The databases with the register in them, and an empty folder."""
    assert MARIADB is not None
    url = f"http://127.0.0.1:{free_port()}"
    (name, number, *_) = rows()[1][0]
    own = uuid.uuid4().hex[:12]
    user, database = f"hub_reader_{own}", f"walk_{own}"
    year = (datetime.now(UTC) + timedelta(days=365)).strftime("%Y-%m-%dT00:00:00+08:00")
    (host, port), (maria_host, maria_port) = address(POSTGRES), address(MARIADB)
    changes = SECRETS | {
        NUMBER: number,
        NAME: name,
        "hub_reader": user,
        "172.20.0.11, port: 5432": f"{host}, port: {port}",
        "172.20.0.11:5432": f"{host}:{port}",
        "172.20.0.12, port: 3306": f"{maria_host}, port: {maria_port}",
        "172.20.0.12:3306": f"{maria_host}:{maria_port}",
        "172.20.0.0/16": "127.0.0.0/8",
        "http://127.0.0.1:8700": url,
        "2027-11-01T00:00:00+08:00": year,
        "2027-06-30T00:00:00+08:00": year,
    }
    with ExitStack() as stack:
        drawn = Manual(tmp_path, changes)
        made = stack.enter_context(in_postgres(drawn.sql("postgresql"), user))
        maria = {"ON register.enterprise": f"ON {database}.enterprise"}
        reader = Manual(tmp_path, changes | maria)
        stack.enter_context(in_mariadb(MARIADB, reader.sql("mariadb"), database, user))
        places = {f"port: {port}, database: register": f"port: {port}, database: {made}"}
        places |= {f"port: {maria_port}, database: register": f"port: {maria_port}, database: {database}"}
        manual = Manual(tmp_path, changes | maria | places, program)
        manual.write_files()
        for secret, file in zip(SECRETS.values(), ("pg.password", "maria.password"), strict=True):
            (tmp_path / file).write_text(secret + "\n")
        yield Afternoon(manual, url, (number, name))


def lines(done: Done, word: str) -> list[str]:
    return [line for line in done.out.splitlines() if word in line]


def test_the_manual_leads_from_an_empty_folder_to_the_end(afternoon: Afternoon) -> None:
    manual = afternoon.manual
    assert manual.steps() == STEPS
    registers_to_live_interfaces(manual)
    with manual.serving(afternoon.url):
        grant_id = consumer_to_narrowed_grant(manual)
        questions_of_every_kind(afternoon, grant_id)
        requests_of_the_developers_guide(afternoon)
        the_end(afternoon, grant_id)
    everything = "".join(path.read_text("utf-8", "replace") for path in manual.folder.glob("*.log"))
    assert not any(secret in everything for secret in (*SECRETS.values(), *afternoon.known))
    # The manual says how many there are.
    assert manual.commands == 39


def registers_to_live_interfaces(manual: Manual) -> None:
    manual.step("found")
    sources = manual.step("sources")
    assert "set its secret:  yizheng source secret register-maria reader" in sources.out
    assert len(lines(sources, "answers in")) == 2
    draft = manual.step("draft")
    assert len(lines(draft, "nothing is missing")) == 4
    (record,) = (json.loads(line) for line in lines(draft, '{"'))
    assert record.keys() == {"uscc", "name", "established_on", "capital", "address"}
    assert all("***" in value for value in record.values())
    look = manual.step("look")
    assert look.out.startswith("2012 rows, 1742 usable, 0 fail a required field")
    assert "unit_unknown: 270" in look.out
    refused = manual.run(f"yizheng interface publish {CODES[0]}", code=65)
    assert "quality: rows_fail" in refused.err
    correct = manual.step("correct")
    assert len(lines(correct, "2012 rows, 2012 usable")) == 2
    untried = manual.run(f"yizheng interface publish {CODES[1]}", code=65)
    assert "trial: missing" in untried.err
    assert "yizheng interface try CODE" in untried.err
    publish = manual.step("publish")
    assert len(lines(publish, "satisfied: 1 rows")) == 4
    assert {line.split()[0] for line in publish.out.splitlines()[-4:] if "live" in line} == set(CODES)


def consumer_to_narrowed_grant(manual: Manual) -> str:
    manual.step("consumer")
    assert (manual.folder / "service-centre.pem").stat().st_mode & 0o777 == 0o600
    asked = manual.step("ask")
    assert len([line for line in lines(asked, "企业登记信息") if line.startswith("interface")]) >= 4
    assert "complete" in asked.out.splitlines()
    assert "submitted (" in asked.out
    decided = manual.step("decide")
    assert "granted" in decided.out
    assert "窗口只需核对主体" in decided.out
    grant_id = manual.run('echo "$GRANT"').out.strip()
    assert grant_id in decided.out
    return grant_id


def questions_of_every_kind(afternoon: Afternoon, grant_id: str) -> None:
    number, name = afternoon.known
    asked = afternoon.manual.step("query").json()
    assert (asked["outcome"], asked["grant"], asked["source"]["code"]) == ("satisfied", grant_id, "register-pg")
    (record,) = asked["records"]
    assert record == {"uscc": number, "name": name, "established_on": record["established_on"]}
    case = afternoon.case(number, name)
    cut = afternoon.query(case, fields=["name", "address"])
    assert (cut["status"], cut["type"].rsplit("/", 1)[1]) == (403, "field-not-granted")
    other = afternoon.query(case, CODES[1])
    assert (other["status"], other["why"], other["who_must_act"]) == (403, "no_grant", "owner")
    assert other["detail"]
    vague = afternoon.query(case, purpose="别的用途")
    assert (vague["status"], vague["why"]) == (403, "purpose_not_granted")
    unknown = afternoon.query(afternoon.case(valid_uscc("91990100MA7654321"), "示例市查无此企业有限公司"))
    mismatched = afternoon.query(afternoon.case(number, "示例市另一家有限公司"))
    assert (unknown["outcome"], unknown["records"]) == (mismatched["outcome"], mismatched["records"]) == NO_RECORD
    assert unknown["why"] == mismatched["why"]
    the_other_three(afternoon, case)


def the_other_three(afternoon: Afternoon, case: str) -> None:
    """Each of the other interfaces, asked for whole and granted whole, answers from its own database."""
    folder, manual = afternoon.manual.folder, afternoon.manual
    request = (folder / "request.yaml").read_text(encoding="utf-8")
    for code, source in zip(CODES[1:], ("register-pg", "register-maria", "register-maria"), strict=True):
        (folder / "more.yaml").write_text(request.replace(CODES[0], code), encoding="utf-8")
        manual.run("yizheng grant decide $(yizheng grant request more.yaml | cut -d' ' -f1) approve")
        found = afternoon.query(case, code)
        assert (found["outcome"], found["source"]["code"]) == ("satisfied", source), found
        assert found["records"][0].keys() == {"uscc", "name", "established_on", "address"}
        mismatched = afternoon.query(afternoon.case(afternoon.known[0], "示例市另一家有限公司"), code)
        assert (mismatched["outcome"], mismatched["records"]) == NO_RECORD


def requests_of_the_developers_guide(afternoon: Afternoon) -> None:
    number, name = afternoon.known
    case = afternoon.case(number, name)
    year = (datetime.now(UTC) + timedelta(days=365)).strftime("%Y-%m-%d")
    changes = {"YZULGF9B232WGRFDZR874F": case, "2027-01-01": year, NUMBER: number, NAME: name, "2026-000001": case}
    asked = afternoon.post(f"/api/v1/interfaces/{CODES[0]}/query", shown_request("party", changes), str(uuid.uuid4()))
    assert asked["records"] == [{"uscc": number, "name": name}]
    checked = afternoon.post("/api/v1/grant-requests/check", shown_request("scene", changes), str(uuid.uuid4()))
    assert checked["errors"] == []
    demanded = afternoon.post("/api/v1/demands", shown_request("what", changes), str(uuid.uuid4()))
    assert demanded["state"]
    key = afternoon.manual.run("yizheng system gateway service-centre --json").json()
    space: dict[str, Any] = {}
    exec(shown_code("gateway_query"), space)  # noqa: S102  # the guide's own code
    additional = shown_request("powerMatters", changes)

    def ask(interface: str = CODES[0], **purpose: str) -> dict[str, Any]:
        found: dict[str, Any] = space["gateway_query"](
            afternoon.url, key["app_key"], key["app_secret"], interface, {"uscc": number}, additional | purpose
        )
        return found

    answered = ask()
    assert (answered["code"], answered["dataCount"], answered["datas"][0]["name"]) == ("00", 1, name)
    assert ask(materialName="随便写写")["code"] == "23"
    assert ask(projectId="YZNOSUCHCASE")["code"] == "21"
    assert ask("no_such_interface")["code"] == "41"
    afternoon.manual.run("yizheng system gateway service-centre --end")


def the_end(afternoon: Afternoon, grant_id: str) -> None:
    manual, case = afternoon.manual, afternoon.case(*afternoon.known)
    soon = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT00:00:00+08:00")
    early = manual.run(f"yizheng interface deprecate {CODES[0]} --ends-at {soon} --reason x", code=77)
    assert "it must answer until" in early.err
    manual.run(f"yizheng grant suspend {grant_id}")
    assert afternoon.query(case)["why"] == "grant_suspended"
    manual.run(f"yizheng grant resume {grant_id}")
    assert afternoon.query(case)["outcome"] == "satisfied"
    end = manual.step("end")
    assert "tell service-centre of 11990200MB00000023" in end.out
    gone = afternoon.query(case)
    assert (gone["status"], gone["type"].rsplit("/", 1)[1]) == (404, "interface-not-found")
    assert afternoon.query(case, CODES[2])["outcome"] == "satisfied"


def test_each_stumble_says_what_to_do(afternoon: Afternoon) -> None:
    manual = afternoon.manual
    closed = manual.run("export YIZHENG_HOME=$PWD/hub; yizheng init --public-url http://127.0.0.1:8700 >/dev/null")
    assert closed.err == ""
    manual.run("yizheng department add departments.yaml")
    assert "YIZHENG_EGRESS_NETWORKS" in manual.run("yizheng source add sources.yaml", code=65).err
    wrong = manual.run("YIZHENG_EGRESS_NETWORKS=everywhere yizheng source list", code=64)
    assert "a setting cannot be used: YIZHENG_EGRESS_NETWORKS" in wrong.err
    assert "Traceback" not in wrong.err
    manual.run("export YIZHENG_EGRESS_NETWORKS=127.0.0.0/8,172.16.0.0/12; yizheng source add sources.yaml")
    unset = manual.run("yizheng source probe register-pg", code=1)
    assert "yizheng source secret register-pg reader" in unset.out
    mistyped = manual.run("echo x | yizheng source secret register-pg redaer")
    assert "is not used" in mistyped.out
    manual.run("echo wrong | yizheng source secret register-pg reader")
    denied = manual.run("yizheng source probe register-pg", code=1)
    assert "denied" in denied.out
    assert "account" in denied.out or "credentials" in denied.out
    nobody = manual.run("sed -i 1d request.yaml; yizheng grant request request.yaml --check", code=65)
    assert "/system" in nobody.out
    again = manual.run("yizheng system key service-centre; yizheng system key service-centre", code=64)
    assert "is there already" in again.err
