"""Reading a posted form, as strictly as a JSON body."""

from urllib.parse import parse_qsl

from hub.edge.errors import BadRequestError, Fault


def read_form(raw: bytes) -> dict[str, str]:
    """Fields by name. Raises BadRequestError for anything but UTF-8 fields, each given once."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError as error:
        raise BadRequestError(Fault("", "form")) from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise BadRequestError(Fault("", "repeated_parameter"))
    return form
