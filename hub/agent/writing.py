"""Writing back: what a closed case leaves in the department's own system, once, in one of three declared ways.

Only operations of the agent's own `write_back` list, only their own fields, over a connection of their own that may
write; the one for questions stays read-only. A delivery that was written is remembered: it is acknowledged again, not
written again.
"""

import asyncio
import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol
from xml.etree import ElementTree as ET

from adapters.errors import DefinitionFaultError, FaultyAnswerError, SourceError, TimedOutError, UnreachableError
from adapters.port import Secrets
from hub.agent.config import AgentConfig, FolderSecrets
from hub.agent.errors import ConfigError
from hub.agent.seen import Seen
from hub.agent.wire import Delivery
from hub.clock import Clock
from hub.storage.files import write_durably

_SECONDS: Final = 20.0


class Writer(Protocol):
    """One declared way of writing. Blocking; run in a thread."""

    @property
    def fields(self) -> frozenset[str]:
        """Names of the fields it takes."""
        ...

    def write(self, delivery_id: str, fields: Mapping[str, Any]) -> None:
        """Write, so that a second time with the same id changes nothing. Raises: SourceError."""
        ...


class Writing:
    """The agent's list of what may be written."""

    def __init__(self, config: AgentConfig, *, seen: Seen, clock: Clock) -> None:
        """Nothing is reached yet. Raises: ConfigError naming the operation."""
        secrets = FolderSecrets(config.secrets_folder)
        self._writers = MappingProxyType(
            {name: _writer(name, item, secrets) for name, item in config.write_back.items()}
        )
        self._seen = seen
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def write(self, delivery: Delivery) -> None:
        """Bring the effect about, once. Raises: SourceError."""
        writer = self._writers.get(delivery.operation)
        if writer is None:
            raise DefinitionFaultError("/operation", "not_allowed")
        for name in sorted(writer.fields.symmetric_difference(delivery.fields)):
            raise DefinitionFaultError(f"/fields/{name}", "missing" if name in writer.fields else "unknown")
        async with self._one_at_a_time:
            if self._seen.written(delivery.id):
                return
            try:
                async with asyncio.timeout(_SECONDS):
                    await asyncio.to_thread(writer.write, delivery.id, delivery.fields)
            except TimeoutError:
                raise TimedOutError("total") from None
            except SourceError:
                raise
            except Exception as error:  # noqa: BLE001  # its text may hold a value; its name helps whoever repairs it
                raise FaultyAnswerError(f"unexpected_{type(error).__name__}") from None
            self._seen.note_written(delivery.id, now=self._clock())


class FileWriter:
    """A file a delivery in a folder that the department's system watches; whole or not there at all."""

    def __init__(self, item: Mapping[str, Any]) -> None:
        """Raises: ConfigError: the folder is not there."""
        self._folder = Path(item["folder"])
        self._format = item["format"]
        self._names = tuple(item["fields"])
        self.fields = frozenset(self._names)
        if not self._folder.is_dir():
            raise ConfigError(f"{self._folder} is no folder")

    def write(self, delivery_id: str, fields: Mapping[str, Any]) -> None:
        """`<delivery id>.<format>`, written aside, synced and renamed."""
        content = {"json": self._json, "xml": self._xml, "csv": self._csv}[self._format](delivery_id, fields)
        try:
            write_durably(self._folder / f"{delivery_id}.{self._format}", content, mode=0o640)
        except OSError:
            raise UnreachableError("refused") from None

    def _json(self, delivery_id: str, fields: Mapping[str, Any]) -> bytes:
        named = {"delivery_id": delivery_id, **{name: fields[name] for name in self._names}}
        return json.dumps(named, ensure_ascii=False, indent=1).encode() + b"\n"

    def _xml(self, delivery_id: str, fields: Mapping[str, Any]) -> bytes:
        root = ET.Element("delivery", {"id": delivery_id})
        for name in self._names:
            child = ET.SubElement(root, name)
            child.text = "" if fields[name] is None else str(fields[name])
        written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
        return written

    def _csv(self, delivery_id: str, fields: Mapping[str, Any]) -> bytes:
        text = io.StringIO(newline="")
        rows = csv.writer(text)
        rows.writerow(("delivery_id", *self._names))
        rows.writerow((delivery_id, *("" if fields[name] is None else fields[name] for name in self._names)))
        return text.getvalue().encode("utf-8-sig")


def _writer(name: str, item: Mapping[str, Any], secrets: Secrets) -> Writer:
    try:
        match item["kind"]:
            case "file":
                return FileWriter(item)
            case "insert":
                from hub.agent.writing_insert import InsertWriter

                return InsertWriter(item, secrets)
            case _:
                from hub.agent.writing_rest import RestWriter

                return RestWriter(item, secrets)
    except ConfigError as error:
        raise ConfigError(f"/write_back/{name}: {error.what}") from None
    except ImportError as error:
        raise ConfigError(f"/write_back/{name} needs {error.name}, which is not installed") from None
