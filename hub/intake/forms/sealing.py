"""What is kept of forms, opened again: a signed form and its signatures are believed as the keys say, not as rows say.

A row beside the ciphertext could name a signer who never signed, or another digest; only what was sealed for this very
form and party counts.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from hub.intake.forms import store
from hub.intake.forms.signing import signature_holds
from hub.intake.forms.store import StoredForm, StoredSignature
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey
from signing.canonical import canonical, sha256, strict_loads

_WHERE = "case_forms"


def form_place(about: str, what: str) -> str:
    """Where a part of a form is stored, for its encryption."""
    return f"{_WHERE}:{about}:{what}"


def opened(key: DataKey, about: str, what: str, sealed: bytes) -> dict[str, Any]:
    """A part of a form. Raises: IntegrityBrokenError: it was sealed for another form, or for another place."""
    plain = key.decrypt(form_place(about, what), sealed)
    found: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
    return found


def signed_content(key: DataKey, form: StoredForm) -> dict[str, Any] | None:
    """A form as it was signed, None while nobody has. Raises: IntegrityBrokenError: the digest is of something else."""
    if form.content is None:
        return None
    content = opened(key, form.about, "content", form.content)
    if sha256(canonical(content)).hex() != form.digest:
        raise IntegrityBrokenError(_WHERE)
    return content


def signatures(tx: Connection, key: DataKey, form: StoredForm) -> list[StoredSignature]:
    """Who signed this form. Raises: IntegrityBrokenError: a row says so, and no signature of that party does."""
    return [item for item, _ in signatures_in_full(tx, key, form)]


def signatures_in_full(
    tx: Connection, key: DataKey, form: StoredForm
) -> list[tuple[StoredSignature, Mapping[str, Any]]]:
    """Who signed this form, and how each did. Raises: as `signatures`."""
    found: list[tuple[StoredSignature, Mapping[str, Any]]] = []
    content = signed_content(key, form)
    number, digest = (content or {}).get("form", ""), form.digest or ""
    for item in store.signatures_of(tx, form.id):
        how = opened(key, form.about, f"signature:{item.party}", item.detail)
        if how.get("digest", digest) != digest or not signature_holds(how, number, digest, item.party):
            raise IntegrityBrokenError(_WHERE)
        found.append((replace(item, kind=how["kind"]), how))
    return found
