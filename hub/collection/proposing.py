"""A mapping proposed for the columns of a file: what a person then looks over. Nothing is guessed from contents."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from certificates.definitions.certificate_type import CertificateType
from hub.collection.register_state import STANDS

# Headers carry units and notes behind the name: 注册资金(万元), Name [as registered].
_ASIDE: Final = re.compile(r"[(\[【].*?[)\]】]")
_BETWEEN: Final = re.compile(r"[\W_]+")
_STATES: Final = frozenset({"登记状态", "经营状态", "证照状态", "证书状态", "企业状态", "status"})
_DAYS: Final = frozenset({"终止日期", "吊销日期", "注销日期", "撤销日期", "吊注销日期", "endedon"})
COMMON_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    STANDS: ("存续", "在业", "开业", "在营", "正常", "有效"),
    "withdraw": ("吊销",),
    "revoke": ("撤销",),
    "cancel": ("注销",),
}
"""What registers commonly write; what else stands there is refused row by row until somebody says what it means."""


def proposed(kind: CertificateType, columns: Iterable[str]) -> dict[str, str]:
    """Column → claim where the names agree: with the type's own mapping, a claim's name, or its title.

    Spelling of width, case, spaces and notes in brackets do not count. Each claim goes to the first column that names
    it best; columns that name nothing are left out.
    """
    columns = [column for column in columns if column]
    found = {column: kind.default_mapping[column] for column in columns if column in kind.default_mapping}
    taken = set(found.values())
    known = _names_of(kind)
    for spelled in (_plain, _bare):
        for column in columns:
            claim = known.get(spelled(column))
            if column not in found and claim is not None and claim not in taken:
                found[column] = claim
                taken.add(claim)
    return {column: found[column] for column in columns if column in found}


def proposed_status(columns: Iterable[str]) -> dict[str, Any] | None:
    """The member `status` for a file with a column that registers commonly name so; the first one counts."""
    columns = [column for column in columns if column]
    found = next((column for column in columns if _plain(column) in _STATES), None)
    since = next((column for column in columns if _plain(column) in _DAYS), None)
    if found is None:
        return None
    return {"column": found, **{name: list(words) for name, words in COMMON_WORDS.items()}} | (
        {"since": since} if since else {}
    )


def declared(
    kind: CertificateType, columns: Mapping[str, str], status: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A mapping as a mapping file would say it, with what the type takes for an empty cell."""
    return {
        "version": kind.mapping_version,
        "absent": sorted(kind.absent_values | {""}),
        "columns": dict(columns),
    } | ({"status": dict(status)} if status else {})


def _names_of(kind: CertificateType) -> dict[str, str]:
    known: dict[str, str] = {}
    for column, named in kind.default_mapping.items():
        known.setdefault(_plain(column), named)
        known.setdefault(_bare(column), named)
    for name, claim in kind.claims.items():
        for title in (name, claim.title.zh, claim.title.en):
            known.setdefault(_plain(title), name)
            known.setdefault(_bare(title), name)
    known.pop("", None)
    return known


def _plain(text: str) -> str:
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", text).casefold())


def _bare(text: str) -> str:
    return _plain(_ASIDE.sub("", unicodedata.normalize("NFKC", text)))
