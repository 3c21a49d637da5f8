"""Files in a folder of an SFTP server whose host key is pinned."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from stat import S_ISREG
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Final, TypeVar

import asyncssh

from adapters.definition import resolved
from adapters.egress import Egress
from adapters.errors import (
    DefinitionFaultError,
    DeniedError,
    SourceError,
    TimedOutError,
    UnreachableError,
)
from adapters.files_places import MAX_FILE_BYTES, MAX_NAMES, Sighting, matches
from adapters.port import Budget, Secrets

_BLOCK_BYTES: Final = 262_144
_IDLE_SECONDS: Final = 30.0
_EDGE_BYTES: Final = 65_536
_T = TypeVar("_T")


class SftpFolder:
    """A folder over SFTP. One connection, opened when it is needed and again when it broke.

    A version is size, time and the first and last 64 KiB: the protocol's times have whole seconds.
    """

    def __init__(self, settings: Mapping[str, Any], glob: str, egress: Egress, secrets: Secrets) -> None:
        self._settings = settings
        self._glob = glob
        self._egress = egress
        self._secrets = secrets
        self._pins = _pins(settings["host_key"])
        self._opening = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._closed = False

    async def look(self, budget: Budget) -> list[Sighting]:
        """The files that match."""
        return await self._attempt(self._look, budget)

    async def take(self, sighting: Sighting) -> BinaryIO:
        """A private copy of the file, in a file without a name."""
        return await self._attempt(lambda client: self._take(client, sighting), Budget())

    async def unchanged(self, sighting: Sighting, stream: BinaryIO) -> bool:
        """Whether the server still has the version that was copied, as far as its times tell."""
        del stream
        return await self._attempt(lambda client: self._unchanged(client, sighting), Budget())

    async def close(self) -> None:
        """Close the connection."""
        self._closed = True
        await self._hang_up()

    async def _attempt(self, call: Callable[[asyncssh.SFTPClient], Awaitable[_T]], budget: Budget) -> _T:
        client = await self._connected(budget)
        fault: SourceError
        try:
            return await call(client)
        except asyncssh.SFTPPermissionDenied:
            raise DeniedError from None
        except asyncssh.SFTPNoSuchFile:
            raise UnreachableError("refused") from None
        except (asyncssh.Error, OSError, TimeoutError) as error:
            fault = TimedOutError("read") if isinstance(error, TimeoutError) else UnreachableError("closed")
        except asyncio.CancelledError:
            # A question that was given up leaves the connection in an unknown state.
            await asyncio.shield(self._hang_up())
            raise
        await self._hang_up()
        raise fault

    async def _look(self, client: asyncssh.SFTPClient) -> list[Sighting]:
        found = []
        async for entry in client.scandir(self._path):
            name = str(entry.filename)
            if matches(name, self._glob) and _plain(entry.attrs):
                found.append((name, entry.attrs))
            if len(found) > MAX_NAMES:
                break
        return [await self._sighting(client, name, attrs) for name, attrs in found]

    async def _sighting(self, client: asyncssh.SFTPClient, name: str, attrs: asyncssh.SFTPAttrs) -> Sighting:
        size, seconds = attrs.size or 0, attrs.mtime or 0
        async with client.open(self._at(name), "rb") as file:
            head = await file.read(_EDGE_BYTES, 0)
            tail = await file.read(_EDGE_BYTES, max(0, size - _EDGE_BYTES))
        mark = hmac.new(str(size).encode(), _bytes(head) + _bytes(tail), "sha256").hexdigest()[:16]
        return Sighting(name, f"{size}-{seconds}-{mark}", size, datetime.fromtimestamp(seconds, UTC))

    async def _unchanged(self, client: asyncssh.SFTPClient, sighting: Sighting) -> bool:
        attrs = await client.lstat(self._at(sighting.name))
        return _plain(attrs) and (await self._sighting(client, sighting.name, attrs)).version == sighting.version

    async def _take(self, client: asyncssh.SFTPClient, sighting: Sighting) -> BinaryIO:
        copy: BinaryIO = TemporaryFile()  # noqa: SIM115  # the caller closes it
        try:
            async with client.open(self._at(sighting.name), "rb") as file:
                size = 0
                while block := _bytes(await asyncio.wait_for(file.read(_BLOCK_BYTES, size), _IDLE_SECONDS)):
                    size += len(block)
                    # A server may send more than it listed.
                    if size > sighting.size:
                        break
                    await asyncio.to_thread(copy.write, block)
            copy.flush()
            copy.seek(0)
        except BaseException:
            copy.close()
            raise
        return copy

    @property
    def _path(self) -> str:
        return str(self._settings.get("path", "."))

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"

    async def _connected(self, budget: Budget) -> asyncssh.SFTPClient:
        async with self._opening:
            if self._closed:
                raise UnreachableError("closed")
            if self._client is None or self._connection is None or self._connection.is_closed():
                self._client = await self._connect(budget)
            return self._client

    async def _connect(self, budget: Budget) -> asyncssh.SFTPClient:
        host, port = str(self._settings["host"]).lower(), int(self._settings.get("port", 22))
        options = self._options()
        fault: SourceError = UnreachableError("refused")
        try:
            async with asyncio.timeout(budget.connect_seconds):
                for address in await self._egress.resolve(host, port):
                    try:
                        self._connection = await asyncssh.connect(address, port, options=options)
                        return await self._connection.start_sftp_client()
                    except (asyncssh.Error, OSError, ValueError) as error:
                        fault = _fault(error)
                    await self._hang_up()
        except TimeoutError:
            fault = TimedOutError("connect")
        raise fault

    def _options(self) -> asyncssh.SSHClientConnectionOptions:
        settings = self._settings
        given: dict[str, Any] = {"client_keys": None, "password": None}
        if "key" in settings:
            given["client_keys"] = [_private_key(resolved(self._secrets, settings["key"]))]
        if "password" in settings:
            given["password"] = resolved(self._secrets, settings["password"])
        pins = self._pins
        return asyncssh.SSHClientConnectionOptions(
            username=settings["user"],
            client_factory=lambda: _Pinned(pins),
            # Nothing is trusted but the pin; nothing of the hub's own account is read or offered.
            known_hosts=([], [], []),
            config=None,
            agent_path=None,
            x509_trusted_certs=None,
            gss_auth=False,
            gss_kex=False,
            kbdint_auth=False,
            host_based_auth=False,
            keepalive_interval=15,
            keepalive_count_max=2,
            **given,
        )

    async def _hang_up(self) -> None:
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.abort()
            with suppress(asyncssh.Error, OSError):
                await connection.wait_closed()


class _Pinned(asyncssh.SSHClient):
    """Takes the pinned keys and no other."""

    def __init__(self, pins: frozenset[str]) -> None:
        self._pins = pins

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Whether this is a pinned key."""
        del host, addr, port
        return key.get_fingerprint("sha256") in self._pins


