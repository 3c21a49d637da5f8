"""JSON Schema of `agent.yaml`."""

from typing import Any, Final

from adapters.agent import OPERATION_NAME, PARAM_NAME

_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 1000}
_COLUMN: Final = {"type": "string", "pattern": r"^[^\W\d]\w{0,62}$"}
_INSERT: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["kind", "connection", "table", "columns", "idempotency_column"],
    "properties": {
        "kind": {"const": "insert"},
        "connection": {
            "type": "object",
            "additionalProperties": False,
            "required": ["dialect", "database"],
            "properties": {
                "dialect": {"enum": ["postgresql", "mysql", "mariadb", "sqlite"]},
                "host": _TEXT,
                "port": {"type": "integer", "minimum": 1, "maximum": 65535},
                "database": _TEXT,
                "user": _TEXT,
                "password": {"type": "string", "pattern": "^secret:.+$"},
            },
        },
        "schema": _COLUMN,
        "table": _COLUMN,
        "columns": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 100,
            "propertyNames": {"pattern": _COLUMN["pattern"]},
            "additionalProperties": {"type": "string", "pattern": PARAM_NAME},
        },
        "idempotency_column": _COLUMN,
    },
}
_FILE: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["kind", "folder", "format", "fields"],
    "properties": {
        "kind": {"const": "file"},
        "folder": _TEXT,
        "format": {"enum": ["json", "xml", "csv"]},
        "fields": {
            "type": "array",
            "minItems": 1,
            "maxItems": 100,
            "uniqueItems": True,
            "items": {"type": "string", "pattern": PARAM_NAME},
        },
    },
}
_REST: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["kind", "url", "fields"],
    "properties": {
        "kind": {"const": "rest"},
        "url": {"type": "string", "pattern": "^https?://[^@]+$", "maxLength": 1000},
        "bearer": {"type": "string", "pattern": "^secret:.+$"},
        "ca_file": _TEXT,
        "fields": _FILE["properties"]["fields"],
    },
}
CONFIG_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["hub", "source"],
    "properties": {
        "hub": {
            "type": "object",
            "additionalProperties": False,
            "required": ["url", "client_id", "keys"],
            "properties": {
                "url": _TEXT,
                "issuer": _TEXT,
                "client_id": {"type": "string", "pattern": "^[A-Za-z0-9._~-]{1,64}$"},
                "key_file": _TEXT,
                "keys": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 4,
                    "items": {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"},
                },
                "ca_file": _TEXT,
                "certificate_file": _TEXT,
                "certificate_key_file": _TEXT,
                "proxy": {"type": "string", "pattern": "^https?://.+$"},
            },
        },
        "source": {
            "type": "object",
            "additionalProperties": False,
            "required": ["code", "kind", "connection"],
            "properties": {
                "code": _TEXT,
                "kind": {"enum": ["rest", "sql", "files", "objects", "soap", "zhejiang"]},
                "connection": {"type": "object"},
                "targets": {"type": "array", "items": _TEXT},
                "limits": {"type": "object"},
                "windows": {"type": "array", "items": _TEXT},
            },
        },
        "operations": {
            "type": "object",
            "maxProperties": 200,
            "propertyNames": {"pattern": OPERATION_NAME},
            "additionalProperties": {"type": "object"},
        },
        "write_back": {
            "type": "object",
            "maxProperties": 100,
            "propertyNames": {"pattern": OPERATION_NAME},
            "additionalProperties": {"oneOf": [_INSERT, _FILE, _REST]},
        },
        "networks": {"type": "array", "items": _TEXT},
        "concurrency": {"type": "integer", "minimum": 1, "maximum": 64},
        "secrets": _TEXT,
        "state": _TEXT,
    },
}
