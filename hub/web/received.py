"""What a receiver's page shows of a showing, in words; shared by the public page and the counter's."""

from datetime import UTC, datetime
from typing import Any, Final

from certificates.offline_code import MOST_READ, PREFIX, read_offline_code
from hub.citizens.asked.asking import PREFIX as REQUESTS
from hub.citizens.codes import looks_like_code, read_long
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
_EMPTY: Final = FieldError("code", "请先扫亮证码，或输入 32 位数字。", "Scan the code first, or type its 32 digits.")
_HERE: Final = FieldError(
    "code",
    "这是到窗口办事用的出示码，不是亮证码：请在受理台办件的证件框里扫；要看证照，请对方用“亮证”重新生成。",
    "This is a code by which a person shows who he is: scan it in the ID field of a case. To be shown a licence, ask "
    "for a code made under “Show licences”.",
)
_ASKED: Final = FieldError(
    "code",
    "这是请求码，由出示证照的人登录后扫，不在这里扫。",
    "This is the code of a request: the person who is asked signs in and scans it, and not here.",
)


def refused(text: str) -> FieldError:
    """Why nothing opens: one answer for every code that might be one. What was typed says itself that it is another
    kind, or nothing; no more is told by that.
    """
    if not text.strip():
        return _EMPTY
    if looks_like_code(text):
        return _HERE
    return _ASKED if read_long(text, REQUESTS) else REFUSED


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
