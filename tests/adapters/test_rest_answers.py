"""What a REST source is told: record, no record and error are told apart; pages are read to their end or not at all."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.errors import FaultyAnswerError
from adapters.port import Budget
from tests.adapters.contract import BUDGET, ask
from tests.adapters.rest_desk import SECRET, Desk, code_of, opened_desk
from tests.adapters.servers import Got, Said, said


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened_desk() as desk:
        yield desk


DECLARED = {
    "rows": "/data",
    "error_when": [{"pointer": "/code", "not_in": [0, "0", 404]}, {"pointer": "/error", "present": True}],
    "none_when": [
        {"status": 404, "pointer": "/code", "equals": 404},
        {"pointer": "/code", "in": [404]},
        {"pointer": "/data", "equals": None},
    ],
}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said({"code": 0, "data": [{"n": 1}, {"n": 2}]}), 2),
        (said({"code": "0", "data": {"n": 1}}), 1),
        (said({"code": 0, "data": []}), 0),
        (said({"code": 0, "data": None}), 0),
        (said({"code": 404, "data": [{"n": 1}]}), 0),
        (said({"code": 404}, 404), 0),
        (said({"code": 0, "data": [{"n": 1}]}, 404), "faulty_status_404"),
        (Said(404, b"<html>404</html>", (("Content-Type", "text/html"),)), "faulty_not_json"),
        (Said(404, b"", ()), "faulty_not_json"),
        (said({"detail": "no route"}, 404), "faulty_error_body"),
        (said({"code": 500, "data": None}), "faulty_error_body"),
        (said({"code": False, "data": None}), "faulty_error_body"),
        (said({"code": 0, "data": [], "error": "timeout"}), "faulty_error_body"),
        (said({"code": 0, "data": None, "error": None}), 0),
        (said({"code": 0}), "faulty_shape"),
        (said({"code": 0, "data": []}, 500), "faulty_status_500"),
    ],
)
async def test_record_no_record_and_error_are_told_apart(desk: Desk, answer: Said, expected: int | str) -> None:
    desk.answers = [answer]
    source = desk.open()
    if isinstance(expected, int):
        assert len((await ask(source, DECLARED)).rows) == expected
    else:
        assert await code_of(ask(source, DECLARED)) == expected


async def test_a_probe_looks_where_it_is_told(desk: Desk) -> None:
    source = desk.open(probe="/health?deep=1")
    assert (await source.probe(BUDGET)).ok
    assert desk.server.got[0].target == "/base/health?deep=1"
    for status, code in ((404, "faulty_status_404"), (503, "faulty_status_503"), (401, "denied")):
        desk.answers = [said({}, status)]
        assert (await source.probe(BUDGET)).code == code
    anywhere = desk.open()
    for status, ok in ((404, True), (403, True), (500, False)):
        desk.answers = [said({}, status)]
        assert (await anywhere.probe(BUDGET)).ok is ok


# Pages
TOWN = [{"n": number} for number in range(25)]


def paging(**pages: Any) -> dict[str, Any]:
    return {"path": "/list", "rows": "/rows", "pages": pages}


async def by_page(got: Got) -> Said:
    first = (int(got.query["page"]) - 1) * 10
    return said({"rows": TOWN[first : first + 10], "total": len(TOWN)})


async def by_offset(got: Got) -> Said:
    where = got.json() if got.body else got.query
    first = int(where["from"])
    return said({"rows": TOWN[first : first + int(where["size"])], "total": str(len(TOWN))})


async def by_cursor(got: Got) -> Said:
    first = int(got.query.get("after", "0"))
    following = first + 10 if first + 10 < len(TOWN) else None
    return said({"rows": TOWN[first : first + 10], "meta": {"next": following}})


async def by_link(got: Got) -> Said:
    first = int(got.query.get("from", "0"))
    more = f'</first>; rel="first", <list?from={first + 10}>; title="a, b"; rel="prefetch next"' if first < 20 else ""
    return said({"rows": TOWN[first : first + 10]}, 200, ("Link", more))


@pytest.mark.parametrize(
    ("handler", "operation", "requests"),
    [
        (by_page, paging(by="page", param="page", size=10), 3),
        (by_page, paging(by="page", param="page", size=10, total="/total"), 3),
        (by_offset, paging(by="offset", param="from", size=5, size_param="size"), 6),
        (by_offset, paging(by="offset", param="from", size=5, size_param="size", total="/total"), 5),
        (
            by_offset,
            paging(by="offset", param="from", size=25, size_param="size", total="/total", **{"in": "body"})
            | {"method": "POST", "json": {}},
            1,
        ),
        (by_cursor, paging(by="cursor", param="after", next="/meta/next"), 3),
        (by_link, paging(by="link"), 3),
    ],
    ids=["page", "page and total", "offset", "offset and total", "offset in the body", "cursor", "link"],
)
async def test_every_page_is_read(desk: Desk, handler: Any, operation: dict[str, Any], requests: int) -> None:
    desk.server.handler = handler
    source = desk.open(auth={"type": "api_key", "in": "query", "name": "key", "key": "secret:secret"})
    assert list((await ask(source, operation)).rows) == TOWN
    assert len(desk.server.got) == requests
    assert {got.query["key"] for got in desk.server.got} == {SECRET}
    assert await code_of(ask(source, operation, Budget(max_rows=24))) == "faulty_too_many"
    assert await code_of(ask(source, operation, Budget(max_bytes=250))) == "faulty_too_large"


def saying(*answers: Any) -> Any:
    told = list(answers)

    async def handler(_: Got) -> Said:
        answer = told.pop(0) if len(told) > 1 else told[0]
        return answer if isinstance(answer, Said) else said(answer)

    return handler


@pytest.mark.parametrize(
    ("handler", "operation"),
    [
        (
            saying({"rows": TOWN[:3], "total": 9}, {"rows": [], "total": 9}),
            paging(by="page", param="p", size=10, total="/total"),
        ),
        (saying({"rows": TOWN[:10], "total": 9}), paging(by="page", param="p", size=10, total="/total")),
        (saying({"rows": TOWN[:10]}), paging(by="page", param="p", size=10, total="/total")),
        (saying({"rows": TOWN[:10], "total": -1}), paging(by="page", param="p", size=10, total="/total")),
        (saying({"rows": TOWN[:1], "next": "a"}), paging(by="cursor", param="c", next="/next")),
        (saying({"rows": [], "next": "a"}), paging(by="cursor", param="c", next="/next")),
        (saying({"rows": TOWN[:1], "next": {"a": 1}}), paging(by="cursor", param="c", next="/next")),
        (saying(said({"rows": TOWN[:1]}, 200, ("Link", "<list>; rel=next"))), paging(by="link")),
        (saying(said({"rows": TOWN[:1]}, 200, ("Link", "<http://elsewhere.example/>; rel=next"))), paging(by="link")),
        (saying(said({"rows": TOWN[:1]}, 200, ("Link", "<ftp://x>; rel=next"))), paging(by="link")),
        (saying(said({"rows": TOWN[:1]}, 200, ("Link", "<//169.254.169.254/>; rel=next"))), paging(by="link")),
    ],
    ids=[
        "fewer than the total",
        "more than the total",
        "no total",
        "a negative total",
        "a cursor that stands still",
        "a cursor after nothing",
        "a cursor that is none",
        "a link to itself",
        "a link to elsewhere",
        "a link that is none",
        "a link to the metadata service",
    ],
)
async def test_pages_that_do_not_add_up_are_no_answer(desk: Desk, handler: Any, operation: dict[str, Any]) -> None:
    desk.server.handler = handler
    with pytest.raises(FaultyAnswerError) as caught:
        await ask(desk.open(), operation)
    assert caught.value.reason == "pages"
    assert len(desk.server.got) <= 3


async def test_pages_without_end_are_cut_by_their_rows(desk: Desk) -> None:
    numbers = itertools.count(1)

    async def endless(_: Got) -> Said:
        return said({"rows": [{"n": 1}], "next": next(numbers)})

    desk.server.handler = endless
    operation = paging(by="cursor", param="c", next="/next")
    assert await code_of(ask(desk.open(), operation, Budget(max_rows=30))) == "faulty_too_many"
    assert len(desk.server.got) == 31


async def test_an_error_on_a_later_page_is_no_shorter_answer(desk: Desk) -> None:
    desk.server.handler = saying({"rows": TOWN[:10]}, said({}, 503))
    assert await code_of(ask(desk.open(), paging(by="page", param="p", size=10))) == "faulty_status_503"
