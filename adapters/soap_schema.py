"""What a SOAP connection and operation look like, as JSON Schema."""

from typing import Any, Final

from adapters.credentials import AUTH_SCHEMA
from adapters.http_connection import HTTP_MEMBERS

CONNECTION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "wsdl_url": {
            "type": "string",
            "pattern": "^https?://",
            "title": "WSDL 地址",
            "title_en": "Address of the WSDL",
        },
        "wsdl": {
            "type": "string",
            "maxLength": 4_194_304,
            "title": "WSDL 全文（代替地址）",
            "title_en": "The WSDL itself, instead of its address",
        },
        "schemas": {
            "type": "object",
            "maxProperties": 49,
            "additionalProperties": {"type": "string", "maxLength": 4_194_304},
            "title": "WSDL 全文所引用的文档，按其引用名",
            "title_en": "Documents that the WSDL itself imports, by the location it gives",
        },
        "wsdl_sha256": {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "title": "WSDL 及其引用文档依次相接的 SHA-256",
            "title_en": "SHA-256 of the WSDL and what it imports, one after the other",
        },
        "address": {
            "type": "string",
            "pattern": "^https?://",
            "title": "服务地址（代替 WSDL 中的地址）",
            "title_en": "Address of the service, instead of that in the WSDL",
        },
        "auth": AUTH_SCHEMA,
        "wsse": {
            "type": "object",
            "title": "WS-Security 用户名令牌",
            "title_en": "WS-Security UsernameToken",
            "additionalProperties": False,
            "required": ["username", "password"],
            "properties": {
                "username": {"type": "string", "minLength": 1, "title": "用户名", "title_en": "User name"},
                "password": {
                    "type": "string",
                    "pattern": "^secret:.+",
                    "title": "口令（secret:名称）",
                    "title_en": "Password (secret:NAME)",
                },
                "digest": {"type": "boolean", "title": "摘要口令", "title_en": "Password as a digest"},
            },
        },
        **{name: member for name, member in HTTP_MEMBERS.items() if name in {"tls", "connections"}},
    },
}


def _conditions(title: str, title_en: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "array",
        "title": title,
        "title_en": title_en,
        "items": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                "pointer": {"type": "string"},
                "equals": {},
                "in": {"type": "array"},
                "not_in": {"type": "array"},
                "present": {"type": "boolean"},
                **more,
            },
        },
    }


OPERATION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["operation"],
    "properties": {
        "service": {"type": "string", "title": "服务", "title_en": "Service"},
        "port": {"type": "string", "title": "端口", "title_en": "Port"},
        "operation": {"type": "string", "minLength": 1, "title": "操作", "title_en": "Operation"},
        "body": {"type": "object", "title": "请求内容，{参数} 占一个值", "title_en": "Body; {param} fills a value"},
        "rows": {
            "type": "string",
            "title": "记录的指针（列表或对象）",
            "title_en": "Pointer to the rows, list or object",
        },
        "none_when": _conditions(
            "何时表示查无记录",
            "When an answer, or a Fault by its code, means that there is no record",
            fault={"type": "string", "minLength": 1},
        ),
        "error_when": _conditions("何时表示出错", "When an answer that is no Fault is an error"),
        "safe": {"type": "boolean", "title": "重复询问无副作用", "title_en": "Asking twice changes nothing"},
    },
}
