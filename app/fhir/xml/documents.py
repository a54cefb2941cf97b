"""Text to an XML tree without reading, fetching or expanding anything that the text asks for.

FHIR forbids document type declarations (https://hl7.org/fhir/R4/security.html#narrative,
https://hl7.org/fhir/R4/xml.html). As entities can only be declared there, refusing it before the parser sees it leaves
nothing to expand. Documents are UTF-8, whatever they declare.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

# libxml2's own limits stay on (huge_tree): 256 levels, 10 million characters in a text or attribute.
_PARSER: Final = etree.XMLParser(
    encoding="utf-8",
    resolve_entities=False,
    load_dtd=False,
    dtd_validation=False,
    no_network=True,
    huge_tree=False,
    remove_comments=False,
    remove_pis=False,
)
# Groups that never give back (`(?>`, `++`): a prolog of many comments must not be tried in every division.
_DOCUMENT_TYPE: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s++|<\?(?>.*?\?>)|<!--(?>.*?-->))*+<!DOCTYPE", re.DOTALL
).match


class DocumentTypeError(ValueError):
    """The document declares a document type."""


def parse(data: bytes) -> etree._Element:
    """The root of the document. Raises ``DocumentTypeError``, and ``etree.XMLSyntaxError`` if it is not well-formed."""
    if _DOCUMENT_TYPE(data):
        raise DocumentTypeError("A document type declaration is not allowed.")
    return etree.fromstring(data, _PARSER)
