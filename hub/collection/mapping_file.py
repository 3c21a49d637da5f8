"""Mapping files: YAML or JSON that a department writes for its own column names.

version: 3
absent: ["", N/A]
columns:
  企业名称: name
  成立日期: {claim: established_on, dates: [iso, chinese], absent: ["", 不详], trim: true}
status: {column: 登记状态, standing: [存续, 在业], withdraw: [吊销], revoke: [撤销], cancel: [注销], since: 终止日期}
"""

import json
from collections.abc import Hashable
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import jsonschema_rs
import yaml

from certificates.claims import compile_schema
from hub.collection.errors import MappingError
from hub.collection.mapping import ALL_SPELLINGS, ColumnRule, Mapping
from hub.collection.reading.conversions import DateSpelling
from hub.collection.register_state import read_state

MAX_MAPPING_BYTES: Final = 64 * 1024


class _StrictLoader(yaml.SafeLoader):
    """YAML without aliases (bombs) and repeated keys: of two rules for one column the last would silently win."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise MappingError("", "alias")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if not all(isinstance(key, str) for key in keys):
            raise MappingError("", "key_not_text")
        if len(set(keys)) != len(keys):
            raise MappingError("", "repeated_key")
        return super().construct_mapping(node, deep=deep)


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    text = resources.files("hub.collection").joinpath("mapping.schema.json").read_text(encoding="utf-8")
    return compile_schema(json.loads(text))


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file; whether it suits a certificate type shows when it is bound.

    Raises: MappingError: `not_readable`, `too_long`, `unreadable`, `alias`, `repeated_key`, `key_not_text`,
        `column_name`, `claim_twice`, `word_twice`, or the JSON Schema keyword that the content breaks.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MAPPING_BYTES + 1)
    except OSError as error:
        raise MappingError("", "not_readable") from error
    return read_mapping(data)


def read_mapping(data: bytes) -> Mapping:
    """Read a mapping's text. Raises: as `load_mapping`."""
    if len(data) > MAX_MAPPING_BYTES:
        raise MappingError("", "too_long")
    try:
        declared = yaml.load(data.decode("utf-8-sig"), Loader=_StrictLoader)  # noqa: S506  # a SafeLoader
        error = next(_validator().iter_errors(declared), None)
    except (yaml.YAMLError, ValueError, RecursionError) as failure:
        raise MappingError("", "unreadable") from failure
    if error is not None:
        raise MappingError("/".join(str(step) for step in error.instance_path), error.kind.name)
    absent = declared.get("absent", [""])
    return Mapping(
        declared["version"],
        MappingProxyType({column: _rule(rule, absent) for column, rule in declared["columns"].items()}),
        read_state(declared.get("status")),
    )


def _rule(declared: str | dict[str, Any], absent: list[str]) -> ColumnRule:
    rule: dict[str, Any] = {"claim": declared} if isinstance(declared, str) else declared
    return ColumnRule(
        rule["claim"],
        trim=rule.get("trim", True),
        absent_values=frozenset(rule.get("absent", absent)),
        dates=frozenset(DateSpelling(name) for name in rule["dates"]) if "dates" in rule else ALL_SPELLINGS,
    )
