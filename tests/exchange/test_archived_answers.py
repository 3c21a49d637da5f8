"""Answers of interfaces in the archive of their case: byte for byte, and checked as evidence is."""

import json
from typing import Any

import pytest

from certificates.archive.check import check_archive
from certificates.verifying.verdict import Result
from tests.archive.made import archived, close
from tests.exchange.conftest import SECRET_SHARE, Town


@pytest.mark.embedded
async def test_an_answer_of_an_interface_is_archived_as_it_was_given(town: Town) -> None:
    case_no = await town.case()
    answer = await town.query(case_no)
    await close(town.hub, town.client, town.headers, case_no)
    files = await archived(town.hub, case_no)
    assert files["evidence/0001.json"] == answer.content
    assert SECRET_SHARE.encode() not in b"".join(files.values())

    def check(files: dict[str, bytes]) -> Any:
        return check_archive(files, anchors=town.hub.stamps.anchors(), at=town.hub.clock())

    verdict = check(files)
    assert (verdict.result, verdict.answers, verdict.certificates) == (Result.PASSED, 1, ())
    changed = json.dumps(json.loads(answer.content) | {"outcome": "declared_none"}).encode()
    assert check(files | {"evidence/0001.json": changed}).result is Result.FAILED
