"""``/metadata``: the CapabilityStatement as it is given out. https://hl7.org/fhir/R4/http.html#capabilities"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from app.errors import Invalid, MethodNotAllowed
from app.fhir.resource import decode, encode
from app.server.capability import NORMATIVE, capability_statement
from app.server.messages import GENERAL, Answer
from app.server.search.parse import split_query
from app.server.server import FhirServer

_MODES: Final = ("full", "normative")


class Metadata:
    """The statement, and its making anew when something else is offered: a reindex that finished, say."""

    def __init__(self, server: FhirServer) -> None:
        self._server = server
        self._make()

    def _make(self) -> None:
        self._unready = self._server.registry.unready
        self._whole = capability_statement(self._server)

    def answer(self, method: str, query: str, headers: Mapping[bytes, bytes]) -> Answer:
        """The statement, or 304 where ``If-None-Match`` names it. Raises ``MethodNotAllowed`` and ``Invalid``."""
        if method not in ("GET", "HEAD"):
            raise MethodNotAllowed("The CapabilityStatement can only be read.", headers=(("allow", "GET, HEAD"),))
        if self._unready is not self._server.registry.unready:
            self._make()
        body = _normative(self._whole) if _mode(query) == "normative" else self._whole
        etag = b'W/"%b"' % sha256(body).hexdigest()[:16].encode()
        known = [each.strip() for each in headers.get(b"if-none-match", b"").split(b",")]
        if etag in known or known == [b"*"]:
            return Answer(304, headers=[(b"etag", etag)], interaction="capabilities")
        return Answer(200, body, [(b"etag", etag)], interaction="capabilities")


def _mode(query: str) -> str:
    mode = "full"
    for name, value, _ in split_query(query):
        if name == "mode":
            mode = value
        elif name not in GENERAL:
            raise Invalid(
                f"'{name}' is not a parameter of /metadata; it takes {', '.join(sorted({'mode', *GENERAL}))}.",
                "not-supported",
            )
    if mode == "terminology":
        raise Invalid(
            "TerminologyCapabilities are not given here; the operations on ValueSet and CodeSystem are listed in the"
            " CapabilityStatement.",
            "not-supported",
        )
    if mode not in _MODES:
        raise Invalid(f"mode takes {' or '.join(_MODES)}.", "value")
    return mode


def _normative(statement: bytes) -> bytes:
    """The types alone that are normative in R4. https://hl7.org/fhir/R4/ballot-intro.html"""
    resource = decode(statement)
    for rest in resource["rest"]:
        rest["resource"] = [each for each in rest["resource"] if each["type"] in NORMATIVE]
    return encode(resource)
