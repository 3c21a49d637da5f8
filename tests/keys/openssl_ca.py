"""Revocation lists as OpenSSL's own `openssl ca` makes them, for an authority whose key is here."""

import subprocess
from pathlib import Path

from signing.pem import wrap
from signing.x509.pki import CertificateAuthority

_CONFIG = """
[ca]
default_ca = here
[here]
database = {folder}/index.txt
crlnumber = {folder}/crlnumber
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = {digest}
default_crl_days = 7
crl_extensions = lists
[lists]
authorityKeyIdentifier = keyid:always
{more}
"""


class OpenSslCa:
    """Revokes and lists. `more`: further lines of the extensions of its lists."""

    def __init__(
        self, folder: Path, authority: CertificateAuthority, *, digest: str = "sha256", more: str = ""
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._sm2 = digest == "sm3"
        (folder / "ca.pem").write_bytes(wrap(authority.certificate, "CERTIFICATE"))
        (folder / "ca.key").write_bytes(authority.private_key_pem)
        (folder / "index.txt").touch()
        (folder / "crlnumber").write_text("01\n", encoding="ascii")
        (folder / "openssl.cnf").write_text(_CONFIG.format(folder=folder, digest=digest, more=more), encoding="ascii")

    def revoke(self, certificate: bytes, *reason: str) -> None:
        """Put a certificate, PEM, on the next list."""
        file = self.folder / "revoked.pem"
        file.write_bytes(certificate)
        self._ca("-revoke", str(file), *reason)

    def make(self, *options: str, number: int | None = None) -> bytes:
        """The list, PEM."""
        if number is not None:
            (self.folder / "crlnumber").write_text(f"{number:02x}".zfill(2) + "\n", encoding="ascii")
        out = self.folder / "crl.pem"
        signing = ("-sigopt", "distid:1234567812345678") if self._sm2 else ()
        self._ca("-gencrl", "-out", str(out), *signing, *options)
        return out.read_bytes()

    def _ca(self, *arguments: str) -> None:
        command = ["openssl", "ca", "-config", str(self.folder / "openssl.cnf"), "-batch", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
