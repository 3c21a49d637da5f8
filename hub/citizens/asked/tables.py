"""Rows of requests to show: found by the hash of a code; who asks for what is sealed together with the row's own id."""

from datetime import datetime

from sqlmodel import SQLModel

from catalog.tables import binary, instant, uuid, words


class ShowingRequestRow(SQLModel, table=True):
    """`content`: what is asked for, and the codes. `state`: asked, given, declined, cancelled. One of `system_id`,
    `staff_id`.

    What comes of it stands in the showing that answers it (`showings.asked_id`); of a person there is nothing here.
    """

    __tablename__ = "showing_requests"
    id: str = uuid(primary_key=True)
    department_id: str = uuid(references="departments.id")
    system_id: str | None = uuid(references="systems.id", nullable=True)
    staff_id: str | None = uuid(nullable=True)
    code_hash: bytes = binary(unique=True)
    typed_hash: bytes | None = binary(nullable=True, unique=True)
    content: bytes = binary()
    data_key: bytes = binary()
    kek_kid: str = words(64)
    state: str = words(10)
    made_at: datetime = instant()
    expires_at: datetime = instant(index=True)
