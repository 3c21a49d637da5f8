"""Typed questions back 反问: what a caller can say to make an ambiguous answer a clear one, and its saying so.

A choice names one of the party's own licences, or one of the case's own subjects: whoever names another is asked the
same again, so that an answer can never reach further than the question did.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from catalog.errors import DefinitionError
from catalog.matters.values import Matter
from hub.intake.compose import Item
from hub.intake.errors import FactError
from hub.intake.facts import checked_facts, fact_words
from hub.intake.outcomes import Outcome
from hub.intake.resolver import Resolution
from hub.intake.resolving.remembered import choices_of
from hub.intake.store import Case
from hub.registry.cursors import Cursors
from hub.storage.vault import Vault

Answer = tuple[str, str | Mapping[str, Any] | None]
"""The token of a question, and what is said to it: a choice, facts, or None, which takes a choice back."""
Chosen = Mapping[tuple[str, str, str], str | None]
"""What is said now, by requirement, party, and `Need.choice_of`; None takes a choice back."""
_PARTS: Final = 3
_MOST_NAMED: Final = 500
"""Characters of codes of facts that a token names; a longer question may be answered with any fact of the matter."""


class AskingBack:
    """Puts questions into items, and reads what came back."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._cursors = Cursors(vault.row_mac(b"derive\x1fresume"))

    def question(self, case: Case, matter: Matter, item: Item, language: str) -> dict[str, Any]:
        """The member of an item that asks back; empty where nothing that could be said would help.

        Choices show what the party's own licences are called and when they were issued, or the case's own subjects.
        """
        resolution = item.resolution
        if resolution.outcome is not Outcome.AMBIGUOUS:
            return {}
        if resolution.why.code == "facts_missing":
            return self._of_facts(case, matter, resolution, language)
        if not resolution.choices:
            return {}
        requirement = resolution.requirement
        return {
            "question": {
                "kind": "choose",
                "choices": list(resolution.choices),
                "resume_token": self.token(case, (requirement.code, requirement.party, resolution.choice_of)),
            }
        }

    def token(self, case: Case, place: tuple[str, str, str]) -> str:
        """What takes a choice, now or later."""
        return self._cursors.seal(list(place), scope=_scope(case))

    def remembered(self, case: Case) -> list[dict[str, str]]:
        """What was chosen in a case, each with the token that chooses anew, or takes it back."""
        return [
            {"requirement": place[0], "party": place[1], "choice": choice, "resume_token": self.token(case, place)}
            for place, choice in choices_of(self._vault, case).items()
        ]

    def chosen(self, case: Case, answers: Sequence[Answer]) -> Chosen:
        """What the caller says. Raises: FactError: to a question that nobody asked about this case."""
        found = {}
        for place, (token, choice) in enumerate(answers):
            if isinstance(choice, Mapping):
                continue
            try:
                parts = self._cursors.open(token, scope=_scope(case))
            except DefinitionError:
                raise FactError(f"/answers/{place}/resume_token", "unknown_question") from None
            if len(parts) != _PARTS:
                raise FactError(f"/answers/{place}/resume_token", "unknown_question")
            code, party, of = parts
            found[code, party, of] = choice
        return found

    def facts(self, case: Case, matter: Matter, answers: Sequence[Answer]) -> dict[str, Any]:
        """The facts that the caller answers. Raises: FactError: to a question that nobody asked about this case, or of
        which it was no part; of another kind, or none of its choices.
        """
        found: dict[str, Any] = {}
        for place, (token, said) in enumerate(answers):
            if not isinstance(said, Mapping):
                continue
            where = f"/answers/{place}"
            try:
                asked = self._cursors.open(token, scope=_scope(case, "facts"))
            except DefinitionError:
                raise FactError(f"{where}/resume_token", "unknown_question") from None
            if asked and not set(said) <= set(asked):
                raise FactError(f"{where}/facts", "unknown_fact")
            try:
                checked_facts(matter, said)
            except FactError as error:
                raise FactError(f"{where}{error.pointer}", error.rule) from None
            found |= said
        return found

    def _of_facts(self, case: Case, matter: Matter, resolution: Resolution, language: str) -> dict[str, Any]:
        """Facts are the case's own: they are answered once, for every requirement that depends on them."""
        facts = [matter.facts[code] for code in resolution.why.params["facts"] if code in matter.facts]
        if not facts:
            return {}
        codes = [fact.code for fact in facts]
        named = codes if sum(map(len, codes)) <= _MOST_NAMED else []
        token = self._cursors.seal(named, scope=_scope(case, "facts"))
        asked = [fact_words(fact, language) for fact in facts]
        return {"question": {"kind": "fact", "facts": asked, "resume_token": token}}


def _scope(case: Case, of: str = "") -> dict[str, str]:
    return {"resume": case.id} | ({"of": of} if of else {})
