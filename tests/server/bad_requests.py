"""Requests with something wrong in them, of every kind: what is sent to each door, and the status it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.fhir.resource import Resource
from tests.builders import UCUM, batch, deleted, goal, observation, posted, put, transaction

WORD: Final = "zwaluwstaartverbinding"
"""Is in every body that is sent, and in no text."""
Case = tuple[str, str, Resource | bytes | None, Mapping[str, str], int]
"""Method, address, body, headers, status."""
BROKEN: Final = goal(
    lifecycleStatus=WORD,
    description=None,
    colour=WORD,
    target=[],
    statusDate=f"2026-13-45{WORD}",
    addresses=[{"reference": f"Organization/{WORD}"}],
    note=[{"text": WORD}],
)
SPOKEN: Final = goal(description={"text": WORD})

ANNA: Final = {"reference": "Patient/anna"}
COLOUR: Final = {"resourceType": "Parameters", "parameter": [{"name": "colour", "valueString": WORD}]}
HEAVY: Final = observation(
    valueQuantity={"value": 7000, "unit": "kg", "system": UCUM, "code": "kg"},
    code={"coding": [{"system": "http://loinc.org", "code": "29463-7"}], "text": WORD},
)
ASKED: Final = {"resourceType": "ProcedureRequest", "status": "active", "intent": "order", "code": {"text": WORD}}

CASES: Final[Mapping[str, Case]] = {
    "structure": ("POST", "/Goal", BROKEN, {}, 422),
    "no resource": ("POST", "/Goal", {"word": WORD}, {}, 400),
    "no JSON": ("POST", "/Goal", f'{{"resourceType":"Goal","{WORD}'.encode(), {}, 400),
    "another type": ("POST", "/Goal", observation(note=[{"text": WORD}]), {}, 400),
    "unknown type": ("POST", "/Doel", SPOKEN, {}, 404),
    "another id": ("PUT", "/Goal/one", {**SPOKEN, "id": "another"}, {}, 400),
    "another version": ("PUT", "/Goal/held", {**SPOKEN, "id": "held"}, {"if-match": 'W/"77"'}, 412),
    "condition without parameters": ("PUT", "/Goal", SPOKEN, {}, 400),
    "contained reference": ("POST", "/Goal", goal(addresses=[{"reference": f"#{WORD}"}]), {}, 422),
    "somebody else's": ("POST", "/Goal", goal("Patient/bram", note=[{"text": WORD}]), {}, 422),
    "patch": (
        "PATCH",
        "/Goal/held",
        f'[{{"op":"remove","path":"/{WORD}"}}]'.encode(),
        {"content-type": "application/json-patch+json"},
        422,
    ),
    "media type": ("POST", "/Goal", SPOKEN, {"content-type": "text/plain"}, 415),
    "search that is no form": ("POST", "/Goal/_search", SPOKEN, {}, 415),
    "media type of a patch": ("PATCH", "/Goal/held", SPOKEN, {"content-type": "text/plain"}, 415),
    "parameter with a capital": ("GET", "/Goal?Colour=red", None, {}, 400),
    "parameter without a name": ("GET", "/Goal?=red", None, {}, 400),
    "FHIR version sent": ("POST", "/Goal", SPOKEN, {"content-type": "application/fhir+json; fhirVersion=3.0"}, 415),
    "format": ("GET", "/Goal", None, {"accept": "image/png"}, 406),
    "FHIR version asked": ("GET", "/Goal", None, {"accept": "application/fhir+json; fhirVersion=3.0"}, 406),
    "unknown parameter": ("GET", "/Goal?colour=red", None, {}, 400),
    "parameter values": (
        "GET",
        f"/Observation?date={WORD}&code:below={WORD}&value-quantity={WORD}&_sort=nothing",
        None,
        {},
        400,
    ),
    "result parameters": ("GET", "/Goal?_count=many&_total=perhaps&_include=Goal", None, {}, 400),
    "form of the answer": ("GET", "/Goal?_summary=some&_pretty=maybe", None, {}, 400),
    "parameter of a read": ("GET", "/Goal/held?colour=red", None, {}, 400),
    "history": ("GET", "/Goal/held/_history?_since=yesterday&colour=red", None, {}, 400),
    "page": ("GET", "/Goal?_page=nothing", None, {}, 400),
    "not there": ("GET", "/Goal/nowhere", None, {}, 404),
    "deleted": ("GET", "/Goal/gone", None, {}, 410),
    "method": ("DELETE", "/Goal/_history", None, {}, 405),
    "operation": ("GET", "/Goal/$nothing", None, {}, 404),
    "operation parameters": ("GET", "/Observation/$lastn?max=none&colour=red", None, {}, 400),
    "parameters of an operation": ("POST", "/Goal/$validate", COLOUR, {}, 400),
    "a rule with its own text": ("POST", "/Observation", HEAVY, {}, 422),
    "transaction": (
        "POST",
        "/",
        transaction(posted(BROKEN), put({**SPOKEN, "id": "a"}), put({**SPOKEN, "id": "a"})),
        {},
        422,
    ),
    "no bundle": ("POST", "/", SPOKEN, {}, 400),
    "validate": ("POST", "/Goal/$validate", BROKEN, {}, 200),
    "validate, all right": ("POST", "/Goal/$validate", SPOKEN, {}, 200),
    "validate against a profile": ("POST", f"/Goal/$validate?profile=http://example.org/{WORD}", SPOKEN, {}, 200),
    "write": ("POST", "/Goal", SPOKEN, {"prefer": "return=OperationOutcome"}, 201),
    "nothing to delete": ("DELETE", "/Goal?_id=nowhere", None, {}, 200),
    "batch": (
        "POST",
        "/",
        batch(posted(BROKEN), deleted("Goal/nowhere/none"), posted(SPOKEN)),
        {"prefer": "return=OperationOutcome"},
        200,
    ),
}
ANONYMOUS: Final[Mapping[str, tuple[str, str, str, int]]] = {
    "no token": ("", "GET", "/Goal", 401),
    "unknown token": ("nobody-of-that-name", "GET", "/Goal", 401),
    "scopes": ("anna-observations", "GET", "/Goal", 403),
    "no writing": ("anna-reader", "DELETE", "/Goal/held", 403),
}
STU3_CASES: Final[Mapping[str, Case]] = {
    "structure": (
        "POST",
        "/ProcedureRequest",
        {"resourceType": "ProcedureRequest", "status": WORD, "subject": ANNA, "colour": WORD},
        {},
        422,
    ),
    "in R4": ("POST", "/ProcedureRequest", {**ASKED, "subject": {"reference": "Patient/bram"}}, {}, 422),
    "unknown parameter": ("GET", "/Goal?colour=red", None, {}, 400),
    "value of a parameter": ("GET", f"/Observation?date={WORD}", None, {}, 400),
    "not there": ("GET", "/ProcedureRequest/nowhere", None, {}, 404),
    "deleted": ("GET", "/Goal/gone", None, {}, 410),
    "version": ("GET", "/Goal", None, {"accept": "application/fhir+json; fhirVersion=4.0"}, 406),
    "batch": ("POST", "", batch(posted({**ASKED, "subject": {"reference": "Patient/bram"}})), {}, 200),
}
