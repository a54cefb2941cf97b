"""Bodies: valid resources and near-misses of every type, changed at random, and bytes that are nothing at all."""

from __future__ import annotations

import base64
import copy
import gzip
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

from app.errors import ZelfregieError
from app.fhir.resource import Resource, encode
from app.fhir.xml import to_xml
from app.server.operations import Parameter
from app.server.server import FhirServer
from tests.fhir.generated import Maker
from tests.fhir.near_misses import near_misses
from tests.fuzz import values
from tests.fuzz.records import marked

JSON: Final = b"application/fhir+json"
XML: Final = b"application/fhir+xml"
FORM: Final = b"application/x-www-form-urlencoded"
JSON_PATCH: Final = b"application/json-patch+json"
Body = tuple[bytes, bytes]
"""Content-Type and content."""
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "get", "")
_NESTED_XML: Final = b'<Observation xmlns="http://hl7.org/fhir">%s%s</Observation>'
_ENTITIES: Final = (
    b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir" id="&b;"/>',
    b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><Patient>&c;</Patient>',
)
RAW: Final[tuple[Body, ...]] = (
    (JSON, b""), (JSON, b"{"), (JSON, b"null"), (JSON, b"[]"), (JSON, b"1"), (JSON, b'"x"'), (JSON, b"{}"),
    (JSON, b"\x00"),
    (JSON, b"\xff\xfe{\x00}\x00"), (JSON, b'\xef\xbb\xbf{"resourceType":"Observation"}'), (JSON, b'{"resourceType":1}'),
    (JSON, b'{"resourceType":[]}'), (JSON, b'{"resourceType":{}}'), (JSON, b'{"resourceType":null}'),
    (JSON, b'{"resourceType":"Observation","status":"\\ud800"}'), (JSON, b'{"resourceType":"Observation","\\ud800":1}'),
    (JSON, b'{"resourceType":"Patient","resourceType":"Observation"}'), (JSON, b'{"a":1e999999999}'),
    (JSON, b"[" * 100_000),
    (JSON, b'{"resourceType":"Parameters","parameter":' + b"[" * 900 + b"]" * 900 + b"}"),
    (JSON, b'{"resourceType":"Observation","x":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}"),
    (JSON, b'{"resourceType":"Observation","valueInteger":' + b"9" * 5000 + b"}"), (JSON, b"NaN"), (JSON, b"{'a':1}"),
    (JSON, '{"resourceType":"Observation","status":"é"}'.encode("latin-1")), (JSON, '{"a":"b"}'.encode("utf-16")),
    (XML, b""), (XML, b"<"), (XML, b"<a/>"), (XML, b'<Observation xmlns="urn:x"/>'),
    (XML, b'<Observation xmlns="http://hl7.org/fhir"'),
    (XML, _NESTED_XML % (b"<component>" * 3000, b"</component>" * 3000)), (XML, _ENTITIES[0]), (XML, _ENTITIES[1]),
    (XML, '<?xml version="1.0" encoding="utf-16"?><Patient xmlns="http://hl7.org/fhir"/>'.encode("utf-16")),
    (XML, b'<?xml version="1.0" encoding="latin-1"?><Patient xmlns="http://hl7.org/fhir"><id value="\xe9"/></Patient>'),
    (XML, b'<Patient xmlns="http://hl7.org/fhir"><x:y xmlns:x="u"/><?p i?><!-- c --></Patient>'), (XML, b"{}"),
    (XML, b'<Patient xmlns="http://hl7.org/fhir"><id value="&#0;"/></Patient>'), (XML, b"\xef\xbb\xbf<Patient/>"),
    (XML, _NESTED_XML % (b"<valueQuantity>", b'<value value="1e999999999"/></valueQuantity>')),
    (FORM, b"a=b"), (FORM, b"\xff=\xfe"), (FORM, b"&&&=="), (FORM, b"_id=%ED%A0%80"), (FORM, b"{}"),
    (FORM, b"a" * 70_000),
    (JSON_PATCH, b"[]"), (JSON_PATCH, b"{}"), (JSON_PATCH, b"[null]"), (JSON_PATCH, b'[{"op":[],"path":{}}]'),
    (b"text/plain", b"hello"), (b"", b"{}"), (b"image/png", b"\x89PNG"), (b"application/octet-stream", b"\x00\xff"),
    (b"multipart/form-data; boundary=x", b"--x\r\n\r\na\r\n--x--"), (b"application/json; charset=utf-16", b"{}"),
    (b"application/fhir+json; fhirVersion=3.0", b"{}"), (b"application/fhir+json;;=;", b"{}"), (b"\xe9/\xff", b"{}"),
)  # fmt: skip


class Bodies:
    """Draws bodies. ``own``: what the caller may refer to; ``mark`` goes into every text, to be looked for later."""

    def __init__(self, draw: random.Random, server: FhirServer, *, person: str, mark: str, own: Sequence[str]) -> None:
        self._draw = draw
        self._server = server
        self._definitions = server.definitions
        self._person = person
        self._mark = mark
        self._own = own
        self._types = sorted(server.registry.stored)
        self._made: dict[str, list[Resource]] = {}

    def body(self, resource_type: str, resource_id: str) -> Body:
        """Any body that may be sent to a type or resource."""
        ways: tuple[tuple[Callable[[], Body], int], ...] = (
            (lambda: self._formatted(self.resource(resource_type, resource_id)), 5),
            (lambda: self._formatted(self._missed(resource_type, resource_id)), 2),
            (lambda: self._formatted(self._changed(self.resource(resource_type, resource_id))), 6),
            (lambda: self._spoiled(self._formatted(self.resource(resource_type, resource_id))), 2),
            (lambda: self._draw.choice(RAW), 3),
            (lambda: self._formatted(self._changed(self.parameters())), 1),
        )
        (way,) = self._draw.choices([way for way, _ in ways], [weight for _, weight in ways])
        return way()

    def patch(self, resource_type: str) -> Body:
        """A JSON Patch or a FHIRPath Patch, good or bad; at times no patch."""
        draw = self._draw
        way = draw.random()
        if way < 0.45:
            patch = [self._json_operation(resource_type) for _ in range(draw.choice((0, 1, 1, 2)))]
            return JSON_PATCH, encode(patch if draw.random() < 0.9 else values.json(draw))
        if way < 0.8:
            operations = [self._fhirpath_operation(resource_type) for _ in range(draw.choice((0, 1, 1, 2)))]
            patch_: Resource = {"resourceType": "Parameters", "parameter": operations}
            return self._formatted(self._changed(patch_) if draw.random() < 0.3 else patch_)
        return self.body(resource_type, "x")

    def asked(self, known: Sequence[Parameter]) -> Body:
        """Parameters for an operation that knows these, at times changed."""
        parameters = self.parameters(known)
        return self._formatted(self._changed(parameters) if self._draw.random() < 0.3 else parameters)

    def bundle(self) -> Body:
        """A batch or transaction of anything, at times changed."""
        kind = self._draw.choice(("batch", "transaction", "transaction")) if self._draw.random() < 0.95 else "searchset"
        entries = [self._entry(number) for number in range(self._draw.randint(0, 4))]
        bundle: Resource = {"resourceType": "Bundle", "type": kind, "entry": entries}
        return self._formatted(self._changed(bundle) if self._draw.random() < 0.35 else bundle)

    def parameters(self, known: Sequence[Parameter] = ()) -> Resource:
        """Some of these, mostly once, or others, with values of their types or of any."""
        draw = self._draw
        listed = [
            {"name": each.name, **self._parameter_value(each.type)}
            for each in draw.sample(known, min(len(known), draw.choice((0, 1, 1, 2, 3))))
        ]
        if draw.random() < 0.1:
            listed.append({"name": values.text(draw), **self._parameter_value("string")})
        return {"resourceType": "Parameters", "parameter": listed}

    def resource(self, resource_type: str, resource_id: str) -> Resource:
        """A valid one of the caller's own, or of any type where that one is not known."""
        if resource_type not in self._types:
            resource_type = self._draw.choice(self._types)
        made = self._made.setdefault(resource_type, [])
        if len(made) < 4:
            new = Maker(self._definitions, self._draw).resource(resource_type)
            marked(new, self._mark, self._person, self._definitions)
            made.append(new)
        resource = copy.deepcopy(self._draw.choice(made))
        resource["id"] = resource_id
        return resource

    def _missed(self, resource_type: str, resource_id: str) -> Resource:
        resource = self.resource(resource_type, resource_id)
        return self._draw.choice([each for _, each, _ in near_misses(resource, self._definitions, self._draw)])

    def _changed(self, resource: Resource) -> Resource:
        """A copy with something else in some place."""
        resource = copy.deepcopy(resource)
        for _ in range(self._draw.choice((1, 1, 2, 4))):
            at: Any = resource
            for _ in range(self._draw.randint(0, 5)):
                children = [each for each in _children(at) if isinstance(each, dict | list) and each]
                if not children:
                    break
                at = self._draw.choice(children)
            self._replace(at)
        return resource

    def _replace(self, at: Any) -> None:
        value = values.json(self._draw) if self._draw.random() < 0.7 else values.text(self._draw)
        if isinstance(at, list):
            at[self._draw.randrange(len(at))] = value
        elif at and self._draw.random() < 0.85:
            at[self._draw.choice(list(at))] = value
        else:
            at[self._draw.choice(("_status", "id", "extension", "contained", "_id", "fhir_comments", ""))] = value

    def _formatted(self, resource: Resource) -> Body:
        """As JSON or XML, with a Content-Type that says so, or not."""
        as_json, as_xml = JSON, XML
        if self._draw.random() < 0.05:
            as_json, as_xml = XML, JSON
        elif self._draw.random() < 0.1:
            as_json = self._draw.choice(
                (b"application/json", b"text/json; charset=UTF-8", b"application/fhir+json;fhirVersion=4.0")
            )
        if self._draw.random() < 0.3:
            try:
                return as_xml, to_xml(resource, self._definitions)
            except (ZelfregieError, TypeError, AttributeError, KeyError, ValueError):
                return as_json, encode(resource)  # what is no resource has no XML
        return as_json, encode(resource)

    def _spoiled(self, body: Body) -> Body:
        """Cut short, with a byte changed, packed, or twice."""
        kind, data = body
        place = self._draw.randrange(len(data))
        other = bytes([self._draw.randrange(256)])
        return kind, self._draw.choice(
            (
                data[:place],
                data[:place] + other + data[place + 1 :],
                data + data,
                b"\xef\xbb\xbf" + data,
                gzip.compress(data),
            )
        )

    def _json_operation(self, resource_type: str) -> Any:
        draw = self._draw
        elements = [*self._definitions.types.get(resource_type, {"status": None})]
        paths = (
            f"/{draw.choice(elements)}",
            f"/{draw.choice(elements)}/0",
            "/note/-",
            "",
            "/",
            "a",
            "/~2",
            "/~0~1",
            "/0/0",
            "/meta/tag/0",
        )
        if draw.random() < 0.3:
            path, value = draw.choice(
                (("/language", "nl"), ("/meta/tag/-", {"system": "urn:a", "code": "b"}), ("/implicitRules", "urn:x"))
            )
            return {"op": "add", "path": path, "value": value}
        operation: Any = {
            "op": draw.choice(("add", "remove", "replace", "move", "copy", "test", "x")),
            "path": draw.choice(paths),
        }
        if draw.random() < 0.8:
            operation["value"] = values.json(draw)
        if draw.random() < 0.4:
            operation["from"] = draw.choice(paths)
        if draw.random() < 0.1:
            operation[draw.choice(("op", "path", "from"))] = values.json(draw)
        return operation

    def _fhirpath_operation(self, resource_type: str) -> Any:
        draw = self._draw
        name = draw.choice([*self._definitions.types.get(resource_type, {"status": None})])
        paths = (
            resource_type, f"{resource_type}.{name}", f"{resource_type}.{name}[0]",
            f"{resource_type}.{name}.where(a = 'b')", name,
            "a.b.c", "", "(", "1 + 1", "%x", "Patient.name.given", f"{resource_type}.{name}.first()", "a" * 3000,
            "(" * 2000, "'",
        )  # fmt: skip
        part: list[Any] = [
            {"name": "type", "valueCode": draw.choice(("add", "insert", "delete", "replace", "move", "x"))},
            {"name": "path", "valueString": draw.choice(paths)},
            {"name": "name", "valueString": name},
            {"name": "value", **self._parameter_value("string")},
        ]
        part += [
            {"name": each, "valueInteger": draw.choice((0, 1, -1, 10**6))}
            for each in ("index", "source", "destination")
        ]
        return {"name": "operation", "part": draw.sample(part, draw.randint(2, len(part)))}

    def _parameter_value(self, kind: str) -> Resource:
        """One member that holds a value, mostly of the right type."""
        draw = self._draw
        if draw.random() < 0.15:
            return {f"value{draw.choice(('String', 'Integer', 'Coding', 'X', ''))}": values.json(draw)}
        if kind in self._definitions.resource_types or kind == "Resource":
            return {"resource": self.resource(kind, "x")}
        if kind[:1].isupper() and not kind.endswith("Element"):
            return {f"value{kind}": Maker(self._definitions, draw).object(kind)}
        fitting: dict[str, Any] = {
            "boolean": draw.random() < 0.5,
            "integer": draw.choice((0, 1, 5, -1, 10**12)),
            "positiveInt": draw.choice((1, 2, 0, 2**31)),
            "date": draw.choice(values.DATES),
            "instant": draw.choice(values.DATES),
            "uri": draw.choice((f"urn:{self._mark}", "http://loinc.org", *values.TEXTS[:5])),
        }
        simple = fitting.get(kind, values.text(draw)) if draw.random() < 0.8 else values.text(draw)
        return {f"value{kind[:1].upper()}{kind[1:]}": simple}

    def _entry(self, number: int) -> Any:
        """One that asks for something that can be done, or for anything."""
        draw = self._draw
        resource_type = draw.choice(self._types)
        fitting = [each for each in self._own if f"-{resource_type.lower()}-" in each]
        name = draw.choice(fitting or self._own)
        method = draw.choice(("POST", "PUT", "GET", "PATCH", "DELETE"))
        url = resource_type if method == "POST" else f"{resource_type}/{name}"
        if draw.random() < 0.25:
            method = draw.choice(_METHODS)
        if draw.random() < 0.25:
            url = draw.choice(
                (f"{resource_type}?_id={name}", f"{resource_type}?{values.text(draw)}", "", "Patient/anna/$everything",
                 "metadata", values.text(draw), f"{resource_type}/{name}/_history/1", "_history", "$x",
                 f"Patient/anna/{url}")
            )  # fmt: skip
        entry: Resource = {"request": {"method": method, "url": url}}
        if method in ("POST", "PUT") or draw.random() < 0.1:
            entry["resource"] = self.resource(resource_type, name)
        elif method == "PATCH":
            data = base64.b64encode(encode([self._json_operation(resource_type)])).decode()
            entry["resource"] = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
        if draw.random() < 0.5:
            uuid = f"urn:uuid:0c1b8a68-5f46-4d3c-9d5b-0e6a4d1f7a1{number}"
            entry["fullUrl"] = uuid if draw.random() < 0.9 else values.text(draw)
        if draw.random() < 0.15:
            name = draw.choice(("ifMatch", "ifNoneMatch", "ifNoneExist", "ifModifiedSince"))
            entry["request"][name] = draw.choice(('W/"1"', "*", "identifier=x", values.text(draw)))
        return entry


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
