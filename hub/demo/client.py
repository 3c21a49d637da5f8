"""A small client of the hub's API, as an intake system's developer would write one: public interfaces only."""

import json
import time
import uuid
from pathlib import Path
from typing import Any

import httpx2

from signing.jose import sign_jws
from signing.keys import SoftwareSigner

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class HubClient:
    """One system's session with a hub."""

    def __init__(self, base_url: str, *, client_id: str, key_file: Path, kid: str | None = None) -> None:
        self.client_id = client_id
        self._signer = SoftwareSigner.from_pem(key_file.read_bytes(), kid)
        self._http = httpx2.Client(base_url=base_url, timeout=30, trust_env=False)
        self._token = ""

    def metadata(self) -> dict[str, Any]:
        """The authorization server's metadata; `issuer` is the audience of assertions."""
        return self._get("/.well-known/oauth-authorization-server").json()  # type: ignore[no-any-return]

    def sign_in(self) -> str:
        """Get an access token with `private_key_jwt`."""
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.metadata()["issuer"],
            "jti": str(uuid.uuid4()),
        }
        assertion = sign_jws(
            {**claims, "iat": now, "exp": now + 60}, signer=self._signer, typ="client-authentication+jwt"
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        answer = self._http.post("/oauth/token", data=form)
        answer.raise_for_status()
        self._token = str(answer.json()["access_token"])
        return self._token

    def post(self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None) -> httpx2.Response:
        """POST JSON as this system, under an Idempotency-Key."""
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key or str(uuid.uuid4())}
        return self._http.post(path, json=body, headers=headers)

    def get(self, path: str) -> httpx2.Response:
        """GET as this system."""
        return self._http.get(path, headers={"Authorization": f"Bearer {self._token}"})

    def public(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST without a token."""
        answer = self._http.post(path, json=body)
        answer.raise_for_status()
        return json.loads(answer.content)  # type: ignore[no-any-return]

    def upload(self, path: str, content: bytes, fields: dict[str, str]) -> dict[str, Any]:
        """POST a file without a token."""
        answer = self._http.post(path, files={"file": ("file", content)}, data=fields)
        answer.raise_for_status()
        return json.loads(answer.content)  # type: ignore[no-any-return]

    def _get(self, path: str) -> httpx2.Response:
        answer = self._http.get(path)
        answer.raise_for_status()
        return answer

    def text(self, path: str) -> str:
        """GET a public text."""
        return self._get(path).text

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def ready(self) -> bool:
        """Whether the hub answers and is ready."""
        try:
            return self._http.get("/health/ready").status_code == 200
        except httpx2.TransportError:
            return False
