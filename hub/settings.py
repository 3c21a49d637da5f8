"""Every setting of the hub, read once from the environment (`YIZHENG_…`) and `$YIZHENG_HOME/hub.json`."""

import json
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEFAULT_PUBLIC_URL: Final = "http://127.0.0.1:8700"
Texts = Annotated[tuple[str, ...], NoDecode]
"""Several values of one variable: with commas between, or as a JSON list."""
_BUCKET_URL: Final = re.compile(
    r"https?://[^:@/]+:[^:@/]+@[^@/]+/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[a-z0-9][a-z0-9._-]*)*"
)
LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_LISTS: Final = (
    "site_footer",
    "holder_oidc_acr_substantial",
    "holder_oidc_acr_high",
    "oidc_acr",
    "oidc_amr",
    "egress_networks",
    "webhook_networks",
    "witness_networks",
    "source_folders",
    "allowed_hosts",
)


class Settings(BaseSettings):
    """Units are in the names. A value in the environment wins over `hub.json`."""

    model_config = SettingsConfigDict(env_prefix="YIZHENG_", extra="ignore", frozen=True)

    home: Path = Path("yizheng-data")
    """Holds all that an embedded hub has; deleting it removes everything."""
    secrets_dir: Path | None = None
    """Where secrets lie as files, each named like its variable in lower case, such as `yizheng_database_url`."""
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
    built_in_ca: Literal["trial", "refuse"] = "trial"
    """`refuse`, in production: nothing is signed under the built-in authority, which is for trying out."""
    revocation_lists: Literal["known", "fresh"] = "known"
    """Of certificates from authorities outside: `known` goes by the newest list there is, however old; with `fresh` a
    licence is `indeterminate` where no list covers the present.
    """
    hsm_module: Path | None = None
    """The library of a PKCS #11 token; with it, new signing keys are made in the token."""
    hsm_token: str = "yizheng"  # noqa: S105  # the name of a token in a module
    """The token's label."""
    hsm_pin: SecretStr = SecretStr("")
    collection_processes: int = Field(default=0, ge=0, le=256)
    """How many processes map, draft and sign the rows of a large register; 0: one for each core, on SQLite one."""
    collection_from_bytes: int = Field(default=4 * 1024 * 1024, ge=0)
    """A smaller register is collected in one process."""
    collection_batch: int = Field(default=0, ge=0, le=10_000)
    """Rows a transaction where several processes collect; 0: 250 on SQLite, 500 on PostgreSQL."""
    witness_dir: Path | None = None
    """Where the last signed checkpoint is kept; outside database and backup. Default: `witness` in the home."""
    witness_quorum: int | None = Field(default=None, ge=0, le=32)
    """How many witnesses must have co-signed the log lately; default: one, as soon as one is registered."""
    witness_within_seconds: int = Field(default=900, ge=60, le=604_800)
    """What is lately: after that witnesses are silent, and the operators hear of it."""
    witness_networks: Texts = ()
    """Private networks in which witnesses may be called; http only there."""
    late_order_days: int = Field(default=183, ge=1, le=366)
    """How far away the end of an order may be by which a look is shown late to the person."""
    late_order_most_days: int = Field(default=732, ge=1, le=1830)
    """And with all its extensions, from the first."""
    access_token_seconds: int = Field(default=300, ge=30, le=3600)
    purpose_copy_hours: int = Field(default=24, ge=1, le=720)
    status_list_hours: int = Field(default=24, ge=1, le=168)
    max_body_bytes: int = Field(default=262_144, ge=1024)
    token_requests_per_minute: int = Field(default=600, ge=1)
    verify_requests_per_minute: int = Field(default=600, ge=1)
    system_requests_per_minute: int = Field(default=60_000, ge=1)
    evidence_streams_per_system: int = Field(default=200, ge=1, le=100_000)
    """How many streams of evidence one system may have open, or on their way, in one process."""
    tsa_url: str | None = None
    """The time-stamp authority (RFC 3161), https or http; without it the built-in one, which is for trying out."""
    tsa_ca: Path | None = Field(default=None, validate_default=True)
    """The roots (PEM) that its stamps lead to; needed with `tsa_url`."""
    tsa_requests_per_minute: int = Field(default=60, ge=1)
    """Questions of one caller to the built-in time-stamp authority."""
    site_footer: Texts = ()
    """Lines at the foot of every page: organiser, contact, site code, ICP and police record."""
    site_telephone: str = Field(default="", max_length=40)
    """Whom people call who have no other way, as pages, help and slips say it."""
    site_report_url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    """Where a fault of the site is reported 找错; a link at the foot of every page."""
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
    holder_oidc_issuer: str | None = None
    """The OpenID provider of holders; it must give number and name as claims of the ID token."""
    holder_oidc_client_id: str = ""
    holder_oidc_client_secret: SecretStr = SecretStr("")
    holder_oidc_scope: str = "openid profile"
    holder_oidc_number_claim: str = "id_number"
    holder_oidc_name_claim: str = "name"
    holder_oidc_type_claim: str = "id_type"
    """The claim with the code of the document (`414` a passport); whoever comes without it has a citizen's number."""
    holder_oidc_acr_substantial: Texts = ()
    """Values of `acr` that mean a substantial assurance: needed to see one's licences and to show a code."""
    holder_oidc_acr_high: Texts = ()
    network_id_url: str | None = None
    """The network-ID service 网号网证, https; with it holders sign in by a pseudonym that they have bound."""
    network_id_client_id: str = ""
    """This hub's name there; answers are for the public URL."""
    network_id_client_key: Path | None = None
    """The private key (P-256, PKCS #8, PEM) that signs the hub's questions."""
    network_id_asks: Literal["pseudonym", "identity"] = "pseudonym"
    """`identity`: for number and name too, which takes a law that lets this hub have them."""
    network_id_public_key: Path | None = Field(default=None, validate_default=True)
    """The service's public key, as JWK (ES256, or SM2SM3 by its `alg`): pinned, never fetched."""
    trial_sign_in: Literal["auto", "on", "off"] = Field(default="auto", validate_default=True)
    """Holders without a provider, for trying out. `auto`: in the sample city only. Never beside a provider, with
    `built_in_ca=refuse`, or with a `public_url` that is not this machine's own; `on` is refused there.
    """
    holder_requests_per_minute: int = Field(default=120, ge=1)
    wallet_clients: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Wallets that may ask a holder for his consent on our page: redirect addresses by client_id, as JSON. Offers that
    a holder makes himself need none.
    """
    staff_requests_per_minute: int = Field(default=600, ge=1)
    egress_networks: Texts = ()
    """Private networks (CIDR) that sources may live in; public addresses need none. Default: no private one."""
    webhook_networks: Texts = ()
    """Private networks (CIDR) that subscribers may listen in, apart from those of sources. Default: none."""
    message_gateway_url: str | None = None
    """Where the city's message gateway listens: it carries to holders that there is a notice, never what it says."""
    message_gateway_secret: SecretStr = SecretStr("")
    """Signs what it is sent, as messages of subscriptions are signed; at least 24 characters."""
    message_gateway_ca: Path | None = None
    """The authority (PEM) that its certificate must come from; default: those that the machine trusts."""
    message_gateway_key: Path | None = Field(default=None, validate_default=True)
    """Its public key (JWK, P-256): numbers of holders leave encrypted to it, or not at all."""
    source_folders: Annotated[tuple[Path, ...], NoDecode] = ()
    """Folders of this machine in which sources of files and SQLite may lie; the command line is not bound by it."""
    drift_faults: int = Field(default=3, ge=1, le=100)
    """Faulty answers of one kind in a row after which an interface version is closed."""
    deprecation_notice_days: int = Field(default=30, ge=0, le=3650)
    """How long a deprecated interface version must go on answering at least."""
    holder_decision_days: int = Field(default=5, ge=1, le=90)
    """How long a case waits for the yes of a holder who was asked for it; then the paper may be asked for."""
    counter_agreements: Literal["reader", "attested"] = "reader"
    """What opens a person's list of agreements at a counter: a card that a reader signed, or also a clerk's word."""
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
    scan_days: int = Field(default=30, ge=1, le=36_500)
    """How long the scan of a sealed copy is kept after its last day and its case's closing; the seal stays."""
    allowed_hosts: Texts = ()
    """Host names accepted beside that of `public_url` and the loopback ones."""
    font_dir: Path | None = None
    """A folder of fonts that faces may use beside those that ship: for scripts and characters these lack."""
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

    @field_validator("egress_networks", "webhook_networks", "witness_networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            ip_network(item)
        return value

    @field_validator("tsa_url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        if url and not re.fullmatch(r"https?://[^\s@#]+", url):
            raise ValueError("must be https://HOST/PATH or http://HOST/PATH")
        return url or None

    @field_validator("tsa_ca")
    @classmethod
    def _roots_of_stamps(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        """A stamp that leads nowhere proves nothing; and the built-in authority never stands in for another."""
        if (path is None) != (info.data.get("tsa_url") is None):
            raise ValueError("tsa_url and tsa_ca go together")
        return path

    @field_validator("message_gateway_url")
    @classmethod
    def _gateway_address(cls, url: str | None) -> str | None:
        return url or None

    @field_validator("message_gateway_key")
    @classmethod
    def _gateway_in_full(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        """Half a gateway would reach nobody, and nobody would notice."""
        secret = info.data.get("message_gateway_secret") or SecretStr("")
        given = info.data.get("message_gateway_url") is not None
        if given and (path is None or len(secret.get_secret_value()) < 24):
            raise ValueError(
                "message_gateway_url wants message_gateway_key and 24 characters of message_gateway_secret"
            )
        return path

    @field_validator("network_id_url")
    @classmethod
    def _one_service(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "")
        if url and not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)):
            raise ValueError("must be https://HOST/PATH, or http on this machine")
        return url or None

    @field_validator("network_id_public_key")
    @classmethod
    def _whole_service(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        """Of a service that nobody can hold to its word, or that does not know who asks, nothing is believed."""
        given = info.data
        rest = (given.get("network_id_url"), given.get("network_id_client_key"), given.get("network_id_client_id"))
        if not all(rest) if path is not None else any(rest):
            raise ValueError("network_id_url, _client_id, _client_key and _public_key go together")
        return path

    @field_validator("trial_sign_in")
    @classmethod
    def _only_for_trying_out(cls, value: str, info: ValidationInfo) -> str:
        """Nobody signs in without proof where real people are, however the settings came about."""
        local = urlsplit(str(info.data.get("public_url", ""))).hostname in LOOPBACK_HOSTS
        production = info.data.get("built_in_ca") == "refuse" or bool(info.data.get("holder_oidc_issuer"))
        if value == "on" and (production or not local):
            raise ValueError("for trying out only: a local public_url, no provider, no built_in_ca=refuse")
        return value

    @field_validator("wallet_clients")
    @classmethod
    def _addresses_of_wallets(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """A browser is sent there: `https`, this machine, or a scheme of an application's own (RFC 8252 §7.1)."""
        for address in (item for addresses in value.values() for item in addresses):
            parts = urlsplit(address)
            known = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)
            if not (known or "." in parts.scheme) or parts.fragment or not address.isascii():
                raise ValueError("must be https://…, http on this machine, or a scheme with a dot in it")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None or not url.get_secret_value():
            return None
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in {"postgresql", "postgresql+psycopg"} or parts.port == 0:  # reading the port judges it
            raise ValueError("must be postgresql://USER@HOST/NAME")
        return url

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
        named: dict[str, Any] = {} if home is None else {"home": home}
        bare = cls(**named)
        if bare.secrets_dir is not None:
            bare = cls(_secrets_dir=bare.secrets_dir, **named)
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
