"""Programs to copy: one question asked with curl, Python or Java, filled in for one system, interface and party.

The texts lie in `hub/web/snippets`, which `clients/snippets` shows beside the clients; tests run each against a hub.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib import resources
from typing import Any, Final, Literal
from urllib.parse import quote

Language = Literal["curl", "python", "java"]
LANGUAGES: Final[tuple[Language, ...]] = ("curl", "python", "java")
_PLACE: Final = re.compile(r"\{\{(\w+)\|([a-z|]+)\}\}")


@dataclass(frozen=True, slots=True)
class Filling:
    """What stands in the places of a snippet. `party` is a member of `parties` of `POST /api/v1/cases`.

    `hub` is the public URL, without a slash at its end. `key_file` is where the reader keeps the private key: never the
    key itself.
    """

    hub: str
    client_id: str
    kid: str
    interface: str
    matter: str
    purpose: str
    party: Mapping[str, str] = field(repr=False)
    key_file: str = "yizheng-key.pem"


def snippet(language: Language, filling: Filling) -> str:
    """The program, every value quoted for the place it stands in: no value can become code.

    Checked nowhere: that the system has a grant, and that its purpose is this one.
    """
    values = {item.name: getattr(filling, item.name) for item in fields(Filling)}
    return _PLACE.sub(lambda place: _quoted(values[place[1]], place[2].split("|")), _text(language))


def _quoted(value: Any, rules: list[str]) -> str:
    for rule in rules:
        match rule:
            case "json":  # a literal of JSON, Python and Java alike, as long as it has text and no true, false or null
                value = json.dumps(dict(value) if isinstance(value, Mapping) else value, ensure_ascii=False)
            case "sh":
                value = shlex.quote(value)
            case "path":
                value = quote(value, safe="")
            case _:
                raise ValueError(rule)
    return str(value)


@cache
def _text(language: Language) -> str:
    return resources.files("hub.web").joinpath("snippets", f"{language}.txt").read_text(encoding="utf-8")
