"""`yizheng system key`: a key pair for a system, made where the system runs; the hub gets the public half only."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.common import Exit, JsonOption, fail, show


def system_key(
    client_id: Annotated[str, typer.Argument(help="The system's client_id 系统标识")],
    out: Annotated[Path | None, typer.Option("--out", help="Default: CLIENT_ID.pem 私钥文件")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key pair: the private half into a new file, the public half (JWK) on standard output. 生成密钥"""
    from signing.keys import SoftwareSigner

    path = out or Path(f"{client_id}.pem")
    signer = SoftwareSigner.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        fail(f"{path} is there already and stays as it is", "name another file with --out", Exit.USAGE)
    except OSError:
        fail(f"{path} cannot be written", "name a folder that exists with --out", Exit.UNAVAILABLE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(signer.to_pem())
    jwk = signer.public.jwk
    print(f"private key in {path}, mode 0600: keep it, show it to nobody", file=sys.stderr)
    show({"private_key_file": str(path), "key": jwk}, as_json=as_json, text=json.dumps(jwk))
