"""A folder in a bucket: the objects whose keys begin with a prefix and go on with one plain name."""

from tempfile import TemporaryFile
from typing import BinaryIO, Final, cast

from adapters.errors import DeniedError, FaultyAnswerError
from adapters.files_places import MAX_FILE_BYTES, Sighting, matches
from adapters.objects_s3 import Bucket, Stored
from adapters.port import Budget

_MOST: Final = 10_000


class BucketFolder:
    """A `Place` of `adapters.files_places`. What it takes lies in a file without a name until it is closed."""

    def __init__(self, bucket: Bucket, prefix: str, glob: str) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._glob = glob

    async def look(self, budget: Budget) -> list[Sighting]:
        """The objects that match, as they are now."""
        found = await self._bucket.list(self._prefix, budget, most=_MOST)
        seen = (self._sighting(stored) for stored in found)
        return [sighting for sighting in seen if sighting is not None]

    async def take(self, sighting: Sighting) -> BinaryIO:
        """The bytes of this version, fetched once."""
        stored = Stored(f"{self._prefix}{sighting.name}", sighting.version, sighting.size, sighting.modified)
        stream = cast("BinaryIO", TemporaryFile())  # noqa: SIM115  # the caller closes it
        try:
            await self._bucket.fetch(stored, stream)
        except DeniedError:
            # It may be listed and not read: no wrong credentials, and asking again does not help.
            stream.close()
            raise FaultyAnswerError("object_denied") from None
        except BaseException:
            stream.close()
            raise
        stream.seek(0)
        return stream

    async def unchanged(self, sighting: Sighting, stream: BinaryIO) -> bool:
        """Each piece was fetched under the condition that the version is this one."""
        del sighting, stream
        return True

    async def close(self) -> None:
        """Give connections back."""
        await self._bucket.close()

    def _sighting(self, stored: Stored) -> Sighting | None:
        name = stored.key.removeprefix(self._prefix)
        if not name or "/" in name or not matches(name, self._glob) or stored.size > MAX_FILE_BYTES:
            return None
        return Sighting(name, stored.etag, stored.size, stored.modified)
