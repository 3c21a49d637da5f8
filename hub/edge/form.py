"""Reading a posted form, as strictly as a JSON body."""

import re
from typing import Final
from urllib.parse import parse_qsl

from hub.edge.errors import BadRequestError, Fault

CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What no text has: of the controls only tabs and line ends are let in. PostgreSQL answers a NUL with an error."""


def read_form(raw: bytes) -> dict[str, str]:
    """Fields by name. Raises BadRequestError for anything but UTF-8 fields without controls, each given once."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError as error:
        raise BadRequestError(Fault("", "form")) from error
    if any(CONTROLS.search(text) for pair in pairs for text in pair):
        raise BadRequestError(Fault("", "character"))
    form = dict(pairs)
    if len(form) != len(pairs):
        raise BadRequestError(Fault("", "repeated_parameter"))
    return form
