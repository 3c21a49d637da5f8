"""Every reason that an answer can give has words and a next step in both languages, by a walk of the source itself."""

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from catalog.grants import GrantState
from certificates.lifecycle.states import STOPPED
from hub.exchange.sandbox.people import by_number
from hub.intake.outcomes import CLEARED, Outcome
from hub.intake.wording import CODES, next_step, why

ROOT = Path(__file__).parents[2]
AREAS = ("hub/intake", "hub/exchange")
CHINESE = re.compile(r"[㐀-鿿]")
SAYING = frozenset({"Why", "unavailable"})
OPEN_STATES = {f"grant_{state.value}" for state in GrantState if state is not GrantState.LIVE} | {"grant_not_in_force"}
STOPS = {f"certificate_{status}" for status in STOPPED}
STOOD_IN = {"commitment_given", "copy_handed_in", "copy_reused", "verified_by_officer", "verified_before"}
ANSWERS = {"verification_not_found", "verification_cannot_tell"}


def returned(path: str, name: str) -> set[str]:
    """The texts that a function returns as they stand, one or the other."""
    functions = [item for item in ast.walk(tree(path)) if isinstance(item, ast.FunctionDef) and item.name == name]
    values = [one.value for item in functions for one in ast.walk(item) if isinstance(one, ast.Return) and one.value]
    found = set[str]().union(*(plain(value) or set() for value in values))
    assert found, (path, name)
    return found


def plain(node: ast.expr) -> set[str] | None:
    """A text, one of two, or none."""
    match node:
        case ast.Constant(value=str() as one):
            return {one}
        case ast.Constant(value=None):
            return set()
        case ast.IfExp():
            both = [plain(node.body), plain(node.orelse)]
            return None if None in both else set().union(*(one or set() for one in both))
    return None


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@lru_cache
def tree(path: str) -> ast.Module:
    return ast.parse(text(path))


def sources() -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for area in AREAS for path in (ROOT / area).rglob("*.py"))


@lru_cache
def known() -> dict[str, set[str]]:
    """Expressions of which the source beside them does not tell what they may be, and what they may be."""
    unconfirmed = returned("hub/intake/identity.py", "unconfirmed")
    objections = returned("catalog/grants.py", "objection") | OPEN_STATES
    refused = returned("hub/exchange/bulk/standing.py", "ended_as") | {"bulk_not_granted", "bulk_too_many"}
    return {
        "f'certificate_{status}'": STOPS,
        "f'certificate_{ended}'": STOPS,
        "f'certificate_{dead}'": STOPS,
        "f'verification_{task.result}'": ANSWERS,
        "f'grant_{state}'": OPEN_STATES,
        "f'grant_{self.state.value}'": OPEN_STATES,
        "nobody": unconfirmed,
        "claimed.dead": unconfirmed,
        "found.why": STOOD_IN,
        "failed_as(error)": returned("hub/exchange/finding.py", "failed_as"),
        "hub/intake/resolver.py code": objections,
        "hub/intake/resolving/holding.py code": {"interface_withdrawn", "source_quarantined"},
        "hub/intake/resolving/holdings.py code": {"several_certificates", "choice_gone"},
        "hub/exchange/bulk/deciding.py code": objections | refused,
        "hub/intake/resolving/asking.py code": set(),  # as a decision kept it
        "hub/exchange/judging.py code": set(),  # whoever calls it is looked at
    }


HANDED_ON = re.compile(r"[\w.]*why\.code|item\['why'\]|why|self\.why")
"""A reason as it was given elsewhere, or is kept."""


