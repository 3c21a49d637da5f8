"""A table behind a SOAP 1.1 service of the web server: one operation `Find`, by one column."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from html import escape, unescape
from typing import Any, Final

from hub.scenarios.places import By, Table
from hub.scenarios.real.standing import XML, WebServer

_NAMESPACE: Final = "urn:scenario:register"
_SAID: Final = re.compile(r"<(?:\w+:)?(column|value)>([^<]*)</")
_WSDL: Final = """<?xml version="1.0" encoding="UTF-8"?>
<definitions name="Register" targetNamespace="{namespace}"
    xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:r="{namespace}"
    xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
  <types>
    <xsd:schema targetNamespace="{namespace}" elementFormDefault="qualified">
      <xsd:element name="Find"><xsd:complexType><xsd:sequence>
        <xsd:element name="column" type="xsd:string"/><xsd:element name="value" type="xsd:string"/>
      </xsd:sequence></xsd:complexType></xsd:element>
      <xsd:element name="FindResponse"><xsd:complexType><xsd:sequence>
        <xsd:element name="row" minOccurs="0" maxOccurs="unbounded"><xsd:complexType><xsd:sequence>
          {columns}
        </xsd:sequence></xsd:complexType></xsd:element>
      </xsd:sequence></xsd:complexType></xsd:element>
    </xsd:schema>
  </types>
  <message name="FindIn"><part name="body" element="r:Find"/></message>
  <message name="FindOut"><part name="body" element="r:FindResponse"/></message>
  <portType name="Register">
    <operation name="Find"><input message="r:FindIn"/><output message="r:FindOut"/></operation>
  </portType>
  <binding name="Soap11" type="r:Register">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Find">
      <soap:operation soapAction="{namespace}:Find"/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output>
    </operation>
  </binding>
  <service name="RegisterService">
    <port name="Soap11" binding="r:Soap11"><soap:address location="{address}"/></port>
  </service>
</definitions>
"""
_ANSWER: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<FindResponse xmlns="{namespace}">{rows}</FindResponse></s:Body></s:Envelope>'
)


@dataclass(frozen=True, slots=True)
class SoapTable:
    """A table behind the web server, asked by SOAP."""

    web: WebServer
    table: Table

    def definition(self) -> Mapping[str, Any]:
        """Of kind `soap`, with its contract."""
        columns = "".join(f'<xsd:element name="{escape(name)}" type="xsd:string"/>' for name in self.table.columns)
        address = f"http://{self.web.target}/{self.table.source}"
        wsdl = _WSDL.format(namespace=_NAMESPACE, columns=columns, address=address)
        return {"kind": "soap", "connection": {"wsdl": wsdl}, "targets": [self.web.target]}

    def secrets(self) -> Mapping[str, str]:
        """None."""
        return {}

    def operation(self, by: By) -> Mapping[str, Any]:
        """One call of `Find`."""
        ((column, param),) = by.items()
        return {
            "operation": "Find",
            "body": {"column": column, "value": f"{{{param}}}"},
            "none_when": [{"pointer": "", "present": False}],
        }

    def away(self) -> AbstractContextManager[None]:
        """It answers 503."""
        return self.web.without(self.table.source)


def found(table: Table, body: str) -> tuple[str, bytes]:
    """The answer to a call: rows whose column equals the value. Of no matter what else the envelope says."""
    said = {name: unescape(value) for name, value in _SAID.findall(body)}
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    wanted = [row for row in rows if row.get(said.get("column", "")) == said.get("value", "")]
    return XML, _ANSWER.format(namespace=_NAMESPACE, rows="".join(_row(row) for row in wanted)).encode()


def _row(row: Mapping[str, str]) -> str:
    return "<row>" + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in row.items()) + "</row>"
