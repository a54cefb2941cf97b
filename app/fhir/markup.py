"""Text to an XML tree, without doing what the text asks for and without keeping it. https://hl7.org/fhir/R4/xml.html

FHIR has no document type declarations. As entities can only be declared there, refusing it before the parser sees it
leaves nothing to expand or fetch. Documents are UTF-8, whatever they declare.

libxml2 keeps every name that a thread ever parsed (of elements, attributes, namespaces), so whoever may send documents
could fill the memory. Documents that bring new names are counted; beyond ``MOST_KEPT`` each is parsed in a thread of
its own, which forgets its names when it ends, at the cost of about 0.1 ms.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from lxml import etree

MAX_DEPTH: Final = 200
"""XML elements within each other that we write; libxml2, and so our reader, allows 256."""
NARRATIVE_DEPTH: Final = 50
"""Elements within each other in a narrative, which may stand at the deepest place."""
MOST_KEPT: Final = 16_000_000
"""Bytes of documents that brought new names: more than all names of FHIR and XHTML come to."""

_UNTYPED: Any = etree
_names_kept: Final = _UNTYPED.memory_debugger.dict_size  # by this thread
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
    return _parse(data)


class _Parse:
    """Parses here as long as few enough new names have come, then in threads of their own."""

    def __init__(self) -> None:
        self.kept = 0
        self._parser = _new_parser()

    def __call__(self, data: bytes) -> etree._Element:
        if self.kept > MOST_KEPT:
            with ThreadPoolExecutor(max_workers=1) as thread:
                return thread.submit(lambda: etree.fromstring(data, _new_parser())).result()
        before = _names_kept()
        try:
            return etree.fromstring(data, self._parser)
        finally:
            if _names_kept() != before:
                self.kept += len(data)


def _new_parser() -> etree.XMLParser:
    """Libxml2's own limits stay on (``huge_tree``): 256 levels, 10 million characters in a text or attribute."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=False,
        remove_pis=False,
    )


_parse = _Parse()
