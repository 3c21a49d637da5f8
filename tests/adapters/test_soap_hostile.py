"""Kind `soap`: what no contract and no answer can do to the hub. Canaries stay untouched, memory stays flat."""

import resource
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import DefinitionFaultError, FaultyAnswerError, UnreachableError
from adapters.port import Budget, Row
from adapters.soap_xml import clean_xml
from tests.adapters.contract import BUDGET, Kind, ask, told
from tests.adapters.servers import Got, Said, Server, serving
from tests.adapters.soap_server import BY_USCC, FILES

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = "urn:example:register:types"
XML = (("Content-Type", "text/xml; charset=utf-8"),)
WSDL = (FILES / "register.wsdl").read_text(encoding="utf-8")
SCHEMAS = {"types.xsd": (FILES / "types.xsd").read_text(encoding="utf-8")}


def kind_of(connection: dict[str, Any], server: Server) -> Kind:
    targets = frozenset({server.target})
    return Kind(kind="soap", connection=connection, by_uscc=BY_USCC, by_name={}, by_region={}, targets=targets)


@dataclass
class Town:
    """A source that answers as it is told, and a canary: a server nobody must reach, a file nobody must read."""

    front: Server
    canary: Server
    file: Path
    answer: Said

    def placed(self, text: str) -> str:
        remote = f"http://127.0.0.1:{self.canary.port}/x"
        return text.replace("@REMOTE@", remote).replace("@FILE@", self.file.as_uri())

    async def ask(self, answer: Said | str, budget: Budget = BUDGET, **members: Any) -> list[Row]:
        self.answer = Said(200, self.placed(answer).encode(), XML) if isinstance(answer, str) else answer
        wsdl = WSDL.replace("__ADDRESS__", self.front.url)
        connection = {"wsdl": wsdl, "schemas": SCHEMAS, "address": f"{self.front.url}/soap"} | members
        kind = kind_of(connection, self.front)
        async with kind.open() as source:
            return list((await ask(source, BY_USCC, budget, uscc="A")).rows)

    async def refusal(self, answer: Said | str, **members: Any) -> str:
        with pytest.raises(FaultyAnswerError) as caught:
            await self.ask(answer, **members)
        assert "secret-words" not in told(caught.value)
        return caught.value.reason


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    file = tmp_path / "canary"
    file.write_text("secret-words of the canary", encoding="utf-8")

    async def sing(_: Got) -> Said:
        return Said(200, b"secret-words", XML)

    async with serving(sing) as canary:
        made: list[Town] = []

        async def tell(_: Got) -> Said:
            return made[0].answer

        async with serving(tell) as front:
            made.append(Town(front, canary, file, Said()))
            yield made[0]
        assert canary.connections == 0


def enveloped(inside: str, before: str = "") -> str:
    return f'{before}<e:Envelope xmlns:e="{ENVELOPE}"><e:Body>{inside}</e:Body></e:Envelope>'


def found(uscc: str = "A", established_on: str = "2020-01-01", extra: str = "", attributes: str = "") -> str:
    members = f"<uscc>{uscc}</uscc><name>b</name><established_on>{established_on}</established_on><region>d</region>"
    return f'<FindResponse xmlns="{TYPES}"{attributes}><enterprise>{members}{extra}</enterprise></FindResponse>'


GOOD = enveloped(found())
ROW = {"uscc": "A", "name": "b", "established_on": "2020-01-01", "region": "d"}
LAUGHS = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
XINCLUDE = 'xmlns:xi="http://www.w3.org/2001/XInclude"'
INSTANCE = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
FAULT = "<e:Fault><faultcode>{}</faultcode><faultstring>secret-words</faultstring></e:Fault>"

