"""The agent's configuration: one YAML file, written by the department, never sent to the hub.

Secrets lie in a folder of mode 0700, a file each, and are named in the YAML as `secret:NAME`. An unknown member is an
error: a misspelt limit must not silently be none.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from adapters.definition import check_definition
from adapters.errors import DefinitionFaultError
from catalog.errors import CatalogError
from catalog.sources import SourceDefinition, read_source
from hub.agent.config_schema import CONFIG_SCHEMA
from hub.agent.errors import ConfigError

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_MAX_SECRET_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class HubConfig:
    """Where the hub is, who this agent is there, and by which key the hub is known."""

    url: str
    issuer: str
    client_id: str
    key_file: Path
    thumbprints: frozenset[str]
    ca_file: Path | None
    certificate_file: Path | None
    certificate_key_file: Path | None
    proxy: str | None


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """One agent: one hub, one source, a list of operations, and what may be written back."""

    hub: HubConfig
    source: SourceDefinition
    operations: Mapping[str, Mapping[str, Any]]
    write_back: Mapping[str, Mapping[str, Any]]
    networks: tuple[str, ...]
    concurrency: int
    secrets_folder: Path
    state_folder: Path


@dataclass(frozen=True, slots=True)
class FolderSecrets:
    """Secrets, one in a file. Read at each use, so that a changed one counts after the next start of a connection."""

    folder: Path = field(repr=False)

    def secret(self, name: str) -> str:
        """The value. Raises: DefinitionFaultError: `missing`, or `mode` when others may read it."""
        path = self.folder / name
        if "/" in name or name.startswith("."):
            raise DefinitionFaultError("/secrets", "name")
        try:
            if _open_to_others(self.folder) or _open_to_others(path):
                raise DefinitionFaultError(f"/secrets/{name}", "mode")
            with path.open("rb") as file:
                return file.read(_MAX_SECRET_BYTES).decode().removesuffix("\n")
        except (OSError, UnicodeDecodeError):
            raise DefinitionFaultError(f"/secrets/{name}", "missing") from None


def read_config(path: Path) -> AgentConfig:
    """Read and check an `agent.yaml`; paths in it are relative to it. Raises: ConfigError naming the place."""
    try:
        declared = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(f"{path} is no YAML{f' (line {mark.line + 1})' if mark else ''}") from None
    if not isinstance(declared, dict):
        raise ConfigError(f"{path} holds no configuration")
    try:
        check_definition(CONFIG_SCHEMA, declared)
    except DefinitionFaultError as error:
        raise ConfigError(f"{path}: {error.pointer} is not acceptable ({error.rule})") from None
    folder = path.resolve().parent
    return AgentConfig(
        hub=_hub(declared["hub"], folder),
        source=_source(declared["source"]),
        operations=declared.get("operations", {}),
        write_back=declared.get("write_back", {}),
        networks=tuple(declared.get("networks", ())),
        concurrency=declared.get("concurrency", 4),
        secrets_folder=folder / declared.get("secrets", "secrets"),
        state_folder=folder / declared.get("state", "state"),
    )


def read_key(path: Path) -> bytes:
    """The agent's private key. Raises: ConfigError: missing, or open to other users of the machine."""
    try:
        if _open_to_others(path):
            raise ConfigError(f"{path} can be read by others: chmod 600")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


def _hub(item: Mapping[str, Any], folder: Path) -> HubConfig:
    url = item["url"].rstrip("/")
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ConfigError("/hub/url must be https: without TLS the agent cannot know whom it dials")

    def file(name: str) -> Path | None:
        return folder / item[name] if name in item else None

    return HubConfig(
        url=url,
        issuer=item.get("issuer", url).rstrip("/"),
        client_id=item["client_id"],
        key_file=folder / item.get("key_file", "agent.key.pem"),
        thumbprints=frozenset(item["keys"]),
        ca_file=file("ca_file"),
        certificate_file=file("certificate_file"),
        certificate_key_file=file("certificate_key_file"),
        proxy=item.get("proxy"),
    )


def _source(item: Mapping[str, Any]) -> SourceDefinition:
    name = {"zh": item["code"], "en": item["code"]}
    try:
        definition = read_source({"department": "-", "name": name, **item})
    except CatalogError as error:
        raise ConfigError(str(error)) from None
    if definition.kind in {"agent", "push"}:
        raise ConfigError("/source/kind: an agent stands beside a real source")
    return definition


def _open_to_others(path: Path) -> bool:
    mode = path.stat().st_mode
    return os.name == "posix" and bool(stat.S_IMODE(mode) & 0o077)
