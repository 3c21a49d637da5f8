"""An old department's database: a MariaDB server of its own inside a network that nothing can connect into."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest

from tests.agent.network import Network
from tests.support import ENTERPRISE, valid_uscc
from tests.walks.registers import SHARED, rows

PORT = 3306
_START_SECONDS = 60
_INVENTED = (
    (ENTERPRISE["name"], ENTERPRISE["id_number"], "2019-03-01", "500(万元人民币)", "示例市中心路1号"),
    ("示例市夜色食品有限公司", valid_uscc("91990100MA0000002"), "2020-02-29", "N/A", "示例市中心路2号"),
)
_COLUMNS = ("企业名称", "统一社会信用代码", "注册日期", "注册资金", "注册地址")


def register() -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Columns and rows of the real register; where it is absent, of the small invented one."""
    return rows() if SHARED.exists() else (_COLUMNS, _INVENTED)


def server() -> str:
    """The server's program. Skips, with the reason, where there is none."""
    found = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None or shutil.which("mariadb-install-db") is None or shutil.which("runuser") is None:
        pytest.skip("no MariaDB: make test installs it")
    return found


@contextmanager
def old_database(network: Network, makes: Sequence[str]) -> Iterator[None]:
    """Runs in there, on every address there is, with the register and what the manual makes in it."""
    program = server()
    # Not pytest's folder: the server runs as another user, who may not enter that.
    folder = Path(tempfile.mkdtemp(prefix="yz-old-"))
    shutil.chown(folder, "mysql")
    as_mysql = ["runuser", "-u", "mysql", "--"]
    try:
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={folder}/data", "--skip-test-db"]
        root = "--auth-root-authentication-method=normal"
        subprocess.run([*as_mysql, *install, root], check=True, capture_output=True, cwd="/")
        options = [f"--datadir={folder}/data", f"--socket={folder}/sock", f"--pid-file={folder}/pid"]
        options += ["--bind-address=0.0.0.0", f"--port={PORT}", "--skip-log-bin", "--innodb-buffer-pool-size=16M"]
        options += ["--innodb-flush-log-at-trx-commit=0", f"--log-error={folder}/log", "--skip-name-resolve"]
        command = [*network.inside, *as_mysql, program, "--no-defaults", *options]
        running = subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            fill(await_answer(folder / "sock", running), makes)
            yield
        finally:
            # The last process that the prefix started is the server itself.
            running.send_signal(signal.SIGTERM)
            running.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def await_answer(socket: Path, running: "subprocess.Popen[bytes]") -> "pymysql.Connection":  # type: ignore[type-arg]
    deadline = time.monotonic() + _START_SECONDS
    while not socket.exists():
        assert running.poll() is None, "MariaDB did not start"
        assert time.monotonic() < deadline, "MariaDB did not start in time"
        time.sleep(0.05)
    return pymysql.connect(unix_socket=str(socket), user="root", autocommit=True)


def fill(link: "pymysql.Connection", makes: Sequence[str]) -> None:  # type: ignore[type-arg]
    columns, found = register()
    with link, link.cursor() as cursor:
        cursor.execute("CREATE DATABASE register CHARACTER SET utf8mb4")
        cursor.execute(f"CREATE TABLE register.enterprise ({', '.join(f'`{name}` TEXT' for name in columns)})")
        cursor.executemany(f"INSERT INTO register.enterprise VALUES ({', '.join(['%s'] * len(columns))})", found)
        for statement in makes:
            cursor.execute(statement)


def known() -> tuple[str, str]:
    """Number and name of the first record."""
    columns, found = register()
    number, name = (found[0][list(columns).index(column)] for column in ("统一社会信用代码", "企业名称"))
    return number, name


def size() -> int:
    """How many records there are."""
    return len(register()[1])