REFUSED: dict[str, tuple[str, str]] = {
    "billion laughs": (enveloped(found("&j;"), f'<!DOCTYPE l [<!ENTITY a "ha">{LAUGHS}]>'), "doctype"),
    "quadratic": (enveloped(found("&a;" * 9_000), f'<!DOCTYPE l [<!ENTITY a "{"x" * 50_000}">]>'), "doctype"),
    "entity of a file": (enveloped(found("&x;"), '<!DOCTYPE e [<!ENTITY x SYSTEM "@FILE@">]>'), "doctype"),
    "entity of an address": (enveloped(found("&x;"), '<!DOCTYPE e [<!ENTITY x SYSTEM "@REMOTE@">]>'), "doctype"),
    "parameter entity": (enveloped(found(), '<!DOCTYPE e [<!ENTITY % x SYSTEM "@REMOTE@"> %x;]>'), "doctype"),
    "external subset": (enveloped(found(), '<!DOCTYPE e SYSTEM "@REMOTE@">'), "doctype"),
    "bare document type": (enveloped(found(), "<!DOCTYPE e>"), "doctype"),
    "document type after a comment": (enveloped(found(), "<!-- > --><!DOCTYPE e>"), "doctype"),
    "xinclude of a file": (enveloped(found(f'<xi:include {XINCLUDE} parse="text" href="@FILE@"/>')), "xinclude"),
    "xinclude of an address": (enveloped(found(f'<xi:include {XINCLUDE} href="@REMOTE@"/>')), "xinclude"),
    "deep": (enveloped("<a>" * 5_000 + "</a>" * 5_000), "too_deep"),
    "references in a circle": (enveloped(f'<a href="#b"/><b id="b"><c href="#b"/></b>{found()}'), "references"),
    "unknown entity": (enveloped(found("&nbsp;")), "not_xml"),
    "no xml": ("oops", "not_xml"),
    "empty": ("", "not_xml"),
    "cut off": (GOOD[:-20], "not_xml"),
    "two documents": (GOOD * 2, "not_xml"),
    "a control character": (enveloped(found("&#1;")), "not_xml"),
    "another document": ("<a/>", "contract"),
    "no element": (enveloped(""), "contract"),
    "two elements": (enveloped(found() + found()), "contract"),
    "another element": (enveloped(f'<DropResponse xmlns="{TYPES}"/>'), "contract"),
    "an unknown member": (enveloped(found(extra="<more>1</more>")), "contract"),
    "a date that is none": (enveloped(found(established_on="secret-words")), "contract"),
    "an unknown type": (enveloped(found(extra=f'<x {INSTANCE} i:type="nothing"/>')), "contract"),
    "a fault": (enveloped(FAULT.format("e:Server.Down")), "fault_Server.Down"),
    "a fault with a person in its code": (enveloped(FAULT.format("P11010119900307721X")), "fault"),
    "a fault with a sentence for a code": (enveloped(FAULT.format("not today, " * 20)), "fault"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_hostile_answer_is_refused_by_name(town: Town, case: str) -> None:
    answer, reason = REFUSED[case]
    assert await town.refusal(answer) == reason
    assert await town.ask(GOOD) == [ROW]


@pytest.mark.parametrize("charset", ["UTF-16", "UTF-16LE", "UTF-7", "IBM037", "EUC-JP", "latin-1"])
async def test_another_charset_hides_nothing(town: Town, charset: str) -> None:
    text = f'<?xml version="1.0" encoding="{charset}"?>' + enveloped(found("&x;"), '<!DOCTYPE e [<!ENTITY x "y">]>')
    for kind in (XML, (("Content-Type", "text/xml"),), (("Content-Type", f"text/xml; charset={charset}"),)):
        encoded = text.encode({"IBM037": "cp037"}.get(charset, charset))
        assert await town.refusal(Said(200, encoded, kind)) in {"charset", "not_xml", "doctype"}


async def test_chinese_charsets_are_read_and_wrong_ones_refused(town: Town) -> None:
    text = '<?xml version="1.0" encoding="GBK"?>' + enveloped(found("示例市"))
    (row,) = await town.ask(Said(200, text.encode("gbk"), (("Content-Type", "text/xml"),)))
    assert row["uscc"] == "示例市"
    declared = (("Content-Type", "text/xml; charset=GB2312"),)
    (row,) = await town.ask(Said(200, enveloped(found("示例市")).encode("gb18030"), declared))
    assert row["uscc"] == "示例市"
    assert await town.refusal(Said(200, text.encode("gbk"), XML)) == "charset"
    assert await town.refusal(Said(200, enveloped(found("示例市")).encode("gbk"), XML)) == "charset"


HTTP: dict[str, tuple[Said, str]] = {
    "html with 200": (Said(200, b"<html><body>maintenance</body></html>", (("Content-Type", "text/html"),)), "not_xml"),
    "html called xml": (Said(200, b"<html><br></html>", XML), "not_xml"),
    "an html error": (Said(500, b"<html>", (("Content-Type", "text/html"),)), "status_500"),
    "a gateway": (Said(503, b"", ()), "status_503"),
    "not found": (Said(404, GOOD.encode(), XML), "status_404"),
    "no fault in an error": (Said(500, GOOD.encode(), XML), "contract"),
    "a redirect": (Said(302, b"", (("Location", "http://169.254.169.254/"),)), "redirect"),
    "attachments": (Said(200, GOOD.encode(), (("Content-Type", "multipart/related; boundary=x"),)), "attachments"),
    "compressed": (Said(200, GOOD.encode(), (*XML, ("Content-Encoding", "gzip"))), "encoding"),
}


@pytest.mark.parametrize("case", HTTP)
async def test_what_is_no_answer_over_http(town: Town, case: str) -> None:
    answer, reason = HTTP[case]
    assert await town.refusal(answer) == reason


async def test_a_gigabyte_is_not_read(town: Town) -> None:
    sent = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal sent
        yield f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body>'.encode()
        for _ in range(16_384):
            sent += 65_536
            yield b"<a/>" * 16_384

    await town.ask(GOOD)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert await town.refusal(Said(200, b"", XML, stream=flood())) == "too_large"
    assert sent < 64 * BUDGET.max_bytes
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 65_536


async def test_a_wide_answer_costs_what_its_bytes_cost(town: Town) -> None:
    wide = enveloped(f'<FindResponse xmlns="{TYPES}">' + "<enterprise/>" * 60_000 + "</FindResponse>")
    with pytest.raises(FaultyAnswerError):
        await town.ask(wide)
    assert await town.ask(GOOD) == [ROW]


def wsdl(before: str = "", types: str = "") -> str:
    """The register's WSDL with something in it."""
    text = WSDL.partition("?>")[2].replace("__ADDRESS__", "http://127.0.0.1:1")
    if types:
        text = text.replace('<xsd:import namespace="urn:example:register:types" schemaLocation="types.xsd"/>', types)
    return before + text


IMPORT = '<xsd:import namespace="urn:example:register:types" schemaLocation="{}"/>'
CONTRACTS: dict[str, tuple[str, str]] = {
    "document type": (wsdl("<!DOCTYPE e>"), "faulty_doctype"),
    "entity of a file": (wsdl('<!DOCTYPE e [<!ENTITY x SYSTEM "@FILE@">]>'), "faulty_doctype"),
    "import of a file": (wsdl(types=IMPORT.format("@FILE@")), "definition"),
    "import of a path": (wsdl(types=IMPORT.format("/etc/passwd")), "definition"),
    "import of an address": (wsdl(types=IMPORT.format("@REMOTE@")), "definition"),
    "import of a well-known address": (
        wsdl(types='<xsd:import namespace="http://www.w3.org/XML/1998/namespace"/>'),
        "definition",
    ),
    "no contract": ("<a/>", "definition"),
    "no xml": ("oops", "faulty_not_xml"),
    "deep": ("<a>" * 5_000 + "</a>" * 5_000, "faulty_too_deep"),
}


@pytest.mark.parametrize("case", CONTRACTS)
async def test_a_hostile_contract_is_refused(town: Town, case: str) -> None:
    contract, code = CONTRACTS[case]
    with pytest.raises((DefinitionFaultError, FaultyAnswerError)) as caught:
        await town.ask(GOOD, wsdl=town.placed(contract))
    assert caught.value.code == code
    assert "secret-words" not in told(caught.value)


async def test_a_contract_by_address_imports_from_declared_targets_only(town: Town) -> None:
    served = {"/register.wsdl": wsdl(types=IMPORT.format(town.placed("@REMOTE@")))}

    async def tell(got: Got) -> Said:
        return Said(200, served[got.target].encode(), XML)

    async with serving(tell) as server:
        kind = kind_of({"wsdl_url": f"{server.url}/register.wsdl"}, server)
        async with kind.open() as source:
            with pytest.raises(UnreachableError) as caught:
                await ask(source, BY_USCC, uscc="A")
            assert caught.value.reason == "egress"
            served["/register.wsdl"] = wsdl(types="".join(IMPORT.format(f"{n}.xsd") for n in range(60)))
            with pytest.raises(DefinitionFaultError) as refused:
                await ask(source, BY_USCC, uscc="A")
            assert refused.value.rule == "too_many_documents"
            served["/register.wsdl"] = wsdl("<!--" + "x" * 5_000_000 + "-->")
            with pytest.raises(FaultyAnswerError) as large:
                await ask(source, BY_USCC, uscc="A")
            assert large.value.reason == "too_large"


async def test_a_service_at_another_address_than_declared_is_not_reached(town: Town) -> None:
    contract = WSDL.replace("__ADDRESS__", f"http://127.0.0.1:{town.canary.port}")
    kind = kind_of({"wsdl": contract, "schemas": SCHEMAS}, town.front)
    async with kind.open() as source:
        with pytest.raises(UnreachableError) as caught:
            await ask(source, BY_USCC, uscc="A")
        assert caught.value.reason == "egress"


def test_a_clean_document_is_the_same_document() -> None:
    text = '\ufeff<?xml version="1.0" encoding="utf-8" standalone="yes"?><a>示例<b c="d"/></a>'
    assert clean_xml(text.encode(), charset="UTF-8", max_depth=2) == '<a>示例<b c="d"/></a>'.encode()
