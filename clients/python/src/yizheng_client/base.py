"""What both clients are made of. All logic is in `yizheng_client.core`."""

import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

import httpx2

from yizheng_client.core import Core, KeepReceipt
from yizheng_client.jose import SigningKey
from yizheng_client.session import Retries, Session, Settings, checked

DEFAULT_RETRIES: Final = Retries()


class Base(ABC):
    """A client without its calls."""

    def __init__(
        self,
        base_url: str,
        *,
        client_id: str,
        key: bytes,
        kid: str | None = None,
        password: bytes | None = None,
        issuer: str | None = None,
        language: str = "zh-CN",
        timeout: float = 30.0,
        retries: Retries = DEFAULT_RETRIES,
        keep_receipt: KeepReceipt | None = None,
        log_key: str | None = None,
        tls: ssl.SSLContext | None = None,
        proxy: str | None = None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            base_url: where the hub is reached, https; plain http on this machine only.
            key: the system's private key, P-256, PEM.
            kid: as the key was registered; by default its RFC 7638 thumbprint.
            issuer: what the hub calls itself, where that is not `base_url`.
            language: of reasons and next steps, `zh-CN` or `en`.
            timeout: seconds for a whole answer; at most 5 of them to connect.
            keep_receipt: is given each verified receipt before the answer is returned. What it raises is raised.
            log_key: the log's public key, `name+hash+base64`, for `check_receipt`.
            tls: for a hub behind a private authority; the environment's proxies and authorities are not used.
        Raises: ConfigurationError.
        """
        settings = checked(Settings(base_url, client_id, issuer or "", language, retries, log_key))
        self._core = Core(Session(settings, SigningKey.from_pem(key, kid=kid, password=password)), keep_receipt)
        self._shown = f"{type(self).__name__}({settings.base_url!r}, client_id={client_id!r})"
        options = {
            "base_url": settings.base_url,
            "timeout": httpx2.Timeout(timeout, connect=min(5.0, timeout)),
            "verify": tls if tls is not None else True,
            "proxy": proxy,
            "trust_env": False,
            "follow_redirects": False,  # a redirect would carry token and body elsewhere
        }
        self._connect(options, timeout)

    @abstractmethod
    def _connect(self, options: Mapping[str, Any], seconds: float) -> None:
        """Make the connection pool; nothing is sent."""

    def __repr__(self) -> str:
        return self._shown
