"""``/metadata``: the CapabilityStatement as it is given out. https://hl7.org/fhir/R4/http.html#capabilities"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from hashlib import sha256
from typing import Final

from app.errors import Invalid, MethodNotAllowed
from app.fhir.profiles.profiles import Profiles
from app.fhir.resource import decode, encode
from app.server.capability import NORMATIVE, capability_statement, supported_profiles
from app.server.messages import GENERAL, Answer
from app.server.search.parse import split_query
from app.server.server import FhirServer

_MODES: Final = ("full", "normative")
Make = Callable[[FhirServer, Mapping[str, list[str]]], bytes]
"""From the server and the profiles that it holds, by type, to a CapabilityStatement."""


class Metadata:
    """The statement, and its making anew when something else is offered: a reindex that finished, another package.
    ``make`` writes it; ``modes``: those of R4 that it can be asked in.
    """

    def __init__(
        self, server: FhirServer, make: Make = capability_statement, *, modes: Collection[str] = _MODES
    ) -> None:
        self._server = server
        self._make = make
        self._modes = modes
        self._unready = server.registry.unready
        self._profiles: Profiles | None = None
        self._whole = b""

    async def _statement(self) -> bytes:
        server = self._server
        unready, profiles = server.registry.unready, await server.packages.profiles(server.database)
        if self._unready is not unready or self._profiles is not profiles:
            # Every profile that is held is read for it: others have their turn meanwhile.
            supported = await asyncio.to_thread(supported_profiles, profiles)
            self._whole = self._make(server, supported)
            self._unready, self._profiles = unready, profiles
        return self._whole

    async def answer(self, method: str, query: str, headers: Mapping[bytes, bytes]) -> Answer:
        """The statement, or 304 where ``If-None-Match`` names it. Raises ``MethodNotAllowed`` and ``Invalid``."""
        if method not in ("GET", "HEAD"):
            raise MethodNotAllowed("The CapabilityStatement can only be read.", headers=(("allow", "GET, HEAD"),))
        mode = _mode(query, self._modes)
        whole = await self._statement()
        body = _normative(whole) if mode == "normative" else whole
        etag = b'W/"%b"' % sha256(body).hexdigest()[:16].encode()
        known = [each.strip() for each in headers.get(b"if-none-match", b"").split(b",")]
        if etag in known or known == [b"*"]:
            return Answer(304, headers=[(b"etag", etag)], interaction="capabilities")
        return Answer(200, body, [(b"etag", etag)], interaction="capabilities")


def _mode(query: str, modes: Collection[str]) -> str:
    mode = "full"
    known = {"mode", *GENERAL} if modes else GENERAL
    for name, value, _ in split_query(query):
        if name not in known:
            raise Invalid(
                f"'{name}' is not a parameter of /metadata; it takes {', '.join(sorted(known))}.", "not-supported"
            )
        if name == "mode":
            mode = value
    if mode == "terminology":
        raise Invalid(
            "TerminologyCapabilities are not given here; the operations on ValueSet and CodeSystem are listed in the"
            " CapabilityStatement.",
            "not-supported",
        )
    if modes and mode not in modes:
        raise Invalid(f"mode takes {' or '.join(modes)}.", "value")
    return mode


def _normative(statement: bytes) -> bytes:
    """The types alone that are normative in R4. https://hl7.org/fhir/R4/ballot-intro.html"""
    resource = decode(statement)
    for rest in resource["rest"]:
        rest["resource"] = [each for each in rest["resource"] if each["type"] in NORMATIVE]
    return encode(resource)
