"""Where a source may make the hub connect to (F15, S18). A canary listens where nobody may go."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.egress import Address, Egress, Target, networks, system_addresses
from adapters.errors import DefinitionFaultError, SourceError, UnreachableError
from adapters.port import Environment
from adapters.rest import open_source
from tests.adapters.contract import BUDGET, LOOPBACK, Held, ask
from tests.adapters.servers import Got, Said, Server, said, serving

OPERATION = {"path": "/rows"}
PUBLIC = Egress(frozenset())
CITY = Egress(frozenset(), networks(["172.20.0.0/16", "fd12:3456::/32"]))


@pytest.fixture
async def canary() -> AsyncIterator[Server]:
    async def sing(_: Got) -> Said:
        return said({"secret": "of the metadata service"})

    async with serving(sing) as server:
        yield server
        assert server.connections == 0


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async def rows(_: Got) -> Said:
        return said([{"n": 1}])

    async with serving(rows) as opened:
        yield opened


@dataclass
class Names:
    """A resolver that says what the test wants, one answer after the other, the last for ever."""

    answers: list[list[str]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, _: int) -> Sequence[Address]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ipaddress.ip_address(text) for text in found]


async def code(connection: dict[str, Any], egress: Egress, operation: dict[str, Any] = OPERATION) -> str:
    environment = Environment(secrets=Held({}), egress=egress, clock=lambda: datetime.now(UTC))
    try:
        source = open_source(connection, environment)
    except DefinitionFaultError as error:
        return error.pointer
    try:
        await ask(source, operation)
    except SourceError as error:
        return error.code
    finally:
        await source.close()
    return ""


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104
        "127.0.0.1",
        "127.1.2.3",
        "169.254.169.254",
        "169.254.0.23",
        "100.100.100.200",
        "100.64.0.1",
        "168.63.129.16",
        "192.0.0.192",
        "172.16.0.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::2",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1111%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_nobody_may_connect_to(address: str) -> None:
    assert not PUBLIC.allows(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("1.1.1.1", True),
        ("2606:4700::1111", True),
        ("64:ff9b::1.1.1.1", True),
        ("172.20.3.4", True),
        ("::ffff:172.20.3.4", True),
        ("64:ff9b::172.20.3.4", True),
        ("172.21.0.1", False),
        ("::ffff:172.21.0.1", False),
        ("fd12:3456::1", True),
        ("fd12:3457::1", False),
    ],
)
def test_networks_of_the_operator_are_opened_and_no_others(address: str, allowed: bool) -> None:  # noqa: FBT001
    assert CITY.allows(ipaddress.ip_address(address)) is allowed


def test_no_network_of_the_operator_opens_the_metadata_service() -> None:
    wide = Egress(frozenset(), networks(["0.0.0.0/0", "::/0"]))
    for address in ("169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "64:ff9b::169.254.169.254"):
        assert not wide.allows(ipaddress.ip_address(address))


SPELLINGS = [
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "127.0.0.0x1",
    "①②⑦.⓪.⓪.①",
    "１２７.０.０.１",
    "127。0。0。1",
]


@pytest.mark.parametrize("host", SPELLINGS)
async def test_a_spelling_of_an_address_is_no_name(host: str) -> None:
    names = Names([["1.1.1.1"]])
    with pytest.raises(UnreachableError) as caught:
        await Egress(frozenset({Target(host, 80)}), LOOPBACK, names).resolve(host, 80)
    assert caught.value.reason == "dns"
    assert names.asked == []


@pytest.mark.parametrize("host", [*SPELLINGS, "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
async def test_a_declared_address_is_not_reached_unless_the_operator_opened_its_network(
    canary: Server, host: str
) -> None:
    """Whatever a department writes into its source, only the operator's networks are private ground."""
    targets = frozenset({Target(host.strip("[]").lower(), canary.port), Target(host, canary.port)})
    found = await code({"url": f"http://{host}:{canary.port}"}, Egress(targets))
    assert found in {"unreachable_egress", "unreachable_dns", "/url"}


