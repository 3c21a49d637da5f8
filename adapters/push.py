"""Kind `push` (前置库): a department that nothing can reach sends rows to the hub; questions are answered from them.

The rows lie in the hub, which hands in the look-up (`Environment.lookup`); this module knows datasets and operations.
A dataset is found by its key or by one of its declared look-ups and by nothing else: columns that were never hashed
would find nothing, and nothing must not be mistaken for "there is no record".

For collection a dataset is listed in the order in which its rows were accepted: each has a number, which a later one of
its key takes over with a higher one. Whoever goes on behind the last number that he read misses none.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final

from adapters.definition import check_definition, check_params, whole_number
from adapters.errors import DefinitionFaultError, FaultyAnswerError, SourceError
from adapters.lifetime import Lifetime
from adapters.port import Answer, Budget, Context, Environment, Listing, Lookup, Prepared, Probe, Source, Value

SEQUENCE: Final = "_sequence"
"""Of a listed row: its number. A column of the department's own of this name is not told."""
_COLUMNS: Final = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 100},
    "minItems": 1,
    "maxItems": 8,
    "uniqueItems": True,
}
_DATASET_NAME: Final = "^[a-z0-9_-]{1,64}$"
CONNECTION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "前置库",
    "title_en": "Pushed rows",
    "additionalProperties": False,
    "required": ["datasets"],
    "properties": {
        "datasets": {
            "type": "object",
            "title": "数据集",
            "title_en": "Datasets",
            "minProperties": 1,
            "maxProperties": 50,
            "propertyNames": {"pattern": _DATASET_NAME},
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["key"],
                "properties": {
                    "key": {**_COLUMNS, "title": "主键列", "title_en": "Key columns"},
                    "lookups": {
                        "type": "array",
                        "title": "其他查询列",
                        "title_en": "Other look-ups, each a list of columns",
                        "items": _COLUMNS,
                        "maxItems": 8,
                    },
                    "keep_days": {
                        "type": "integer",
                        "title": "保存天数",
                        "title_en": "Days a row is kept after its date",
                        "minimum": 1,
                        "maximum": 36_500,
                    },
                    "fresh_days": {
                        "type": "integer",
                        "title": "多少天没有推送即视为不可用",
                        "title_en": "Days without a batch after which the dataset no longer answers",
                        "minimum": 1,
                        "maximum": 36_500,
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
    "title": "按列查询",
    "title_en": "Look up by columns",
    "additionalProperties": False,
    "required": ["dataset", "key"],
    "properties": {
        "dataset": {"type": "string", "title": "数据集", "title_en": "Dataset", "pattern": _DATASET_NAME},
        "key": {
            "type": "object",
            "title": "列与参数",
            "title_en": "Column and the parameter it must equal",
            "minProperties": 1,
            "maxProperties": 8,
            "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 64},
        },
    },
}
LISTING_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["dataset", "rows", "by"],
    "properties": {
        "dataset": {"type": "string", "pattern": _DATASET_NAME},
        "rows": {"enum": ["all", "changed"]},
        "by": {"type": "string", "minLength": 1, "maxLength": 100},
    },
}
"""For collection alone: the rows there are, or those accepted since, deletions too. `by`: the dataset's one key column.
"""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as its source declares it. `ways` are the sets of columns it can be found by, its key first."""

    name: str
    key: frozenset[str]
    ways: tuple[frozenset[str], ...]
    keep: timedelta | None
    fresh: timedelta | None


def read_datasets(connection: Mapping[str, Any]) -> Mapping[str, Dataset]:
    """The datasets of a connection by name. Raises: DefinitionFaultError."""
    check_definition(CONNECTION_SCHEMA, connection)
    return MappingProxyType({name: _dataset(name, item) for name, item in connection["datasets"].items()})


def open_source(connection: Mapping[str, Any], environment: Environment) -> Source:
    """Open a source over the hub's own rows. Raises: DefinitionFaultError."""
    datasets = read_datasets(connection)
    if environment.lookup is None:
        raise DefinitionFaultError("/kind", "not_available_here")
    return _PushSource(str(connection.get("source", "")), datasets, environment.lookup, environment.listing)


@dataclass(frozen=True, slots=True)
class _Prepared:
    dataset: str
    columns: Mapping[str, str]
    safe: bool = True

    @property
    def params(self) -> frozenset[str]:
        return frozenset(self.columns.values())


@dataclass(frozen=True, slots=True)
class _Listed:
    dataset: str
    gone_too: bool
    params: frozenset[str] = frozenset({"sequence", "size"})
    safe: bool = True


class _PushSource:
    def __init__(self, code: str, datasets: Mapping[str, Dataset], lookup: Lookup, listing: Listing | None) -> None:
        self._code = code
        self._datasets = datasets
        self._lookup = lookup
        self._listing = listing
        self._lifetime = Lifetime()

    def prepare(self, operation: Mapping[str, Any]) -> Prepared:
        check_definition(LISTING_SCHEMA if "rows" in operation else OPERATION_SCHEMA, operation)
        dataset = self._datasets.get(operation["dataset"])
        if dataset is None:
            raise DefinitionFaultError("/dataset", "unknown_dataset")
        if "rows" in operation:
            return self._listed(operation, dataset)
        if frozenset(operation["key"]) not in dataset.ways:
            raise DefinitionFaultError("/key", "not_a_declared_lookup")
        return _Prepared(dataset.name, MappingProxyType(dict(operation["key"])))

    async def ask(self, prepared: Prepared, params: Mapping[str, Value], *, budget: Budget, context: Context) -> Answer:
        del context
        check_params(prepared.params, params)
        async with self._lifetime.question(budget.total_seconds):
            answer = await self._answer(prepared, params, budget)
        if len(answer.rows) > budget.max_rows:
            raise FaultyAnswerError("too_many")
        size = 0
        for row in answer.rows:
            size += len(json.dumps(row, ensure_ascii=False).encode())
            if size > budget.max_bytes:
                raise FaultyAnswerError("too_large")
        return answer

    def _listed(self, operation: Mapping[str, Any], dataset: Dataset) -> Prepared:
        if self._listing is None:
            raise DefinitionFaultError("/rows", "not_available_here")
        # What is gone says its key and no more: of another column it could not be told whose record that was.
        if frozenset({operation["by"]}) != dataset.key:
            raise DefinitionFaultError("/by", "not_the_declared_key")
        if operation["rows"] == "all" and dataset.keep is not None:
            # A row past its days would pass for one that the register has lost.
            raise DefinitionFaultError("/rows", "not_kept_whole")
        return _Listed(dataset.name, operation["rows"] == "changed")

    async def _answer(self, prepared: Prepared, params: Mapping[str, Value], budget: Budget) -> Answer:
        if isinstance(prepared, _Listed):
            assert self._listing is not None  # noqa: S101  # `prepare` has looked
            behind, size = whole_number(params, "sequence", least=0), whole_number(params, "size", least=1)
            most = min(size, budget.max_rows)
            return await self._listing(self._place(prepared.dataset), behind, most, prepared.gone_too)
        assert isinstance(prepared, _Prepared)  # noqa: S101  # opaque to everybody else
        keys = {column: params[name] for column, name in prepared.columns.items()}
        return await self._lookup(self._place(prepared.dataset), keys, budget.max_rows + 1)

    async def probe(self, budget: Budget) -> Probe:
        """Whether every dataset has been pushed and is fresh: a look-up of a key that no row can have."""
        started = perf_counter()
        code = ""
        for dataset in self._datasets.values():
            try:
                nobody: dict[str, Value] = dict.fromkeys(dataset.key, "\0")
                async with self._lifetime.question(budget.total_seconds):
                    await self._lookup(self._place(dataset.name), nobody, 1)
            except SourceError as error:
                code = error.code
                break
        return Probe(not code, perf_counter() - started, code)

    async def close(self) -> None:
        self._lifetime.close()

    def _place(self, dataset: str) -> str:
        return f"{self._code}/{dataset}"


def _dataset(name: str, item: Mapping[str, Any]) -> Dataset:
    key = frozenset(item["key"])
    others = (frozenset(columns) for columns in item.get("lookups", ()))
    return Dataset(
        name=name,
        key=key,
        ways=tuple(dict.fromkeys((key, *others))),
        keep=timedelta(days=item["keep_days"]) if "keep_days" in item else None,
        fresh=timedelta(days=item["fresh_days"]) if "fresh_days" in item else None,
    )
