"""Which format is asked for and which one came in. https://hl7.org/fhir/R4/http.html#mime-type
https://hl7.org/fhir/R4/versioning.html#mt-version
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

import msgspec

from app.errors import NotAcceptable, UnsupportedMediaType
from app.fhir.definitions import Definitions
from app.fhir.resource import decode
from app.fhir.xml import to_xml

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


def _parts(text: str) -> tuple[str, dict[str, str]]:
    name, *rest = text.replace(" ", "+", 1).split(";") if text.startswith("application/fhir ") else text.split(";")
    parameters = dict(each.strip().partition("=")[::2] for each in rest)
    return name.strip().lower(), {key.lower(): value.strip('"') for key, value in parameters.items()}


@lru_cache(maxsize=512)
def answer_format(accept: str, asked: str) -> Format:
    """The format to answer in: ``_format`` first, else the best of Accept. Raises ``NotAcceptable``."""
    wrong_version = ""
    choices = [asked] if asked else accept.split(",") if accept else ["json"]
    ranked = []
    for place, choice in enumerate(choices):
        name, parameters = _parts(choice)
        if name not in _NAMES:
            continue
        version = parameters.get("fhirversion", _VERSION)
        if not version.startswith(_VERSION):
            wrong_version = version
            continue
        try:
            quality = float(parameters.get("q", "1"))
        except ValueError:
            quality = 0.0
        if quality > 0:
            ranked.append((-quality, place, _NAMES[name]))
    if ranked:
        return min(ranked)[2]
    if wrong_version:
        raise NotAcceptable(f"This base serves FHIR {_VERSION} and not {wrong_version}.")
    raise NotAcceptable("Answers are given as application/fhir+json or application/fhir+xml.")


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
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType("FHIR is written in UTF-8.")


def render(body: bytes, form: Format, definitions: Definitions, *, pretty: bool) -> bytes:
    """JSON bytes in the format asked for."""
    if form == "xml":
        return to_xml(decode(body), definitions, pretty=pretty)
    return msgspec.json.format(body, indent=2) if pretty else body
