"""A PKCS #11 token behind a daemon that a test can kill: SoftHSM, served by p11-kit over a socket."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")
CLIENT = Path("/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so")
LABEL = "yizheng-test"
PIN = "271828"


class Device:
    """One token of a test session. The daemon runs while it is `plugged`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._daemon: subprocess.Popen[bytes] | None = None
        self.socket = folder / "socket"
        (folder / "tokens").mkdir(parents=True)
        (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
        command = ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "161803"]
        subprocess.run(command, env=self._environment(), check=True, capture_output=True)

    @staticmethod
    def missing() -> str | None:
        """Why there is none here."""
        if not SOFTHSM.exists() or shutil.which("softhsm2-util") is None:
            return "no SoftHSM: softhsm2"
        return None if CLIENT.exists() and shutil.which("p11-kit") else "no PKCS #11 daemon: p11-kit, p11-kit-modules"

    def plug(self) -> None:
        self.socket.unlink(missing_ok=True)
        command = ["p11-kit", "server", "--foreground", "--provider", str(SOFTHSM), "--name", str(self.socket)]
        self._daemon = subprocess.Popen(
            [*command, f"pkcs11:token={LABEL}"],
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it forks for each client, and all of it must go
        )
        deadline = time.monotonic() + 10
        while not self._listens():  # its socket is there a moment before anybody may connect to it
            assert time.monotonic() < deadline, "the daemon did not start"
            time.sleep(0.01)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as tried:
            return tried.connect_ex(str(self.socket)) == 0

    def unplug(self) -> None:
        if self._daemon is not None:
            os.killpg(self._daemon.pid, signal.SIGKILL)
            self._daemon.wait()
            self._daemon = None

    def hang(self) -> None:
        """It neither answers nor goes away, until `wake`."""
        assert self._daemon is not None
        os.killpg(self._daemon.pid, signal.SIGSTOP)

    def wake(self) -> None:
        assert self._daemon is not None
        os.killpg(self._daemon.pid, signal.SIGCONT)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "SOFTHSM2_CONF": str(self._folder / "softhsm2.conf")}
