"""`yizheng token`: an access token to paste into curl, for systems whose key is at hand."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.common import Exit, HomeOption, fail, settings_of


def token(
    client_id: Annotated[str, typer.Argument(help="The system's client_id 系统标识")],
    key: Annotated[
        Path | None, typer.Option("--key", help="Its private key; default: the sample city's 私钥文件")
    ] = None,
    kid: Annotated[
        str | None, typer.Option("--kid", help="As registered; default: the key's thumbprint 登记的密钥编号")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="Where the hub runs; default: its public URL")] = None,
    home: HomeOption = None,
) -> None:
    """Print an access token; valid for minutes. 取得访问令牌"""
    import httpx2

    from hub.demo.client import HubClient

    settings = settings_of(home)
    key_file = key or _sample_key(settings.home, client_id)
    try:
        client = HubClient(url or settings.public_url, client_id=client_id, key_file=key_file, kid=kid)
        print(client.sign_in())
    except httpx2.HTTPStatusError as error:
        fail(
            f"the hub refused: {error.response.status_code}",
            "check client_id and key; a kid of your own goes with --kid",
            Exit.REFUSED,
        )
    except httpx2.TransportError as error:
        if "CERTIFICATE" in str(error).upper():
            fail(
                f"the certificate at {url or settings.public_url} is not trusted here",
                "name its authority in SSL_CERT_FILE, or on the hub's machine: --url http://127.0.0.1:8700",
                Exit.UNAVAILABLE,
            )
        fail(f"no hub answers at {url or settings.public_url}", "start it with `yizheng serve`", Exit.UNAVAILABLE)
    except OSError:
        fail(f"{key_file} cannot be read", "name the private key with --key", Exit.USAGE)


def _sample_key(home: Path, client_id: str) -> Path:  # noqa: RET503  # fail() does not return
    sample = home / "sample" / "sample.json"
    if sample.exists():
        for system in json.loads(sample.read_text(encoding="utf-8"))["systems"]:
            if system["client_id"] == client_id:
                return sample.parent / str(system["private_key_file"])
    fail(f"no key of {client_id} at hand", "name the private key with --key", Exit.USAGE)
