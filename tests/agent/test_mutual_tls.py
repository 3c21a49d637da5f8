"""Hub and agent know each other by TLS on both sides: neither talks to a stranger."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.adapters.test_http_tls import certificate
from tests.agent.conftest import fill_sqlite
from tests.agent.running import Beside, configuration, register
from tests.agent.tls_serving import make_entrance, serving_tls, write_certificates
from tests.support import Place


@pytest.mark.parametrize("template", ["sqlite"], indirect=True)
@pytest.mark.parametrize("wrong", ["authority", "no_certificate", "foreign_certificate"])
async def test_neither_side_talks_to_a_stranger(place: Place, beside: Beside, tmp_path: Path, wrong: str) -> None:
    """The agent dials a hub that its authority does not vouch for; the entrance is dialled without its certificate."""
    address = "127.0.0.1"
    entrance = make_entrance(address)
    async with place.open() as hub:
        await register(hub, beside)
        thumbprint = hub.desk.hub("hub").signer.public.thumbprint
    with serving_tls(place, entrance, address, tmp_path) as port:
        declared = configuration(f"https://{address}:{port}", thumbprint, fill_sqlite(tmp_path / "old.sqlite3"))
        files = write_certificates(beside.folder, entrance)
        if wrong == "authority":
            write_certificates(beside.folder, replace(entrance, authority=certificate("another.example")))
        elif wrong == "no_certificate":
            files = {"ca_file": files["ca_file"]}
        else:
            stranger = certificate("stranger.example")
            write_certificates(beside.folder, replace(entrance, client=certificate("agent.example", stranger)))
        declared["hub"] |= files
        beside.write(declared)
        done = beside.command("check", "--json")
        findings = json.loads(done.stdout)["findings"]
        assert done.returncode == 1
        assert findings[0]["ok"] is False
        assert findings[0]["who"] in {"agent", "hub"}
