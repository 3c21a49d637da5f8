"""Addresses that somebody else names and the hub connects to: of subscribers, of the message gateway, of witnesses.

Whoever names an address could have the hub look around in its own networks: https leads to public addresses or into
the networks that the operator opened for this purpose, http into these alone. What a name resolves to is judged before
each connection, which then goes to that very address.
"""

import ipaddress
from collections.abc import Sequence

from adapters.egress import Address, Egress, Network, Target, networks, system_addresses
from adapters.errors import UnreachableError
from adapters.urls import Url


class Reach:
    """What may be reached for one purpose. `private_networks`: those that the operator opened for it."""

    def __init__(self, private_networks: Sequence[str]) -> None:
        self._networks = networks(private_networks)

    def allows(self, url: Url) -> bool:
        """Whether it may be reached, as far as it says so itself; a name is judged when it is resolved, and one without
        TLS leads nowhere where no network was opened.
        """
        literal = _literal(url.origin.host)
        if literal is None:
            return _has_tls(url) or bool(self._networks)
        return Egress(frozenset(), self._networks).allows(literal) and (_has_tls(url) or self._inside(literal))

    def egress(self, url: Url) -> Egress:
        """The rule for connecting there."""
        target = frozenset({Target(url.origin.host, url.origin.port)})
        if _has_tls(url):
            return Egress(target, self._networks)
        return Egress(target, self._networks, self._private_addresses)

    async def _private_addresses(self, host: str, port: int) -> Sequence[Address]:
        """Without TLS only what the operator calls his own network is reached."""
        found = await system_addresses(host, port)
        if not all(self._inside(address) for address in found):
            raise UnreachableError("egress")
        return found

    def _inside(self, address: Address) -> bool:
        return any(_holds(network, address) for network in self._networks)


def _has_tls(url: Url) -> bool:
    return url.origin.scheme == "https"


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _holds(network: Network, address: Address) -> bool:
    return network.version == address.version and address in network
