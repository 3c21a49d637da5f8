"""Passwords of staff: Argon2id off the event loop, and what a new one must be like.

No account has a password that somebody else chose. The cost is argon2-cffi's default, RFC 9106's second choice
(64 MiB, 3 passes); a stored hash of another cost is replaced at the next sign-in.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import anyio
from anyio.to_thread import run_sync
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

T = TypeVar("T")
MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256
"""Characters. Longer ones only cost work."""
_AT_ONCE: Final = 2
"""Each takes 64 MiB and a core for some 50 ms: a flood of sign-ins queues here, not in memory."""
_LOOKS_LIKE: Final = str.maketrans("@4310!$57", "aaeioisst")
_COMMON_WORDS: Final = (
    "abc abcdefg abcdefghijkl abcd administrator admin asdf asdfgh asdfghjkl asdfghjklzxc beijing "
    "changeme changeit china default dragon football guanliyuan hello iloveyou letmein login manager "
    "master mima monkey nihao operator passphrase password passw passwd princess qazwsx qazwsxedc "
    "qazwsxedcrfv qweasd qweasdzxc qwer qwert qwerty qwertyui qwertyuiop qwertyuiopas root secret "
    "shanghai shujuju sunshine superman supervisor sysadmin system temp test tester trustno user welcome "
    "woaini woaizhongguo yizheng yizhengtongban yizhengyizheng zaq zaqxsw zhejiang zhengwu zhengfu "
    "zhongguo zxcv zxcvbn zxcvbnm 一证 一证通办 密码 管理员 数据局 我爱中国"
)
_COMMON: Final = frozenset(_COMMON_WORDS.split())


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether it was the password, and its new hash when the stored one is of an outdated cost."""

    matches: bool
    rehashed: str | None = field(default=None, repr=False)


class Passwords:
    """Hashes and checks. One per process."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._limiter: anyio.CapacityLimiter | None = None
        hasher = self._hasher
        # A well-formed hash of nothing: an unknown user costs what a known one does, so that time tells no names.
        self._nobody = (
            f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${'A' * 22}${'A' * 43}"
        )

    async def hash(self, password: str) -> str:
        """The encoded Argon2id hash of a new password; see `broken_rules` first."""
        return await self._apart(self._hasher.hash, _composed(password))

    async def check(self, stored: str | None, password: str) -> Checked:
        """Compare with a stored hash; with None the answer is no, after the same work."""
        if len(password) > MAX_LENGTH:
            return Checked(matches=False)
        plain = _composed(password)
        matches = await self._apart(self._matches, stored or self._nobody, plain)
        if not matches or stored is None:
            return Checked(matches=False)
        outdated = self._hasher.check_needs_rehash(stored)
        return Checked(matches=True, rehashed=await self.hash(password) if outdated else None)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _apart(self, work: Callable[..., T], *arguments: str) -> T:
        if self._limiter is None:  # it belongs to an event loop, which there is only now
            self._limiter = anyio.CapacityLimiter(_AT_ONCE)
        return await run_sync(work, *arguments, limiter=self._limiter)


def broken_rules(password: str, *, user_name: str) -> list[str]:
    """What is wrong with a new password: `too_short`, `too_long`, `common`, `contains_name`. Empty when it may be used.

    No rule asks for kinds of characters (NIST SP 800-63B §5.1.1.2): they make passwords alike. A number alone is
    refused: it would be a telephone or citizen ID.
    """
    plain = _composed(password)
    rules = []
    if len(plain) < MIN_LENGTH:
        rules.append("too_short")
    if len(plain) > MAX_LENGTH:
        rules.append("too_long")
    if _is_common(plain.casefold()):
        rules.append("common")
    if len(user_name) >= 3 and user_name.casefold() in plain.casefold():
        rules.append("contains_name")
    return rules


def _is_common(plain: str) -> bool:
    if len(set(plain)) < 5:
        return True
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    for spelling in (plain, core.translate(_LOOKS_LIKE)):
        letters = re.sub(r"[\W\d_]+", "", spelling)
        if len(letters) < 3 or _once(letters) in _COMMON:
            return True
    return False


def _once(letters: str) -> str:
    """`adminadmin` is `admin`."""
    for size in range(1, len(letters) // 2 + 1):
        if len(letters) % size == 0 and letters[:size] * (len(letters) // size) == letters:
            return letters[:size]
    return letters


def _composed(password: str) -> str:
    # Two keyboards may compose one character differently (RFC 8265, OpaqueString).
    return unicodedata.normalize("NFC", password)
