"""What `yizheng serve` says when it starts."""

from hub.settings import DEFAULT_PUBLIC_URL, Settings


def banner(settings: Settings, *, host: str, port: int, first_step: str | None = None) -> str:
    """Addresses, stores, and the next thing to try. `first_step` leads to the first operator's account: a one-time
    link, which only its reader may see, or a command.
    """
    base = f"http://{host}:{port}"
    if first_step and settings.public_url == DEFAULT_PUBLIC_URL:
        first_step = first_step.replace(DEFAULT_PUBLIC_URL, base, 1)  # a hub tried out on another port
    store = "PostgreSQL" if settings.database_url else "SQLite"
    jobs = "jobs over Redis" if settings.redis_url else "in-process jobs"
    return "\n".join(
        (
            f"Yizheng 一证 0.1.0 — {settings.home} — {store}, {jobs}",
            f"  Start 首页          {base}/",
            f"  Me 本人             {base}/me",
            f"  Verify 核验         {base}/verify",
            f"  Console 部门台      {base}/console",
            *([f"  First sign-in 首次登录（30 min）  {first_step}"] if first_step else []),
            f"  API docs 接口文档   {base}/docs",
            f"  Issuer 签发地址     {settings.public_url}",
        )
    )
