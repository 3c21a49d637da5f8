"""What a receiver's page shows of a showing, in words; shared by the public page and the counter's."""

from typing import Any, Final

from hub.web.console.forms import FieldError
from hub.web.verdict_words import SIGNS, STATUSES, explained, heading

MOST_CODE: Final = 100
REFUSED: Final = FieldError(
    "code",
    "此码打不开：已用过、已过期、不是给您的，或没有扫全。请对方重新生成。",
    "This code opens nothing: used, over, not for you, or not read in full. Ask for a new one.",
)
WORDS: Final[dict[str, Any]] = {
    "explained": explained,
    "heading": heading,
    "signs": SIGNS,
    "statuses": STATUSES,
}
"""For `_received.html`."""
