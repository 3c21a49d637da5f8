"""Statuses out of a trust pack: signed lists, each read once."""

from datetime import datetime, timedelta
from typing import Final

from certificates.lifecycle import STATUS_BITS, Status
from certificates.trust import TrustPack
from certificates.verifying import StatusQuestion
from signing.errors import SigningError
from signing.jose import read_header
from signing.status_list import SignedStatusList, read_status_list

LIST_AGE: Final = timedelta(minutes=10)
"""How much older than its pack a list may be: lists are signed for the pack, an older one may lack a revocation."""
_MEANING: Final = {bits: status for status, bits in STATUS_BITS.items()}


class PackStatuses:
    """Answers status questions from the lists of a pack; a list that is stale, older than the pack, foreign or missing
    answers nothing.
    """

    def __init__(self, pack: TrustPack, *, now: datetime) -> None:
        self._pack = pack
        self._now = now
        self._read: dict[str, SignedStatusList | None] = {}

    def __call__(self, question: StatusQuestion) -> Status | None:
        """The status at a list entry; None when it cannot be had."""
        if question.uri is None or question.index is None:
            return None
        if question.uri not in self._read:
            self._read[question.uri] = self._open(question.uri)
        found = self._read[question.uri]
        if found is None:
            return None
        try:
            return _MEANING.get(found.list.get(question.index))
        except SigningError:
            return None

    def _open(self, uri: str) -> SignedStatusList | None:
        token = self._pack.status_lists.get(uri)
        if token is None:
            return None
        try:
            leaf = self._pack.policy.leaf(read_header(token, max_bytes=512 * 1024), now=self._now)
            if "status" not in leaf.roles:
                return None
            oldest = self._pack.made_at - LIST_AGE
            return read_status_list(token, key=leaf.public, uri=uri, now=self._now, not_before=oldest)
        except SigningError:
            return None
