"""The OpenAPI document, from the same registries as the CapabilityStatement. https://spec.openapis.org/oas/v3.1.0

FHIR's own definitions say what a resource holds; here a resource is an object with its ``resourceType``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from app.config import VERSION
from app.fhir.resource import encode
from app.server.capability import SYSTEM_ROWS, TYPE_ROWS
from app.server.dispatch import ROUTES
from app.server.formats import CONTENT_TYPE
from app.server.ids import FHIR_ID
from app.server.operations import Operation
from app.server.presentation import SUMMARIES
from app.server.server import FhirServer
from app.server.urls import Form
from app.web import contents
from app.web.contents import Type

Json = dict[str, Any]
_FORMATS: Final = tuple(name.decode().partition(";")[0] for name in CONTENT_TYPE.values())
_FORM: Final = "application/x-www-form-urlencoded"
_PATCHES: Final = ("application/json-patch+json", *_FORMATS)
_SEARCHES: Final = frozenset({Form.SYSTEM, Form.TYPE, Form.COMPARTMENT})
_SEARCH_FORMS: Final = frozenset({Form.SYSTEM_SEARCH, Form.TYPE_SEARCH, Form.COMPARTMENT_SEARCH})
_HISTORIES: Final = frozenset({Form.SYSTEM_HISTORY, Form.TYPE_HISTORY, Form.INSTANCE_HISTORY})
_NO_BRACES: Final = str.maketrans("", "", "{}")
_CREATES: Final = frozenset({Form.TYPE, Form.COMPARTMENT})
_GENERAL: Final = ("_format", "_pretty", "_summary", "_elements")
_RESULTS: Final = ("_count", "_sort", "_total", "_include", "_revinclude")
_HISTORY: Final = ("_count", "_since", "_at")
_TEXT: Final = {"type": "string"}
_QUERY: Final[Mapping[str, tuple[str, Json]]] = {
    "_format": ("The format of the answer, in place of Accept.", {"enum": ["json", "xml", *_FORMATS]}),
    "_pretty": ("Laid out for reading.", {"enum": ["true", "false"]}),
    "_summary": ("A part of each resource; count, for searches, gives the total only.", {"enum": list(SUMMARIES)}),
    "_elements": ("The names of the elements to give, between commas.", _TEXT),
    "_count": ("How many on a page.", {"type": "integer", "minimum": 0}),
    "_sort": ("Parameters to sort by, between commas, with - before one for descending.", _TEXT),
    "_total": ("Whether the number of matches is wanted.", {"enum": ["none", "estimate", "accurate"]}),
    "_include": ("What the matches refer to, as Type:parameter.", _TEXT),
    "_revinclude": ("What refers to the matches, as Type:parameter.", _TEXT),
    "_since": ("Versions from this instant on.", {"type": "string", "format": "date-time"}),
    "_at": ("Versions that were current in this time.", _TEXT),
}
_HEADERS: Final[Mapping[str, tuple[str, str]]] = {
    "If-Match": ("If-Match", 'The version that is to be changed, as W/"3".'),
    "If-None-Match": ("If-None-Match", 'The version that the asker has, as W/"3".'),
    "If-None-Exist": ("If-None-Exist", "A search; what it finds is not made again."),
    "X-Security-Context": ("X-Security-Context", "The patient that a resource belongs to which names none."),
    "prefer": ("Prefer", "return=minimal, return=OperationOutcome, handling=lenient, ..."),
}
_SUMMARIES: Final = {
    (Form.TYPE, "PUT"): "conditional update",
    (Form.TYPE, "PATCH"): "conditional patch",
    (Form.TYPE, "DELETE"): "conditional delete",
    (Form.COMPARTMENT, "GET"): "search within a compartment",
    (Form.COMPARTMENT, "POST"): "create in the record of this patient",
} | {row: code for rows in (TYPE_ROWS, SYSTEM_ROWS) for code, row in rows.items() if code != "batch"}


def openapi(server: FhirServer) -> bytes:
    """The document, as JSON. Made in parts, as all of it as objects would take many times its size."""
    listed = list(contents.types(server))
    paths = b",".join(encode(each)[1:-1] for each in _paths(server, listed) if each)
    head: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Zelfregie",
            "version": VERSION,
            "summary": "A FHIR R4 server for patient self-management",
            "description": "Resources are described at https://hl7.org/fhir/R4/ and what is served of them here.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server.base.rstrip("/")}],
        "security": [{"token": []}],
        "tags": [{"name": each.name, "description": each.text} for each in listed],
        "components": _components(server, listed),
    }
    return encode(head)[:-1] + b',"paths":{' + paths + b"}}"


def _paths(server: FhirServer, listed: list[Type]) -> Iterator[Json]:
    """The paths: of the whole server, of each type, of the compartments."""
    metadata = {"operationId": "capabilities", "summary": "What the server can do", "security": []}
    yield {"/metadata": {"get": {**metadata, "responses": _answers("CapabilityStatement")}}}
    for form in (Form.SYSTEM, Form.SYSTEM_SEARCH, Form.SYSTEM_HISTORY):
        yield _path(form, None, "")
    yield _operations(server, "")
    for each in listed:
        for form in Form:
            if form.startswith("Type"):
                yield _path(form, each, "")
        yield _operations(server, each.name)
    for compartment in sorted(server.definitions.compartments):
        for form in (Form.COMPARTMENT, Form.COMPARTMENT_SEARCH):
            yield _path(form, None, compartment)


def _path(form: Form, kind: Type | None, compartment: str) -> Json:
    """The path of one form of address; empty when nothing is there."""
    name = kind.name if kind is not None else ""
    reads_only = kind is not None and "create" not in kind.interactions
    path: Json = {}
    for known, method in ROUTES:
        if known is not form or (reads_only and method != "GET" and form not in _SEARCH_FORMS):
            continue
        if compartment not in ("", "Patient") and form is Form.COMPARTMENT and method == "POST":
            continue  # a create is placed with a patient
        path[method.lower()] = _operation(form, method, kind, compartment)
    if not path:
        return {}
    if named := _in_path(form):
        path["parameters"] = [_reference("parameters", each) for each in named]
    return {address(form, name, compartment): path}


def address(form: Form, name: str, compartment: str = "") -> str:
    """The template of a form's path, such as ``/Observation/{id}/_history/{version}``."""
    parts = form.value.split("/") if form.value else []
    if parts[:1] == ["Compartment"]:
        parts = [compartment, "{id}", "{type}", *parts[3:]]
    else:
        words = {"Type": name, "id": "{id}", "version": "{version}"}
        parts = [words.get(part, part) for part in parts]
    return "/" + "/".join(parts)


