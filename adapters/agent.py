"""Kind `agent`: a question carried to the agent beside a source that nothing outside its network can reach.

The agent dials the hub, so nothing is connected from here: the hub hands in the way (`Environment.dispatch`). An
operation is only a NAME from the agent's own list with its parameters; the statement lies with the department. So a hub
that was taken over can ask what the department allows, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from adapters.definition import check_definition, check_params
from adapters.errors import DefinitionFaultError, FaultyAnswerError, SourceError
from adapters.lifetime import Lifetime
from adapters.port import Answer, Budget, Context, Dispatch, Environment, Prepared, Probe, Source, Value

CASE_PLACE: Final = (
    r"^(case_no|external_no|matter|kind|channel|opened_at|closed_at"
    r"|party\.[a-z_]{1,32}\.(name|id_type|id_number)|subject\.[0-9]\.[A-Za-z_]{1,64})$"
)
"""What of a closed case can be written back."""
OPERATION_NAME: Final = "^[a-z][a-z0-9_]{0,63}$"
PARAM_NAME: Final = "^[A-Za-z_][A-Za-z0-9_]{0,63}$"
_NAME: Final = {"type": "string", "pattern": OPERATION_NAME}
CONNECTION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "前置代理",
    "title_en": "Agent beside the source",
    "additionalProperties": False,
    "required": ["agent"],
    "properties": {
        "agent": {
            "type": "string",
            "pattern": "^[A-Za-z0-9._~-]{1,64}$",
            "title": "代理的应用系统标识（client_id）",
            "title_en": "client_id of the system that is this source's agent",
        },
        "write_back": {
            "type": "array",
            "title": "办结回写",
            "title_en": "What is written back when a case of a matter is closed",
            "maxItems": 100,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["matter", "operation", "fields"],
                "properties": {
                    "matter": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 64,
                        "title": "事项",
                        "title_en": "Matter",
                    },
                    "operation": {**_NAME, "title": "代理上的写入操作", "title_en": "The agent's operation"},
                    "fields": {
                        "type": "object",
                        "title": "字段：取自办件何处",
                        "title_en": "Field of the operation → place in the case",
                        "minProperties": 1,
                        "maxProperties": 100,
                        "propertyNames": {"pattern": PARAM_NAME},
                        "additionalProperties": {"type": "string", "pattern": CASE_PLACE},
                    },
                },
            },
        },
        "source": {
            "type": "string",
            "title": "数据源编码（由系统填写）",
            "title_en": "Code of the source, set by the hub",
        },
    },
}
OPERATION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "代理上的操作",
    "title_en": "Operation of the agent",
    "additionalProperties": False,
    "required": ["operation", "params"],
    "properties": {
        "operation": {**_NAME, "title": "操作名称", "title_en": "Its name in the agent's own list"},
        "params": {
            "type": "array",
            "title": "参数名",
            "title_en": "Names of its parameters",
            "maxItems": 32,
            "uniqueItems": True,
            "items": {"type": "string", "pattern": PARAM_NAME},
        },
        "safe": {
            "type": "boolean",
            "title": "可重复提问（缺省：是）",
            "title_en": "Asking twice is the same as asking once (default: yes)",
        },
    },
}
PROBE: Final = "-"
"""The operation that asks the agent whether its source answers; no declared one can have this name."""


@dataclass(frozen=True, slots=True)
class _Named:
    operation: str
    params: frozenset[str]
    safe: bool


class _AgentSource:
    def __init__(self, source: str, agent: str, dispatch: Dispatch) -> None:
        self._place = {"source": source, "agent": agent}
        self._dispatch = dispatch
        self._lifetime = Lifetime()

    def prepare(self, operation: Mapping[str, Any]) -> Prepared:
        check_definition(OPERATION_SCHEMA, operation)
        return _Named(operation["operation"], frozenset(operation["params"]), operation.get("safe", True))

    async def ask(self, prepared: Prepared, params: Mapping[str, Value], *, budget: Budget, context: Context) -> Answer:
        if not isinstance(prepared, _Named):
            raise DefinitionFaultError("", "foreign")
        check_params(prepared.params, params)
        asked = {**self._place, "operation": prepared.operation, "safe": prepared.safe}
        async with self._lifetime.question(budget.total_seconds):
            answer = await self._dispatch(asked, params, budget, context)
        if len(answer.rows) > budget.max_rows:
            raise FaultyAnswerError("too_many")
        return answer

    async def probe(self, budget: Budget) -> Probe:
        """Reach the agent, and through it the source."""
        began = perf_counter()
        try:
            async with self._lifetime.question(budget.total_seconds):
                await self._dispatch({**self._place, "operation": PROBE, "safe": True}, {}, budget, Context())
        except SourceError as error:
            return Probe(ok=False, seconds=perf_counter() - began, code=error.code)
        return Probe(ok=True, seconds=perf_counter() - began)

    async def close(self) -> None:
        self._lifetime.close()


def open_source(connection: Mapping[str, Any], environment: Environment) -> Source:
    """Open a source behind an agent. Raises: DefinitionFaultError."""
    check_definition(CONNECTION_SCHEMA, connection)
    if environment.dispatch is None:
        raise DefinitionFaultError("/kind", "not_available_here")
    return _AgentSource(str(connection.get("source", "")), connection["agent"], environment.dispatch)
