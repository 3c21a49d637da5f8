"""Runs migrations online, on a synchronous connection of either database."""

from pathlib import Path
from typing import Any, Literal

from alembic import context
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from catalog.tables import Instant
from hub.storage.database import sqlite_engine
from hub.storage.schema import METADATA


def _engine(url: str) -> Engine:
    if url.startswith("sqlite:///"):
        return sqlite_engine(Path(url.removeprefix("sqlite:///")))
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)


def _render(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    if kind == "type" and isinstance(item, Instant):
        autogen.imports.add("from catalog.tables import Instant")
        return "Instant()"
    return False


engine = _engine(context.config.attributes["database_url"])
with engine.connect() as connection:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_item=_render,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
engine.dispose()