@pytest.mark.parametrize(
    "url",
    [
        "http://good.example@127.0.0.1:{port}/",
        "http://good.example:80@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\@good.example/",
        "http://127.0.0.1:{port}#@good.example/",
        "http://good.example%00@127.0.0.1:{port}/",
        "http://[fe80::1%25eth0]:{port}/",
        "http://[::1%25lo]:{port}/",
        "http://good.example\t:{port}/",
        "http://good .example:{port}/",
        "http://good.example:{port}0000/",
        "http://good..example:{port}/",
        "http://-good.example:{port}/",
        "http://good.example:０{port}/",
        "http:///127.0.0.1:{port}/",
        "http:127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "gopher://127.0.0.1:{port}/",
        "file:///etc/passwd",
        "http://good.example:{port}/?next=1",
        "http://good.example:{port}/%zz",
        "http://gооd.example:{port}/",
        "",
    ],
)
async def test_an_address_that_parsers_disagree_about_is_refused(canary: Server, url: str) -> None:
    targets = frozenset(
        {Target("127.0.0.1", canary.port), Target("good.example", canary.port), Target("::1", canary.port)}
    )
    text = url.replace("{port}", str(canary.port))
    names = Names([["127.0.0.9"]])
    assert await code({"url": text}, Egress(targets, networks(["127.0.0.9/32"]), names)) in {
        "/url",
        "unreachable_egress",
    }


async def test_a_target_is_a_host_and_a_port(server: Server, canary: Server) -> None:
    egress = Egress(frozenset({server.target}), LOOPBACK)
    assert await code({"url": server.url}, egress) == ""
    assert await code({"url": canary.url}, egress) == "unreachable_egress"
    assert await code({"url": f"http://127.0.0.2:{server.port}"}, egress) == "unreachable_egress"
    assert await code({"url": f"http://localhost:{server.port}"}, egress) == "unreachable_egress"


