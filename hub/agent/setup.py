"""Making an agent's folder, and running the program until it is told to stop."""

import asyncio
import signal
from pathlib import Path
from typing import Any, Final

from hub.agent.errors import ConfigError
from hub.agent.program import AgentProgram
from hub.storage.files import write_durably
from signing.keys import SoftwareSigner

TEMPLATE: Final = Path(__file__).with_name("agent.yaml")


def make_folder(folder: Path) -> dict[str, Any]:
    """A new folder with a key, a commented configuration, and a place for secrets; answers the public JWK.

    Raises: ConfigError when the folder is there already: a key is never overwritten.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
        (folder / "secrets").mkdir(mode=0o700)
        (folder / "state").mkdir(mode=0o700)
    except FileExistsError:
        raise ConfigError(f"{folder} exists already") from None
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made: {error.strerror}") from None
    signer = SoftwareSigner.generate()
    write_durably(folder / "agent.key.pem", signer.to_pem(), mode=0o600)
    write_durably(folder / "agent.yaml", TEMPLATE.read_bytes(), mode=0o600)
    return signer.public.jwk


async def run_until_told(program: AgentProgram) -> None:
    """Run until SIGTERM or SIGINT; questions in hand are answered first."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, program.stop)
    await program.run()
