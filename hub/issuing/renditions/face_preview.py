"""Preview of a face with sample values, before a template or a type goes live. Nothing is stored and nothing signed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from certificates.claims import Claim, Format
from certificates.definitions.certificate_type import CertificateType
from certificates.errors import RenderingError, TemplateError, TemplateProblem
from certificates.numbering import Identifier
from certificates.offline_code import PREFIX
from certificates.rendering.face import Face, Language, Mark, licence_face
from certificates.rendering.page_data import page_data
from certificates.rendering.templates import MAX_TEMPLATE_CHARACTERS
from certificates.rendering.typesetting import SetFace
from hub.access.actors import Actor, Role
from hub.clock import Clock
from hub.issuing.renditions.press import Job, Press
from hub.issuing.renditions.template_in_force import template_of
from hub.issuing.types.registry import TypeRegistry
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault

_DAY: Final = date(2026, 1, 1)
_CODE: Final = "SAMPLE0000SAMPLE0000SAMPLE00"
_OFFLINE_CODE: Final = f"{PREFIX}{'SPECIMEN ' * 60}."
"""As large as most are, and nobody's."""
_ISSUER: Final = "示例市示例局"
EXCESSES: Final = {
    "too_slow": "the template takes longer than it may",
    "worker_died": "the template takes more memory than it may",
    "too_large": "the template makes more pages than it may",
}
"""What is said of a template that was stopped."""
_SAMPLES: Final[Mapping[Format, str | int]] = {
    Format.DATE: "2026-01-01",
    Format.USCC: "91990100MA00000019",
    Format.CITIZEN_ID: "990101199001011234",
    Format.INTEGER: 12,
    Format.DECIMAL: "128.50",
    Format.CODE: "A-001",
}


@dataclass(frozen=True, slots=True)
class PreviewOrder:
    """What to show: without a template, what the type has now."""

    template: str | None
    language: Language
    output: Literal["pdf", "png"]
    long_values: bool


class FacePreview:
    """Sets a type's face with sample values."""

    def __init__(
        self, press: Press, types: TypeRegistry, public_url: str, *, database: Database, vault: Vault, clock: Clock
    ) -> None:
        self._press = press
        self._types = types
        self._public_url = public_url
        self._database = database
        self._vault = vault
        self._clock = clock

    async def show(self, actor: Actor, code: str, order: PreviewOrder) -> SetFace:
        """The pages, marked as specimen. For engineers and approvers of any department, and operators.

        Raises: MissingError: no such type; TemplateError: with line and column; RenderingError; ForbiddenError.
        """
        actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR)
        return await self._set(code, order)

    async def show_type(self, actor: Actor, certificate_type: CertificateType, order: PreviewOrder) -> SetFace:
        """The same for a type that is still being written. Raises: as `show`, but no MissingError."""
        actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR)
        return await self._set_type(certificate_type, order)

    async def try_out(self, code: str, template: str) -> None:
        """Set a template as `show` does, for nobody to see. Raises: as `show`."""
        for long_values in (False, True):
            await self._set(code, PreviewOrder(template, "zh-CN", "pdf", long_values=long_values))

    async def _set(self, code: str, order: PreviewOrder) -> SetFace:
        found = self._types.find(code)
        if found is None:
            raise MissingError("certificate type")
        return await self._set_type(found.type, order)

    async def _set_type(self, certificate_type: CertificateType, order: PreviewOrder) -> SetFace:
        template = order.template or await self._in_force(certificate_type)
        face = replace(self._face(certificate_type, order), offline_code=_OFFLINE_CODE)
        data = await asyncio.to_thread(page_data, face, preview=True)
        at = round(datetime.combine(_DAY, datetime.min.time(), UTC).timestamp())
        try:
            return await self._press.set(Job(template[:MAX_TEMPLATE_CHARACTERS], data, order.output, at))
        except RenderingError as error:
            if order.template is not None and error.reason in EXCESSES:
                raise TemplateError([TemplateProblem(EXCESSES[error.reason])]) from error
            raise

    async def _in_force(self, certificate_type: CertificateType) -> str:
        at = self._clock()
        return await self._database.read(lambda tx: template_of(tx, certificate_type, at=at, vault=self._vault))

    def _face(self, certificate_type: CertificateType, order: PreviewOrder) -> Face:
        authority = certificate_type.defining_authority
        claims: dict[str, Any] = {
            claim.name: _sample(claim, longest=order.long_values) for claim in certificate_type.claims.values()
        }
        until = certificate_type.validity.valid_until(_DAY, claims)
        described = {
            "identifier": Identifier(certificate_type.code, authority.uscc, "2026SPECIMEN", 1).text,
            "issuer": {"name": _ISSUER, "uscc": authority.uscc},
            "issued_on": _DAY.isoformat(),
            "valid_from": _DAY.isoformat(),
            "valid_until": until.isoformat() if until else None,
        }
        return licence_face(
            type=certificate_type,
            payload={**claims, "certificate": described},
            qr=f"{self._public_url}/verify",
            control_code=_CODE,
            binding=None,
            marks=[Mark.SPECIMEN],
            language=order.language,
        )


def _sample(claim: Claim, *, longest: bool) -> str | int:
    """A value that fits the claim's schema as far as a page shows it; `longest`: the longest that may come."""
    if "enum" in claim.schema:
        return str(claim.schema["enum"][0])
    if claim.format is not Format.TEXT:
        return _SAMPLES[claim.format]
    words = f"{claim.title.zh}示例"
    if not longest:
        return words
    most = int(claim.schema["maxLength"])
    return (words * (most // len(words) + 1))[:most]
