"""Which format is asked for and which one came in. https://hl7.org/fhir/R4/http.html#mime-type
https://hl7.org/fhir/R4/versioning.html#mt-version
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import unquote

from app.errors import NotAcceptable, UnsupportedMediaType

Format = Literal["json", "xml"]
CONTENT_TYPE: Final = {"json": b"application/fhir+json; charset=utf-8", "xml": b"application/fhir+xml; charset=utf-8"}
_NAMES: Final[dict[str, Format]] = {
    "application/fhir+json": "json",
    "application/json": "json",
    "text/json": "json",
    "json": "json",
    "*/*": "json",
    "application/*": "json",
    "application/fhir+xml": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
    "xml": "xml",
}
_VERSION: Final = "4.0"
_UTF_8: Final = ("utf-8", "utf8", "us-ascii")
_ONLY_UTF_8: Final = "FHIR is written in UTF-8."


def _parts(text: str) -> tuple[str, dict[str, str]]:
    name, *rest = text.replace(" ", "+", 1).split(";") if text.startswith("application/fhir ") else text.split(";")
    parameters = dict(each.strip().partition("=")[::2] for each in rest)
    return name.strip().lower(), {key.lower(): value.strip('"') for key, value in parameters.items()}


def asked_format(headers: Mapping[bytes, bytes], query: str) -> Format:
    """The format to answer a request in: what ``_format`` in the query string names, else the best of Accept. Raises
    ``NotAcceptable``.
    """
    asked = ""
    if "_format=" in query:
        for part in query.split("&"):
            name, _, value = part.partition("=")
            if name == "_format":
                asked = unquote(value)
    if b"accept-charset" in headers:
        _check_charset(headers[b"accept-charset"].decode("latin-1"))
    return answer_format(headers.get(b"accept", b"").decode("latin-1"), asked)


@lru_cache(maxsize=512)
def answer_format(accept: str, asked: str) -> Format:
    """The format to answer in: ``asked`` (of ``_format``) first, else the best of Accept. Raises ``NotAcceptable``."""
    refused = ""
    choices = [asked] if asked else accept.split(",") if accept else ["json"]
    if not asked and "text/html" in accept.lower() and "fhir" not in accept.lower():
        return "json"  # a browser, whose preference of XML over anything else is not about FHIR
    ranked = []
    for place, choice in enumerate(choices):
        name, parameters = _parts(choice)
        if name not in _NAMES:
            continue
        version = parameters.get("fhirversion", _VERSION)
        if not version.startswith(_VERSION):
            refused = f"This base serves FHIR {_VERSION} and not {version}."
            continue
        if parameters.get("charset", "utf-8").lower() not in _UTF_8:
            refused = _ONLY_UTF_8
            continue
        quality = _quality(parameters)
        if quality > 0:
            ranked.append((-quality, place, _NAMES[name]))
    if ranked:
        return min(ranked)[2]
    if refused:
        raise NotAcceptable(refused)
    if asked:
        known = ", ".join(sorted(name for name in _NAMES if "*" not in name))
        raise NotAcceptable(f"_format takes {known}.")
    raise NotAcceptable("Answers are given as application/fhir+json or application/fhir+xml.")


def _quality(parameters: Mapping[str, str]) -> float:
    try:
        return float(parameters.get("q", "1"))
    except ValueError:
        return 0.0


@lru_cache(maxsize=64)
def _check_charset(accept: str) -> None:
    """Raises ``NotAcceptable`` where Accept-Charset leaves no room for UTF-8, which FHIR is always written in."""
    named = [_parts(choice) for choice in accept.split(",")]
    allowed = {name: _quality(parameters) > 0 for name, parameters in named}
    if not allowed.get("utf-8", allowed.get("utf8", allowed.get("*", False))):
        raise NotAcceptable(_ONLY_UTF_8)


@lru_cache(maxsize=512)
def check_content_type(content_type: str) -> None:
    """Raises ``UnsupportedMediaType`` for a body in a format or FHIR version that is not read here."""
    name, parameters = _parts(content_type)
    if name not in _NAMES or "*" in name:
        raise UnsupportedMediaType(
            "Send the body as application/fhir+json or application/fhir+xml, and say so in Content-Type."
        )
    version = parameters.get("fhirversion", _VERSION)
    if not version.startswith(_VERSION):
        raise UnsupportedMediaType(f"This base takes FHIR {_VERSION} and not {version}.")
    if parameters.get("charset", "utf-8").lower() not in _UTF_8:
        raise UnsupportedMediaType(_ONLY_UTF_8)
