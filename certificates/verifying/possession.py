"""Whether whoever presents holds the key that the token names: a key binding over the nonce that the verifier gave him.

Without it, a copy that leaked passes for everybody who knows, and says, whom it was made for.
"""

from datetime import datetime, timedelta
from typing import Final

from certificates.verifying.papers import FailedError, Paper, SdJwtPaper
from signing.errors import SigningError
from signing.sd_jwt import verify_key_binding

BINDING_AGE: Final = timedelta(minutes=5)
"""How old a binding may be: enough for a slow line, and short for whoever finds one."""


def check_possession(paper: Paper, *, nonce: str, audience: str | None, now: datetime) -> str | None:
    """None if it was shown, else why it cannot be decided. The paper has passed step 2.

    Not checked: that the nonce was never used before; the verifier who made it forgets it once it was answered.

    Raises: FailedError ("binding_missing", "binding_wrong").
    Source: RFC 9901 §7.3.
    """
    verified = paper.verified if isinstance(paper, SdJwtPaper) else None
    if verified is None or (verified.kb_jwt is None and "cnf" not in verified.payload):
        return "binding_unavailable"
    if verified.kb_jwt is None:
        raise FailedError("binding_missing")
    if audience is None:
        return "audience_not_given"
    try:
        verify_key_binding(verified, audience=audience, nonce=nonce, now=now, max_age=BINDING_AGE)
    except SigningError:
        raise FailedError("binding_wrong") from None
    return None