def _in_path(form: Form) -> list[str]:
    parts = form.value.split("/")
    names = ("id", "version", "type") if parts[0] == "Compartment" else ("id", "version")
    return [name for name in names if name in parts or name == "type"]


def _operation(form: Form, method: str, kind: Type | None, compartment: str) -> Json:
    name = kind.name if kind is not None else ""
    path = address(form, name, compartment)
    summary = _SUMMARIES.get((form, method), "search by form" if form in _SEARCH_FORMS else str(form))
    row: Json = {"operationId": _operation_id(method, path), "summary": summary}
    if name:
        row["tags"] = [name]
    row["parameters"] = [_reference("parameters", each) for each in _parameters_of(form, method, kind)]
    if form in _SEARCH_FORMS:
        row["requestBody"] = _reference("requestBodies", "search")
    elif method == "PATCH":
        row["requestBody"] = _reference("requestBodies", "patch")
    elif method in ("PUT", "POST"):
        row["requestBody"] = _reference("requestBodies", name or ("Bundle" if form is Form.SYSTEM else "resource"))
    row["responses"] = _responses(form, method, name)
    return row


def _parameters_of(form: Form, method: str, kind: Type | None) -> list[str]:
    """The names of the components."""
    named = list(_GENERAL)
    if form in _SEARCH_FORMS or (form in _SEARCHES and method == "GET"):
        named += [*_RESULTS, "prefer"]
    elif form in _HISTORIES:
        named += _HISTORY
    if form is Form.TYPE and method != "POST" and kind is not None:
        named += [f"{kind.name}.{each.name}" for each in kind.parameters]
    if method in ("PUT", "PATCH", "DELETE"):
        named.append("If-Match")
    if method == "POST" and form in _CREATES:
        named += ["If-None-Exist", "X-Security-Context"]
    if method in ("PUT", "PATCH", "POST") and form not in _SEARCH_FORMS:
        named.append("prefer")
    if (form, method) == (Form.INSTANCE, "GET"):
        named.append("If-None-Match")
    return named


def _operation_id(method: str, path: str) -> str:
    return f"{method.lower()}{path.replace('/', '-').translate(_NO_BRACES)}"


def _responses(form: Form, method: str, name: str) -> Json:
    if method == "DELETE":
        told = _reference("responses", "OperationOutcome")
        return {"200": told, "204": {"description": "It is not there any more."}, **_REFUSED}
    bundle = form in _SEARCHES | _SEARCH_FORMS | _HISTORIES and not (method == "POST" and form in _CREATES)
    kind = "Bundle" if bundle and method in ("GET", "POST") else name or "resource"
    answers = _answers(kind)
    if method in ("POST", "PUT") and not bundle:
        answers["201"] = _reference("responses", kind)
    if (form, method) == (Form.INSTANCE, "GET"):
        answers["304"] = {"description": "It is the version that If-None-Match names."}
    return answers


