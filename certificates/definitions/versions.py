"""From one version of a type to the next: what may change, and what must be a type of its own.

A licence keeps the version under which it was issued. So a change is refused only where licences of both versions could
no longer be found, told apart, or granted by the same words.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.obstacles import Obstacle
from certificates.errors import TypeChangeError


@dataclass(frozen=True, slots=True)
class Difference:
    """One place at which two descriptions say different things; None is nothing."""

    where: str
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        """Additive only."""
        return {"pointer": "/" + self.where, "before": self.before, "after": self.after}


def obstacles(old: CertificateType, new: CertificateType) -> list[Obstacle]:
    """Everything that keeps `new` from being the next version of `old`; empty when it can be."""
    return [Obstacle(where, reason) for where, reason in _obstacles(old, new)]


def require_compatible(old: CertificateType, new: CertificateType) -> None:
    """Go on only when `new` can be the next version. Raises: TypeChangeError: with all obstacles."""
    if found := obstacles(old, new):
        raise TypeChangeError(found)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Where two descriptions (`schema.read_definition`) differ, leaf by leaf, in the order of the newer one."""
    return list(_differences("", old, new))


def _obstacles(old: CertificateType, new: CertificateType) -> Iterator[tuple[str, str]]:
    plain = (
        ("code", "another_code", old.code, new.code),
        ("slug", "another_slug", old.slug, new.slug),
        ("kind", "another_kind", old.kind, new.kind),
        ("custody", "another_custody", old.custody, new.custody),
        ("record_key", "another_record_key", old.record_key, new.record_key),
    )
    for where, reason, before, after in plain:
        if before != after:
            yield where, reason
    if not old.holder_kinds <= new.holder_kinds:
        yield "holder_kinds", "holder_kinds_narrowed"
    if old.holder.claims() != new.holder.claims() or old.holder.id_type != new.holder.id_type:
        yield "holder", "another_holder"
    if not {rule.claims() for rule in old.further_holders} <= {rule.claims() for rule in new.further_holders}:
        yield "holders", "role_removed"
    for name, claim in old.claims.items():
        if name not in new.claims:
            yield f"claims/{name}", "claim_removed"
        elif new.claims[name].format is not claim.format:
            yield f"claims/{name}/format", "another_format"


def _differences(where: str, old: Any, new: Any) -> Iterator[Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in (*new, *(name for name in old if name not in new)):
            yield from _differences(f"{where}/{name}" if where else str(name), old.get(name), new.get(name))
    elif old != new:
        yield Difference(where, old, new)
