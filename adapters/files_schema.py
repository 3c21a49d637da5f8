"""JSON Schemas of kind `files`."""

from typing import Any, Final

_SECRET: Final = {"type": "string", "pattern": "^secret:.+$"}
_PIN: Final = {"type": "string", "minLength": 20, "maxLength": 4000}

READING: Final[dict[str, Any]] = {
    "format": {"enum": ["csv", "xlsx", "jsonl"], "title": "格式", "title_en": "Format"},
    "encoding": {
        "enum": ["utf-8", "gb18030"],
        "title": "编码（缺省：自动识别）",
        "title_en": "Encoding (default: told from the file)",
    },
    "delimiter": {"enum": [",", ";", "\t", "|"], "title": "分隔符", "title_en": "Delimiter"},
    "sheet": {
        "type": "string",
        "minLength": 1,
        "maxLength": 31,
        "title": "工作表（缺省：第一张）",
        "title_en": "Sheet (default: the first)",
    },
    "select": {
        "enum": ["newest", "all"],
        "title": "最新的一个文件，或全部文件合为一个登记簿",
        "title_en": "The newest file, or all files together",
    },
    "as_of_column": {
        "type": "string",
        "minLength": 1,
        "maxLength": 100,
        "title": "数据日期所在列（缺省：文件时间）",
        "title_en": "Column with the date of the data (default: the file's time)",
    },
    "final_newline": {
        "type": "boolean",
        "title": "完整的文件以换行结尾（缺省：是）",
        "title_en": "A whole file ends with a line end (default: yes)",
    },
    "settle_seconds": {
        "type": "number",
        "minimum": 0,
        "maximum": 3600,
        "title": "文件多少秒不变才读取",
        "title_en": "Seconds without change before a file is read",
    },
    "check_seconds": {
        "type": "number",
        "minimum": 0,
        "maximum": 3600,
        "title": "多少秒查看一次新文件",
        "title_en": "Seconds between looks for a new file",
    },
    "index_dir": {
        "type": "string",
        "minLength": 1,
        "maxLength": 1000,
        "title": "索引目录（含个人信息；缺省：临时，关闭即删）",
        "title_en": "Folder of the indexes (personal data; default: temporary, removed on close)",
    },
}
CONNECTION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "文件",
    "title_en": "Files",
    "additionalProperties": False,
    "required": ["glob", "format"],
    "properties": {
        "folder": {"type": "string", "minLength": 1, "maxLength": 1000, "title": "目录", "title_en": "Folder"},
        "sftp": {
            "type": "object",
            "title": "SFTP 服务器",
            "title_en": "SFTP server",
            "additionalProperties": False,
            "required": ["host", "user", "host_key"],
            "anyOf": [{"required": ["key"]}, {"required": ["password"]}],
            "properties": {
                "host": {"type": "string", "minLength": 1, "maxLength": 253, "title": "主机", "title_en": "Host"},
                "port": {"type": "integer", "minimum": 1, "maximum": 65535, "title": "端口", "title_en": "Port"},
                "user": {"type": "string", "minLength": 1, "maxLength": 128, "title": "用户", "title_en": "User"},
                "password": {**_SECRET, "title": "密码（密钥引用）", "title_en": "Password, as secret:NAME"},
                "key": {**_SECRET, "title": "私钥（密钥引用）", "title_en": "Private key, as secret:NAME"},
                "host_key": {
                    "anyOf": [_PIN, {"type": "array", "items": _PIN, "minItems": 1, "maxItems": 8}],
                    "title": "服务器公钥或其 SHA256 指纹",
                    "title_en": "The server's public key, or SHA256:… of it",
                },
                "path": {"type": "string", "minLength": 1, "maxLength": 1000, "title": "目录", "title_en": "Folder"},
            },
        },
        "glob": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "title": "文件名模式（如 register-*.csv）",
            "title_en": "Pattern of file names (register-*.csv)",
        },
        **READING,
    },
}
OPERATION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "按列查询",
    "title_en": "Look-up by columns",
    "additionalProperties": False,
    "properties": {
        "key": {
            "type": "object",
            "title": "列与参数：列的值须与参数完全相同",
            "title_en": "Column: parameter; the column must equal it exactly",
            "minProperties": 1,
            "maxProperties": 8,
            "additionalProperties": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,63}$"},
        },
        "rows": {"const": "all", "title": "全部行（批量）", "title_en": "All rows, for bulk"},
    },
}
LISTING_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["rows", "by"],
    "properties": {"rows": {"const": "all"}, "by": {"type": "string", "minLength": 1, "maxLength": 100}},
}
"""For collection: all rows page by page, in the order of the column `by`."""
