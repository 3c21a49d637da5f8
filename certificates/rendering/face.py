"""The face of a licence: everything that a page of it shows, in order, as one value.

PDF and OFD are made from the same Face, so they cannot say different things. What never leaves the hub (disclosure
`never`) is not in a Face; what is outside a grant is not in the Face of a purpose copy.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Literal

from catalog.identifiers import ID_TYPES
from certificates.claims import Bilingual, Claim, Disclosure, Format
from certificates.definitions.certificate_type import CertificateType
from certificates.profile import CIVIL_ZONE
from certificates.rendering.words import visible, written_day

Language = Literal["zh-CN", "en"]
Orientation = Literal["portrait", "landscape"]
Shape = Literal["round", "oval"]

ACCENTS: Final[Mapping[str, str]] = {
    "certificate": "#9b1c1f",
    "proof": "#1f4e79",
    "approval": "#1f5f4a",
    "appraisal": "#5b3f8c",
    "result": "#3d4f5c",
}
"""The colour of a face whose type names none, by kind."""
_LETTERS: Final = frozenset({"proof", "approval", "result"})


class Mark(StrEnum):
    """What must be seen at first sight of a face that proves less than it seems to."""

    TRIAL_AUTHORITY = "trial_authority"
    SAMPLE = "sample"
    SPECIMEN = "specimen"
    PURPOSE_COPY = "purpose_copy"
    NOT_STAMPED = "not_stamped"
    SCREEN = "screen"

    @property
    def words(self) -> Bilingual:
        """The words of the mark."""
        return _MARKS[self]


_MARKS: Final[Mapping[Mark, Bilingual]] = {
    Mark.TRIAL_AUTHORITY: Bilingual("试用：由内置证书机构签发", "For trying out: signed under the built-in authority"),
    Mark.SAMPLE: Bilingual("示例数据，不具效力", "Sample data, of no effect"),
    Mark.SPECIMEN: Bilingual("样张", "Specimen"),
    Mark.PURPOSE_COPY: Bilingual("加注件", "Purpose copy"),
    Mark.NOT_STAMPED: Bilingual("出具时未加盖时间戳", "Made before it had a time-stamp"),
    Mark.SCREEN: Bilingual("屏幕显示，不作凭证", "For the screen, no evidence"),
}

DEMONSTRATION: Final = Bilingual("演示数据", "Demo data")
"""What stands across every page of a licence in sample data."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a face. `value` is as people read it: a date in words, a number in digits."""

    name: str
    title: Bilingual
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Watermark:
    """What is written across every page of a purpose copy 加注件 (GB/T 36903: 制作者、制作事由、有效期截止)."""

    receiver: str
    case_no: str
    purpose: str
    expires_at: datetime

    def lines(self) -> tuple[str, ...]:
        """The words, one line each; the instant is civil time, to the minute."""
        until = self.expires_at.astimezone(CIVIL_ZONE).strftime("%Y-%m-%d %H:%M")
        return (f"仅供 {self.receiver}", f"办件 {self.case_no}", f"用途：{self.purpose}", f"有效期至 {until}")


@dataclass(frozen=True, slots=True)
class Face:
    """What one page, or several, of a licence or purpose copy show. Made by `licence_face` and `copy_face`.

    Attributes:
        title: the name of the document, 营业执照.
        kind: what it is in law: certificate, proof, approval, appraisal, result.
        rows: in the order in which they are shown.
        issued_on, valid_from, valid_until: civil days, the last inclusive; no end is None.
        seal_text, seal_shape: what stands around the seal, and its outline.
        qr: what the QR code holds; None for a face without one.
        control_code: the same code for typing, in groups; None with `qr`.
        marks: see Mark, in order.
        watermark: of purpose copies only.
        binding: hexadecimal digest that all renditions of a version share; None on purpose copies, always.
        template, orientation, accent: how it looks; the accent is "#rrggbb".
        offline_code: what a second QR code holds, see `certificates.offline_code`; None for a face without one.
    """

    title: Bilingual
    kind: str
    type_code: str
    identifier: str
    issuer_name: str
    issuer_code: str
    rows: tuple[Row, ...]
    issued_on: date
    valid_from: date
    valid_until: date | None
    seal_text: str
    seal_shape: Shape
    qr: str | None
    control_code: str | None
    marks: tuple[Mark, ...]
    watermark: Watermark | None
    binding: str | None
    language: Language
    template: str
    orientation: Orientation
    accent: str
    offline_code: str | None = field(default=None, repr=False)

    @property
    def demonstration(self) -> str | None:
        """What says across the page that nothing of it is real; None where something is."""
        if Mark.SAMPLE not in self.marks:
            return None
        return DEMONSTRATION.en if self.language == "en" else DEMONSTRATION.zh


