"""Narrative: well-formed XHTML with formatting only. https://hl7.org/fhir/R4/narrative.html

The constraints txt-1 and txt-2, and what they imply for safety: nothing in it may run, load or pretend. What is allowed
is listed; the rest is refused, as a browser may take for markup what an XML parser does not.
"""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

from app.fhir.markup import NARRATIVE_DEPTH, parse
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
_REFUSED = """
    applet area article aside audio base body button canvas center del details embed figure font footer form frame
    frameset head header html iframe input ins label link main map mark math meta nav noscript object option s script
    section select source strike style summary svg template textarea title u video
"""
_NAMED: Final = frozenset(_REFUSED.split())
"""Elements of HTML that a text names; another name may be anything, and is not repeated."""

_PATH = r"[^:]*(?:[/?#]|$)"
_PICTURE = r"data:\s*(?:image/(?:png|gif|jpe?g|webp|bmp|x-icon)|application/octet-stream)[;,]"
"""A picture may be inside the text; nothing else may: a browser could open it as a page. SVG can hold script."""
_LINK = re.compile(rf"https?:|mailto:|tel:|urn:|{_PATH}", re.IGNORECASE).match
_LINKS: Final = {
    "src": re.compile(rf"https?:|urn:|{_PICTURE}|{_PATH}", re.IGNORECASE).match,
    "href": _LINK,
    "cite": _LINK,
    "longdesc": _LINK,
}
_STYLE_FUNCTION: Final = re.compile(r"([a-z-]*)\s*\(", re.IGNORECASE).finditer
_STYLE_FUNCTIONS: Final = frozenset(("calc", "clamp", "hsl", "hsla", "max", "min", "rect", "rgb", "rgba", "var"))
_STYLE_PICTURE: Final = re.compile(rf"url\s*\(\s*['\"]?\s*(?:{_PICTURE}|#)", re.IGNORECASE).match
# Escapes and comments could hide the rest; at-rules and bindings load; a fixed place could cover the page around it.
_UNSAFE_STYLE: Final = re.compile(
    r"[\\@]|/\*|behaviou?r\s*:|-moz-binding|(?:java|vb)script\s*:|position\s*:\s*(?:fixed|absolute|sticky)",
    re.IGNORECASE,
).search
_EARLY_END = re.compile(r"<!---?>").search
_HAS_TEXT = etree.XPath("boolean(normalize-space())")
_IS_DEEP = etree.XPath(f"boolean({'/'.join('*' * NARRATIVE_DEPTH)})")
_PREFIX = f"{{{XHTML}}}"


def narrative(value: Any) -> Problems | None:
    """The check of ``Narrative.div``."""
    if type(value) is not str:
        return [Problem("structure", "The narrative must be a JSON string with an XHTML div.")]
    if "<!" in value.replace("<!--", ""):
        return [_unsafe("a document type or CDATA section")]
    if "<?" in value:
        return [_unsafe("an XML declaration or processing instruction")]
    if _EARLY_END(value):
        return [_unsafe("a comment that HTML ends earlier than XML does")]
    try:
        root = parse(value.encode())
    except (etree.XMLSyntaxError, ValueError):
        text = "The narrative is not well-formed XML: close every element, and write &amp; and &#160; for & and &nbsp;."
        return [Problem("value", text)]
    if root.tag != f"{_PREFIX}div":
        return [Problem("value", f'The narrative must be one <div xmlns="{XHTML}"> around everything.')]
    if value.count("<") > NARRATIVE_DEPTH and _IS_DEEP(root):
        return [Problem("structure", f"The narrative nests more than {NARRATIVE_DEPTH} levels deep: make it flatter.")]
    problems = [_unsafe(text) for text in dict.fromkeys(_offences(root))]
    if not problems and not _HAS_TEXT(root) and next(root.iter(f"{_PREFIX}img"), None) is None:
        problems = [
            Problem("invariant", "The narrative has no text and no picture: fill it or leave it out.", rule="txt-2")
        ]
    return problems or None


def _unsafe(text: str) -> Problem:
    return Problem(
        "invariant",
        f"The narrative holds {text}: take it out, basic formatting is all that may be there.",
        rule="txt-1",
    )


def _offences(root: Any) -> list[str]:
    found = []
    for element in root.iter():
        if not isinstance(element.tag, str):
            if element.tag is not etree.Comment:
                found.append("a processing instruction or entity")
            continue
        name = element.tag.removeprefix(_PREFIX)
        if name not in ELEMENTS or name == element.tag:
            known = etree.QName(element).localname.lower()
            found.append(f"an element that is not allowed{f' ({known})' if known in _NAMED else ''}")
        for attribute, content in element.attrib.items():
            if attribute not in ATTRIBUTES and attribute != _XML_LANG:
                is_event = attribute[:2].lower() == "on"
                found.append("an event attribute (on…)" if is_event else "an attribute that is not allowed")
            elif attribute in _LINKS and not _LINKS[attribute](content.strip()):
                found.append("a link of a kind that is not allowed (write https:, mailto:, tel: or a relative one)")
            elif attribute == "style" and not _is_plain(content):
                found.append("a style that loads, runs or covers something")
    return found


def _is_plain(style: str) -> bool:
    """Whether a style only formats."""
    if _UNSAFE_STYLE(style):
        return False
    return all(
        found[1].lower() in _STYLE_FUNCTIONS or _STYLE_PICTURE(style, found.start()) for found in _STYLE_FUNCTION(style)
    )
