"""The press: worker processes that set faces, each killed when it takes too long."""

import asyncio
import os
import select
import subprocess
import sys
import time
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from certificates.errors import RenderingError, TemplateError, TemplateProblem
from certificates.rendering.typesetting import Output, SealPlace, SetFace
from hub.issuing.renditions.worker import read_frame, write_frame

LIMIT_SECONDS: Final = 10.0
"""For one face. The longest of ours takes a hundredth of it."""
START_SECONDS: Final = 30.0
_ENVIRONMENT: Final = {"LANG": "C.UTF-8", "RAYON_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""All that a worker is told: no master key, and no proxy by which to go out."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One face to set; see `Typesetter.set`."""

    template: str
    data: str = field(repr=False)
    output: Output
    at: int
    ppi: int = 144

    def as_json(self) -> dict[str, Any]:
        """The question to a worker."""
        return {"template": self.template, "data": self.data, "output": self.output, "at": self.at, "ppi": self.ppi}


class Press:
    """Sets faces in up to `workers` processes, started when first needed, kept until `close`."""

    def __init__(self, *, own_fonts: Path | None, workers: int, limit_seconds: float = LIMIT_SECONDS) -> None:
        self._own_fonts = own_fonts
        self._limit_seconds = limit_seconds
        self._places = asyncio.Semaphore(workers)
        self._idle: list[_Worker] = []

    async def set(self, job: Job) -> SetFace:
        """Set one face, when a worker is free.

        Raises: TemplateError; RenderingError ("too_slow", "worker_died": it took more time or memory than it may,
            "missing_glyphs", "too_large").
        """
        async with self._places:
            return await asyncio.to_thread(self._set, job)

    def close(self) -> None:
        """End the workers. Nothing may be asked any more."""
        while self._idle:
            self._idle.pop().kill()

    def _set(self, job: Job) -> SetFace:
        worker = self._idle.pop() if self._idle else _Worker(self._own_fonts)
        try:
            answer = worker.ask(job.as_json(), self._limit_seconds)
        except BaseException:
            worker.kill()
            raise
        self._idle.append(worker)
        return _read(answer)


class _Worker:
    """One process."""

    def __init__(self, own_fonts: Path | None) -> None:
        command = [sys.executable, "-m", "hub.issuing.renditions.worker"]
        if own_fonts is not None:
            command.append(str(own_fonts))
        self._process = subprocess.Popen(  # noqa: S603  # our own program
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=_ENVIRONMENT,
            cwd=Path(__file__).parents[2],
        )
        try:
            self._answer(START_SECONDS)
        except BaseException:
            self.kill()
            raise

    def ask(self, question: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Its answer. Raises: RenderingError."""
        assert self._process.stdin is not None  # noqa: S101  # a pipe, as asked for
        try:
            write_frame(self._process.stdin, question)  # type: ignore[arg-type]
        except BrokenPipeError as error:
            raise RenderingError("worker_died") from error
        return self._answer(seconds)

    def kill(self) -> None:
        """End it at once; it holds nothing that could be lost."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _answer(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101  # a pipe, as asked for
        answer = read_frame(_Patient(self._process.stdout.fileno(), time.monotonic() + seconds))  # type: ignore[arg-type]
        if answer is None:
            _log.warning("face_worker_died", code=self._process.poll())
            raise RenderingError("worker_died")
        return answer


class _Patient:
    """Reads from a pipe until an instant, and no longer."""

    def __init__(self, descriptor: int, until: float) -> None:
        self._descriptor = descriptor
        self._until = until

    def read(self, count: int) -> bytes:
        ready, _, _ = select.select([self._descriptor], [], [], max(0.0, self._until - time.monotonic()))
        if not ready:
            raise RenderingError("too_slow")
        return os.read(self._descriptor, count)


def _read(answer: dict[str, Any]) -> SetFace:
    match answer:
        case {"files": files, "seal": seal}:
            return SetFace(tuple(map(b64decode, files)), None if seal is None else SealPlace(*seal))
        case {"problems": problems}:
            raise TemplateError([TemplateProblem(*problem) for problem in problems])
    raise RenderingError(str(answer["reason"]), characters=answer["characters"])
