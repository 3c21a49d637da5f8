"""What an authority reads out of a request for a certificate; whether its sender holds the key, openssl says."""

from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from signing.cms.der import children, read
from signing.keys import VerifyingKey
from signing.pem import unwrap
from signing.suites import key_from_der
from signing.x509.leaf import ROLE_PREFIX


@dataclass(frozen=True)
class Asked:
    public: VerifyingKey
    organization: str
    organization_id: str
    role: Any
    uri: str


def asked(request: bytes) -> Asked:
    """DER or PEM. Whether it is signed by the key it names, openssl says."""
    der = unwrap(request, "CERTIFICATE REQUEST") if request.startswith(b"-----") else request
    parsed = x509.load_der_x509_csr(der)
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uri, role = names.get_values_for_type(x509.UniformResourceIdentifier)
    organization, organization_id = (
        str(parsed.subject.get_attributes_for_oid(oid)[0].value)
        for oid in (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATION_IDENTIFIER)
    )
    key = children(children(read(der))[0])[2].raw
    return Asked(key_from_der(key), organization, organization_id, role.removeprefix(ROLE_PREFIX), uri)
