"""Faces: the press, renditions, what is given out of them, control codes, templates."""

import os
from dataclasses import dataclass
from typing import Final

from hub.assembly.ground import Ground
from hub.intake.copy_pages import CopyPages
from hub.intake.evidence import EvidenceService
from hub.issuing.keys.first import FirstNeed
from hub.issuing.renditions.face_preview import FacePreview
from hub.issuing.renditions.face_templates import FaceTemplates
from hub.issuing.renditions.files import LicenceFiles
from hub.issuing.renditions.making import PageMaker
from hub.issuing.renditions.ofd import OfdMaker
from hub.issuing.renditions.pictures import FacePictures
from hub.issuing.renditions.press import Press
from hub.issuing.renditions.seals import Seals
from hub.issuing.renditions.service import RenditionService
from hub.issuing.renditions.source import RenditionSource
from hub.issuing.renditions.stamps import RenditionStamps
from hub.issuing.stamping.service import TimeStamps
from hub.verification.by_code import ControlCodes

MOST_WORKERS: Final = 4
"""Each holds some 100 MB."""


@dataclass(frozen=True, slots=True)
class Faces:
    """Services around what people see of a licence."""

    press: Press
    source: RenditionSource
    renditions: RenditionService
    stamps: RenditionStamps
    files: LicenceFiles
    pictures: FacePictures
    copies: CopyPages
    codes: ControlCodes
    preview: FacePreview
    templates: FaceTemplates


def assemble_faces(ground: Ground, evidence: EvidenceService, stamps: TimeStamps) -> Faces:
    """Connect them. No process is started yet."""
    database, vault, desk, clock = ground.database, ground.vault, ground.desk, ground.clock
    workers = min(MOST_WORKERS, os.cpu_count() or 1)
    press = Press(own_fonts=ground.settings.font_dir, workers=workers)
    source = RenditionSource(
        database,
        vault=vault,
        desk=desk,
        types=ground.types,
        pages=PageMaker(press, stamps),
        ofd=_ofd_maker(ground, stamps),
        public_url=ground.public_url,
        sample=(ground.settings.home / "sample" / "sample.json").exists(),
    )
    renditions = RenditionService(database, vault=vault, objects=ground.objects, source=source, clock=clock)
    preview = FacePreview(press, ground.types, ground.public_url, database=database, vault=vault, clock=clock)
    return Faces(
        press=press,
        source=source,
        renditions=renditions,
        stamps=RenditionStamps(database, renditions=renditions, source=source, desk=desk, stamps=stamps, clock=clock),
        files=LicenceFiles(
            database,
            vault=vault,
            desk=desk,
            source=source,
            renditions=renditions,
            clock=clock,
            public_url=ground.public_url,
        ),
        pictures=FacePictures(database, vault=vault, source=source, press=press, clock=clock),
        copies=CopyPages(
            database, evidence=evidence, renditions=renditions, source=source, vault=vault, desk=desk, clock=clock
        ),
        codes=ControlCodes(database, vault=vault),
        preview=preview,
        templates=FaceTemplates(
            database=database, types=ground.types, preview=preview, vault=vault, log_key=ground.log_key
        ),
    )


def _ofd_maker(ground: Ground, stamps: TimeStamps) -> OfdMaker:
    database, vault, clock = ground.database, ground.vault, ground.clock
    keys = FirstNeed(database, desk=ground.desk, clock=clock)
    seals = Seals(database, vault=vault, log_key=ground.log_key, keys=keys, clock=clock)
    return OfdMaker(keys=keys, seals=seals, stamps=stamps, own_fonts=ground.settings.font_dir)