def said(path: str, node: ast.expr, within: ast.AST) -> set[str] | None:
    """What an expression may say; None: nobody can tell from here."""
    if isinstance(node, ast.IfExp):
        both = [said(path, node.body, within), said(path, node.orelse, within)]
        return None if None in both else set().union(*(one or set() for one in both))
    if (found := plain(node)) is not None:
        return found
    written = ast.unparse(node)
    for key in (written, f"{path} {written}"):
        if key in known():
            return known()[key]
    if isinstance(node, ast.Name):
        given = [value for one in ast.walk(within) for value in _assigned(one, node.id)]
        given = given or [value for one in tree(path).body for value in _assigned(one, node.id)]
        parts = [said(path, one, within) for one in given]
        if parts and None not in parts:
            return set().union(*(one or set() for one in parts))
    return None


def _assigned(node: ast.AST, name: str) -> list[ast.expr]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    mine = any(isinstance(target, ast.Name) and target.id == name for target in targets)
    return [node.value] if mine and isinstance(node, ast.Assign | ast.AnnAssign) and node.value else []


def calls(node: ast.AST, within: ast.AST) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Each call with the function, or the module, that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id in SAYING and child.args:
            yield within, child
        yield from calls(child, child if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else within)


@lru_cache
def every_call() -> list[tuple[str, ast.AST, ast.Call]]:
    said_in = [path for path in sources() if any(f"{name}(" in text(path) for name in SAYING)]
    return [(path, within, call) for path in said_in for within, call in calls(tree(path), tree(path))]


def all_codes() -> tuple[set[str], list[str]]:
    """What the source can say, and where nobody can tell."""
    found = {person.why.code for person in by_number().values()}
    unknown = []
    for path, within, call in every_call():
        first = call.args[0]
        codes = said(path, first, within)
        if codes is not None:
            found |= codes
        elif not HANDED_ON.fullmatch(ast.unparse(first)):
            unknown.append(f"{path}:{call.lineno}: {ast.unparse(first)}")
    return found, unknown


def test_nothing_can_be_said_that_has_no_words_and_no_words_are_never_said() -> None:
    found, unknown = all_codes()
    assert unknown == [], "say in `known` what these may be"
    assert found - CODES == set()
    assert CODES - found == set()


def test_every_reason_is_told_in_both_languages() -> None:
    for code in sorted(CODES):
        zh, en = (why(code, {}, language)["text"] for language in ("zh-CN", "en"))
        assert CHINESE.search(zh), code
        assert en, code
        assert not CHINESE.search(en), code
        steps = [next_step(code, language) for language in ("zh-CN", "en")]
        assert (steps[0] is None) is (steps[1] is None), code
        assert steps[0] is None or CHINESE.search(steps[0]), code
        assert steps[1] is None or not CHINESE.search(steps[1]), code


def outcomes_of() -> Iterator[tuple[Outcome, set[str], str]]:
    """Outcome and reason where the source says both in one breath."""
    for person in by_number().values():
        yield person.outcome, {person.why.code}, "hub/sample/sandbox.yaml"
    for path, within, call in every_call():
        codes = said(path, call.args[0], within)
        for node in ast.walk(within) if codes else ():
            parts = node.elts if isinstance(node, ast.Tuple) else node.args if isinstance(node, ast.Call) else []
            if call not in parts:
                continue
            for part in parts:
                if isinstance(part, ast.Attribute) and ast.unparse(part.value) == "Outcome":
                    yield Outcome[part.attr], codes or set(), f"{path}:{call.lineno}"


def test_what_is_not_settled_says_what_to_do_next() -> None:
    pairs = [(outcome, code, place) for outcome, codes, place in outcomes_of() for code in sorted(codes)]
    assert {outcome for outcome, _, _ in pairs} == set(Outcome)
    silent = [
        (outcome.value, code, place)
        for outcome, code, place in pairs
        if outcome not in CLEARED and next_step(code, "en") is None
    ]
    assert silent == []
    # Where a reason goes with no outcome in one breath, it says what to do unless it can only settle.
    cleared = {code for outcome, code, _ in pairs if outcome in CLEARED}
    assert {code for code in CODES if next_step(code, "en") is None} <= cleared | STOOD_IN
