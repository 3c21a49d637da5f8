"""What stood in for a record, held against what was counted: the officer's answer, the sealed copy, the promise."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.intake.ladder import Rung
from hub.intake.lower import copy_store, promise_store, task_store
from hub.intake.lower.asking import opened
from hub.intake.lower.handing_in import copy_place
from hub.intake.replaying.verdicts import Because, Found, Judged
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import sha256


class _GoneError(Exception):
    """Nobody can open it any more."""


def as_counted(tx: Connection, vault: Vault, stood_in: Mapping[str, Any], at: datetime, found: Found) -> Found:
    """The verdict, unless what stood in at `at` is another now, or was not there yet."""
    try:
        digest = _digest(tx, vault, str(stood_in["rung"]), str(stood_in["reference"]), at)
    except _GoneError:
        return replace(found, judged=Judged.NOT_REPLAYABLE, because=Because.ERASED)
    except IntegrityBrokenError:
        digest = None
    if digest != stood_in["digest"]:
        return replace(found, judged=Judged.DIFFERENT, because=Because.STAND_IN_CHANGED)
    return found


def _digest(tx: Connection, vault: Vault, rung: str, reference: str, at: datetime) -> str | None:
    """Of what stood in at that moment, in hex; None: nothing did. Raises: _GoneError, IntegrityBrokenError."""
    if rung == Rung.COMMITMENT.value:
        promise = promise_store.find_promise(tx, reference)
        given = promise is not None and promise.given_at is not None and promise.given_at <= at
        return promise.text_digest if promise is not None and given else None
    if rung == Rung.VERIFICATION.value:
        task = task_store.find_task(tx, reference)
        if task is None or task.answered_at is None or task.answered_at > at:
            return None
        if task.answer is None or not task.data_key:
            raise _GoneError
        return str(opened(vault.data_key(task.data_key, task.kek_kid), task.id, "answer", task.answer).get("digest"))
    copy = copy_store.find_copy(tx, reference)
    if copy is None or copy.sealed_at > at or (copy.withdrawn_at is not None and copy.withdrawn_at <= at):
        return None
    if copy.token is None or not copy.data_key:
        raise _GoneError
    key = vault.data_key(copy.data_key, copy.kek_kid)
    return sha256(key.decrypt(copy_place(copy.id, "token"), copy.token)).hex()
