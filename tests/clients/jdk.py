"""Compiling and running Java, where a JDK is at hand."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

JAVA = Path(__file__).parent.parent.parent / "clients" / "java" / "src"
_UTF8 = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}


@dataclass(frozen=True)
class Jdk:
    """The client, compiled for Java 8."""

    classes: Path

    def compile(self, *sources: Path) -> None:
        command = ["javac", "--release", "8", "-encoding", "UTF-8", "-Xlint:all,-options", "-Werror"]
        command += ["-cp", str(self.classes), "-d", str(self.classes), *map(str, sources)]
        done = subprocess.run(command, capture_output=True, text=True, env=_UTF8)
        assert done.returncode == 0, done.stderr

    def run(self, main: str, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = ["java", "-Dfile.encoding=UTF-8", "-cp", str(self.classes), main, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, env=_UTF8)

    def said(self, main: str, *arguments: str | Path, cwd: Path) -> list[dict[str, Any]]:
        done = self.run(main, *arguments, cwd=cwd)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="session")
def jdk(tmp_path_factory: pytest.TempPathFactory) -> Jdk:
    """Skips without a JDK that can compile for Java 8."""
    if shutil.which("javac") is None or shutil.which("java") is None:
        pytest.skip("no JDK at hand: the Java client is not compiled here")
    found = Jdk(tmp_path_factory.mktemp("classes"))
    found.compile(*sorted(JAVA.rglob("*.java")))
    return found
