"""Where a witness is called, judged by what the address says of itself: when it is registered, and before each call."""

from typing import Final

from adapters.errors import DefinitionFaultError
from adapters.urls import Url, read_url
from hub.reach import Reach

MAX_URL: Final = 500


class AddressError(Exception):
    """No address of a witness that this hub may call: `url`, `user_info`, `egress`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def witness_address(url: str, reach: Reach) -> Url:
    """The address, to which `/add-checkpoint` is added. Raises: AddressError."""
    try:
        read = read_url(url, "/url")
    except DefinitionFaultError as error:
        raise AddressError(error.rule) from None
    if read.query or len(url) > MAX_URL:
        raise AddressError("url")
    if not reach.allows(read):
        raise AddressError("egress")
    return read
