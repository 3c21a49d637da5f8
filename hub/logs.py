"""Logs: one JSON line an event, codes and ids only. Whatever looks like an ID number is masked all the same."""

import logging
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final

import structlog

_ID_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z-])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z-])")


def configure_logging() -> None:
    """Send structlog and the standard library's warnings to stderr, masked."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            mask,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")


@contextmanager
def on_stderr() -> Iterator[None]:
    """Of one command: an alarm that comes up on the way stands beside its answer, which programs read, never in it."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=sys.stderr))
    try:
        yield
    finally:
        structlog.configure(**before)


def mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A last net under the rule that no ID number is logged: 330***********1234."""
    for name, value in event.items():
        if isinstance(value, str) and _ID_NUMBER.search(value):
            event[name] = _ID_NUMBER.sub(lambda found: f"{found[0][:3]}***********{found[0][-4:]}", value)
    return event
