"""What a REST operation says: how its request is made, and how its answer is told apart.

Shapes are checked by OPERATION_SCHEMA; here is what a schema cannot say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.definition import check_definition
from adapters.documents import ABSENT, at, read_pointer
from adapters.errors import DefinitionFaultError
from adapters.paging import PAGING_SCHEMA, Paging
from adapters.templates import PathTemplate, Template


@dataclass(frozen=True, slots=True)
class Condition:
    """About a status and a document. Holds when everything it names holds."""

    status: int | None
    steps: tuple[str, ...] | None
    test: str
    against: Any

    @classmethod
    def read(cls, item: Mapping[str, Any], where: str) -> "Condition":
        """Read one. Raises: DefinitionFaultError(`where`, "condition"): a pointer takes one test, a test a pointer."""
        tests = [name for name in ("equals", "in", "not_in", "present") if name in item]
        if len(tests) != (1 if "pointer" in item else 0) or not item:
            raise DefinitionFaultError(where, "condition")
        steps = read_pointer(item["pointer"], f"{where}/pointer") if "pointer" in item else None
        test = tests[0] if tests else ""
        return cls(item.get("status"), steps, test, item.get(test))

    def holds(self, status: int, document: Any) -> bool:
        """Whether it is so."""
        if self.status is not None and self.status != status:
            return False
        if self.steps is None:
            return True
        found = at(document, self.steps)
        if self.test == "present":
            return (found is not ABSENT and found is not None) is bool(self.against)
        if self.test == "equals":
            return _same(found, self.against)
        return any(_same(found, item) for item in self.against) == (self.test == "in")


@dataclass(frozen=True, slots=True)
class Operation:
    """A checked operation."""

    params: frozenset[str]
    safe: bool
    method: str
    path: PathTemplate
    query: Template
    body: Template | None
    is_form: bool
    rows: tuple[str, ...]
    none_when: tuple[Condition, ...]
    error_when: tuple[Condition, ...]
    pages: Paging | None


def read_operation(operation: Mapping[str, Any]) -> Operation:
    """Check an operation. Raises: DefinitionFaultError."""
    check_definition(OPERATION_SCHEMA, operation)
    method = operation.get("method", "GET")
    if "json" in operation and "form" in operation:
        raise DefinitionFaultError("/form", "json_or_form")
    is_form = "form" in operation
    member = "form" if is_form else "json"
    if method == "GET" and member in operation:
        raise DefinitionFaultError(f"/{member}", "method")
    path = PathTemplate.read(operation.get("path", "/"), "/path")
    query = Template.read(operation.get("query", {}), "/query")
    body = Template.read(operation[member], f"/{member}") if member in operation else None
    pages = Paging.read(operation["pages"], "/pages") if "pages" in operation else None
    if pages is not None and pages.in_body and (body is None or not isinstance(body.value, Mapping)):
        raise DefinitionFaultError("/pages/in", "no_body")
    if pages is not None and pages.by == "link" and method != "GET":
        raise DefinitionFaultError("/pages/by", "method")
    return Operation(
        params=path.params | query.params | (body.params if body else frozenset()),
        safe=operation.get("safe", method == "GET"),
        method=method,
        path=path,
        query=query,
        body=body,
        is_form=is_form,
        rows=read_pointer(operation.get("rows", ""), "/rows"),
        none_when=_conditions(operation, "none_when"),
        error_when=_conditions(operation, "error_when"),
        pages=pages,
    )


def _conditions(operation: Mapping[str, Any], member: str) -> tuple[Condition, ...]:
    items = enumerate(operation.get(member, ()))
    return tuple(Condition.read(item, f"/{member}/{number}") for number, item in items)


def _same(found: Any, wanted: Any) -> bool:
    # In Python True equals 1; in JSON it does not.
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _condition_list(title: str, title_en: str) -> dict[str, Any]:
    return {
        "type": "array",
        "title": title,
        "title_en": title_en,
        "items": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "status": {"type": "integer", "minimum": 200, "maximum": 599},
                "pointer": {"type": "string"},
                "equals": {},
                "in": {"type": "array"},
                "not_in": {"type": "array"},
                "present": {"type": "boolean"},
            },
        },
    }


OPERATION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "method": {"enum": ["GET", "POST"], "default": "GET", "title": "方法", "title_en": "Method"},
        "path": {
            "type": "string",
            "pattern": "^/",
            "title": "路径，{参数} 占一段",
            "title_en": "Path; {param} fills a segment",
        },
        "query": {
            "type": "object",
            "additionalProperties": {"type": ["string", "integer", "boolean"]},
            "title": "查询参数",
            "title_en": "Query",
        },
        "json": {"title": "JSON 请求体", "title_en": "JSON body"},
        "form": {
            "type": "object",
            "additionalProperties": {"type": ["string", "integer", "boolean"]},
            "title": "表单请求体",
            "title_en": "Form body",
        },
        "rows": {
            "type": "string",
            "title": "记录的指针（列表或对象）",
            "title_en": "Pointer to the rows, list or object",
        },
        "none_when": _condition_list("何时表示查无记录", "When an answer means that there is no record"),
        "error_when": _condition_list("何时表示出错（先于查无记录）", "When an answer is an error; judged first"),
        "pages": PAGING_SCHEMA,
        "safe": {"type": "boolean", "title": "重复询问无副作用", "title_en": "Asking twice changes nothing"},
    },
}