def licence_face(
    *,
    type: CertificateType,  # noqa: A002  # the field's word
    payload: Mapping[str, Any],
    qr: str | None,
    control_code: str | None,
    binding: str | None,
    marks: Sequence[Mark] = (),
    language: Language = "zh-CN",
) -> Face:
    """The face of a licence. `payload` is what was signed: `licence_claims`, with its disclosures opened.

    Raises: KeyError, ValueError: the payload is not a licence's.
    """
    return _face(
        type, payload, None, qr=qr, control_code=control_code, binding=binding, marks=tuple(marks), language=language
    )


def copy_face(
    *,
    type: CertificateType,  # noqa: A002  # the field's word
    payload: Mapping[str, Any],
    granted: Collection[str],
    receiver: str,
    qr: str | None,
    control_code: str | None,
    marks: Sequence[Mark] = (),
    language: Language = "zh-CN",
) -> Face:
    """The face of a purpose copy. `payload` is the copy's own, with its disclosures opened; nothing of the licence but
    what the copy says is used, and no binding: copies of one licence are not to be tied to each other.

    Raises: KeyError, ValueError: the payload is not a purpose copy's.
    """
    purpose = payload["purpose"]
    watermark = Watermark(
        receiver=receiver,
        case_no=str(purpose["case_no"]),
        purpose=str(purpose["text"]),
        expires_at=datetime.fromtimestamp(int(payload["exp"]), CIVIL_ZONE),
    )
    return _face(
        type,
        payload,
        frozenset(granted),
        qr=qr,
        control_code=control_code,
        binding=None,
        marks=(Mark.PURPOSE_COPY, *marks),
        language=language,
        watermark=watermark,
    )


def _face(
    certificate_type: CertificateType,
    payload: Mapping[str, Any],
    granted: frozenset[str] | None,
    *,
    qr: str | None,
    control_code: str | None,
    binding: str | None,
    marks: tuple[Mark, ...],
    language: Language,
    watermark: Watermark | None = None,
) -> Face:
    described = payload["certificate"]
    look = look_of(certificate_type)
    until = described["valid_until"]
    return Face(
        title=certificate_type.name,
        kind=certificate_type.kind.value,
        type_code=certificate_type.code,
        identifier=described["identifier"],
        issuer_name=described["issuer"]["name"],
        issuer_code=described["issuer"]["uscc"],
        rows=rows_of(certificate_type, payload, look.rows, granted, language),
        issued_on=date.fromisoformat(described["issued_on"]),
        valid_from=date.fromisoformat(described["valid_from"]),
        valid_until=None if until is None else date.fromisoformat(until),
        seal_text=look.seal_text or described["issuer"]["name"],
        seal_shape=look.seal_shape,
        qr=qr,
        control_code=control_code,
        marks=marks,
        watermark=watermark,
        binding=binding,
        language=language,
        template=look.template,
        orientation=look.orientation,
        accent=look.accent,
    )


@dataclass(frozen=True, slots=True)
class Look:
    """How a type wants its faces to look; every default filled in. `seal_text` None: the issuer's name."""

    template: str
    orientation: Orientation
    accent: str
    rows: tuple[str, ...]
    seal_text: str | None
    seal_shape: Shape


def look_of(certificate_type: CertificateType) -> Look:
    """The look that a type's `face` and `seal` sections describe, completed by its kind."""
    face, seal = certificate_type.face, certificate_type.seal
    kind = certificate_type.kind.value
    shown = tuple(name for name, claim in certificate_type.claims.items() if claim.disclosure is not Disclosure.NEVER)
    return Look(
        template=face.template or ("letter" if kind in _LETTERS else "certificate"),
        orientation=face.orientation or "portrait",
        accent=face.accent or ACCENTS[kind],
        rows=face.rows or shown,
        seal_text=seal.text,
        seal_shape=seal.shape,
    )


def rows_of(
    certificate_type: CertificateType,
    payload: Mapping[str, Any],
    order: Sequence[str],
    granted: frozenset[str] | None,
    language: Language,
) -> tuple[Row, ...]:
    """The claims to show, in order: those the payload holds, never one that stays in the hub, and under a grant only
    what it names.
    """
    claims = (certificate_type.claims[name] for name in order)
    coded = {rule.id_type_claim for rule in (certificate_type.holder, *certificate_type.further_holders)}

    def words(claim: Claim) -> str:
        value = payload[claim.name]
        kind = ID_TYPES.get(str(value)) if claim.name in coded else None
        return readable(claim, value, language) if kind is None else kind.en if language == "en" else kind.zh

    return tuple(
        Row(claim.name, claim.title, words(claim))
        for claim in claims
        if claim.disclosure is not Disclosure.NEVER
        and claim.name in payload
        and (granted is None or claim.name in granted)
    )


def readable(claim: Claim, value: str | int, language: Language) -> str:
    """A claim's value as people write it, with what would hide or turn around its neighbours made visible."""
    if claim.format is Format.DATE:
        return written_day(date.fromisoformat(str(value)), language)
    return visible(str(value))
