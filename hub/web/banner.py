"""What `yizheng serve` says when it starts."""

from hub.settings import Settings


def banner(settings: Settings, *, host: str, port: int) -> str:
    """Addresses, stores, and the next thing to try."""
    base = f"http://{host}:{port}"
    store = "PostgreSQL" if settings.database_url else "SQLite"
    return "\n".join(
        (
            f"Yizheng 一证 0.1.0 — {settings.home} — {store}, in-process jobs",
            f"  Start 首页          {base}/",
            f"  Verify 核验         {base}/verify",
            f"  API docs 接口文档   {base}/docs",
            f"  Issuer 签发地址     {settings.public_url}",
        )
    )
