"""One question as an envelope, and its answer as JSON. Blocking; for a thread, bounded by the size of the answer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from lxml import etree
from zeep.wsse.username import UsernameToken

from adapters.errors import DefinitionFaultError, DeniedError, FaultyAnswerError, SourceError
from adapters.http import Reply
from adapters.soap_contract import Port, charset_of
from adapters.soap_values import as_json
from adapters.soap_xml import clean_xml, parse

_MEDIA: Final = frozenset({"text/xml", "application/soap+xml", "application/xml"})
_ENVELOPE_DEPTH: Final = 3
"""Envelope, Body and the element of the answer do not count as depth of a record."""
_PASSING: Final = frozenset({429, 502, 503, 504})
_NOT_XML_CHARACTER: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CODE: Final = re.compile(r"(?!.*\d{7})[A-Za-z][A-Za-z0-9._-]{0,39}")
_REFUSING: Final = frozenset({"FailedAuthentication", "InvalidSecurity", "InvalidSecurityToken", "FailedCheck"})


@dataclass(frozen=True, slots=True)
class Login:
    """WS-Security UsernameToken, its values in clear for one envelope."""

    username: str
    password: str = field(repr=False)
    digest: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message ready to be sent."""

    body: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A SOAP Fault: its codes by local name, the most particular first. Its texts are the source's and stay behind."""

    codes: tuple[str, ...]

    def error(self) -> SourceError:
        """The error it is, unless the operation declares otherwise."""
        if _REFUSING.intersection(self.codes):
            return DeniedError()
        code = self.codes[0] if self.codes else ""
        # The source writes the code: an identifier of a person in it must not reach a log.
        return FaultyAnswerError(f"fault_{code}" if _CODE.fullmatch(code) else "fault")


def check_text(params: Mapping[str, Any]) -> None:
    """XML has no way to write some characters. Raises: DefinitionFaultError(`/params/<name>`, "characters")."""
    for name, value in params.items():
        if isinstance(value, str) and _NOT_XML_CHARACTER.search(value):
            raise DefinitionFaultError(f"/params/{name}", "characters")


def check_operation(port: Port, operation: str) -> None:
    """Raises: DefinitionFaultError: the contract has no such operation."""
    try:
        known = port.binding.get(operation)
    except ValueError:
        known = None
    if known is None:
        raise DefinitionFaultError("/operation", "not_in_contract")


def write(port: Port, operation: str, body: Mapping[str, Any], login: Login | None) -> Envelope:
    """The envelope of a question. Raises: DefinitionFaultError: operation or body do not fit the contract."""
    check_operation(port, operation)
    if "_soapheaders" in body:
        raise DefinitionFaultError("/body/_soapheaders", "unknown")
    try:
        known = port.binding.get(operation)
        message = known.create(**body)
        port.binding._set_http_headers(message, known)  # noqa: SLF001  # its public way sends by its own transport
    except Exception:  # noqa: BLE001  # zeep raises whatever; its texts quote values
        raise DefinitionFaultError("/body", "not_in_contract") from None
    envelope, headers = message.content, message.headers
    if login is not None:
        token = UsernameToken(  # type: ignore[no-untyped-call]
            login.username,
            login.password,
            use_digest=login.digest,
            created=login.now if login.digest else None,
            zulu_timestamp=True,
        )
        envelope, headers = token.apply(envelope, headers)  # type: ignore[no-untyped-call]
    written = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    return Envelope(written, tuple((str(name), str(value)) for name, value in headers.items()))


def read(port: Port, operation: str, reply: Reply, max_depth: int) -> Any | Fault:
    """What the source answered, as JSON, or its fault.

    Raises: DeniedError; FaultyAnswerError: `status_…`, `not_xml`, `attachments`, `contract` (not what was agreed), and
        those of `clean_xml`.
    """
    if reply.status in {401, 403}:
        raise DeniedError
    content_type = reply.headers.get("content-type", "").lower()
    media = content_type.partition(";")[0].strip()
    if reply.status not in {200, 400, 500} or (reply.status != 200 and media not in _MEDIA):
        raise FaultyAnswerError(f"status_{reply.status}", retryable=reply.status in _PASSING)
    if media.startswith("multipart/"):
        raise FaultyAnswerError("attachments")
    if media not in _MEDIA:
        raise FaultyAnswerError("not_xml")
    clean = clean_xml(reply.body, charset=charset_of(content_type), max_depth=max_depth + _ENVELOPE_DEPTH)
    return _read(port, operation, parse(clean), reply.status)


def _read(port: Port, operation: str, envelope: Any, status: int) -> Any | Fault:
    names = port.binding.nsmap
    fault = envelope.find("soap-env:Body/soap-env:Fault", namespaces=names)
    if fault is not None:
        return Fault(_codes(fault, names))
    known = port.binding.get(operation)
    if status != 200 or envelope.tag != etree.QName(names["soap-env"], "Envelope"):
        raise FaultyAnswerError("contract")
    # zeep reads an element it does not know as nothing, and nothing may mean that there is no record.
    body = envelope.find("soap-env:Body", namespaces=names)
    if body is None or not _agreed(known, [child.tag for child in body.iterchildren(etree.Element)]):
        raise FaultyAnswerError("contract")
    try:
        found = known.process_reply(envelope)
    except Exception:  # noqa: BLE001  # an answer may break zeep in any way; its texts quote the answer
        raise FaultyAnswerError("contract") from None
    return as_json(found)


def _agreed(known: Any, tags: Sequence[str]) -> bool:
    """Whether these are the elements that the contract lets an answer consist of."""
    output = known.output
    if output is None or output.body is None or not tags:
        return False
    if known.style == "rpc":
        # WS-I Basic Profile R2729: the operation's name and "Response"; some name the message instead.
        names = {f"{known.name}Response", output.abstract.name.localname}
        return len(tags) == 1 and etree.QName(tags[0]).localname in names
    parts = {element.qname.text for _, element in output.body.type.elements} if len(tags) > 1 else set()
    return list(tags) == [output.body.qname.text] or parts.issuperset(tags)


def _codes(fault: Any, names: Mapping[str, str]) -> tuple[str, ...]:
    """Codes of SOAP 1.1 (`faultcode`) or 1.2 (`Code/Value` and nested `Subcode/Value`)."""
    plain = fault.findtext("faultcode")
    found = [plain] if plain else []
    found += [value.text or "" for value in fault.iterfind("soap-env:Code//soap-env:Value", namespaces=dict(names))]
    return tuple(code.rpartition(":")[2].strip() for code in reversed(found))
