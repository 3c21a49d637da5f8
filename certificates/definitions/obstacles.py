"""Why a description cannot be the next version of its type, in words for whoever wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from certificates.claims import Bilingual

REASONS: Final[Mapping[str, Bilingual]] = {
    "another_code": Bilingual("类型代码不同，即是另一类型", "another code is another type"),
    "another_slug": Bilingual("简称不能改变", "the short name stays"),
    "another_kind": Bilingual("证照性质改变，须另立类型", "what it is in law changes: a type of its own"),
    "another_custody": Bilingual("保管方式改变，须另立类型", "where the claims live changes: a type of its own"),
    "holder_kinds_narrowed": Bilingual(
        "持证主体类型缩小，已有证照将不合规", "licences exist whose holders would no longer be allowed"
    ),
    "another_holder": Bilingual("持证人由别的字段指明，须另立类型", "other claims name the holder: a type of its own"),
    "role_removed": Bilingual(
        "取消了一类持证人，他们将查不到续发的证照", "holders of this role would lose sight of it"
    ),
    "another_record_key": Bilingual(
        "记录键改变，同一记录会重复发证", "by another key every record would be issued a second time"
    ),
    "claim_removed": Bilingual("已有授权和事项可能引用此字段", "grants and matters may name this claim"),
    "another_format": Bilingual("字段格式改变，请另设字段", "the claim means something else: add another claim"),
}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a description cannot be the next version: a path in it, and the rule."""

    where: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Additive only: a contract of the API."""
        text = REASONS[self.reason]
        return {"pointer": "/" + self.where, "rule": self.reason, "zh": text.zh, "en": text.en}
