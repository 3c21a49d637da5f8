"""Every setting of the hub, read once from the environment (`YIZHENG_…`) and `$YIZHENG_HOME/hub.json`."""

import json
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEFAULT_PUBLIC_URL: Final = "http://127.0.0.1:8700"
Texts = Annotated[tuple[str, ...], NoDecode]
"""Several values of one variable: with commas between, or as a JSON list."""
_BUCKET_URL: Final = re.compile(
    r"https?://[^:@/]+:[^:@/]+@[^@/]+/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[a-z0-9][a-z0-9._-]*)*"
)
_LISTS: Final = (
    "site_footer",
    "oidc_acr",
    "oidc_amr",
    "egress_networks",
    "webhook_networks",
    "source_folders",
    "allowed_hosts",
)


class Settings(BaseSettings):
    """Units are in the names. A value in the environment wins over `hub.json`."""

    model_config = SettingsConfigDict(env_prefix="YIZHENG_", extra="ignore", frozen=True)

    home: Path = Path("yizheng-data")
    """Holds all that an embedded hub has; deleting it removes everything."""
    public_url: str = DEFAULT_PUBLIC_URL
    """Issuer of tokens and base of every URI in a licence; fixed at `init`."""
    database_url: SecretStr | None = None
    """`postgresql://…`; without it an SQLite file in the home."""
    database: str | None = None
    """Which of the two this hub was founded on; remembered in `hub.json`."""
    redis_url: SecretStr | None = None
    """`redis://…`, `rediss://…` or `unix://…`: cache, locks, rate limits, waking of workers, over several processes."""
    objects_url: SecretStr | None = None
    """`https://ACCESS:SECRET@HOST[:PORT]/BUCKET[/PREFIX]`, a bucket of an S3 server; without it a folder."""
    objects_region: str = "us-east-1"
    objects_ca: Path | None = None
    """The authority (PEM) that the S3 server's certificate must come from; default: those of the system."""
    witness_dir: Path | None = None
    """Where the last signed checkpoint is kept; outside database and backup. Default: `witness` in the home."""
    access_token_seconds: int = Field(default=300, ge=30, le=3600)
    purpose_copy_hours: int = Field(default=24, ge=1, le=720)
    status_list_hours: int = Field(default=24, ge=1, le=168)
    max_body_bytes: int = Field(default=262_144, ge=1024)
    token_requests_per_minute: int = Field(default=600, ge=1)
    verify_requests_per_minute: int = Field(default=600, ge=1)
    system_requests_per_minute: int = Field(default=60_000, ge=1)
    site_footer: Texts = ()
    """Lines at the foot of every page: organiser, contact, site code, ICP and police record."""
    oidc_issuer: str | None = None
    """The OpenID provider of staff; with it built-in passwords are for emergencies only."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_claim: str = "sub"
    """The claim whose value the operator writes into accounts; nobody registers himself."""
    oidc_acr: Texts = ()
    """Accepted values of `acr`; empty: any."""
    oidc_amr: Texts = ()
    """Methods of which all must stand in `amr`, such as `mfa`; empty: any."""
    staff_requests_per_minute: int = Field(default=600, ge=1)
    egress_networks: Texts = ()
    """Private networks (CIDR) that sources may live in; public addresses need none. Default: no private one."""
    webhook_networks: Texts = ()
    """Private networks (CIDR) that subscribers may listen in, apart from those of sources. Default: none."""
    source_folders: Annotated[tuple[Path, ...], NoDecode] = ()
    """Folders of this machine in which sources of files and SQLite may lie; the command line is not bound by it."""
    drift_faults: int = Field(default=3, ge=1, le=100)
    """Faulty answers of one kind in a row after which an interface version is closed."""
    deprecation_notice_days: int = Field(default=30, ge=0, le=3650)
    """How long a deprecated interface version must go on answering at least."""
    bulk_runs_per_system: int = Field(default=2, ge=1, le=100)
    """How many bulk runs of one system are worked off at once; the next one is refused until one has ended."""
    bulk_kept_days: int = Field(default=7, ge=1, le=90)
    """How long the result of a bulk run waits for its release, and then to be fetched; then it is deleted."""
    use_days: int = Field(default=90, ge=1, le=36_500)
    """How long it is kept who used which record, for systems without a subscription."""
    subscribed_use_days: int = Field(default=1095, ge=1, le=36_500)
    """And for systems with one: after that they no longer hear of what becomes of the record."""
    webhook_days: int = Field(default=30, ge=3, le=3650)
    """How long a message is kept after it was delivered, or given up; until then it can be sent again."""
    pushed_batch_days: int = Field(default=90, ge=2, le=3650)
    """How long the receipt of a pushed batch is kept: counts and codes of rejected rows."""
    allowed_hosts: Texts = ()
    """Host names accepted beside that of `public_url` and the loopback ones."""
    forwarded_allow_ips: str = ""
    """Proxies whose X-Forwarded-For is believed; none by default (pitfall F7)."""

    @field_validator(*_LISTS, mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """An operator types `172.20.0.0/16,172.21.0.0/16`; a footer with commas in it is written as JSON."""
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return [part.strip() for part in value.split(",") if part.strip()]

    @field_validator("egress_networks", "webhook_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            ip_network(item)
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_scheme(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None or not url.get_secret_value():
            return None
        if not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return url

    @field_validator("objects_url")
    @classmethod
    def _whole_address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None or not url.get_secret_value():
            return None
        if not _BUCKET_URL.fullmatch(url.get_secret_value()):
            raise ValueError("must be https://ACCESS:SECRET@HOST[:PORT]/BUCKET[/PREFIX]")
        return url

    @classmethod
    def load(cls, home: Path | None = None) -> Self:
        """Settings of the hub in `home` (default: `$YIZHENG_HOME`, else ./yizheng-data).

        Raises: ValueError (pydantic's) naming the faulty setting.
        """
        bare = cls() if home is None else cls(home=home)
        path = bare.home / "hub.json"
        if not path.exists():
            return bare
        stored = json.loads(path.read_text(encoding="utf-8"))
        given = bare.model_dump(exclude_unset=True)
        return cls(**{**stored, **given})

    def sqlite_path(self) -> Path:
        """Where the embedded database lies."""
        return self.home / "hub.sqlite3"

    def database_kind(self) -> str:
        """`postgresql` or `sqlite`."""
        return "postgresql" if self.database_url else "sqlite"

    def effective_database_url(self) -> str:
        """The database that is used."""
        return (
            self.database_url.get_secret_value() if self.database_url else f"sqlite:///{self.sqlite_path().absolute()}"
        )

    def witness_folder(self) -> Path:
        """The folder of the remembered checkpoint."""
        return self.witness_dir or self.home / "witness"

    def log_origin(self) -> str:
        """The name of the log in checkpoints: the public URL without its scheme, as C2SP asks."""
        return self.public_url.partition("://")[2] + "/ledger"
