"""Writes the pages that are made from code; `make docs` runs it, and a test shows that nothing differs.

docs/problems/<slug>.md   one page a problem type, from hub.problems
docs/lifecycle.md         its tables, from certificates.lifecycle.states
"""

from pathlib import Path
from typing import Final

from deploy import lifecycle_tables
from hub.problems import ProblemType, Who, problem_types

ROOT: Final = Path(__file__).parent.parent
PROBLEMS: Final = Path("docs/problems")
_NOTE: Final = "<!-- Made from hub/problems.py by `make docs`; changes here are overwritten. -->"
_WHO: Final[dict[Who, tuple[str, str]]] = {
    "caller": ("the caller", "调用方"),
    "operator": ("the hub's operator", "运行单位"),
    "owner": ("the department that owns the data", "数据提供部门"),
    "nobody": ("nobody", "无需处理"),
}
_DO: Final[dict[Who, tuple[str, str]]] = {
    "caller": (
        "Correct the request; `errors`, where given, names the place and the rule.",
        "更正请求；`errors` 指出位置和规则。",
    ),
    "operator": (
        "Tell the hub's operator the `instance`: it is in the hub's log.",
        "将 `instance` 告知运行单位，可据此查日志。",
    ),
    "owner": ("Ask the owning department to renew or widen the grant.", "请数据提供部门续期或扩大授权。"),
    "nobody": ("Nothing needs doing.", "无需处理。"),
}
_AGAIN: Final = (
    "Send the same request again, with the same `Idempotency-Key`, after `Retry-After`.",
    "按 `Retry-After` 等待后，用同一 `Idempotency-Key` 重发同一请求。",
)


_SIGN_IN: Final = ("Get a new access token and send the request again.", "重新获取访问令牌后再发送请求。")


def pages() -> dict[Path, str]:
    """Every generated page by its path from the root of the repository."""
    kinds = sorted(problem_types(), key=lambda kind: kind.slug)
    return {PROBLEMS / "README.md": _index(kinds)} | {PROBLEMS / f"{kind.slug}.md": _page(kind) for kind in kinds}


def _page(kind: ProblemType) -> str:
    who_en, who_zh = _WHO[kind.who]
    do_en, do_zh = _advice(kind)
    wait = f", after {kind.retry_after_seconds} s or `Retry-After`" if kind.retry_after_seconds else ""
    return f"""{_NOTE}
# {kind.en} · {kind.zh}

| | |
|---|---|
| `type` | `{{public_url}}/problems/{kind.slug}` |
| status | {kind.status} |
| `who_must_act` | `{kind.who}`: {who_en} · {who_zh} |
| `retryable` | {f"`true`: trying again helps{wait}" if kind.retryable else "`false`: the same request fails again"} |

{do_en}

{do_zh}
"""


def _advice(kind: ProblemType) -> tuple[str, str]:
    if kind.retryable and kind.status == 401:
        return _SIGN_IN
    return _AGAIN if kind.retryable and kind.who == "caller" else _DO[kind.who]


def _index(kinds: list[ProblemType]) -> str:
    rows = "\n".join(
        f"| {kind.status} | [{kind.slug}]({kind.slug}.md) | {kind.en} · {kind.zh} | {kind.who} "
        f"| {'yes' if kind.retryable else 'no'} |"
        for kind in kinds
    )
    return f"""{_NOTE}
# Problems · 错误类型

Every error of the API is an RFC 9457 document, `application/problem+json`, with `type`, `title`, `status`, `instance`,
`who_must_act` and `retryable`. It never repeats a value of the request; `errors` names a place by JSON pointer and the
rule it breaks. Members may be added, never removed.

| status | type | title | who must act | does trying again help |
|---|---|---|---|---|
{rows}
"""


def main() -> None:
    """Write what differs and remove pages of problems that are no more."""
    wanted = pages()
    for path in (ROOT / PROBLEMS).glob("*.md"):
        if path.relative_to(ROOT) not in wanted:
            path.unlink()
    for path, content in wanted.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(content, encoding="utf-8")
    lifecycle = ROOT / lifecycle_tables.PAGE
    lifecycle.write_text(lifecycle_tables.written(lifecycle.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
