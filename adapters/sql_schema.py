"""JSON Schemas of kind `sql`."""

from typing import Any, Final

from adapters.sql_statement import MAX_LENGTH
from adapters.sql_values import PARAM_TYPES

DIALECTS: Final = (
    "postgresql", "mariadb", "mysql", "sqlite", "oracle", "mssql", "dameng", "kingbase", "opengauss",
)  # fmt: skip
_PEM: Final = {"type": "string", "minLength": 1, "maxLength": 100_000}

CONNECTION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "数据库",
    "title_en": "Database",
    "additionalProperties": False,
    "required": ["dialect", "database"],
    "properties": {
        "dialect": {"enum": list(DIALECTS), "title": "数据库类型", "title_en": "Kind of database"},
        "host": {"type": "string", "maxLength": 253, "title": "主机", "title_en": "Host"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "title": "端口", "title_en": "Port"},
        "database": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1000,
            "title": "库名（SQLite 为文件路径，Oracle 为服务名）",
            "title_en": "Database (SQLite: path of the file; Oracle: service name)",
        },
        "user": {"type": "string", "minLength": 1, "maxLength": 128, "title": "只读用户", "title_en": "Read-only user"},
        "password": {
            "type": "string",
            "pattern": "^secret:.+$",
            "title": "密码（密钥引用）",
            "title_en": "Password, as secret:NAME",
        },
        "charset": {
            "enum": ["gb18030"],
            "title": "二进制列按此编码读作文本",
            "title_en": "Encoding in which binary columns are text",
        },
        "text_as": {
            "enum": ["gbk"],
            "title": "库声明为 latin1、实存 GBK",
            "title_en": "Text declared latin1 that is GBK in truth",
        },
        "ssl": {
            "type": "object",
            "title": "加密连接",
            "title_en": "TLS",
            "additionalProperties": False,
            "properties": {
                "ca": {**_PEM, "title": "CA 证书（PEM）", "title_en": "CA certificates, PEM; none: the system's"},
                "client_cert": {**_PEM, "title": "客户端证书（PEM）", "title_en": "Client certificate, PEM"},
                "client_key": {
                    "type": "string",
                    "pattern": "^secret:.+$",
                    "title": "客户端私钥（密钥引用）",
                    "title_en": "Client key, as secret:NAME",
                },
                "server_name": {
                    "type": "string",
                    "maxLength": 253,
                    "title": "证书上的名称",
                    "title_en": "Name on the server's certificate, if it is not the host",
                },
            },
        },
        "read_only": {"const": True, "title": "只读（总是）", "title_en": "Read-only, always"},
        "thick": {
            "type": "boolean",
            "title": "Oracle 11g 及以前：使用 Oracle 客户端库",
            "title_en": "Oracle 11g and older: use Oracle's client library",
        },
        "pool_size": {"type": "integer", "minimum": 1, "maximum": 64, "title": "连接数上限", "title_en": "Connections"},
        "max_age_seconds": {
            "type": "integer",
            "minimum": 1,
            "maximum": 86_400,
            "title": "连接最长使用秒数",
            "title_en": "Seconds after which a connection is not used again",
        },
    },
}
OPERATION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "查询语句",
    "title_en": "Query",
    "additionalProperties": False,
    "required": ["statement"],
    "properties": {
        "statement": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_LENGTH,
            "title": "一条 SELECT 语句，参数写作 :名称",
            "title_en": "One SELECT; parameters are written :name",
        },
        "params": {
            "type": "object",
            "title": "参数类型（缺省：按传入）",
            "title_en": "Types of parameters (default: as given)",
            "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]{0,63}$"},
            "additionalProperties": {"enum": list(PARAM_TYPES)},
        },
    },
}
