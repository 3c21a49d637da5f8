"""Time-stamps of an archive: a chain of records, each of everything that was there before, each under a token.

`stamps/0001.sha256` names every file with its SHA-256, as `sha256sum -c` reads it; `stamps/0001.tst` is the token over
that record. A later record also names the records and tokens before it: whoever believes the newest stamp sees that all
of it, the older stamps included, existed then. So an archive is stamped again before algorithms or an authority's
certificates age, and nothing old is touched (the idea of RFC 4998, as a plain list).

The newest token is judged now, every older one at the time of the next. A token whose authority has expired since and
that nobody stamped again in time is judged at its own time and marked `aged`: who trusts the root then trusts that its
keys were not abused after their end. A strict verifier does not go by it.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from certificates.archive.manifest import STAMPS
from certificates.errors import ArchiveError
from signing.cms import message as cms
from signing.cms.check import read_signed
from signing.cms.der import SEQUENCE, children, read, read_time
from signing.errors import ChainError, ClaimError, MalformedError, SigningError
from signing.tsp.tokens import MAX_TOKEN_BYTES, Stamp, verify_token

FIRST: Final = "sha256"
LATER: Final = "sha512"
"""Stamped again because SHA-256 ages, the contents must be bound by something else."""
MAX_STAMPS: Final = 999
_FILE: Final = re.compile(r"stamps/([0-9]{4})\.(sha256|sha512|tst)")
_LINE: Final = re.compile(r"([0-9a-f]{64}|[0-9a-f]{128})  (\S+)")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with a file of an archive, or cannot be told. `undecided`: nobody can tell here."""

    reason: str
    file: str
    undecided: bool = False


@dataclass(frozen=True, slots=True)
class ArchiveStamp:
    """A stamp of an archive that was verified."""

    number: int
    stamp: Stamp
    aged: bool


@dataclass(frozen=True, slots=True)
class Stamped:
    """What the stamps prove."""

    stamps: tuple[ArchiveStamp, ...]
    findings: tuple[Finding, ...]

    @property
    def proven_at(self) -> datetime | None:
        """Everything existed then, by the earliest stamp that holds; None where nothing proves it."""
        return self.stamps[0].stamp.time if self.stamps else None

    @property
    def whole(self) -> bool:
        """Whether the first stamp holds; else everything may be older than what is proven."""
        return bool(self.stamps) and self.stamps[0].number == 1


def record(files: Mapping[str, bytes], number: int, algorithm: str) -> bytes:
    """The record of this number: every file, but for stamps of this number and later ones."""
    named = sorted(name for name in files if _number(name) is None or _number(name) < number)  # type: ignore[operator]
    lines = (f"{hashlib.new(algorithm, files[name]).hexdigest()}  {name}\n" for name in named)
    return "".join(lines).encode()


def next_record(files: Mapping[str, bytes], *, algorithm: str = LATER) -> tuple[str, str, bytes]:
    """For one more stamp: names of the record and of the token, and the record. The token is over its SHA-256.

    Raises: ArchiveError ("too_many_stamps").
    """
    number = max((found for name in files if (found := _number(name)) is not None), default=0) + 1
    if number > MAX_STAMPS:
        raise ArchiveError("too_many_stamps")
    used = FIRST if number == 1 else algorithm
    return f"{STAMPS}{number:04}.{used}", f"{STAMPS}{number:04}.tst", record(files, number, used)


def check_stamps(files: Mapping[str, bytes], *, anchors: tuple[bytes, ...], at: datetime) -> Stamped:
    """Judge every stamp, from the newest on; says of each file whether it is what was stamped. Never raises."""
    numbers = sorted({found for name in files if (found := _number(name)) is not None})
    strangers = [name for name in files if name.startswith(STAMPS) and _number(name) is None]
    findings = [Finding("unlisted", name) for name in strangers]
    if numbers != list(range(1, len(numbers) + 1)) or not numbers:
        missing = next(number for number in range(1, MAX_STAMPS + 2) if number not in numbers)
        findings.append(Finding("stamp_missing", f"{STAMPS}{missing:04}.tst"))
    verified: list[ArchiveStamp] = []
    moment = at
    for number in reversed(numbers):
        stamp, wrong = _checked(files, number, anchors=anchors, moment=moment)
        findings += wrong
        if stamp is not None:
            verified.insert(0, stamp)
            moment = min(moment, stamp.stamp.time)
    return Stamped(tuple(verified), tuple(dict.fromkeys(findings)))


def _checked(
    files: Mapping[str, bytes], number: int, *, anchors: tuple[bytes, ...], moment: datetime
) -> tuple[ArchiveStamp | None, list[Finding]]:
    token_name = f"{STAMPS}{number:04}.tst"
    names = [name for algorithm in (FIRST, LATER) if (name := f"{STAMPS}{number:04}.{algorithm}") in files]
    if len(names) != 1 or token_name not in files:
        name = names[0] if len(names) > 1 else token_name if names else f"{STAMPS}{number:04}.{FIRST}"
        return None, [Finding("unlisted" if len(names) > 1 else "stamp_missing", name)]
    said, wanted = files[names[0]], record(files, number, names[0].rpartition(".")[2])
    try:
        stamp, aged = _verified(files[token_name], hashlib.sha256(said).digest(), anchors=anchors, moment=moment)
    except ChainError:
        return None, [Finding("stamp_not_trusted", token_name, undecided=True)]
    except ClaimError as error:
        changed = names[0] if error.reason == "stamp_imprint" and said != wanted else token_name
        return None, [Finding(error.reason, changed)]
    except SigningError:
        return None, [Finding("stamp_broken", token_name)]
    return ArchiveStamp(number, stamp, aged), _differences(said, wanted, names[0])


def _verified(token: bytes, digest: bytes, *, anchors: tuple[bytes, ...], moment: datetime) -> tuple[Stamp, bool]:
    try:
        return verify_token(token, digest=digest, anchors=anchors, now=moment), False
    except ChainError:
        claimed = claimed_time(token)
        if claimed > moment:
            raise
        return verify_token(token, digest=digest, anchors=anchors, now=claimed), True


def claimed_time(token: bytes) -> datetime:
    """The time that a token states, unverified. Raises: MalformedError."""
    if len(token) > MAX_TOKEN_BYTES:
        raise MalformedError("tsp_size")
    content = read_signed(read(token, tag=SEQUENCE), content_type=cms.ID_TST_INFO).content
    parts = children(read(content or b"", tag=SEQUENCE))
    if len(parts) < 5:
        raise MalformedError("tsp_info")
    return read_time(parts[4])


def _differences(said: bytes, wanted: bytes, name: str) -> list[Finding]:
    """What a genuine record says otherwise than the files do."""
    then, now = _read(said), _read(wanted)
    if then is None or now is None:
        return [Finding("record", name)]
    found = [Finding("missing", path) for path in then.keys() - now.keys()]
    found += [Finding("unlisted", path) for path in now.keys() - then.keys()]
    found += [Finding("digest", path) for path in then.keys() & now.keys() if then[path] != now[path]]
    return sorted(found, key=lambda item: item.file)


def _read(text: bytes) -> dict[str, str] | None:
    try:
        lines = [_LINE.fullmatch(line) for line in text.decode("ascii").splitlines()]
    except UnicodeDecodeError:
        return None
    if None in lines:
        return None
    return {line.group(2): line.group(1) for line in lines if line is not None}


def _number(name: str) -> int | None:
    found = _FILE.fullmatch(name)
    return int(found.group(1)) if found else None
