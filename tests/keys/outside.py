"""An authority that is not the hub's own: a root, and what it gives to whoever asks."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from signing.pem import wrap
from signing.x509.pki import CertificateAuthority, Role, fingerprint, issue_leaf, new_root
from tests.signing.asked import asked

BEGAN = timedelta(days=1)


@dataclass(frozen=True)
class Outside:
    """Signs what it is asked for, unless told otherwise."""

    authority: CertificateAuthority

    @property
    def certificate(self) -> bytes:
        return wrap(self.authority.certificate, "CERTIFICATE")

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.authority.certificate)

    def certify(self, request: bytes, **changes: object) -> bytes:
        given = vars(asked(request)) | changes
        leaf = issue_leaf(self.authority, now=datetime.now(UTC) - timedelta(hours=1), days=365, **given)  # type: ignore[arg-type]
        return wrap(leaf, "CERTIFICATE")


def outside(alg: str = "ES256", *, began: timedelta = BEGAN) -> Outside:
    return Outside(new_root("Provincial CA 省级电子认证", now=datetime.now(UTC) - began, alg=alg))


__all__ = ["Outside", "Role", "outside"]
