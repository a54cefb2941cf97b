"""The endpoints of the bases of data services, ``/medmij/<id>/fhir``: each form of address that one of them has."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from app.fhir.resource import Resource
from tests import builders
from tests.access.cast import MARK, Cast
from tests.access.endpoints import Endpoint

SERVER: Final = "http://zelfregie.test"
_IDS: Final = {"medmij-request-id": "7f0c1c26-6a53-4b1e-9a0f-0d3f6a0c5b11"}
_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
_CATEGORY: Final = [builders.concept("http://hl7.org/fhir/observation-category", "vital-signs")]


def _weight(_: Cast) -> Resource:
    return builders.observation(comment=MARK, category=_CATEGORY)


def _sent(kind: str) -> Resource:
    entry = {"resource": builders.observation(category=_CATEGORY), "request": {"method": "POST", "url": "Observation"}}
    return {"resourceType": "Bundle", "type": kind, "entry": [entry]}


def _task(_: Cast) -> Resource:
    code = builders.concept("http://loinc.org", "74468-0")
    return {"resourceType": "Task", "id": "none", "status": "accepted", "intent": "order", "code": code}


_LISTED: Final = (
    Endpoint("GET", "52/fhir/metadata", "GET metadata"),
    Endpoint("GET", "52/fhir/Observation?code=29463-7", "GET Type"),
    Endpoint("GET", "52/fhir/Observation?code=29463-7&patient=anna", "GET Type"),
    Endpoint("POST", "52/fhir/Observation/_search", "POST Type/_search", lambda _: b"code=29463-7", _FORM),
    Endpoint("GET", "52/fhir/Observation/$lastn?code=29463-7", "$lastn"),
    Endpoint("GET", "52/fhir/Observation/weight", "GET Type/id"),
    Endpoint("GET", "52/fhir/Patient/anna", "GET Type/id"),
    Endpoint("GET", "52/fhir/Goal/kept", "GET Type/id"),
    Endpoint("GET", "52/fhir/Observation/weight/_history", "GET Type/id/_history"),
    Endpoint("GET", "61/fhir/CarePlan", "GET Type"),
    Endpoint("GET", "900000103/fhir/Goal", "GET Type"),
    Endpoint("GET", "900000103/fhir/Goal/kept", "GET Type/id"),
    Endpoint("POST", "53/fhir", "POST ", lambda _: _sent("batch"), changes=True),
    Endpoint("POST", "53/fhir/Observation", "POST Type", _weight, changes=True),
    Endpoint("PUT", "59/fhir/Task/none", "PUT Type/id", _task, changes=True),
    Endpoint("POST", "60/fhir", "POST ", lambda _: _sent("transaction"), changes=True),
)
MEDMIJ_ENDPOINTS: Final = tuple(
    replace(each, address=f"{SERVER}/medmij/{each.address}", headers={**_IDS, **each.headers}) for each in _LISTED
)
