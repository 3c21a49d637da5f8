"""Templates of faces that a designer wrote for one type: proposed by one, confirmed by another, kept by version.

A licence keeps the template that was in force when it was issued: it looks the same whenever its page is first made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from catalog.errors import DefinitionError
from catalog.tables import table
from certificates.definitions.certificate_type import CertificateType
from certificates.rendering.face import look_of
from certificates.rendering.tables import FaceTemplateRow
from certificates.rendering.templates import MAX_TEMPLATE_CHARACTERS
from hub.access.actors import Actor, Role
from hub.clock import new_id, rfc3339
from hub.issuing.renditions.face_preview import FacePreview
from hub.issuing.renditions.template_in_force import BACK, TemplateVersion, meaning, shipped_with, versions_of
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.registry.proposal import Proposal, executed
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import sha256

TEMPLATE: Final = "face.template"
"""The name of the change that takes two persons."""
SHIPPED: Final = 0
"""The number that stands for the template that ships, which is no version of the type's own."""
_TEMPLATES: Final = table(FaceTemplateRow)


@dataclass(frozen=True, slots=True)
class TemplateHistory:
    """The templates of a type: the name of the one that ships with it, and its own versions, newest first, each with
    the proposal that it came from; None for one whose proposal is gone.
    """

    code: str
    shipped: str
    versions: Sequence[tuple[TemplateVersion, Proposal | None]]

    @property
    def in_force(self) -> int:
        """The number of the newest version; SHIPPED while there is none."""
        return self.versions[0][0].version if self.versions else SHIPPED

    @property
    def own(self) -> bool:
        """Whether faces are set from a template of the type's own."""
        return bool(self.versions) and self.versions[0][0].source != BACK

    def as_json(self) -> dict[str, Any]:
        """Without the texts."""
        listed = [
            {
                "version": item.version,
                "in_force": item.version == self.in_force,
                "shipped": item.source == BACK,
                "digest": None if item.source == BACK else sha256(item.source.encode()).hex(),
                "since": rfc3339(item.since),
                "proposed_by": dict(proposal.proposed_by) if proposal else None,
                "reason": proposal.reason if proposal else None,
                "confirmed_by": dict(item.confirmed_by),
            }
            for item, proposal in self.versions
        ]
        return {"type": self.code, "shipped": self.shipped, "in_force": self.in_force, "versions": listed}


class FaceTemplates:
    """Takes new templates in, as the change `face.template` of the two-person rule, and shows those there are."""

    def __init__(
        self, *, database: Database, types: TypeRegistry, preview: FacePreview, vault: Vault, log_key: DataKey
    ) -> None:
        self._database = database
        self._types = types
        self._preview = preview
        self._vault = vault
        self._log_key = log_key

    async def history(self, actor: Actor, code: str) -> TemplateHistory:
        """Every version of the own template of a type in force. For whoever may see a type's page.

        Raises: MissingError, ForbiddenError; IntegrityBrokenError: one was written by anyone but the hub.
        """
        actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
        found = self._type(code)
        return await self._database.read(lambda tx: self._history(tx, found))

    async def text(self, actor: Actor, code: str, version: int | None = None) -> str:
        """The text of a version, SHIPPED for the one that ships, None for what is in force. Raises: as `history`."""
        history = await self.history(actor, code)
        wanted = history.in_force if version is None else version
        numbered = {SHIPPED: BACK} | {item.version: item.source for item, _ in history.versions}
        if wanted not in numbered:
            raise MissingError("template")
        return numbered[wanted] or shipped_with(self._type(code))

    def code_of(self, payload: dict[str, Any]) -> str:
        """The code of the type that the payload names by code or slug. Raises: DefinitionError."""
        found = self._types.find(str(payload.get("type", "")))
        if found is None:
            raise DefinitionError("template: type must be a type in force")
        return found.type.code

    def check(self, payload: dict[str, Any]) -> None:
        """`source` None goes back to the face that ships.

        Raises: DefinitionError: no type in force, or a text that can be no template.
        """
        self.code_of(payload)
        source = payload.get("source", BACK)
        if source is not None and not (isinstance(source, str) and 0 < len(source) <= MAX_TEMPLATE_CHARACTERS):
            told = f"text of at most {MAX_TEMPLATE_CHARACTERS} characters, or null for the face that ships"
            raise DefinitionError(f"template: source must be {told}")

    async def try_out(self, payload: dict[str, Any]) -> None:
        """Set it, with values of usual length and the longest: a fault would show on somebody's licence.

        Raises: TemplateError, with line and column; RenderingError.
        """
        code = self.code_of(payload)
        await self._preview.try_out(code, payload["source"] or shipped_with(self._type(code)))

    def take_in(self, tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        """Put the template in force, from now on. `by` is the one who confirms."""
        self.check(payload)
        code, source = self.code_of(payload), payload["source"] or BACK
        same = _TEMPLATES.c.type_code == code
        last = tx.execute(select(_TEMPLATES.c.version).where(same).order_by(_TEMPLATES.c.version.desc()).limit(1))
        version = (last.scalar() or 0) + 1
        row_id = new_id()
        entry = Draft(
            kind="catalog.face_template",
            detail={
                "type": code,
                "version": version,
                "digest": None if source == BACK else sha256(source.encode()).hex(),
                "shipped": source == BACK,
                "actor": by.as_json(),
            },
            key=self._log_key,
            object_id=row_id,
            object_version=1,
        )
        append(tx, [seal(entry, now=now)])
        tx.execute(
            insert(_TEMPLATES).values(
                id=row_id,
                type_code=code,
                version=version,
                source=source,
                confirmed_by=by.as_json(),
                ledger_entry_id=entry.id,
                mac=self._vault.row_mac(meaning(code, version, source, entry.id, by.as_json(), now)),
                created_at=now,
            )
        )
        return {"type": code, "version": version}

    def _type(self, code: str) -> CertificateType:
        found = self._types.find(code)
        if found is None:
            raise MissingError("certificate type")
        return found.type

    def _history(self, tx: Connection, certificate_type: CertificateType) -> TemplateHistory:
        code = certificate_type.code
        versions = versions_of(tx, code, vault=self._vault)
        # Change and decision commit together, with one time.
        decided = executed(tx, TEMPLATE, [item.since for item in versions], vault=self._vault)
        proposals = {(item.decided_at, item.payload.get("source") or BACK): item for item in decided}
        listed = [(item, proposals.get((item.since, item.source))) for item in versions]
        return TemplateHistory(code, look_of(certificate_type).template, listed)
