"""Errors of the signing package.

    SigningError
    ├── MalformedError    not what the format says: encoding, JSON, structure, size
    ├── SignatureError    well formed, and not signed by this key
    ├── ClaimError        signed, and not meant for here or now: typ, aud, exp, ...
    ├── KeyPolicyError    a key we neither use nor trust: curve, size, private part
    ├── SuiteUnavailableError    a suite this machine cannot compute: "could not check", never "wrong"
    ├── ChainError        no path from the certificate to a trust anchor
    ├── StatusListError   a status list that cannot be built or read
    └── ProofError        an inclusion or consistency proof that does not hold

Every error carries `reason`, a stable snake_case code. Neither the code nor the text ever holds a value of the input:
tokens carry names and ID numbers, and error texts end in logs.
"""


class SigningError(Exception):
    """Root of the package; catching it catches every outcome of untrusted input."""

    reason: str

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class MalformedError(SigningError):
    """The bytes are not a value of the format they claim to be."""


class SignatureError(SigningError):
    """The signature does not verify under the given key."""

    def __init__(self, reason: str = "signature", detail: str = "") -> None:
        super().__init__(reason, detail)


class ClaimError(SigningError):
    """A header or claim is missing, of the wrong type, or says this token is not for here or now."""


class KeyPolicyError(SigningError):
    """The key is readable, but not of a kind we sign with or trust."""


class SuiteUnavailableError(SigningError):
    """The machine lacks what the suite needs; nothing was signed or checked, and no other suite is tried."""


class ChainError(SigningError):
    """The certificate chain does not lead to a trust anchor."""


class StatusListError(SigningError):
    """The status list cannot be built or read."""


class ProofError(SigningError):
    """The Merkle proof does not connect the given hashes."""
