"""The corpus and the queries by which the search is judged, as an index over documents without a database."""

from pathlib import Path
from typing import Any

import yaml

from catalog.vocabulary import load_vocabulary
from hub.registry.search.documents import Document, EntryKind
from hub.registry.search.index import SearchIndex
from hub.registry.search.match import best, match
from hub.registry.search.query import read_query

HERE = Path(__file__).parent
EVERYTHING = -1


def corpus() -> list[Document]:
    """Every entry, and every department as an entry of its own."""
    told = yaml.safe_load((HERE / "search_corpus.yaml").read_text(encoding="utf-8"))
    departments = told["departments"]
    found = [
        document(EntryKind.DEPARTMENT, code, (zh, en), department=(code, zh, en))
        for code, zh, en in departments.values()
    ]
    for kind, code, by, zh, en, keywords, fields in told["entries"]:
        found.append(
            document(EntryKind(kind), code, (zh, en), department=departments[by], keywords=keywords, fields=fields)
        )
    return found


def document(
    kind: EntryKind,
    code: str,
    title: tuple[str, str],
    *,
    department: Any,
    keywords: tuple[str, ...] = (),
    fields: tuple[str, ...] = (),
    **changes: Any,
) -> Document:
    values: dict[str, Any] = {
        "key": f"{kind.value}:{code}",
        "kind": kind,
        "code": code,
        "title": {"zh": title[0], "en": title[1]},
        "owner_department_id": department[0],
        "public": True,
        "facets": {"kind": kind.value, "department": department[0], "state": "live"},
        "department": {"zh": department[1], "en": department[2]},
        "keywords": tuple(keywords),
        "fields": tuple(fields),
    }
    return Document(**values | changes)


def index_of(documents: list[Document]) -> SearchIndex:
    index = SearchIndex(load_vocabulary())
    for item in documents:
        index.put(item)
    return index


def queries(part: str) -> list[tuple[str, list[str]]]:
    told = yaml.safe_load((HERE / "search_queries.yaml").read_text(encoding="utf-8"))
    return [(str(query), [str(code) for code in codes]) for query, codes in told[part]]


def first(index: SearchIndex, query: str, count: int = 3) -> list[str]:
    """Codes of the first answers."""
    everything = (1 << index.slots) - 1
    found = match(index, read_query(query, index), everything)
    return [index.document(slot).code for slot, _ in best(index, found, count, None)]


def score(index: SearchIndex, part: str) -> tuple[int, list[tuple[str, list[str]]]]:
    """How many queries of a part have a wanted code among the first three, and what the others had."""
    missed = [(query, got) for query, wanted in queries(part) if not set(wanted) & set(got := first(index, query))]
    return len(queries(part)) - len(missed), missed
