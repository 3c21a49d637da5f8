"""The facts of a case 情形: answers to the questions of its matter, checked when given, sealed under the case's key.

They are the person's own word. They decide which requirements apply, and satisfy none.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from catalog.expressions.reading import read_value
from catalog.expressions.values import Value, Values
from catalog.matters.roles import PLAIN, keys_of
from catalog.matters.values import Fact, Matter
from hub.clock import BEIJING
from hub.intake.errors import FactError
from hub.intake.store import Case, Party
from hub.storage.vault import Vault
from signing.canonical import canonical, strict_loads


def facts_place(case_id: str) -> str:
    """Where the facts of a case are stored, for their encryption."""
    return f"cases:{case_id}:facts"


def checked_facts(matter: Matter, given: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as they are stored. Raises: FactError: not of this matter, of another kind, or none of its choices."""
    for code, value in given.items():
        fact = matter.facts.get(code)
        if fact is None:
            raise FactError("/facts", "unknown_fact")  # whose name is the sender's text
        if value is None:
            continue
        read = read_value(fact.kind, value)
        if read is None:
            raise FactError(f"/facts/{code}", f"kind:{fact.kind.value}")
        if not fact.allows(read):
            raise FactError(f"/facts/{code}", "not_in_list")
    return {code: value for code, value in given.items() if value is not None}


def values_of(vault: Vault, case: Case, matter: Matter, parties: Mapping[str, Party]) -> Values:
    """What conditions see of a case."""
    values: dict[str, Value] = {
        "case.kind": case.kind,
        "case.channel": case.channel,
        "case.filed_on": filed_on(case),
    }
    for role in matter.roles:
        mine = [parties[key] for key in keys_of(role, parties)]
        values[f"parties.{role}.present"] = bool(mine)
        values[f"parties.{role}.count"] = len(mine)
        if len(mine) == 1 and mine[0].id_type is not None:
            values[f"parties.{role}.id_type"] = mine[0].id_type
    for code, stored in facts_of(vault, case).items():
        fact = matter.facts.get(code)
        value = read_value(fact.kind, stored) if fact is not None else None
        if value is not None:
            values[f"facts.{code}"] = value
    return values


def fact_words(fact: Fact, language: str) -> dict[str, Any]:
    """A question as it is asked."""
    choices = [{"value": item.value, "title": item.en if language == "en" else item.zh} for item in fact.choices]
    said: dict[str, Any] = {"fact": fact.code, "kind": fact.kind.value, "title": fact.title(language)}
    return said | ({"choices": choices} if choices else {})


def fed(matter: Matter, values: Values) -> Values:
    """The values without those that only an answer can tell: who takes part in a role that a register names is not
    known from the case's having nobody in it, nor how many there are from those whom the case names.
    """
    roles = {given.role for item in matter.requirements for given in item.gives}
    absent = {role for role in roles if values.get(f"parties.{role}.present") is False}
    several = {role for role in roles if matter.rules.get(role, PLAIN).many}
    unknown = {f"parties.{role}.{word}" for role in absent for word in ("present", "count", "id_type")}
    unknown |= {f"parties.{role}.count" for role in several}
    if not unknown:
        return values
    return {name: value for name, value in values.items() if name not in unknown}


def facts_of(vault: Vault, case: Case) -> dict[str, Any]:
    """The stored facts. Raises: IntegrityBrokenError."""
    if case.facts is None:
        return {}
    plain = vault.data_key(case.data_key, case.kek_kid).decrypt(facts_place(case.id), case.facts)
    found: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
    return found


def sealed_facts(vault: Vault, case: Case, facts: Mapping[str, Any]) -> bytes:
    """As they are stored."""
    return vault.data_key(case.data_key, case.kek_kid).encrypt(facts_place(case.id), canonical(dict(facts)))


def filed_on(case: Case) -> date:
    """The civil day by whose law the case is judged 收件日期."""
    if case.filed_on is not None:
        return date.fromisoformat(case.filed_on)
    return case.opened_at.astimezone(BEIJING).date()
