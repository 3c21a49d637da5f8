"""The schema: every table imported, and the migrations that ship in the package."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

import catalog.tables
import certificates.copies.tables
import certificates.rendering.tables
import certificates.tables
import hub.access.tables
import hub.archive.tables
import hub.citizens.acting.tables
import hub.citizens.asked.tables
import hub.citizens.authorising.tables
import hub.citizens.dossier.tables
import hub.citizens.identities.tables
import hub.citizens.kiosk.tables
import hub.citizens.late.tables
import hub.citizens.notices.tables
import hub.citizens.objections.tables
import hub.citizens.ratings.tables
import hub.citizens.showing.tables
import hub.citizens.tables
import hub.closure.tables
import hub.collection.tables
import hub.exchange.tables
import hub.intake.asks.tables
import hub.intake.counter.tables
import hub.intake.families.tables
import hub.intake.forms.tables
import hub.intake.handling.tables
import hub.intake.lower.tables
import hub.intake.materials.tables
import hub.intake.owed.tables
import hub.intake.replaying.tables
import hub.intake.tables
import hub.intake.told.tables
import hub.issuing.tables
import hub.ledger.tables
import hub.ledger.witnessing.tables
import hub.registry.tables
import hub.storage.tables
import hub.verification.tables
import hub.wallets.tables
from hub.storage.errors import UnavailableError

_TABLES: Final = (
    catalog.tables,
    certificates.copies.tables,
    certificates.rendering.tables,
    certificates.tables,
    hub.access.tables,
    hub.archive.tables,
    hub.citizens.acting.tables,
    hub.citizens.authorising.tables,
    hub.citizens.identities.tables,
    hub.citizens.dossier.tables,
    hub.citizens.notices.tables,
    hub.citizens.late.tables,
    hub.citizens.kiosk.tables,
    hub.citizens.objections.tables,
    hub.citizens.ratings.tables,
    hub.citizens.asked.tables,
    hub.citizens.showing.tables,
    hub.citizens.tables,
    hub.closure.tables,
    hub.collection.tables,
    hub.exchange.tables,
    hub.intake.asks.tables,
    hub.intake.counter.tables,
    hub.intake.lower.tables,
    hub.intake.materials.tables,
    hub.intake.families.tables,
    hub.intake.forms.tables,
    hub.intake.handling.tables,
    hub.intake.owed.tables,
    hub.intake.replaying.tables,
    hub.intake.tables,
    hub.intake.told.tables,
    hub.issuing.tables,
    hub.ledger.tables,
    hub.ledger.witnessing.tables,
    hub.registry.tables,
    hub.storage.tables,
    hub.verification.tables,
    hub.wallets.tables,
)
"""Modules that must be imported for the metadata to be whole."""
METADATA: Final = SQLModel.metadata
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def migrate(database_url: str) -> None:
    """Bring the database to the newest revision, in one transaction. Safe to run again.

    Raises: UnavailableError when the database cannot be reached, or lets nobody in.
    """
    try:
        command.upgrade(alembic_config(database_url), "head")
    except OperationalError as error:
        if error.statement is not None:  # reached: what the statement met is for whoever reads the trace
            raise
        # Its text may say the password.
        raise UnavailableError(f"the database cannot be reached: {type(error.orig).__name__}") from None


def alembic_config(database_url: str) -> Config:
    """Alembic's configuration, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["database_url"] = database_url
    return config
