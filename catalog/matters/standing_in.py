"""What may stand in for evidence that the hub cannot fetch: a department's word, a sealed scan, a promise.

Each is less than a certificate, and how much less is its assurance: what a requirement wants at high assurance has no
stand-in at all, and a promise serves only where little is wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from catalog.declared import text
from catalog.errors import DefinitionError
from catalog.expressions.values import Kind

COPY_DAYS: Final = 180
"""For how many days a sealed copy serves other cases, where its matter does not say."""
_MOST_DAYS: Final = 3660
_MOST_WORKING_DAYS: Final = 250
_MOST_FIELDS: Final = 20
_STAND_INS: Final = frozenset({"commitment", "sealed_copy", "verification"})
_COMMITMENT: Final = frozenset({"template", "text", "due_days", "legal_basis", "consequence"})
_COPY: Final = frozenset({"reusable_days"})
_VERIFICATION: Final = frozenset({"department", "days", "form", "reusable_days"})


class Assurance(StrEnum):
    """How sure a requirement wants to be. Certificates and data give any; copies and verification up to substantial;
    a promise only low.
    """

    LOW = "low"
    SUBSTANTIAL = "substantial"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class FormField:
    """One line of the form that an officer fills."""

    code: str
    kind: Kind
    title_zh: str
    title_en: str

    def title(self, language: str) -> str:
        """In `zh-CN` or `en`."""
        return self.title_en if language == "en" else self.title_zh


@dataclass(frozen=True, slots=True)
class CommitmentRule:
    """A promise 告知承诺: by which template, due after so many working days, on what basis, and what follows if it is
    broken. Without a text of its own it uses the hub's standard one.
    """

    template: str
    due_days: int
    legal_basis: str
    consequence_zh: str
    consequence_en: str
    text_zh: str = ""
    text_en: str = ""


@dataclass(frozen=True, slots=True)
class VerificationRule:
    """A question to a department's officer 协查: answered within so many working days; the answer
    serves other cases for `reusable_days`.
    """

    department: str
    days: int
    form: tuple[FormField, ...]
    reusable_days: int = 0


@dataclass(frozen=True, slots=True)
class StandIns:
    """What may stand in for one requirement; nothing, where nobody says."""

    commitment: CommitmentRule | None = None
    sealed_copy: bool = False
    verification: VerificationRule | None = None
    copy_days: int = COPY_DAYS

    def __bool__(self) -> bool:
        return self.sealed_copy or self.commitment is not None or self.verification is not None


NO_STAND_INS: Final = StandIns()


def read_stand_ins(item: object, where: str, assurance: Assurance) -> StandIns:
    """The member `stand_ins`. Raises: DefinitionError, also for more than the assurance allows."""
    if item is None:
        return NO_STAND_INS
    if not isinstance(item, Mapping):
        raise DefinitionError(f"{where} names commitment, sealed_copy or verification")
    _known(item, _STAND_INS, where)
    copy = item.get("sealed_copy", False)
    found = StandIns(
        commitment=_commitment(item["commitment"], f"{where}: commitment") if item.get("commitment") else None,
        sealed_copy=bool(copy) or isinstance(copy, Mapping),
        verification=_verification(item["verification"], f"{where}: verification")
        if item.get("verification")
        else None,
        copy_days=_copy_days(copy, f"{where}: sealed_copy"),
    )
    if found and assurance is Assurance.HIGH:
        raise DefinitionError(f"{where}: nothing stands in where assurance is high")
    if found.commitment is not None and assurance is not Assurance.LOW:
        raise DefinitionError(f"{where}: a commitment stands in only where assurance is low")
    return found


def read_assurance(value: object, where: str) -> Assurance:
    """The member `assurance`. Raises: DefinitionError."""
    try:
        return Assurance(str(value))
    except ValueError:
        raise DefinitionError(f"{where} is one of {', '.join(Assurance)}") from None


def read_own_paper(item: object, where: str) -> tuple[str, str]:
    """The member `own_paper` in Chinese and English: the paper that no department has. Raises: DefinitionError."""
    if item is None:
        return "", ""
    if isinstance(item, str):
        return text(item, where), item
    if not isinstance(item, Mapping):
        raise DefinitionError(f"{where} is a text, or one in zh and en")
    _known(item, frozenset({"zh", "en"}), where)
    return text(item.get("zh"), f"{where}/zh"), text(item.get("en"), f"{where}/en")


def described_stand_ins(stand_ins: StandIns) -> dict[str, Any]:
    """As the API tells systems what may stand in."""
    told: dict[str, Any] = {}
    if (rule := stand_ins.verification) is not None:
        form = [
            {"field": item.code, "kind": item.kind.value, "title": {"zh": item.title_zh, "en": item.title_en}}
            for item in rule.form
        ]
        told["verification"] = {
            "department": rule.department, "days": rule.days, "reusable_days": rule.reusable_days, "form": form,
        }  # fmt: skip
    if stand_ins.sealed_copy:
        told["sealed_copy"] = {"reusable_days": stand_ins.copy_days}
    if (promise := stand_ins.commitment) is not None:
        told["commitment"] = {
            "template": promise.template,
            "due_days": promise.due_days,
            "legal_basis": promise.legal_basis,
            "consequence": {"zh": promise.consequence_zh, "en": promise.consequence_en},
        }
    return told


def _commitment(item: Mapping[str, Any], where: str) -> CommitmentRule:
    _known(item, _COMMITMENT, where)
    words = item.get("text") or {}
    consequence = item["consequence"]
    return CommitmentRule(
        template=text(item["template"], f"{where}: template"),
        due_days=_days(item["due_days"], f"{where}: due_days", least=1, most=_MOST_WORKING_DAYS),
        legal_basis=text(item["legal_basis"], f"{where}: legal_basis"),
        consequence_zh=text(consequence["zh"], f"{where}: consequence/zh"),
        consequence_en=text(consequence["en"], f"{where}: consequence/en"),
        text_zh=text(words["zh"], f"{where}: text/zh") if words else "",
        text_en=text(words["en"], f"{where}: text/en") if words else "",
    )


def _verification(item: Mapping[str, Any], where: str) -> VerificationRule:
    _known(item, _VERIFICATION, where)
    form = tuple(_form_field(code, field, f"{where}: form") for code, field in item["form"].items())
    if not 1 <= len(form) <= _MOST_FIELDS:
        raise DefinitionError(f"{where}: form has 1 to {_MOST_FIELDS} fields")
    return VerificationRule(
        department=text(item["department"], f"{where}: department"),
        days=_days(item["days"], f"{where}: days", least=1, most=_MOST_WORKING_DAYS),
        form=form,
        reusable_days=_days(item.get("reusable_days", 0), f"{where}: reusable_days", least=0, most=_MOST_DAYS),
    )


def _form_field(code: str, item: object, where: str) -> FormField:
    """A kind alone, or with a title."""
    if not code.isidentifier() or not code.isascii() or code != code.lower():
        raise DefinitionError(f"{where}: codes are small letters, digits and underscores")
    member = {"kind": item} if isinstance(item, str) else item
    if not isinstance(member, Mapping):
        raise DefinitionError(f"{where}/{code} is a kind, or a kind with a title")
    _known(member, frozenset({"kind", "title"}), f"{where}/{code}")
    try:
        kind = Kind(member["kind"])
    except ValueError:
        raise DefinitionError(f"{where}/{code}: kind is one of {', '.join(Kind)}") from None
    title = member.get("title") or {"zh": code, "en": code}
    return FormField(code, kind, text(title["zh"], f"{where}/{code}/zh"), text(title["en"], f"{where}/{code}/en"))


def _copy_days(item: object, where: str) -> int:
    if isinstance(item, bool):
        return COPY_DAYS
    if not isinstance(item, Mapping):
        raise DefinitionError(f"{where} is true, false, or says reusable_days")
    _known(item, _COPY, where)
    return _days(item.get("reusable_days", COPY_DAYS), f"{where}: reusable_days", least=0, most=_MOST_DAYS)


def _known(item: Mapping[str, Any], names: frozenset[str], where: str) -> None:
    if unknown := sorted(str(name) for name in set(item) - names):
        raise DefinitionError(f"{where}: unknown {', '.join(unknown)}")


def _days(value: object, where: str, *, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise DefinitionError(f"{where} is a whole number from {least} to {most}")
    return value
