"""What every area stands on: settings, clock, stores, keys."""

from dataclasses import dataclass
from typing import Final

from hub.clock import Clock, utc_now
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.keys.store import KeyBook
from hub.issuing.types.registry import TypeRegistry
from hub.settings import Settings
from hub.storage.database import Database
from hub.storage.keystore.file import KeyFile
from hub.storage.keystore.port import SigningToken, master_key
from hub.storage.objects.folder import FolderObjects, ObjectStore
from hub.storage.objects.guarded import GuardedObjects
from hub.storage.shared import Shared, open_shared
from hub.storage.vault import DataKey, Vault

LOG_KEY: Final = "log-detail"


@dataclass(frozen=True, slots=True)
class Ground:
    """Stores and keys of an opened hub. `log_key` seals ledger entries that concern nobody in particular."""

    settings: Settings
    clock: Clock
    database: Database
    keys: KeyFile
    vault: Vault
    log_key: DataKey
    desk: SigningDesk
    types: TypeRegistry
    objects: ObjectStore
    shared: Shared
    redis_url: str | None

    @property
    def public_url(self) -> str:
        """The base of every URI that leaves."""
        return self.settings.public_url


def open_keys(settings: Settings, *, create: bool = False) -> KeyFile:
    """The embedded key store of a home."""
    path, key = settings.home / "keys" / "keystore.json", master_key(settings.home, create=create)
    return KeyFile(path, master_key=key, token=_open_token(settings))


def _open_token(settings: Settings) -> SigningToken | None:
    if settings.hsm_module is None:
        return None
    from hub.storage.keystore.pkcs11 import Pkcs11Token

    return Pkcs11Token(settings.hsm_module, label=settings.hsm_token, pin=settings.hsm_pin.get_secret_value())


def log_key_of(keys: KeyFile) -> DataKey:
    """The key of ledger entries that concern nobody in particular."""
    secret = keys.secret(LOG_KEY)
    return DataKey(secret.value, wrapped=b"", kek_kid=secret.kid)


def open_desk(settings: Settings, keys: KeyFile, clock: Clock = utc_now) -> SigningDesk:
    """The signing desk over these keys. Raises: MissingError: the hub's own secrets are not made yet."""
    vault = Vault(keys)
    return SigningDesk(
        keys,
        vault=vault,
        book=KeyBook(vault, log_key_of(keys)),
        public_url=settings.public_url,
        clock=clock,
        refuse_built_in=settings.built_in_ca == "refuse",
    )


def lay_ground(settings: Settings, database: Database, clock: Clock) -> Ground:
    """Open keys and stores. Nothing is reached yet."""
    keys = open_keys(settings)
    vault = Vault(keys)
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    return Ground(
        settings=settings,
        clock=clock,
        database=database,
        keys=keys,
        vault=vault,
        log_key=log_key_of(keys),
        desk=open_desk(settings, keys, clock),
        types=TypeRegistry(vault),
        objects=open_objects(settings),
        shared=open_shared(redis_url, secret=vault.row_mac(b"derive\x1fredis")),
        redis_url=redis_url,
    )


def open_objects(settings: Settings) -> ObjectStore:
    """The object store of these settings. Nothing is reached yet."""
    return GuardedObjects(_bare_objects(settings))


def _bare_objects(settings: Settings) -> ObjectStore:
    if settings.objects_url is None:
        return FolderObjects(settings.home / "objects")
    from hub.storage.objects.s3 import Bucket, S3Objects

    bucket = Bucket.read(settings.objects_url.get_secret_value())
    return S3Objects(bucket, region=settings.objects_region, ca_file=settings.objects_ca)
