"""Why a key does not sign. Codes and public names only.

SigningKeyError
├── NoSigningKeyError     there is none for this role, department, suite or type: an operator must make one
├── NotCertifiedError     its certificate is still being waited for
├── KeyStoppedError       it was stopped or is compromised; a new one must be made, or this one put back to work
├── CertificateRevokedError  the authority outside took its certificate back; another one must be had
├── CertificateEndedError  its certificate is past its end; an operator rotates it, or has it renewed outside
├── KeyScopeError         it signs another type than this one
├── BuiltInAuthorityError the built-in authority is for trying out, and this hub refuses it
└── KeyRuleError          a change of keys that the rules do not allow; `rule` says which
"""


class SigningKeyError(Exception):
    """Root of everything here. `name` is a role, or `issuer/<USCC>`."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"{name}: {rule}")
        self.name = name
        self.rule = rule


class NoSigningKeyError(SigningKeyError):
    """Nobody made one."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "there is no signing key")


class NotCertifiedError(SigningKeyError):
    """Made, and not certified."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "the signing key has no certificate yet")


class KeyStoppedError(SigningKeyError):
    """Stopped or compromised."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "the signing key was stopped")


class CertificateRevokedError(SigningKeyError):
    """On a revocation list of its authority."""

    def __init__(self, name: str, since: str, reason: str) -> None:
        super().__init__(name, f"its authority revoked the certificate since {since} ({reason}); have another one made")


class CertificateEndedError(SigningKeyError):
    """Past the end of its certificate, or of one above it. Nothing renews it by itself."""

    def __init__(self, name: str, end: str, *, trial: bool) -> None:
        do = "`yizheng key rotate`" if trial else "`yizheng key csr`, its authority, `yizheng key import`"
        super().__init__(name, f"its certificate ended {end}; an operator gives it another: {do}")


class KeyScopeError(SigningKeyError):
    """Threat S23: one key must not mint what another is for."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "the signing key is for other types")


class BuiltInAuthorityError(SigningKeyError):
    """Setting YIZHENG_BUILT_IN_CA."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "the built-in authority is for trying out, and this hub refuses it")


class KeyRuleError(SigningKeyError):
    """A change of keys that is not allowed."""
