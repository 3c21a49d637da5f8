"""The schema: every table imported, and the migrations that ship in the package."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlmodel import SQLModel

import catalog.tables
import certificates.tables
import hub.access.tables
import hub.collection.tables
import hub.exchange.tables
import hub.intake.tables
import hub.issuing.tables
import hub.ledger.tables
import hub.registry.tables
import hub.storage.tables

_TABLES: Final = (
    catalog.tables,
    certificates.tables,
    hub.access.tables,
    hub.collection.tables,
    hub.exchange.tables,
    hub.intake.tables,
    hub.issuing.tables,
    hub.ledger.tables,
    hub.registry.tables,
    hub.storage.tables,
)
"""Modules that must be imported for the metadata to be whole."""
METADATA: Final = SQLModel.metadata
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def migrate(database_url: str) -> None:
    """Bring the database to the newest revision, in one transaction. Safe to run again."""
    command.upgrade(alembic_config(database_url), "head")


def alembic_config(database_url: str) -> Config:
    """Alembic's configuration, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["database_url"] = database_url
    return config
