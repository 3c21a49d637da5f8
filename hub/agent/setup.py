"""Making an agent's folder, and running the program until it is told to stop."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any, Final

from hub.agent.errors import ConfigError
from hub.agent.program import AgentProgram
from hub.storage.files import write_durably
from signing.keys import SoftwareSigner

TEMPLATE: Final = Path(__file__).with_name("agent.yaml")
_SYSTEM: Final = """\
# 交给中枢运维：yizheng system add system.yaml  For the hub's operator; nothing in it is secret.
client_id: {client_id}
department: {department}           # 本部门统一社会信用代码 the USCC of your department
name: {{zh: 前置代理, en: Agent}}
keys:
  - {jwk}
"""


def make_folder(folder: Path, *, client_id: str = "amr-agent", department: str = "") -> dict[str, Any]:
    """A new folder with a key, a commented configuration, a place for secrets, and what the hub's operator registers;
    answers the public JWK.

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
    template = TEMPLATE.read_text(encoding="utf-8").replace("client_id: amr-agent", f"client_id: {client_id}")
    write_durably(folder / "agent.yaml", template.encode(), mode=0o600)
    registered = _SYSTEM.format(client_id=client_id, department=department or '""', jwk=json.dumps(signer.public.jwk))
    write_durably(folder / "system.yaml", registered.encode(), mode=0o644)
    return signer.public.jwk


async def run_until_told(program: AgentProgram) -> None:
    """Run until SIGTERM or SIGINT; questions in hand are answered first."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, program.stop)
    await program.run()
