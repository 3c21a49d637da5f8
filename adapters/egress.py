"""Egress: to which addresses the hub may connect for a source, decided after the name was resolved (pitfall F15).

A source names its hosts and ports; the operator names the private networks that sources may live in. A connection goes
to an address that was checked, never to a name that might resolve to another one a moment later.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adapters.errors import UnreachableError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NEVER: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local; the metadata service of every cloud
        "100.100.100.200/32",  # the metadata service of Alibaba Cloud
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "fd00:ec2::254/128",
        "ff00::/8",
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")


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

    async def resolve(self, host: str, port: int) -> list[str]:
        """Addresses to connect to, every one of them allowed.

        Raises: UnreachableError: `egress` for a target that is not declared, or when any address of it is not allowed
            (a name with one good and one bad address is an attack, not a choice); `dns`.
        """
        if Target(host.lower(), port) not in self.targets:
            raise UnreachableError("egress")
        literal = _literal(host)
        addresses = [literal] if literal else await _lookup(host, port)
        if not addresses:
            raise UnreachableError("dns")
        if not all(self.allows(address) for address in addresses):
            raise UnreachableError("egress")
        return [str(address) for address in addresses]

    def allows(self, address: Address) -> bool:
        """Whether a connection to this address may be made; what is wrapped in IPv6 is judged as IPv4."""
        plain = _unwrapped(address)
        if any(plain in network for network in _NEVER if network.version == plain.version):
            return False
        if any(plain in network for network in self.networks if network.version == plain.version):
            return True
        return plain.is_global and not plain.is_multicast


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
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _literal(host: str) -> Address | None:
    # Only the canonical spellings: 0x7f.1, 2130706433 and full-width digits are left to fail as names.
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


async def _lookup(host: str, port: int) -> list[Address]:
    if not host.isascii() or host.replace(".", "").isdigit() or "0x" in host.lower():
        raise UnreachableError("dns")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise UnreachableError("dns") from None
    return list(dict.fromkeys(ipaddress.ip_address(item[4][0]) for item in found))
