"""The register that every kind of source holds in its contract test: invented enterprises, the same everywhere."""

from collections.abc import Mapping
from typing import Final

from tests.support import valid_uscc

Enterprise = Mapping[str, str]
COLUMNS: Final = ("uscc", "name", "established_on", "region")

MANY: Final = 40
"""How many enterprises stand in `MANY_REGION`."""
MANY_REGION: Final = "999901"
UNKNOWN_USCC: Final = valid_uscc("91990100MA9999999")


def _enterprise(number: int, name: str, region: str) -> Enterprise:
    return {
        "uscc": valid_uscc(f"91990100MA{number:07d}"),
        "name": name,
        "established_on": f"20{number % 20:02d}-03-01",
        "region": region,
    }


KNOWN: Final = _enterprise(1, "示例市晨光食品有限公司", "999900")
RARE: Final = _enterprise(2, "示例市𠮷䶮㛃·“老字号”食品（集团）有限公司", "999900")
"""Characters outside the basic plane and outside GBK, full-width brackets, curly quotes."""
QUOTED: Final = _enterprise(3, '示例市O\'Neil & "Söhne" <贸易>; -- \\ 100%_有限公司', "999900")
"""A name full of what statements, documents and paths treat as their own."""
TWINS: Final = tuple(_enterprise(number, "示例市双生商贸有限公司", "999900") for number in (4, 5))
CROWD: Final = tuple(_enterprise(100 + number, f"示例市众多{number}号商店", MANY_REGION) for number in range(MANY))
ENTERPRISES: Final = (KNOWN, RARE, QUOTED, *TWINS, *CROWD)

HOSTILE: Final = {
    "sql quote": "' OR '1'='1",
    "sql statement": "'; DROP TABLE enterprises; --",
    "sql comment": "x'/**/UNION/**/SELECT 1--",
    "wildcards": "%",
    "one wildcard": "_",
    "star": "*",
    "line feed": "A\nB",
    "header": "A\r\nX-Injected: 1",
    "path": "../../admin",
    "slash": "a/b",
    "query": "x?uscc=1&admin=true#top",
    "percent": "%2e%2e%2f",
    "placeholder": "{uscc}",
    "dollar": "${uscc}",
    "markup": "</uscc><uscc>",
    "entity": "&amp;&lt;",
    "cdata": "]]>",
    "json": '","admin":"true',
    "backslash": "\\",
    "glob": "[a-z]*",
    "formula": "=1+1",
    "tab": "\t",
    "blank": " ",
    "full width": "＇；－－",
}
"""Parameters that name nobody; each is data to the source and nothing else."""
