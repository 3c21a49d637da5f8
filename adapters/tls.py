"""TLS towards a source: a pinned authority, a client certificate, nothing below TLS 1.2. All of it is data."""

import os
import ssl
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from adapters.definition import resolved
from adapters.errors import DefinitionFaultError
from adapters.port import Secrets

TLS_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "TLS",
    "title_en": "TLS settings",
    "additionalProperties": False,
    "properties": {
        "ca": {
            "type": "string",
            "title": "CA 证书（PEM），只信任它",
            "title_en": "Certificate authority (PEM), the only one trusted",
        },
        "certificate": {
            "type": "string",
            "title": "客户端证书（PEM 或 secret:名称）",
            "title_en": "Client certificate (PEM or secret:NAME)",
        },
        "key": {
            "type": "string",
            "pattern": "^secret:.+",
            "title": "客户端私钥（secret:名称）",
            "title_en": "Client key (secret:NAME)",
        },
        "key_password": {
            "type": "string",
            "pattern": "^secret:.+",
            "title": "私钥口令（secret:名称）",
            "title_en": "Password of the key (secret:NAME)",
        },
        "server_name": {
            "type": "string",
            "title": "证书中的主机名",
            "title_en": "Host name in the server's certificate",
        },
    },
    "dependentRequired": {"certificate": ["key"], "key": ["certificate"], "key_password": ["key"]},
}


def client_context(settings: Mapping[str, Any], secrets: Secrets, pointer: str = "/tls") -> ssl.SSLContext:
    """A context that checks chain and name. With `ca`, of this authority only; without, of the machine's store.

    Reads no variable of the environment. Secrets are read now; a new certificate needs the source to be opened again.

    Raises: DefinitionFaultError: PEM that cannot be read, a key that does not fit, a missing secret.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if "ca" in settings:
        try:
            context.load_verify_locations(cadata=resolved(secrets, settings["ca"]))
        except (ssl.SSLError, ValueError):
            raise DefinitionFaultError(f"{pointer}/ca", "pem") from None
    else:
        _trust_machine(context)
    if "certificate" in settings:
        pem = f"{resolved(secrets, settings['key'])}\n{resolved(secrets, settings['certificate'])}\n"
        password = resolved(secrets, settings["key_password"]) if "key_password" in settings else ""
        _load_own(context, pem.encode(), password, f"{pointer}/certificate")
    return context


def _trust_machine(context: ssl.SSLContext) -> None:
    # Not load_default_certs: it reads SSL_CERT_FILE, and whoever sets a variable would choose whom we trust.
    paths = ssl.get_default_verify_paths()
    with suppress(OSError):
        context.load_verify_locations(
            paths.openssl_cafile if os.path.isfile(paths.openssl_cafile) else None,  # noqa: PTH113
            paths.openssl_capath,
        )


def _load_own(context: ssl.SSLContext, pem: bytes, password: str, pointer: str) -> None:
    # OpenSSL's binding reads files only. A file in memory leaves no key on a disk; where there are none, a private one.
    with tempfile.TemporaryDirectory() as folder:
        if hasattr(os, "memfd_create"):
            handle = os.memfd_create("certificate")
            path = f"/proc/self/fd/{handle}"
        else:
            path = f"{folder}/certificate"
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.write(handle, pem)
            # An empty password is given so that OpenSSL does not ask for one at the terminal.
            context.load_cert_chain(path, password=password)
        except (ssl.SSLError, ValueError, OSError):
            raise DefinitionFaultError(pointer, "pem") from None
        finally:
            os.close(handle)
