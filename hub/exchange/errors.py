"""Why a question to an interface is refused as a whole. Everything else is an answer with an outcome.

ExchangeError
├── UnknownInterfaceError   no interface of this code answers
├── NotGrantedError         no grant covers the question; `code` says which part is missing
├── FieldNotGrantedError    a named field is outside the grant, or not shared at all
├── QuestionError           party, subject or parameters do not fit the interface
└── GatewayError            a call in the provincial gateway's dialect is not acceptable
"""


class ExchangeError(Exception):
    """Root of the exchange's refusals."""


class UnknownInterfaceError(ExchangeError):
    """No live or deprecated version under this code."""


class NotGrantedError(ExchangeError):
    """`code` is the grant's objection, as in `hub.intake.wording`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class FieldNotGrantedError(ExchangeError):
    """`places` are the positions in the request's `fields`."""

    def __init__(self, places: tuple[int, ...]) -> None:
        super().__init__("field not granted")
        self.places = places


class QuestionError(ExchangeError):
    """`pointer` says where, `rule` what; never the value."""

    def __init__(self, pointer: str, rule: str) -> None:
        super().__init__(f"{pointer}: {rule}")
        self.pointer = pointer
        self.rule = rule


class GatewayError(ExchangeError):
    """Said to the caller as `code` and `msg` of the dialect's envelope."""

    def __init__(self, code: str, msg: str) -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg


class WebhookError(ExchangeError):
    """A subscriber's address was not reached, or did not answer as it must; `reason` is a code, `pointer` the member
    of the wish that is to blame.
    """

    def __init__(self, reason: str, *, pointer: str = "/url") -> None:
        super().__init__(f"webhook: {reason}")
        self.reason = reason
        self.pointer = pointer