_REFUSED: Final = {
    "4XX": {"$ref": "#/components/responses/refused"},
    "503": {"$ref": "#/components/responses/refused"},
}


def _answers(kind: str) -> Json:
    return {"200": _reference("responses", kind), **_REFUSED}


def _reference(section: str, name: str) -> Json:
    return {"$ref": f"#/components/{section}/{name}"}


def _operations(server: FhirServer, name: str) -> Json:
    """The paths of the operations on the server, when ``name`` is empty, or on a type."""
    paths: Json = {}
    for each in server.operations.every():
        for path in contents.addresses(each, name):
            paths[path] = {
                method.lower(): _call(each, method, path, name)
                for method in each.methods.split(", ")
                if method != "HEAD"
            }
            if "{id}" in path:
                paths[path]["parameters"] = [_reference("parameters", "id")]
    return paths


def _call(operation: Operation, method: str, path: str, name: str) -> Json:
    row: Json = {
        "operationId": _operation_id(method, path),
        "summary": operation.description.partition(". ")[0].removesuffix("."),  # the rest is in its OperationDefinition
        "responses": _answers("resource"),
    }
    if name:
        row["tags"] = [name]
    if method == "GET":
        row["parameters"] = [_reference("parameters", key) for key in _of_operation(operation)]
    else:
        row["requestBody"] = _reference("requestBodies", "parameters")
    return row


def _of_operation(operation: Operation) -> Json:
    """What an operation takes in an address, by the key that all its calls refer to."""
    return {
        f"{operation.definition.rpartition('/')[2]}.{each.name}": {
            "name": each.name,
            "in": "query",
            "required": each.min > 0,
            "description": each.documentation,
            "schema": {"type": "string"},
        }
        for each in operation.parameters
        if each.use == "in" and each.type[:1].islower()  # what is no primitive cannot stand in an address
    }


def _content(kind: str) -> Json:
    json, xml = _FORMATS
    return {json: {"schema": _reference("schemas", kind)}, xml: {}}


def _components(server: FhirServer, listed: list[Type]) -> Json:
    names = [each.name for each in listed]
    schemas: Json = {
        kind: {"type": "object", "required": ["resourceType"], "properties": {"resourceType": {"const": kind}}}
        for kind in dict.fromkeys((*names, "Bundle", "OperationOutcome", "CapabilityStatement", "Parameters"))
    }
    schemas["resource"] = {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"type": "string"}},
    }
    written = [each.name for each in listed if "create" in each.interactions]
    bodies = {
        kind: {"required": True, "content": _content(kind)} for kind in dict.fromkeys((*written, "Bundle", "resource"))
    }
    bodies |= {
        "parameters": {"content": _content("Parameters")},
        "patch": {"required": True, "content": {name: {} for name in _PATCHES}},
        "search": {"content": {_FORM: {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}}},
    }
    responses = {kind: {"description": f"A {kind}.", "content": _content(kind)} for kind in schemas}
    responses["refused"] = {"description": "Why it was not done.", "content": _content("OperationOutcome")}
    return {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        "schemas": schemas,
        "requestBodies": bodies,
        "responses": responses,
        "parameters": {
            **_shared_parameters(names),
            **_search_parameters(listed),
            **{
                key: row
                for each in server.operations.every()
                if not each.affects_state
                for key, row in _of_operation(each).items()
            },
        },
    }


def _shared_parameters(names: list[str]) -> Json:
    path = {"in": "path", "required": True}
    return {
        "id": {"name": "id", **path, "schema": {"type": "string", "pattern": f"^{FHIR_ID.pattern}$"}},
        "version": {"name": "version", **path, "schema": {"type": "string", "pattern": "^[0-9]{1,9}$"}},
        "type": {"name": "type", **path, "schema": {"enum": ["*", *names]}},
        **{
            name: {"name": name, "in": "query", "description": text, "schema": schema}
            for name, (text, schema) in _QUERY.items()
        },
        **{
            key: {"name": name, "in": "header", "description": text, "schema": _TEXT}
            for key, (name, text) in _HEADERS.items()
        },
    }


def _search_parameters(listed: list[Type]) -> Json:
    return {
        f"{kind.name}.{each.name}": {"name": each.name, "in": "query", "description": each.text, "schema": _TEXT}
        for kind in listed
        for each in kind.parameters
    }
