"""What a receiver's page shows of a showing, in words; shared by the public page and the counter's."""

from datetime import UTC, datetime
from typing import Any, Final

from certificates.offline_code import MOST_READ, PREFIX, read_offline_code
from hub.runtime import Hub
from hub.verification.asking import Question
from hub.web.citizen.acting_words import GROUNDS
from hub.web.console.forms import FieldError
from hub.web.scanning import SHOWN, scanning
from hub.web.verdict_words import SIGNS, STATUSES, explained, heading

MOST_CODE: Final = MOST_READ
REFUSED: Final = FieldError(
    "code",
    "此码打不开：已用过、已过期、不是给您的，或没有扫全。请对方重新生成。",
    "This code opens nothing: used, over, not for you, or not read in full. Ask for a new one.",
)
WORDS: Final[dict[str, Any]] = {
    "explained": explained,
    "grounds": GROUNDS,
    "heading": heading,
    "signs": SIGNS,
    "statuses": STATUSES,
}
"""For `_received.html` and `_received_offline.html`."""


async def offline_seen(hub: Hub, text: str) -> dict[str, Any] | None:
    """What an offline code shows, for `_received_offline.html`; None: it is none. Nobody is told, and nothing is kept:
    whoever has the code can check it anywhere. Beside what it says itself, of when it was made, stands the status that
    the hub knows now.
    """
    code = text.strip()
    if not code.startswith(PREFIX):
        return None
    verdict = await hub.presentation.judge_text(code, Question())
    told, made_at, titles = verdict.to_json(), None, {}
    if verdict.certificate is not None:  # then its signature holds, and what it says of its making is the signer's word
        made_at = datetime.fromtimestamp(read_offline_code(code.encode()).content["t"], UTC)
        known = hub.types.find(str(verdict.certificate.get("type", "")))
        claims = {} if known is None else known.type.claims
        titles = {name: (claims[name].title.zh, claims[name].title.en) for name in verdict.claims if name in claims}
    minutes = None if made_at is None else max(0, int((verdict.checked_at - made_at).total_seconds() // 60))
    return {"verdict": told, "made_at": made_at, "minutes": minutes, "titles": titles}


def scanned() -> dict[str, Any]:
    """For the empty form: how a camera reads into it."""
    return scanning(SHOWN)
