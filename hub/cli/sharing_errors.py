"""Refusals of requests, disputes and proposals as lines on the command line."""

import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer

from hub.cli.common import Exit, fail

T = TypeVar("T")


async def told(work: Callable[[], Awaitable[T]], advice: str) -> T:
    """Do the work; a refusal becomes one line for every fault, and what to do."""
    from hub.registry.requests.errors import IncompleteError, RequestError
    from hub.storage.errors import MissingError

    try:
        return await work()
    except IncompleteError as error:
        for fault in error.faults:
            reason = f" ({fault.params['reason']})" if fault.params.get("reason") else ""
            print(f"yizheng: {fault.pointer or '/'} {fault.zh} {fault.en}{reason}", file=sys.stderr)
        raise typer.Exit(Exit.BAD_DATA) from None
    except RequestError as error:
        fail(str(error) or type(error).__doc__ or "refused", advice, Exit.REFUSED)
    except MissingError as error:
        fail(f"there is no such {error}", advice, Exit.BAD_DATA)
