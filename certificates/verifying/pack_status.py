"""Statuses out of a trust pack: signed lists, each read once."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from certificates.lifecycle.states import LISTED
from certificates.verifying.known import KnownStatus, StatusQuestion
from certificates.verifying.pack import TrustPack
from signing.errors import SigningError
from signing.jose import read_header
from signing.status_list import SignedStatusList, read_status_list

LIST_AGE: Final = timedelta(minutes=10)
"""How much older than its pack a list may be: lists are signed for the pack, an older one may lack a revocation."""


class PackStatuses:
    """Answers status questions from the lists of a pack; a list that is stale, older than the pack, foreign or missing
    answers nothing, and one older than another that was seen of the same name is a replay.
    """

    def __init__(self, pack: TrustPack, *, now: datetime, seen: Mapping[str, datetime] | None = None) -> None:
        """`seen`: the issue time of the newest list that this verifier ever read, by its URI (drill 47)."""
        self._pack = pack
        self._now = now
        self._seen = dict(seen or {})
        self._read: dict[str, SignedStatusList | None] = {}

    def __call__(self, question: StatusQuestion) -> KnownStatus | None:
        """The status at a list entry; None when it cannot be had."""
        if question.uri is None or question.index is None:
            return None
        found = self._list(question.uri)
        if found is None:
            return None
        last = self._seen.get(question.uri)
        if last is not None and found.issued_at < last:
            return KnownStatus(None, found.issued_at, refusal="status_went_back")
        try:
            return KnownStatus(LISTED[found.list.get(question.index)], found.issued_at)
        except (SigningError, KeyError):
            return None

    def newest(self) -> dict[str, datetime]:
        """What to remember as `seen` for the next time: of every list, the newest issue time ever read."""
        found = {uri: self._list(uri) for uri in self._pack.status_lists}
        times = {uri: item.issued_at for uri, item in found.items() if item is not None}
        return self._seen | {uri: max(at, self._seen.get(uri, at)) for uri, at in times.items()}

    def _list(self, uri: str) -> SignedStatusList | None:
        if uri not in self._read:
            self._read[uri] = self._open(uri)
        return self._read[uri]

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
