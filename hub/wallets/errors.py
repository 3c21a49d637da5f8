"""What wallets are refused with, in the words of their protocols.

WalletError                an answer of OAuth 2 or OpenID4VCI to a program
NotForWalletsError         a holder's licence that cannot go into a wallet now
"""


class WalletError(Exception):
    """`error` is a code of RFC 6749, RFC 9449 or OpenID4VCI 1.0; the description names rules and never values."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


class NotForWalletsError(Exception):
    """`why`: "state" (not in force, or its holder has died), "custody" (no document here, or its department signs it by
    hand), "halted".
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
