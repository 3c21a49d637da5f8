"""Why a caller is not let in.

AccessError
├── InvalidClientError   the assertion does not authenticate a client; `reason` is for the log, never for the caller
├── InvalidTokenError    the access token does not authenticate this request; likewise
├── GrantTypeError       the token request asks for something this server does not do
├── ForbiddenError       a member of staff who is known, and may not do this
├── SecondOperatorError  an operator who would make another one by himself
├── SignInNeededError    nobody is signed in here, or no longer
├── SignInRefusedError   user name, password, link or provider's answer do not sign anybody in; `reason` is for the log
├── LockedOutError       too many failures; `retry_after_seconds`
├── ForgeryError         a form that did not come from our own page
├── ProviderError        the OpenID provider does not answer, or not as the standard says
├── PasswordRuleError    the new password breaks `rules`
└── SandboxError         a sandbox credential where only live ones go, or the other way round
"""

from collections.abc import Iterable


class AccessError(Exception):
    """Root of the access errors."""


class InvalidClientError(AccessError):
    """Client authentication failed. All causes look alike outside."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidTokenError(AccessError):
    """The bearer token is not good here and now. All causes look alike outside."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class GrantTypeError(AccessError):
    """OAuth 2 `unsupported_grant_type` or `invalid_request`; `error` is the OAuth code."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class ForbiddenError(AccessError):
    """Signed in, but without a role that may do this. `roles` are those that may."""

    def __init__(self, roles: Iterable[str]) -> None:
        self.roles = tuple(sorted(str(role) for role in roles))
        super().__init__("needs one of: " + ", ".join(self.roles))


class SignInNeededError(AccessError):
    """No session, or one that has ended."""


class SignInRefusedError(AccessError):
    """All causes look alike outside."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LockedOutError(AccessError):
    """Nothing was tried. It says the same for accounts that exist and for those that do not."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("locked out")
        self.retry_after_seconds = retry_after_seconds


class ForgeryError(AccessError):
    """The form's token or origin is not ours (threat: a foreign page posts in a signed-in browser)."""


class ProviderError(AccessError):
    """Nobody was judged. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PasswordRuleError(AccessError):
    """`rules` are codes of `hub.access.passwords`."""

    def __init__(self, rules: Iterable[str]) -> None:
        self.rules = tuple(rules)
        super().__init__("password: " + ", ".join(self.rules))


class SandboxError(AccessError):
    """Sandbox and live data never meet: this credential is not for this route or service."""


class SecondOperatorError(AccessError):
    """One operator alone cannot make another: propose it, and a second one confirms."""
