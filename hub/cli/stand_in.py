"""`yizheng stand-in`: stand-ins of identity services and devices, to try a hub out with. They prove nothing: every
answer says `"trial": true`, their keys say so in their names, and a hub in production refuses both.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hub.cli.common import Exit, JsonOption, fail, show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hub.scenarios.real.trial_device import TrialDevice

app = typer.Typer(help="Stand-ins of identity services, for trying out 身份服务替身，仅供试用", no_args_is_help=True)
PortOption = Annotated[int, typer.Option("--port", help="Of this machine; 0: any that is free 端口")]
FolderOption = Annotated[Path, typer.Option("--folder", help="Where it keeps its keys 密钥目录")]
_FOLDER: Final = Path("yizheng-stand-in")
_CLIENT: Final = "trial-hub"


@dataclass(frozen=True, slots=True)
class Standing:
    """One that listens. `settings`: what a hub has to be told to ask it; `then`: what to do next, for people."""

    device: "TrialDevice"
    settings: "Mapping[str, str]"
    then: str


@app.callback()
def group() -> None:
    """Stand-ins of identity services, for trying out 身份服务替身，仅供试用"""


@app.command("network-id")
def network_id(port: PortOption = 8750, folder: FolderOption = _FOLDER, as_json: JsonOption = False) -> None:
    """The network-ID service: POST /vouchers {id_number, name, hub}, and /verify for the hub. 网号网证替身"""
    _serve(stand_network_id(folder / "network-id", port), as_json=as_json)


@app.command("face")
def face(port: PortOption = 8751, folder: FolderOption = _FOLDER, as_json: JsonOption = False) -> None:
    """A device that compares faces: POST /compare {id_number, result?, band?}. It has no camera. 人脸比对替身"""
    _serve(stand_face(folder / "face", port), as_json=as_json)


@app.command("reader")
def reader(port: PortOption = 8752, folder: FolderOption = _FOLDER, as_json: JsonOption = False) -> None:
    """A card reader that signs: POST /read {id_number, name}. It reads no card. 读卡器替身"""
    _serve(stand_reader(folder / "reader", port), as_json=as_json)


def stand_network_id(folder: Path, port: int) -> Standing:
    """The service, with a key for the hub that asks it."""
    from hub.scenarios.real.network_id import NetworkIdStandIn
    from signing.canonical import sha256
    from signing.keys import SoftwareSigner

    device, client = _device(folder, port), folder / "client.pem"
    key = SoftwareSigner.from_pem(_kept(client, lambda: SoftwareSigner.generate().to_pem())).public
    secret = sha256(b"pseudonyms" + device.signer.to_pem())  # a person has the same pseudonym after a restart
    made = NetworkIdStandIn(device, {_CLIENT: key}, secret=secret)
    settings = {
        "YIZHENG_NETWORK_ID_URL": made.url,
        "YIZHENG_NETWORK_ID_CLIENT_ID": _CLIENT,
        "YIZHENG_NETWORK_ID_CLIENT_KEY": str(client.absolute()),
        "YIZHENG_NETWORK_ID_PUBLIC_KEY": str((folder / "public.json").absolute()),
    }
    return Standing(device, settings, f"for a voucher: POST {made.url}/vouchers")


def stand_face(folder: Path, port: int) -> Standing:
    """A device that compares faces."""
    from hub.scenarios.real.counter_devices import FaceStandIn

    device = _device(folder, port)
    FaceStandIn(device)
    return Standing(device, {}, f"yizheng system reader {folder / 'public.json'} --department USCC --face")


def stand_reader(folder: Path, port: int) -> Standing:
    """A card reader."""
    from hub.scenarios.real.counter_devices import ReaderStandIn

    device = _device(folder, port)
    ReaderStandIn(device)
    return Standing(device, {}, f"yizheng system reader {folder / 'public.json'} --department USCC")


def _device(folder: Path, port: int) -> "TrialDevice":
    """Its key, the same at every start, with the public half beside it."""
    from hub.scenarios.real.standing import WebServer
    from hub.scenarios.real.trial_device import TrialDevice, trial_signer
    from signing.canonical import canonical

    signer = trial_signer(_kept(folder / "key.pem", lambda: trial_signer().to_pem()))
    (folder / "public.json").write_bytes(canonical(dict(signer.public.jwk)))
    try:
        return TrialDevice(WebServer(port=port), signer)
    except OSError:
        fail(f"port {port} is taken", "name another with --port, or 0 for any", Exit.UNAVAILABLE)


def _kept(path: Path, make: "Callable[[], bytes]") -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(make())
    return path.read_bytes()


def _serve(made: Standing, *, as_json: bool) -> None:
    """Until it is stopped."""
    import threading

    url, kid = f"http://{made.device.web.target}", made.device.signer.kid
    lines = [f"a stand-in, which proves nothing, at {url}", *(f"{name}={to}" for name, to in made.settings.items())]
    value = {"trial": True, "url": url, "kid": kid, "settings": dict(made.settings)}
    show(value, as_json=as_json, text="\n".join([*lines, made.then]))
    sys.stdout.flush()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        made.device.web.close()
