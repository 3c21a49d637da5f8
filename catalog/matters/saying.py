"""A condition in the words of its matter: what `facts.marital == "married"` means to whoever reads no programs."""

from typing import Final

from catalog.expressions.compiling import Expression, Node
from catalog.expressions.values import Kind, Value
from catalog.matters.values import Fact, Matter

_ROLES: Final[dict[str, tuple[str, str]]] = {
    "applicant": ("申请人", "the applicant"),
    "spouse": ("配偶", "the spouse"),
    "agent": ("代理人", "the agent"),
    "acting_agent": ("代办人", "who acts for a party"),
    "enterprise": ("企业", "the enterprise"),
    "legal_representative": ("法定代表人", "the legal representative"),
    "seller": ("出让方", "the seller"),
    "buyer": ("受让方", "the buyer"),
    "father": ("父亲", "the father"),
    "mother": ("母亲", "the mother"),
    "child": ("子女", "the child"),
    "heir": ("继承人", "the heir"),
    "owner": ("权利人", "the owner"),
}
_CASE: Final[dict[str, tuple[str, str]]] = {
    "case.kind": ("办件类型", "the kind of case"),
    "case.channel": ("受理渠道", "the channel"),
    "case.filed_on": ("收件日", "the filing day"),
}
_KINDS: Final[dict[str, tuple[str, str]]] = {
    "application": ("依申请", "an application"),
    "ex_officio": ("依职权", "ex officio"),
}
_SIGNS: Final[dict[str, tuple[str, str]]] = {
    "==": ("为", "is"),
    "!=": ("不是", "is not"),
    "<": ("小于", "is less than"),
    "<=": ("不超过", "is at most"),
    ">": ("大于", "is more than"),
    ">=": ("不少于", "is at least"),
    "&&": ("且", "and"),
    "||": ("或", "or"),
}
_DAYS: Final[dict[str, tuple[str, str]]] = {
    "<": ("早于", "is before"),
    "<=": ("不晚于", "is not after"),
    ">": ("晚于", "is after"),
    ">=": ("不早于", "is not before"),
}
_YES: Final = (("是", "yes"), ("否", "no"))
_NO_FACT: Final = Fact("", Kind.TEXT, "", "")
"""Of a value that answers no question."""


def role_words(role: str, language: str) -> str:
    """A role as people say it; one that the table does not have stays what it is."""
    return _pick(_ROLES.get(role, (role, role)), language)


def condition_words(expression: Expression, matter: Matter, language: str) -> str:
    """A condition as a sentence in `zh-CN` or `en`."""
    return _Sayer(matter, language).said(expression.tree)


def fact_value_words(fact: Fact, value: Value, language: str) -> str:
    """An answer in the words of its choice."""
    if isinstance(value, tuple):
        return ("、" if language != "en" else ", ").join(fact_value_words(fact, item, language) for item in value)
    if isinstance(value, bool):
        return _pick(_YES[0 if value else 1], language)
    found = next((item for item in fact.choices if item.value == value), None)
    return str(value) if found is None else _pick((found.zh, found.en), language)


def fact_answer(fact: Fact, value: Value, language: str) -> str:
    """A question with its answer."""
    said = fact_value_words(fact, value, language)
    question = fact.title(language).rstrip("？?")
    return f"{question}: {said}" if language == "en" else f"{question}：{said}"


def choices_of(fact: Fact, language: str) -> tuple[tuple[str, str], ...]:
    """The answers that a question allows, each with its words; none where it is asked openly."""
    if fact.kind is Kind.BOOLEAN:
        return tuple((value, _pick(words, language)) for value, words in zip(("true", "false"), _YES, strict=True))
    return tuple((item.value, _pick((item.zh, item.en), language)) for item in fact.choices)


def _pick(words: tuple[str, str], language: str) -> str:
    return words[1] if language == "en" else words[0]


