"""Signature suites of the hub's own keys, by the names that operators and certificate types use."""

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from signing.keys import Signer

if TYPE_CHECKING:
    from signing.suites import SoftwareKey


class Suite(StrEnum):
    """ECDSA P-256, the default; SM2 with SM3 国密; RSA 3072 for readers of PDF that know nothing else."""

    ES256 = "es256"
    SM2 = "sm2"
    RSA = "rsa"

    @property
    def alg(self) -> str:
        """The name in headers and key sets."""
        return _ALGORITHMS[self.value]


_ALGORITHMS: Final = {"es256": "ES256", "sm2": "SM2SM3", "rsa": "RS256"}


def generate(suite: Suite) -> "SoftwareKey":
    """A new key. Raises: SuiteUnavailableError: this machine cannot; never another suite instead."""
    from signing import suites

    return suites.generate(suite.alg)


def from_pem(suite: Suite, pem: bytes, kid: str) -> Signer:
    """Read a stored key. Raises: SuiteUnavailableError, MalformedError."""
    from signing import suites

    return suites.read_signer(suite.alg, pem, kid)
