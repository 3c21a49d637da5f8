"""Certificates and keys as files, for drivers that take nothing else."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from adapters.sql_session import Opening


class CredentialFiles:
    """A private folder (mode 0700, files 0600) that lives as long as its source: cancelling connects again."""

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None

    def write(self, opening: Opening) -> dict[str, str]:
        """Paths of those of `ca`, `client_cert`, `client_key` that there are."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="yizheng-tls-")
        texts = {"ca": opening.ca, "client_cert": opening.client_cert, "client_key": opening.client_key}
        return {name: str(self._file(self._folder.name, name, text)) for name, text in texts.items() if text}

    def _file(self, folder: str, name: str, text: str) -> Path:
        path = Path(folder) / f"{name}.pem"
        if not path.exists() or path.read_text(encoding="ascii") != text:
            fresh = path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(text, encoding="ascii")
            fresh.replace(path)
        return path

    def close(self) -> None:
        """Remove them."""
        if self._folder is not None:
            with suppress(OSError):
                self._folder.cleanup()
