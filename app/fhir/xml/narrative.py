"""The ``div`` of a narrative: a string in JSON, an XHTML element in XML. https://hl7.org/fhir/R4/narrative.html"""

from __future__ import annotations

import copy
from typing import Final

from lxml import etree

from app.fhir.markup import parse
from app.fhir.xml.tables import XHTML

_DIV: Final = f"{{{XHTML}}}div"


def from_element(div: etree._Element) -> str:
    """The element as text, with the namespace declarations that it needs and no others."""
    if len(div.nsmap) > 1:
        div = copy.deepcopy(div)
        etree.cleanup_namespaces(div)
    return etree.tostring(div, encoding="unicode", with_tail=False)


def to_markup(text: object) -> str:
    """The text as an XHTML element to put into a document.

    Raises ``TypeError`` when it is no text, ``ValueError`` when it is not a well-formed div.
    """
    if not isinstance(text, str):
        raise TypeError("text is expected")
    try:
        root = parse(text.encode())
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from error
    if root.tag != _DIV:
        raise ValueError(f"a div of {XHTML} is expected")
    return etree.tostring(root, encoding="unicode")