def _pins(given: str | list[str]) -> frozenset[str]:
    """Fingerprints of pinned keys. Raises: DefinitionFaultError(`/sftp/host_key`)."""
    return frozenset(_pin(text) for text in ([given] if isinstance(given, str) else given))


def _pin(text: str) -> str:
    if text.startswith("SHA256:"):
        return text.rstrip("=")
    with suppress(asyncssh.KeyImportError, ValueError):
        return str(asyncssh.import_public_key(text).get_fingerprint("sha256"))
    raise DefinitionFaultError("/sftp/host_key", "host_key")


def _private_key(text: str) -> asyncssh.SSHKey:
    with suppress(asyncssh.KeyImportError, ValueError):
        return asyncssh.import_private_key(text)
    raise DefinitionFaultError("/sftp/key", "private_key")


def _fault(error: Exception) -> SourceError:
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return UnreachableError("tls")
    if isinstance(error, asyncssh.PermissionDenied):
        return DeniedError()
    if isinstance(error, asyncssh.ConnectionLost):
        return UnreachableError("closed")
    if isinstance(error, asyncssh.KeyExchangeFailed | asyncssh.ProtocolError):
        return UnreachableError("tls")
    return UnreachableError("refused" if isinstance(error, ConnectionRefusedError) else "closed")


def _plain(attrs: asyncssh.SFTPAttrs) -> bool:
    # A link may lead anywhere on the server.
    return S_ISREG(attrs.permissions or 0) and (attrs.size or 0) <= MAX_FILE_BYTES


def _bytes(block: bytes | str) -> bytes:
    return block if isinstance(block, bytes) else block.encode()
