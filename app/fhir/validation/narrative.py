"""Narrative: well-formed XHTML with formatting only. https://hl7.org/fhir/R4/narrative.html

The constraints txt-1 and txt-2, and what they imply for safety: nothing in it may run, load or pretend.
"""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

from app.fhir.markup import parse
from app.fhir.validation.problems import Problem, Problems

XHTML: Final = "http://www.w3.org/1999/xhtml"
_ELEMENTS = """
    a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr
    i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var
"""
ELEMENTS: Final = frozenset(_ELEMENTS.split())
_ATTRIBUTES = """
    abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff
    charset cite class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc
    name nowrap rel rev rowspan rules scope shape span src start style summary tabindex title type valign
    value vspace width
"""
ATTRIBUTES: Final = frozenset(_ATTRIBUTES.split())
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# A picture may be inside the text; nothing else may be, because a browser could open it as a page.
_LINK = r"https?:|mailto:|tel:|urn:|[^:]*(?:[/?#]|$)"
_LINKS = {
    "src": re.compile(rf"data:|{_LINK}", re.IGNORECASE).match,
    "href": re.compile(_LINK, re.IGNORECASE).match,
    "cite": re.compile(_LINK, re.IGNORECASE).match,
    "longdesc": re.compile(_LINK, re.IGNORECASE).match,
}
_UNSAFE_STYLE = re.compile(
    r"expression\s*\(|@import|behaviou?r\s*:|-moz-binding|url\s*\((?!\s*['\"]?\s*data:)|\\|/\*", re.IGNORECASE
).search
_EARLY_END = re.compile(r"<!---?>").search
_HAS_TEXT = etree.XPath("boolean(normalize-space())")
_PREFIX = f"{{{XHTML}}}"


def narrative(value: Any) -> Problems | None:
    """The check of ``Narrative.div``."""
    if type(value) is not str:
        return [Problem("structure", "The narrative must be a JSON string with an XHTML div.")]
    if "<!" in value.replace("<!--", ""):
        return [_unsafe("a document type or CDATA section")]
    if _EARLY_END(value):
        return [_unsafe("a comment that HTML ends earlier than XML does")]
    try:
        root = parse(value.encode())
    except (etree.XMLSyntaxError, ValueError):
        return [Problem("value", "The narrative is not well-formed XML.")]
    if root.tag != f"{_PREFIX}div":
        return [Problem("value", f"The narrative must be a div of {XHTML}.")]
    problems = [_unsafe(text) for text in dict.fromkeys(_offences(root))]
    if not problems and not _HAS_TEXT(root) and next(root.iter(f"{_PREFIX}img"), None) is None:
        problems = [Problem("invariant", "The narrative must have some content.", rule="txt-2")]
    return problems or None


def _unsafe(text: str) -> Problem:
    return Problem("invariant", f"The narrative holds {text}; it may hold basic formatting only.", rule="txt-1")


def _offences(root: Any) -> list[str]:
    found = []
    for element in root.iter():
        if not isinstance(element.tag, str):
            if element.tag is not etree.Comment:
                found.append("a processing instruction or entity")
            continue
        name = element.tag.removeprefix(_PREFIX)
        if name not in ELEMENTS:
            found.append("an element that is not allowed")
        for attribute, content in element.attrib.items():
            if attribute not in ATTRIBUTES and attribute != _XML_LANG:
                found.append("an attribute that is not allowed")
            elif attribute in _LINKS and not _LINKS[attribute](content.strip()):
                found.append("a link of a kind that is not allowed")
            elif attribute == "style" and _UNSAFE_STYLE(content):
                found.append("a style that loads or runs something")
    return found
