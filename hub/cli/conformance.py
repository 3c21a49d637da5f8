"""`yizheng conformance`: whether a hub, or a receiver of its webhooks, does what the documentation says.

The checks are the Python client's, which shares no code with the hub: who checks would else check with what is checked.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

import hub
from hub.cli.common import Exit, fail

HANDED_ON: Final = {"ignore_unknown_options": True}
"""The options are the client's own."""


def conformance(
    options: Annotated[
        list[str] | None,
        typer.Argument(
            help="--against URL (--sample FILE | --client-id ID --key FILE --case FILE) [--kid KID] [--issuer URL] "
            "[--log-key KEY] [--listen HOST:PORT] [--limits N], or --receiver URL --secret-file FILE; "
            "[--report FILE] [--json] 选项见 docs/conformance.md"
        ),
    ] = None,
) -> None:
    """Check a hub, or a receiver of webhooks. Exit 0 it conforms, 1 it does not, 64 wrong call. 一致性检查"""
    if not _client():
        fail("the Python client is not installed here", "pip install ./clients/python", Exit.UNAVAILABLE)
    from yizheng_client.conformance.__main__ import main

    raise typer.Exit(main(options or []))


def _client() -> bool:
    """Whether the client is installed, or lies beside the hub as in a checkout."""
    beside = Path(hub.__file__).parent.parent / "clients" / "python" / "src"
    if importlib.util.find_spec("yizheng_client") is None and beside.is_dir():
        sys.path.append(str(beside))
    return importlib.util.find_spec("yizheng_client") is not None
