"""A network of its own that can only dial out: a namespace behind a virtual cable and a firewall."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

_RULES = """
table inet only_out {
  chain input {
    type filter hook input priority 0; policy drop;
    iif lo accept
    ct state established,related accept
  }
}
"""


@dataclass(frozen=True)
class Network:
    """A namespace and the addresses of the cable's two ends."""

    name: str
    hub_side: str
    agent_side: str

    @property
    def inside(self) -> tuple[str, ...]:
        """The words before a command that runs in there."""
        return ("ip", "netns", "exec", self.name)

    def listening(self) -> list[str]:
        """Sockets that wait for connections in there, as `address:port`."""
        command = [*self.inside, "cat", "/proc/net/tcp", "/proc/net/tcp6"]
        rows = [line.split() for line in subprocess.run(command, capture_output=True, text=True).stdout.splitlines()]
        return [row[1] for row in rows if len(row) > 3 and row[3] == "0A"]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def free_block(start: int) -> int:
    """Where four addresses begin that no other test on this machine uses."""
    taken = subprocess.run(["ip", "-4", "-o", "address"], capture_output=True, text=True, check=True).stdout
    blocks = [(start + step) % 63 * 4 for step in range(63)]
    return next(block for block in blocks if f" 198.51.100.{block + 1}/" not in taken)


@contextmanager
def only_out() -> Iterator[Network]:
    """Skips, with the reason, where none can be made."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    if shutil.which("ip") is None or shutil.which("nft") is None:
        pytest.skip("needs iproute2 and nftables")
    made = uuid.uuid4()
    name, last = f"yz{made.hex[:6]}", free_block(made.int)
    network = Network(name, f"198.51.100.{last + 1}", f"198.51.100.{last + 2}")
    try:
        ip("netns", "add", name)
    except subprocess.CalledProcessError:
        pytest.skip("this machine permits no network namespace")
    try:
        try:
            ip("link", "add", f"{name}h", "type", "veth", "peer", "name", f"{name}a", "netns", name)
        except subprocess.CalledProcessError:
            pytest.skip("this machine permits no virtual cable")
        ip("address", "add", f"{network.hub_side}/30", "dev", f"{name}h")
        ip("link", "set", f"{name}h", "up")
        ip("-n", name, "address", "add", f"{network.agent_side}/30", "dev", f"{name}a")
        ip("-n", name, "link", "set", f"{name}a", "up")
        ip("-n", name, "link", "set", "lo", "up")
        subprocess.run([*network.inside, "nft", "-f", "-"], input=_RULES, text=True, check=True)
        yield network
    finally:
        ip("netns", "del", name)
