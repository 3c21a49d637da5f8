"""An invented business register for collections that are killed: good rows, repairable ones, and rows to reject."""

from dataclasses import dataclass
from pathlib import Path

from tests.support import valid_uscc

HEADER = "企业名称,统一社会信用代码,注册日期,企业类型,法人代表,注册资金,经营范围,所在省份,地区,注册地址"
REPAIRED_EVERY = 50
WRONG_EVERY = 83
TWICE = (400, 900)
"""Two rows of one enterprise with other contents: both are rejected."""


@dataclass(frozen=True)
class Register:
    """A written file, with what a collection of it must say."""

    path: Path
    rows: int
    rejected: tuple[int, ...]
    changed: int
    """Rows that differ from the edition before."""


def write_register(path: Path, *, rows: int, edition: int = 1) -> Register:
    """In a later edition every second enterprise has moved."""
    lines, rejected, changed = [HEADER], [], 0
    for number in range(1, rows + 1):
        uscc = valid_uscc(f"91990100MA{1000000 + number}")
        twin = number in TWICE and rows >= TWICE[1]
        if number == TWICE[1]:
            uscc = valid_uscc(f"91990100MA{1000000 + TWICE[0]}")
        if number % WRONG_EVERY == 0:
            uscc = uscc[:-1] + ("0" if uscc[-1] != "0" else "1")
        if number % WRONG_EVERY == 0 or twin:
            rejected.append(number)
        elif number % 2 == 0:
            changed += 1
        if number % REPAIRED_EVERY == 0:
            uscc = uscc.lower()
        street = f"示例路{number}号" if number % 2 or edition == 1 else f"新区路{number}号{edition}"
        name = f"示例市第{number}商贸有限公司"
        lines.append(f"{name},{uscc},2020-01-02,N/A,甲某,100(万元人民币),日用百货销售,示例省,示例市,示例市{street}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Register(path, rows, tuple(rejected), changed)
