"""Egress: to which addresses the hub may connect for a source, decided after the name was resolved (pitfall F15).

A source names its hosts and ports; the operator names the private networks that sources may live in. A connection goes
to an address that was checked, never to a name that might resolve to another one a moment later.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from adapters.errors import UnreachableError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Host, port → its addresses, as the resolver of this machine says. Raises: UnreachableError(`dns`)."""

_NEVER: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local; the metadata service of every cloud
        "100.100.100.200/32",  # the metadata service of Alibaba Cloud
        "168.63.129.16/32",  # the same of Azure: a public address
        "192.0.0.192/32",  # of Oracle Cloud
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "fd00:ec2::/32",  # Amazon's
        "fd20:ce::/32",  # Google's
        "3fff::/20",  # documentation (RFC 9637), which older tables call global
        "ff00::/8",
    )
)
# Prefixes with an IPv4 address in their last 32 bits: NAT64 (RFC 6052), SIIT (RFC 2765), the old ::a.b.c.d.
_CARRIERS: Final = tuple(ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96"))
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
"""All that is handed out to the public (RFC 4291 §2.4); `is_global` is true for much that is not."""
_LOOKUP_THREADS: Final = 64


async def system_addresses(host: str, port: int) -> Sequence[Address]:
    """What the resolver of this machine says, asked once for all who wait for the same name.

    A dead name server holds a thread for half a minute: ten dead names hold ten threads, however often they are asked,
    and no thread that anybody else needs.
    """
    loop = asyncio.get_running_loop()
    wanted = (id(loop), host, port)
    found = _asked.get(wanted)
    if found is None or found.get_loop() is not loop:
        found = loop.run_in_executor(_threads, _blocking_lookup, host, port)
        _asked[wanted] = found
        found.add_done_callback(lambda done: (_asked.pop(wanted, None), done.exception()))  # seen, if nobody waits
    return await asyncio.shield(found)


@dataclass(frozen=True, slots=True)
class Target:
    """A host and port that a source declares it will be reached at."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Egress:
    """The rule of one source: these targets, at public addresses or inside these networks."""

    targets: frozenset[Target]
    networks: tuple[Network, ...] = ()
    addresses: Resolve = field(default=system_addresses, repr=False)

    async def resolve(self, host: str, port: int) -> list[str]:
        """Addresses to connect to, every one of them allowed.

        Raises: UnreachableError: `egress` for a target that is not declared, or when any address of it is not allowed
            (a name with one good and one bad address is an attack, not a choice); `dns`.
        """
        if Target(host.lower(), port) not in self.targets:
            raise UnreachableError("egress")
        literal = _literal(host)
        if literal is None and _is_odd(host):
            raise UnreachableError("dns")
        found = [literal] if literal else await self.addresses(host, port)
        if not found:
            raise UnreachableError("dns")
        if not all(self.allows(address) for address in found):
            raise UnreachableError("egress")
        return [str(address) for address in found]

    def allows(self, address: Address) -> bool:
        """Whether a connection to this address may be made; what is wrapped in IPv6 is judged as IPv4."""
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
            return False
        plain = _unwrapped(address)
        if any(plain in network for network in _NEVER if network.version == plain.version):
            return False
        if any(plain in network for network in self.networks if network.version == plain.version):
            return True
        return plain.is_global and (plain.version == 4 or plain in _GLOBAL_UNICAST)


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks from their CIDR texts. Raises: ValueError."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if int(address) > 1 and any(address in carrier for carrier in _CARRIERS):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _is_odd(host: str) -> bool:
    """Spellings of an address that resolvers take and `ipaddress` does not: 127.1, 2130706433, 0x7f.1, 0177.0.0.1, ①.

    A last label of digits or 0x is no name at all (WHATWG URL, "ends in a number").
    """
    last = host.rstrip(".").rpartition(".")[2].lower()
    return not host.isascii() or not last or last.isdigit() or last.startswith("0x")


_threads: Final = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="dns")
_asked: Final[dict[tuple[int, str, int], asyncio.Future[list[Address]]]] = {}


def _blocking_lookup(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # a label that is too long is a UnicodeError
        raise UnreachableError("dns") from None
    return list(dict.fromkeys(ipaddress.ip_address(item[4][0]) for item in found))