async def test_one_bad_address_among_good_ones_is_an_attack(server: Server) -> None:
    """127.0.0.1 is open here, 127.0.0.2 is not: the name is not reached at either."""
    target = Target("register.example", server.port)
    for answers in (["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "::1"]):
        egress = Egress(frozenset({target}), networks(["127.0.0.1/32"]), Names([answers]))
        assert await code({"url": f"http://register.example:{server.port}"}, egress) == "unreachable_egress"
    assert server.connections == 0


async def test_the_address_that_was_checked_is_the_one_connected(server: Server) -> None:
    """A name that changes its mind: what was checked is used, and the next look is checked again."""
    names = Names([["127.0.0.1"], ["127.0.0.2"]])
    egress = Egress(frozenset({Target("register.example", server.port)}), networks(["127.0.0.1/32"]), names)
    connection = {"url": f"http://register.example:{server.port}"}
    assert await code(connection, egress) == ""
    assert names.asked == ["register.example"]
    assert server.got[0].headers["host"] == f"register.example:{server.port}"
    assert await code(connection, egress) == "unreachable_egress"
    assert server.connections == 1


async def test_the_next_address_is_tried_when_one_refuses(server: Server) -> None:
    """A server listens at 127.0.0.1 only; the name has three addresses."""
    names = Names([["127.0.0.3", "127.0.0.2", "127.0.0.1"]])
    egress = Egress(frozenset({Target("register.example", server.port)}), LOOPBACK, names)
    assert await code({"url": f"http://register.example:{server.port}"}, egress) == ""


async def test_names_that_cannot_be_resolved() -> None:
    for host in ("nobody.invalid", "a" * 63 + "." + "b" * 300):
        with pytest.raises(UnreachableError) as caught:
            await Egress(frozenset({Target(host, 80)})).resolve(host, 80)
        assert caught.value.reason == "dns"
    with pytest.raises(UnreachableError) as caught:
        await Egress(frozenset({Target("empty.example", 80)}), addresses=Names([[]])).resolve("empty.example", 80)
    assert caught.value.reason == "dns"
    assert ipaddress.ip_address("127.0.0.1") in await system_addresses("localhost", 80)


LOCATIONS = [
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:{canary}/",
    "http://localhost:{canary}/",
    "//127.0.0.1:{canary}/",
    "http://127.0.0.1:{server}@127.0.0.1:{canary}/",
    "http://127.0.0.1:{canary}\\@127.0.0.1:{server}/",
    "http://[::ffff:127.0.0.1]:{canary}/",
    "http://0x7f.1:{canary}/",
    "http://2130706433:{canary}/",
    "https://127.0.0.1:{canary}/",
    "ftp://127.0.0.1:{canary}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{canary}/_GET",
    "javascript:alert(1)",
    "",
    "/rows",
]


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_leads_nowhere_else(canary: Server, location: str, status: int) -> None:
    async def away(got: Got) -> Said:
        port = got.headers["host"].rpartition(":")[2]
        where = location.replace("{canary}", str(canary.port)).replace("{server}", port)
        return Said(status, b"", (("Location", where),))

    async with serving(away) as server:
        egress = Egress(frozenset({server.target, Target("169.254.169.254", 80)}), LOOPBACK)
        found = await code({"url": server.url, "redirects": 3}, egress)
        assert found in {"unreachable_egress", "unreachable_dns", "faulty_redirect"}
        assert len(server.got) == (4 if location == "/rows" else 1)


async def test_redirects_are_followed_only_where_declared_and_without_credentials(server: Server) -> None:
    async def away(got: Got) -> Said:
        if got.target == "/rows?key=k3y":
            return Said(302, b"", (("Location", "moved?page=1"),))
        return Said(307, b"", (("Location", f"{server.url}/other"),))

    async with serving(away) as first:
        connection = {
            "url": first.url,
            "headers": {"X-Key": "secret:key", "Cookie": "a=b"},
            "auth": {"type": "api_key", "in": "query", "name": "key", "key": "secret:key"},
        }
        egress = Egress(frozenset({first.target, server.target}), LOOPBACK)
        environment = Environment(secrets=Held({"key": "k3y"}), egress=egress, clock=lambda: datetime.now(UTC))
        source = open_source({**connection, "redirects": 2}, environment)
        assert len((await ask(source, OPERATION)).rows) == 1
        assert [got.target for got in first.got] == ["/rows?key=k3y", "/moved?page=1"]
        assert first.got[1].headers["x-key"] == "k3y"
        assert server.got[0].target == "/other"
        assert "k3y" not in repr(server.got)
        assert "cookie" not in server.got[0].headers
        await source.close()

        for given, method in ((1, "GET"), (0, "GET"), (3, "POST")):
            source = open_source({**connection, "redirects": given}, environment)
            assert await _code_of(source, {**OPERATION, "method": method}) == "faulty_redirect"
            await source.close()
        narrow = replace(environment, egress=Egress(frozenset({first.target}), LOOPBACK))
        source = open_source({**connection, "redirects": 2}, narrow)
        assert await _code_of(source, OPERATION) == "unreachable_egress"
        await source.close()
        assert len(server.got) == 1


async def _code_of(source: Any, operation: dict[str, Any]) -> str:
    with pytest.raises(SourceError) as caught:
        await ask(source, operation, BUDGET)
    return caught.value.code


async def test_variables_of_the_environment_change_nothing(
    server: Server, canary: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, canary.url)
    monkeypatch.setenv("NO_PROXY", "")
    assert await code({"url": server.url}, Egress(frozenset({server.target}), LOOPBACK)) == ""


async def test_all_who_wait_for_a_name_wait_for_one_look_and_may_leave() -> None:
    asking = [asyncio.create_task(system_addresses("localhost", 443)) for _ in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(one == found[1] for one in found[1:])
    with pytest.raises(UnreachableError):
        await system_addresses("nobody.invalid", 443)
    assert ipaddress.ip_address("127.0.0.1") in await system_addresses("localhost", 443)
