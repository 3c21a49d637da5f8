"""What a new password must be like, and how it is kept."""

import pytest
from argon2 import PasswordHasher

import hub.access.passwords
from hub.access.actors import Role
from hub.access.passwords import Passwords, broken_rules
from hub.access.staff_store import find_user
from hub.runtime import Hub
from tests.access.people import HERE, PASSWORD, add

RULES = {
    "four unrelated invented words": [],
    "春眠不觉晓处处闻啼鸟夜来": [],
    "": ["too_short", "common"],
    "short": ["too_short"],
    "Password2026!": ["common"],
    "P@ssw0rd!2026": ["common"],
    "adminadminadmin": ["common"],
    "yizheng-123456": ["common"],
    "qwertyuiop12345": ["common"],
    "aaaaaaaaaaaaaaaa": ["common"],
    "138001380001380": ["common"],
    "1a2b3c4d5e6f": [],
    "my name is Li.Si indeed": ["contains_name"],
    "x1y" * 90: ["too_long", "common"],
}


@pytest.fixture(autouse=True)
def served_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost that is served with; all other tests sign in at a thousandth of it."""
    monkeypatch.setattr(hub.access.passwords, "PasswordHasher", PasswordHasher)


@pytest.mark.parametrize("password", RULES)
def test_a_new_password_is_judged_by_length_and_by_how_easily_it_is_guessed(password: str) -> None:
    assert broken_rules(password, user_name="li.si") == RULES[password]


async def test_a_password_is_kept_as_argon2id_and_compared_in_one_spelling() -> None:
    passwords = Passwords()
    stored = await passwords.hash("café and three more words")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert (await passwords.check(stored, "cafe\u0301 and three more words")).matches
    assert not (await passwords.check(stored, "cafe and three more words")).matches
    assert not (await passwords.check(None, "anything at all")).matches
    assert not (await passwords.check(stored, "x" * 100_000)).matches
    assert not (await passwords.check("not a hash", "anything at all")).matches


async def test_an_unknown_user_costs_the_parameters_of_a_known_one() -> None:
    passwords = Passwords()
    known = await passwords.hash(PASSWORD)
    assert passwords._nobody.split("$")[:4] == known.split("$")[:4]
    assert [len(part) for part in passwords._nobody.split("$")] == [len(part) for part in known.split("$")]
    # A malformed stand-in would be refused before any work was done.
    assert PasswordHasher().check_needs_rehash(passwords._nobody) is False


async def test_a_hash_of_another_cost_is_replaced_at_the_next_sign_in(hub: Hub) -> None:
    staff = await add(hub, "li.si", Role.OWNER_ENGINEER)
    cheap = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    from hub.access.staff_store import replace_hash

    assert staff.password_hash is not None
    await hub.database.write(lambda tx: replace_hash(tx, hub.vault, staff, cheap))
    begun = await hub.staff_sign_in.sign_in("li.si", PASSWORD, HERE)
    stored = await hub.database.read(lambda tx: find_user(tx, hub.vault, "li.si"))
    assert stored is not None
    assert stored.password_hash is not None
    assert stored.password_hash.startswith("$argon2id$v=19$m=65536")
    assert (await hub.sessions.find(begun.secret, "browser")).staff.version == stored.version
