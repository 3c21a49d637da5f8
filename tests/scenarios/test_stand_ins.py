"""`yizheng stand-in`: what is started for trying out says so in every answer, and in the name of its key."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
import typer

from hub.access.trial_issuers import TRIAL_KEY
from hub.cli.common import Exit
from hub.cli.stand_in import Standing, stand_face, stand_network_id, stand_reader
from hub.intake.counter.card_reads import READ_TYPE
from hub.intake.counter.face_results import COMPARED_TYPE
from signing.jose import verify_jws
from signing.keys import Es256Key
from tests.hub.city import PERSON
from tests.support import PUBLIC_URL

WHO = {"id_number": PERSON["id_number"], "name": PERSON["name"]}


def key_in(folder: Path) -> Es256Key:
    return Es256Key.from_jwk(json.loads((folder / "public.json").read_text("utf-8")))


@pytest.mark.parametrize(
    ("stand", "path", "asked", "typ"),
    [
        (stand_reader, "read", WHO, READ_TYPE),
        (stand_face, "compare", {"id_number": WHO["id_number"]}, COMPARED_TYPE),
        (stand_network_id, "vouchers", WHO | {"hub": PUBLIC_URL}, ""),
    ],
)
def test_every_answer_says_that_it_is_a_trial(
    stand: Callable[[Path, int], Standing], path: str, asked: dict[str, str], typ: str, tmp_path: Path
) -> None:
    made = stand(tmp_path, 0)
    url, key = f"http://{made.device.web.target}", key_in(tmp_path)
    assert key.kid.startswith(TRIAL_KEY)
    with httpx2.Client(trust_env=False, timeout=30) as client:
        answer = client.post(f"{url}/{path}", json=asked).json()
        assert answer["trial"] is True
        if typ:
            assert json.loads(verify_jws(answer["token"], key=key, typ=typ).payload)["trial"] is True
        else:
            assert answer["voucher"].startswith("NID.")
            assert made.settings["YIZHENG_NETWORK_ID_URL"] == url
            assert client.post(f"{url}/verify", content=b"x").json() == {"trial": True, "error": "refused"}
        for odd in (b"", b"[]", b"{", b'{"id_number": 7, "unknown": []}'):
            found = client.post(f"{url}/{path}", content=odd).json()
            assert found["trial"] is True
            assert "voucher" not in found
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0
    with pytest.raises(typer.Exit) as taken:
        stand(tmp_path, int(url.rpartition(":")[2]))
    assert taken.value.exit_code == Exit.UNAVAILABLE
    made.device.web.close()
    again = stand(tmp_path, 0)
    assert (again.device.signer.kid, key_in(tmp_path)) == (key.kid, key)
    again.device.web.close()


def test_the_command_says_where_it_listens_and_stays(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "hub.cli",
        "stand-in",
        "reader",
        "--port",
        "0",
        "--folder",
        str(tmp_path),
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            answer = httpx2.post(f"{told['url']}/read", json=WHO, trust_env=False, timeout=30).json()
            assert (told["trial"], answer["trial"], told["kid"]) == (True, True, key_in(tmp_path / "reader").kid)
        finally:
            process.terminate()
