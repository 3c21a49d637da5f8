"""Keys of witnesses that a reader gives, and how commands name who co-signed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import Exit, fail

if TYPE_CHECKING:
    from hub.ledger.checking import Seen
    from signing.log.cosignature import WitnessVerifier

WitnessOption = Annotated[
    list[str] | None, typer.Option("--witness", help="Key of a witness of the log, had from itself 见证方公钥")
]


def witness_keys(given: list[str] | None) -> "tuple[WitnessVerifier, ...]":
    """The keys. A wrong one ends the command."""
    from signing.errors import SigningError
    from signing.log.cosignature import WitnessVerifier

    try:
        return tuple(WitnessVerifier.from_text(text.strip()) for text in given or ())
    except SigningError as error:
        fail(f"--witness: {error.reason}", "the line that `yizheng witness init` printed there", Exit.USAGE)


def seen_as_json(seen: "Seen") -> list[dict[str, Any]]:
    """Who co-signed. Additive only. `time` of one that is unknown is nobody's word."""
    verified = [{"name": item.name, "verified": True, "time": _instant(item.time)} for item in seen.verified]
    return [*verified, *({"name": name, "verified": False, "time": None} for name in seen.unknown)]


def seen_as_text(seen: "Seen") -> list[str]:
    """A line for each."""
    if not seen.verified and not seen.unknown:
        return ["  co-signed by nobody 无见证"]
    lines = [f"  witness 见证 {item.name}  verified 已核验  {_instant(item.time)}" for item in seen.verified]
    return lines + [f"  witness 见证 {name}  unknown 未知: no key of it was given" for name in seen.unknown]


def _instant(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return str(seconds)
