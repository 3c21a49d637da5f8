"""Reading a posted form, as strictly as a JSON body."""

import re
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import parse_qsl

from hub.edge.errors import BadRequestError, Fault

CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What no text has: of the controls only tabs and line ends are let in. PostgreSQL answers a NUL with an error."""


def read_form(raw: bytes, *, several: Collection[str] = ()) -> dict[str, str]:
    """Fields by name. Raises BadRequestError for anything but UTF-8 fields without controls, each given once.

    Args:
        several: fields that may be given more than once: their values, with commas between.
    """
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError as error:
        raise BadRequestError(Fault("", "form")) from error
    if any(CONTROLS.search(text) for pair in pairs for text in pair):
        raise BadRequestError(Fault("", "character"))
    return once(pairs, several=several)


def once(pairs: Iterable[tuple[str, str]], *, several: Collection[str] = ()) -> dict[str, str]:
    """Fields by name; raises BadRequestError for one that is given twice, unless it may be."""
    form: dict[str, str] = {}
    for name, value in pairs:
        if name in form and name not in several:
            raise BadRequestError(Fault("", "repeated_parameter"))
        form[name] = f"{form[name]},{value}" if name in form else value
    return form
