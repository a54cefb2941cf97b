"""The bytes of a delivery as they came in: one entry's resource cut out of them, and BSNs masked in them.

https://hl7.org/fhir/R4/json.html https://hl7.org/fhir/R4/xml.html
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from lxml import etree

from app.errors import ZelfregieError
from app.fhir import markup
from app.fhir.resource import decode, encode
from app.server import bsn

_FHIR: Final = "{http://hl7.org/fhir}"
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


class _Entry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw(b"")


class _Bundle(msgspec.Struct):
    entry: list[_Entry] = []


_bundle: Final = msgspec.json.Decoder(_Bundle).decode


def resources_of(body: bytes, media_type: str) -> list[bytes]:
    """The bytes of each entry's resource in a Bundle, b"" for an entry without one; empty where it is no Bundle."""
    try:
        if "xml" not in media_type:
            return [bytes(each.resource) for each in _bundle(body).entry]
        return [_written(each) for each in markup.parse(body).findall(f"{_FHIR}entry")]
    except (msgspec.MsgspecError, etree.LxmlError, ValueError, ZelfregieError):
        return []


def _written(entry: etree._Element) -> bytes:
    resource = entry.find(f"{_FHIR}resource/*")
    return b"" if resource is None else etree.tostring(resource, with_tail=False)


def written_plainly(body: bytes) -> bytes | None:
    """The same without the ways to write a character as something else; None where it cannot be read at all."""
    try:
        if body.lstrip()[:1] == b"<":
            return etree.tostring(markup.parse(body), encoding="utf-8") if b"&" in body else body
        return encode(decode(body)) if b"\\" in body else body
    except (etree.LxmlError, ValueError, ZelfregieError):
        return None


def masked(received: bytes, media_type: str) -> bytes | None:
    """The bytes without a BSN; those that hold none are not touched. None: it may hold one and cannot be looked
    through.
    """
    if not bsn.may_hold(received):
        return received
    try:
        if "xml" in media_type:
            return _masked_xml(received)
        value = decode(received)
    except (etree.LxmlError, ValueError, ZelfregieError):
        return None
    return encode(value) if bsn.mask(value) else received


def _masked_xml(received: bytes) -> bytes:
    root = markup.parse(received)
    numbers: set[str] = set()
    found = False
    for value in root.iter(f"{_FHIR}value"):
        around = value.getparent()
        if around is None or "value" not in value.attrib or not _is_bsn(around):
            continue
        numbers |= bsn.numbers_in({"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": value.attrib["value"]})
        del value.attrib["value"]
        extension = etree.SubElement(value, f"{_FHIR}extension", url=_ABSENT)
        etree.SubElement(extension, f"{_FHIR}valueCode", value="masked")
        found = True
    written = etree.tostring(root, encoding="unicode") if found else received.decode()
    masked = bsn.masked_words(written, numbers)
    return masked.encode() if found or masked != written else received


def _is_bsn(identifier: etree._Element) -> bool:
    """As ``bsn.mask`` knows one, in XML."""
    made: dict[str, Any] = {"value": ""}
    system = identifier.find(f"{_FHIR}system")
    codes = identifier.findall(f"{_FHIR}type/{_FHIR}coding/{_FHIR}code")
    if system is not None:
        made["system"] = system.get("value")
    if codes:
        made["type"] = {"coding": [{"code": each.get("value")} for each in codes]}
    return bsn.mask(made) > 0
