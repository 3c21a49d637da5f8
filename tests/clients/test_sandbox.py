"""The programs that the try page shows, with a sandbox credential: clients verify its answers, and nobody else's."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from catalog.store import find_department
from hub.access.actors import Actor, Role
from hub.exchange.sandbox.people import sample_people
from hub.exchange.sandbox.steps import PURPOSE
from hub.web.snippets import LANGUAGES, snippet
from signing.keys import SoftwareSigner
from tests.clients.conftest import Town
from tests.clients.test_snippets import filling, run
from tests.support import AMR

COMPANY = sample_people()[1]


@pytest.fixture(scope="module")
def credential(town: Town, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A sandbox credential as the console makes one, and the sample company that has a record."""
    signer = SoftwareSigner.generate()

    async def made() -> str:
        async with town.place.open(public_url=town.url, egress_networks=("127.0.0.0/8",)) as hub:
            department = await hub.database.read(lambda tx: find_department(tx, AMR))
            assert department is not None
            actor = Actor("staff", "e", "e", department.id, frozenset({Role.CONSUMER_ENGINEER}))
            system = await hub.systems.register(actor, {"name_zh": "沙箱"}, signer.public.jwk, sandbox=True)
            return system.client_id

    file = tmp_path_factory.mktemp("sandbox") / "key.pem"
    file.write_bytes(signer.to_pem())
    party = {"role": "applicant", "id_type": "001", "id_number": COMPANY.id_number, "name": COMPANY.name}
    client_id = asyncio.run(made())
    return {"client_id": client_id, "kid": signer.kid, "key_file": str(file), "party": party, "purpose": PURPOSE}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sandbox_snippet_works_as_it_stands(
    language: Any, town: Town, credential: dict[str, Any], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    asked = len(town.register.asked)
    done = run(language, snippet(language, filling(town, **credential)), tmp_path, request)
    assert done.returncode == 0, done.stderr
    assert "satisfied" in done.stdout
    assert COMPANY.name in done.stdout
    assert len(town.register.asked) == asked
