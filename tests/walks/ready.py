"""`yizheng` for a reader's shell, forked from a process that has read the code already: a command costs milliseconds.

Each command is a process of its own, with the arguments, environment, folder and files that the shell gave it. What
serves, and what founds, is the installed program itself in a fresh interpreter.

    with ready_commands(folder) as path: …  # a folder to be first in PATH
"""

import gc
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_START_SECONDS = 60
_INSTALLED = Path(sys.executable).parent / "yizheng"
_CALLER = """#!{python} -ISE
import os, socket, sys
arguments = [os.fsencode(word) for word in sys.argv[1:]]
if not arguments or arguments[0] in (b"serve", b"init"):
    os.execv({installed!r}, [{installed!r}, *arguments])
variables = [name + b"=" + value for name, value in os.environb.items()]
message = b"\\0".join([os.getcwdb(), b"%d" % len(arguments), *arguments, *variables])
with socket.socket(socket.AF_UNIX) as line:
    line.connect({address!r})
    socket.send_fds(line, [len(message).to_bytes(8, "big")], [0, 1, 2])
    line.sendall(message)
    sys.exit(int(line.recv(8) or b"70"))
"""


@contextmanager
def ready_commands(folder: Path) -> Iterator[Path]:
    """A folder with `yizheng` in it; the process behind it ends with the block, or with the test run."""
    address = folder / "line"
    caller = folder / "yizheng"
    caller.write_text(_CALLER.format(python=sys.executable, installed=str(_INSTALLED), address=str(address)))
    caller.chmod(0o700)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("YIZHENG_")}
    command = [sys.executable, "-m", "tests.walks.ready", str(address)]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin is not None
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not address.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield folder
    finally:
        process.stdin.close()
        process.wait(10)


def _wait_for_a_command(address: str) -> bool:
    """True in each process that is to become a command now; False when whoever started this is gone."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        while True:
            readable, _, _ = select.select([listener, 0], [], [])
            if 0 in readable:
                return False
            line, _ = listener.accept()
            if os.fork() == 0:
                break
            line.close()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    with line:
        return _taken(line)


def _taken(line: socket.socket) -> bool:
    """Becomes the command in a child, and tells the caller how that ended."""
    length, files, _, _ = socket.recv_fds(line, 8, 3)
    with line.makefile("rb") as given:
        cwd, count, *words = given.read(int.from_bytes(length, "big")).split(b"\0")
    child = os.fork()
    if child:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        line.sendall(b"%d" % (code if code >= 0 else 128 - code))
        os._exit(0)
    for descriptor, file in enumerate(files):
        os.dup2(file, descriptor)
        os.close(file)
    os.chdir(cwd)
    os.environb.clear()
    os.environb.update(word.split(b"=", 1) for word in words[int(count) :])
    sys.argv = ["yizheng", *(os.fsdecode(word) for word in words[: int(count)])]
    return True


def _main() -> None:
    import tests.drills.preload  # noqa: F401
    from hub.cli.main import run

    gc.freeze()
    if _wait_for_a_command(sys.argv[1]):
        run()


if __name__ == "__main__":
    _main()
