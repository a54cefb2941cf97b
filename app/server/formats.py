"""Which format is asked for and which one came in. https://hl7.org/fhir/R4/http.html#mime-type
https://hl7.org/fhir/R4/versioning.html#mt-version
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import unquote

from app.errors import AnotherVersion, AnotherVersionSent, NotAcceptable, UnsupportedMediaType

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
FHIR_TYPES: Final = frozenset({"application/fhir+json", "application/fhir+xml"})
PLAIN_TYPES: Final = frozenset({"application/json", "text/json", "application/xml", "text/xml"})
"""What clients that know no better call FHIR's formats, and what a document may be as well."""
_SHORT: Final = frozenset({"json", "xml"})
"""What ``_format`` calls them."""
R4: Final = "4.0"
"""What ``fhirVersion`` is on the base that has no border."""
_UTF_8: Final = ("utf-8", "utf8", "us-ascii")
_ONLY_UTF_8: Final = "FHIR is written in UTF-8."


def _parts(text: str) -> tuple[str, dict[str, str]]:
    name, *rest = text.replace(" ", "+", 1).split(";") if text.startswith("application/fhir ") else text.split(";")
    parameters = dict(each.strip().partition("=")[::2] for each in rest)
    return name.strip().lower(), {key.lower(): value.strip('"') for key, value in parameters.items()}


def asked_format(headers: Mapping[bytes, bytes], query: str, served: str = R4) -> Format:
    """The format to answer a request in: what ``_format`` in the query string names, else the best of Accept;
    ``served`` is the base's version of FHIR. Raises ``NotAcceptable``.
    """
    asked = ""
    if "_format=" in query:
        for part in query.split("&"):
            name, _, value = part.partition("=")
            if name == "_format":
                asked = unquote(value)
    if b"accept-charset" in headers:
        _check_charset(headers[b"accept-charset"].decode("latin-1"))
    return answer_format(headers.get(b"accept", b"").decode("latin-1"), asked, served)


def best_asked(headers: Mapping[bytes, bytes], query: str) -> str:
    """The media type that ``_format`` names, or that ``Accept`` likes best, where another than FHIR's can be had. Of
    equals FHIR's come first: who names them knows of them.
    """
    asked = next((part[8:] for part in query.split("&") if part.startswith("_format=")), "")
    if asked:
        name = media_type_of(unquote(asked).replace(" ", "+"))
        return "application/fhir+json" if name in _SHORT or name in PLAIN_TYPES else name
    ranked = []
    for place, choice in enumerate(headers.get(b"accept", b"").decode("latin-1").split(",")):
        name, quality = media_type_of(choice), _quality_of(choice)
        if quality > 0:
            ranked.append((-quality, name not in FHIR_TYPES, place, name))
    return min(ranked)[3] if ranked else "*/*"


def media_type_of(text: str) -> str:
    """The media type without its parameters."""
    return text.partition(";")[0].strip().lower()


def _quality_of(choice: str) -> float:
    return _quality({name.strip().lower(): value.strip() for name, _, value in map(_halves, choice.split(";")[1:])})


def _halves(parameter: str) -> tuple[str, str, str]:
    return parameter.partition("=")


@lru_cache(maxsize=512)
def answer_format(accept: str, asked: str, served: str = R4) -> Format:
    """The format to answer in: ``asked`` (of ``_format``) first, else the best of Accept. Raises ``NotAcceptable``."""
    refused: NotAcceptable | None = None
    choices = [asked] if asked else accept.split(",") if accept else ["json"]
    if not asked and "text/html" in accept.lower() and "fhir" not in accept.lower():
        return "json"  # a browser, whose preference of XML over anything else is not about FHIR
    ranked = []
    for place, choice in enumerate(choices):
        name, parameters = _parts(choice)
        if name not in _NAMES:
            continue
        version = parameters.get("fhirversion", served)
        if not version.startswith(served):
            refused = AnotherVersion(f"This base serves FHIR {served} and not {version}.")
            continue
        if parameters.get("charset", "utf-8").lower() not in _UTF_8:
            refused = NotAcceptable(_ONLY_UTF_8)
            continue
        quality = _quality(parameters)
        if quality > 0:
            ranked.append((-quality, place, _NAMES[name]))
    if ranked:
        return min(ranked)[2]
    if refused is not None:
        raise refused
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
def check_content_type(content_type: str, served: str = R4) -> None:
    """Raises ``UnsupportedMediaType`` for a body in a format or FHIR version that is not read here."""
    name, parameters = _parts(content_type)
    if name not in _NAMES or "*" in name:
        raise UnsupportedMediaType(
            "Send the body as application/fhir+json or application/fhir+xml, and say so in Content-Type."
        )
    version = parameters.get("fhirversion", served)
    if not version.startswith(served):
        raise AnotherVersionSent(f"This base takes FHIR {served} and not {version}.")
    if parameters.get("charset", "utf-8").lower() not in _UTF_8:
        raise UnsupportedMediaType(_ONLY_UTF_8)
