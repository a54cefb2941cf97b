"""Random requests to every form of address with every method, body and header."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from app.server.dispatch import methods
from app.server.operations import Parameter
from app.server.server import FhirServer
from app.server.urls import Form
from app.web.contents import addresses
from tests.fuzz import values
from tests.fuzz.attempts import Attempt
from tests.fuzz.bodies import FORM, Bodies
from tests.fuzz.queries import GENERAL_RESULTS, Queries

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "X")
_HISTORY: Final = (*GENERAL_RESULTS, "_count", "_since", "_at", "_page")
_OFTEN: Final = (Form.INSTANCE, Form.INSTANCE, Form.TYPE, Form.TYPE, Form.SYSTEM, Form.OPERATION, Form.OPERATION)
_PAGES: Final = (
    "/",
    "/docs",
    "/openapi.json",
    "/health",
    "/metrics",
    "/assets/style.css",
    "/assets/..%2f",
    "/nothing",
    "/fhirx",
)
_ODD: Final = (
    "/fhir//", "/fhir/metadata", "/fhir/metadata/x", "/fhir/metadata/", "/fhir/Nothing", "/fhir/Nothing/1",
    "/fhir/_nothing",
    "/fhir/$nothing", "/fhir/Observation/$nothing", "/fhir/Observation/a/$", "/fhir/$", "/fhir/_",
    "/fhir/Observation/_history/1",
    "/fhir/Observation/a/b/c/d/e", "/fhir/%00", "/fhir/Observation/%00", "/fhir/Observation/%ff",
    "/fhir/Observation/%2e%2e",
    "/fhir/Observation/a%2f_history", "/fhir/Patient/anna/*", "/fhir/Patient/anna/*/x", "/fhir/Patient/anna/Nothing/x",
    "/fhir/Patient/anna/Patient/anna", "/fhir/Observation/" + "a" * 65, "/fhir/" + "a/" * 500, "/fhir/AuditEvent",
    "/fhir/Device/x/Observation", "/fhir/Practitioner/doctor/*", "/fhir/Encounter/%00/*", "/fhir/Patient/%C3%A9/Goal",
    "/fhir/Observation/a/_history/%00", "/fhir/Observation/a/_history/" + "9" * 30, "/fhir/Observation/a/_history/-1",
    "/fhir/Observation/a/_history/1/$meta", "/fhir/Observation/a/_history/%D9%A3", "/fhir/observation",
    "/fhir/Observation;x=1",
)  # fmt: skip
_HEADERS: Final[Mapping[bytes, Sequence[bytes]]] = {
    b"accept": (
        b"application/fhir+json", b"application/fhir+xml", b"application/xml;q=0.9, */*;q=0.1", b"text/html", b"*/*",
        b"",
        b"application/fhir+json; fhirVersion=3.0", b"image/png", b";;;", b"a/b;q=x", b"application/fhir+xml;q=nan",
        b"\xe9",
        b"application/json;q=0", b"text/turtle",
    ),
    b"prefer": (
        b"handling=lenient", b"return=minimal", b"return=representation", b"return=OperationOutcome",
        b"handling=lenient", b"handling=strict",
        b"return=nothing", b"handling=lenient, return=minimal", b"respond-async", b"=", b",;,", b"\xff",
    ),
    b"if-match": (b'W/"1"', b'"1"', b"1", b"*", b'W/"9999999999999999999999"', b'W/"x"', b"", b'W/"1", W/"2"', b"\xb2"),
    b"if-none-match": (b'W/"1"', b"*", b'"', b"", b'W/"1", W/"2"', b"\xff"),
    b"if-modified-since": (b"Mon, 23 Nov 2026 21:04:03 GMT", b"x", b"", b"Mon, 99 Nov 99999 00:00:00 GMT", b"0", b"-1"),
    b"if-unmodified-since": (b"Mon, 23 Nov 2026 21:04:03 GMT", b"x"),
    b"if-none-exist": (
        b"identifier=x|y", b"_id=a", b"", b"?", b"nothing=1", b"code=%00", b"%", b"\xe9=\xff", b"_sort=x", b"a" * 9000,
    ),
    b"x-security-context": (
        b"Patient/anna", b"http://zelfregie.test/fhir/Patient/anna", b"anna", b"Patient/", b"",
        b"Organization/practice", b"Patient/\xe9",
    ),
    b"x-request-id": (b"a", b"", b"a b", b"x" * 65, b"\xe9", b"<script>"),
    b"accept-encoding": (b"gzip", b"gzip;q=0", b"*", b"br", b"gzip;q=x", b""),
    b"accept-charset": (b"utf-8", b"*", b"latin-1", b"", b";q="),
    b"origin": (b"https://app.example", b"null", b"", b"\xe9"),
    b"access-control-request-method": (b"PUT", b"X", b""),
    b"access-control-request-headers": (b"authorization", b"\xe9", b""),
    b"content-encoding": (b"", b"identity", b"gzip", b"br", b"gzip, gzip"),
    b"content-length": (b"-1", b"", b"99999999999999999999", b"x", b"\xb2"),
    b"x-http-method-override": (b"DELETE",),
    b"range": (b"bytes=0-1",),
    b"accept-language": (b"nl", b"en;q=x", b"*", b"\xe9", b";,;"),
}  # fmt: skip
_AUTHORIZATIONS: Final = (
    b"",
    b"Bearer",
    b"Bearer ",
    b"Basic YTpi",
    b"Bearer anna anna",
    b"bearer anna",
    b"Bearer \xe9",
    b"Bearer " + b"x" * 9000,
)
_BOMB: Final = gzip.compress(b" " * (33 * 1024 * 1024), 1)


class Requests:
    """Draws requests. ``own``: names that the caller may have things by; ``others``: those of somebody else."""

    def __init__(
        self,
        draw: random.Random,
        server: FhirServer,
        queries: Queries,
        bodies: Bodies,
        *,
        own: Sequence[str],
        others: Sequence[str],
    ) -> None:
        self._draw = draw
        self._server = server
        self._queries = queries
        self._bodies = bodies
        self._own = own
        self._others = others
        self._types = sorted(server.registry.stored)
        self._called: Sequence[Parameter] = ()
        self._operations = [
            (each, address)
            for each in server.operations.every()
            for name in ("", *self._types)
            for address in addresses(each, name)
        ]

    def next(self) -> Attempt:
        """Any request, without a token."""
        draw = self._draw
        if draw.random() < 0.01:
            return Attempt(
                draw.choice(_METHODS[:-1]), draw.choice(_PAGES), self._queries.other(GENERAL_RESULTS), self._headers(())
            )
        if draw.random() < 0.06:
            path, resource_type, resource_id, form = draw.choice(_ODD), "Observation", "a", Form.TYPE
        else:
            form = draw.choice([*Form, *_OFTEN])
            resource_type = draw.choice(self._types)
            resource_id = self._id(resource_type)
            path = "/fhir" + self._ADDRESSES[form](self, resource_type, resource_id)
        method = self._method(form)
        query = b""  # what is kept under another's name is kept by the name alone
        if method in ("GET", "HEAD") or resource_id not in self._others:
            query = self._query(form, method, resource_type)
        content: tuple[tuple[bytes, bytes], ...] = ()
        body = b""
        if method not in ("GET", "HEAD", "OPTIONS") or draw.random() < 0.05:
            kind, body = self._body(form, method, resource_type, resource_id)
            content = ((b"content-type", kind),) if kind and draw.random() < 0.97 else ()
            if draw.random() < 0.05 and body and resource_id not in self._others:
                body, content = gzip.compress(body), (*content, (b"content-encoding", b"gzip"))
            elif draw.random() < 0.002:
                body, content = _BOMB, (*content, (b"content-encoding", b"gzip"))
        return Attempt(method, path, query, self._headers(content), body, cut=draw.random() < 0.005)

    def authorization(self) -> bytes:
        """A header that is no good."""
        return self._draw.choice(_AUTHORIZATIONS)

    def _query(self, form: Form, method: str, resource_type: str) -> bytes:
        if form in (Form.TYPE, Form.COMPARTMENT) and method != "POST":
            return self._queries.query(resource_type)
        if form is Form.SYSTEM and method != "POST":
            return self._queries.query("")
        if form in (Form.TYPE_HISTORY, Form.SYSTEM_HISTORY, Form.INSTANCE_HISTORY):
            return self._queries.other(_HISTORY)
        if form is Form.OPERATION:
            return self._queries.other([*GENERAL_RESULTS, *(each.name for each in self._called)])
        return self._queries.other(GENERAL_RESULTS) if self._draw.random() < 0.3 else b""

    def _id(self, resource_type: str) -> str:
        """One's own, another's, or one that nobody has; mostly of what is of the type."""
        listed = self._draw.choice((self._own, self._own, self._others))
        if self._draw.random() < 0.1:
            return self._draw.choice(("nobody", "a.b-c", "0" * 13, *listed))
        fitting = [each for each in listed if f"-{resource_type.lower()}-" in each]
        return self._draw.choice(fitting or listed)

    def _method(self, form: Form) -> str:
        """Mostly one that the address takes."""
        listed = ("GET", "POST") if form is Form.OPERATION else methods(form).split(", ")
        if self._draw.random() < 0.1:
            return self._draw.choice(_METHODS)
        return self._draw.choice(
            [each for each in listed if each not in ("HEAD", "DELETE") or self._draw.random() < 0.2]
        )

    def _body(self, form: Form, method: str, resource_type: str, resource_id: str) -> tuple[bytes, bytes]:
        draw = self._draw
        if form.endswith("_search") and draw.random() < 0.93:
            return FORM + draw.choice((b"", b"; charset=utf-8")), self._queries.query(
                "" if form is Form.SYSTEM_SEARCH else resource_type
            )
        if method == "PATCH" and draw.random() < 0.85:
            return self._bodies.patch(resource_type)
        if form is Form.SYSTEM and draw.random() < 0.85:
            return self._bodies.bundle()
        if form is Form.OPERATION and draw.random() < 0.7:
            return self._bodies.body("Parameters", "x") if draw.random() < 0.3 else self._bodies.asked(self._called)
        return self._bodies.body(resource_type, resource_id)

    def _headers(self, content: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[bytes, bytes], ...]:
        draw = self._draw
        given = dict(content)
        for _ in range(draw.choice((0, 0, 0, 1, 1, 2, 4))):
            name = draw.choice(list(_HEADERS))
            if name not in given:  # the first are good
                given[name] = draw.choice(_HEADERS[name][:2] if draw.random() < 0.6 else _HEADERS[name])
        if draw.random() < 0.02:
            given[b"x-security-context"] = f"Patient/{draw.choice(self._others)}".encode()
        if draw.random() < 0.03:
            given[b"if-none-exist"] = values.written(values.text(draw), draw)[:2000].replace(b"\n", b"")
        return tuple(given.items())

    def _operation(self, resource_type: str, resource_id: str) -> str:
        """One that there is, to be given its own parameters, or one on a type that has it not."""
        if self._operations and self._draw.random() < 0.9:
            operation, address = self._draw.choice(self._operations)
            self._called = [each for each in operation.parameters if each.use == "in"]
            return address.replace("{id}", resource_id)
        return f"/{resource_type}/{resource_id}/$everything"

    def _compartment(self, resource_type: str, resource_id: str) -> str:
        kind = self._draw.choice(("Patient", "Patient", *sorted(self._server.definitions.compartments)))
        of = self._draw.choice(("anna", "bram", resource_id))
        return f"/{kind}/{of}/{self._draw.choice((resource_type, resource_type, '*'))}"

    def _instance(self, resource_type: str, resource_id: str) -> str:
        within = self._draw.choice(("", "", "/Patient/anna", "/Patient/bram"))
        return f"{within}/{resource_type}/{resource_id}"

    def _version(self) -> str:
        return self._draw.choice(("1", "2", "3", "0", "01", "x", "999999999999", "1.0"))

    _ADDRESSES: Final[Mapping[Form, Callable[[Requests, str, str], str]]] = {
        Form.SYSTEM: lambda self, *_: "" if self._draw.random() < 0.5 else "/",
        Form.SYSTEM_SEARCH: lambda *_: "/_search",
        Form.SYSTEM_HISTORY: lambda *_: "/_history",
        Form.TYPE: lambda _, name, __: f"/{name}",
        Form.TYPE_SEARCH: lambda _, name, __: f"/{name}/_search",
        Form.TYPE_HISTORY: lambda _, name, __: f"/{name}/_history",
        Form.INSTANCE: _instance,
        Form.INSTANCE_HISTORY: lambda self, name, id: f"{self._instance(name, id)}/_history",
        Form.VERSION: lambda self, name, id: f"{self._instance(name, id)}/_history/{self._version()}",
        Form.COMPARTMENT: _compartment,
        Form.COMPARTMENT_SEARCH: lambda self, name, id: f"{self._compartment(name, id)}/_search",
        Form.OPERATION: _operation,
    }