class _Sayer:
    def __init__(self, matter: Matter, language: str) -> None:
        self._matter = matter
        self._language = language
        self._gap = " " if language == "en" else ""

    def said(self, node: Node, *, inside: str = "") -> str:
        """A part that is true or false; brackets where `and` and `or` meet."""
        if node.operator in {"&&", "||"}:
            joint = f" {self._word(node.operator)} " if self._gap else f"，{self._word(node.operator)}"
            text = joint.join(self.said(part, inside=node.operator) for part in node.parts)
            return self._bracketed(text) if inside and inside != node.operator else text
        if node.operator == "!":
            return self._not(node.parts[0])
        if node.operator == "in":
            return self._among(*node.parts)
        if node.operator:
            return self._compared(node)
        if node.name:
            return self._true(node.name, yes=True)
        return fact_value_words(_NO_FACT, bool(node.value), self._language)

    def _not(self, node: Node) -> str:
        if node.name:
            return self._true(node.name, yes=False)
        return self._gap.join((self._two("并非", "not"), self._bracketed(self.said(node))))

    def _true(self, name: str, *, yes: bool) -> str:
        parts = name.split(".")
        if parts[0] == "parties":
            role = role_words(parts[1], self._language)
            if yes:
                return self._two(f"有{role}", f"{role} takes part")
            return self._two(f"没有{role}", f"{role} takes no part")
        return self._colon(self._value_of(name), _pick(_YES[0 if yes else 1], self._language))

    def _among(self, item: Node, listed: Node) -> str:
        if listed.name:
            said = self._term(item, listed)
            return self._two(f"{self._term(listed)}包括{said}", f"{self._term(listed)} includes {said}")
        values = listed.value if isinstance(listed.value, tuple) else ()
        between = self._two("、", " or ")
        return self._colon(self._term(item), between.join(self._literal(value, item) for value in values))

    def _compared(self, node: Node) -> str:
        left, right = node.parts
        if node.operator == "==" and left.name and not right.name:
            return self._colon(self._term(left), self._term(right, left))
        words = _DAYS.get(node.operator) if left.kind is Kind.DATE else None
        between = _pick(words, self._language) if words else self._word(node.operator)
        return self._gap.join((self._term(left, right), between, self._term(right, left)))

    def _term(self, node: Node, beside: Node | None = None) -> str:
        """A part that is a value; a literal beside a name is one of the answers to that question."""
        if node.name:
            return self._value_of(node.name)
        if node.operator in {"years()", "days()"}:
            begin, end = (self._term(part) for part in node.parts)
            unit = self._two("周年数", "full years") if node.operator == "years()" else self._two("天数", "days")
            return self._two(f"{begin}至{end}的{unit}", f"{unit} from {begin} to {end}")
        if node.operator in {"+", "-"}:
            return f" {node.operator} ".join(self._term(part) for part in node.parts)
        if node.operator:
            return self._bracketed(self.said(node))
        return self._literal(node.value, beside)

    def _literal(self, value: Value | None, beside: Node | None) -> str:
        name = beside.name if beside is not None else ""
        if name == "case.kind" and isinstance(value, str):
            return _pick(_KINDS.get(value, (value, value)), self._language)
        fact = self._matter.facts.get(name.removeprefix("facts.")) or _NO_FACT
        return fact_value_words(fact, "" if value is None else value, self._language)

    def _value_of(self, name: str) -> str:
        if name in _CASE:
            return _pick(_CASE[name], self._language)
        parts = name.split(".")
        if parts[0] == "facts":
            return self._matter.facts[parts[1]].title(self._language).rstrip("？?")
        if parts[0] in {"claims", "outcomes"}:
            return self._told(parts)
        if parts[0] != "parties":
            return name
        role = role_words(parts[1], self._language)
        if parts[2] == "count":
            return self._two(f"{role}的人数", f"the number of {role}")
        return self._two(f"{role}的证件类型", f"the kind of ID of {role}")

    def _told(self, parts: list[str]) -> str:
        found = self._matter.requirement(parts[1])
        title = parts[1] if found is None else found.title(self._language)
        if parts[0] == "outcomes":
            return self._two(f"“{title}”的结果", f"the answer to “{title}”")
        return self._two(f"“{title}”中的 {parts[2]}", f"{parts[2]} in “{title}”")

    def _colon(self, left: str, right: str) -> str:
        return self._two(f"{left}：{right}", f"{left}: {right}")

    def _bracketed(self, text: str) -> str:
        return self._two(f"（{text}）", f"({text})")

    def _word(self, sign: str) -> str:
        return _pick(_SIGNS[sign], self._language)

    def _two(self, zh: str, en: str) -> str:
        return _pick((zh, en), self._language)
