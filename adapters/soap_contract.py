"""The contract of a SOAP source: its WSDL with every document that it imports, fetched once and pinned by digest.

Imports are followed to the source's own targets only, and by this module: zeep gets a shelf of cleaned documents, in
which every import names a place on the shelf, and is told to fetch nothing.
"""

import hashlib
import logging
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urldefrag, urljoin

import zeep.settings
import zeep.wsdl
import zeep.xsd.elements.attribute
import zeep.xsd.types.simple
from lxml import etree

from adapters.errors import DefinitionFaultError, FaultyAnswerError
from adapters.soap_xml import clean_xml, parse

MAX_BYTES: Final = 4_194_304
"""Of all documents of a contract together."""
_MAX_DOCUMENTS: Final = 50
_MAX_DEPTH: Final = 100
_ROOT: Final = "/contract/0"
_WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"
_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
_IMPORTS: Final = {
    f"{_WSDL}import": "location",
    f"{_XSD}import": "schemaLocation",
    f"{_XSD}include": "schemaLocation",
    f"{_XSD}redefine": "schemaLocation",
}
_SETTINGS: Final = {
    "strict": True,
    "forbid_dtd": True,
    "forbid_entities": True,
    "forbid_external": True,
    "xml_huge_tree": False,
    "force_https": False,
}

logging.getLogger("zeep").setLevel(logging.WARNING)


class _UnreadableError(RuntimeError):
    """A value of an answer is not of the type that the contract says."""


class _Strict:
    """In place of zeep's loggers where it would log a value that it cannot read, and go on as if it were absent."""

    def exception(self, *_: object) -> None:
        raise _UnreadableError from None


for _module in (zeep.xsd.types.simple, zeep.xsd.elements.attribute):
    setattr(_module, "logger", _Strict())  # noqa: B010  # it is another type, and that is the point


@dataclass(frozen=True, slots=True)
class Port:
    """One way to reach a service: SOAP 1.1 or 1.2 at an address."""

    binding: Any = field(repr=False)
    address: str


class Contract:
    """A WSDL that was read. Safe for several threads; reading it took one."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        """Documents by their place on the shelf, the WSDL first. Raises: DefinitionFaultError("/wsdl", …)."""
        try:
            with warnings.catch_warnings():
                # An operation that is not whole is left out of the contract, and missed when it is asked for.
                warnings.simplefilter("ignore")
                shelf: Any = _Shelf(documents)
                self._document = zeep.wsdl.Document(_ROOT, shelf, settings=zeep.settings.Settings(**_SETTINGS))
        except zeep.exceptions.ExternalReferenceForbidden:
            raise DefinitionFaultError("/wsdl", "unknown_import") from None
        except Exception:  # noqa: BLE001  # a WSDL may break zeep in any way
            raise DefinitionFaultError("/wsdl", "not_a_contract") from None

    def port(self, service: str | None, port: str | None) -> Port:
        """The named port, or the first that speaks SOAP over HTTP.

        Raises: DefinitionFaultError: `/service` or `/port` is not in the contract.
        """
        services = self._document.services
        if service is not None and service not in services:
            raise DefinitionFaultError("/service", "not_in_contract")
        for known in [services[service]] if service else services.values():
            for name, candidate in known.ports.items():
                if port in {None, name} and hasattr(candidate.binding, "process_error"):
                    return Port(candidate.binding, str(candidate.binding_options.get("address", "")))
        raise DefinitionFaultError("/port", "not_in_contract")


class _Shelf:
    """What zeep takes for its transport: documents by place, and no other."""

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        self._documents = documents

    def load(self, place: str) -> bytes:
        if place not in self._documents:
            raise DefinitionFaultError("/wsdl", "unknown_import")
        return self._documents[place]


class Gathering:
    """Documents of a contract as they come in. `wanted` names the next address; None: it is whole."""

    def __init__(self, root: str) -> None:
        self._places: dict[str, str] = {root: _ROOT}
        self._waiting = [root]
        self._documents: dict[str, bytes] = {}
        self._digest = hashlib.sha256()
        self._bytes = 0

    @property
    def wanted(self) -> str | None:
        """The address to fetch next, absolute if the WSDL's own is."""
        return self._waiting[0] if self._waiting else None

    @property
    def left(self) -> int:
        """How many bytes may still come."""
        return MAX_BYTES - self._bytes

    @property
    def digest(self) -> str:
        """SHA-256, in hex, over the documents as they came, one after the other: of a lone WSDL, that of its file."""
        return self._digest.hexdigest()

    def put(self, raw: bytes, charset: str | None) -> None:
        """Take the wanted document, and want what it imports. Raises: FaultyAnswerError; DefinitionFaultError."""
        here = self._waiting.pop(0)
        self._bytes += len(raw)
        if self._bytes > MAX_BYTES:
            raise FaultyAnswerError("too_large")
        self._digest.update(raw)
        clean = clean_xml(raw, charset=charset, max_depth=_MAX_DEPTH)
        root = parse(clean)
        for element in root.iter(*_IMPORTS):
            attribute = _IMPORTS[element.tag]
            location = (element.get(attribute) or "").strip()
            if location:
                element.set(attribute, self._place(urldefrag(urljoin(here, location)).url))
        self._documents[self._places[here]] = etree.tostring(root)

    def contract(self) -> Contract:
        """Read what was gathered. Raises: DefinitionFaultError."""
        return Contract(self._documents)

    def _place(self, address: str) -> str:
        if address not in self._places:
            if len(self._places) >= _MAX_DOCUMENTS:
                raise DefinitionFaultError("/wsdl", "too_many_documents")
            self._places[address] = f"/contract/{len(self._places)}"
            self._waiting.append(address)
        return self._places[address]


def charset_of(content_type: str) -> str | None:
    """The charset that a content type names."""
    found = re.search(r"""charset\s*=\s*["']?([A-Za-z0-9._-]+)""", content_type, re.IGNORECASE)
    return found[1] if found else None
