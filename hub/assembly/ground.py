"""What every area stands on: settings, clock, stores, keys."""

from dataclasses import dataclass
from typing import Final

from hub.clock import Clock
from hub.issuing.desk import SigningDesk
from hub.issuing.types import TypeRegistry
from hub.settings import Settings
from hub.storage.database import Database
from hub.storage.keystore import KeyFile, master_key
from hub.storage.objects import FolderObjects, ObjectStore
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
    return KeyFile(settings.home / "keys" / "keystore.json", master_key=master_key(settings.home, create=create))


def lay_ground(settings: Settings, database: Database, clock: Clock) -> Ground:
    """Open keys and stores. Nothing is reached yet."""
    keys = open_keys(settings)
    vault = Vault(keys)
    log_secret = keys.secret(LOG_KEY)
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    return Ground(
        settings=settings,
        clock=clock,
        database=database,
        keys=keys,
        vault=vault,
        log_key=DataKey(log_secret.value, wrapped=b"", kek_kid=log_secret.kid),
        desk=SigningDesk(keys, public_url=settings.public_url),
        types=TypeRegistry(),
        objects=_open_objects(settings),
        shared=open_shared(redis_url, secret=vault.row_mac(b"derive\x1fredis")),
        redis_url=redis_url,
    )


def _open_objects(settings: Settings) -> ObjectStore:
    if settings.objects_url is None:
        return FolderObjects(settings.home / "objects")
    from hub.storage.objects_s3 import Bucket, S3Objects

    bucket = Bucket.read(settings.objects_url.get_secret_value())
    return S3Objects(bucket, region=settings.objects_region, ca_file=settings.objects_ca)
