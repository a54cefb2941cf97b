"""FHIRPath Patches for tests, and what they do to a resource: https://hl7.org/fhir/R4/fhirpatch.html."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from app.errors import Unprocessable
from app.fhir.definitions import load
from app.fhir.patching import apply_fhirpath_patch
from app.fhir.resource import Resource

R4 = load("4.0.1")
URL = "https://zelfregie.example/ext/"
WHY = {"extension": [{"url": URL + "why", "valueCode": "unknown"}]}
Json = dict[str, Any]
HELD_AS = {
    "type": "valueCode",
    "path": "valueString",
    "name": "valueString",
    "index": "valueInteger",
    "source": "valueInteger",
    "destination": "valueInteger",
}


def op(kind: str, path: str, value: Json | None = None, **parts: Any) -> Json:
    """An operation; ``value`` is what its part ``value`` holds."""
    held = {"type": kind, "path": path, **parts}
    part: list[Json] = [{"name": name, HELD_AS[name]: each} for name, each in held.items()]
    if value is not None:
        part.append({"name": "value", **value})
    return {"name": "operation", "part": part}


def extension(name: str, code: str) -> Json:
    """An extension for the part ``value``: it cannot be a ``value[x]``."""
    return {"part": [{"name": "url", "valueUri": URL + name}, {"name": "value[x]", "valueCode": code}]}


def patch(*operations: Json) -> Resource:
    return {"resourceType": "Parameters", "parameter": list(operations)}


def apply(resource: Resource, *operations: Json) -> Resource:
    parameters = patch(*operations)
    before = copy.deepcopy((resource, parameters))
    after = apply_fhirpath_patch(resource, parameters, R4)
    assert (resource, parameters) == before
    return after


def refusal(resource: Resource, *operations: Json) -> tuple[str, tuple[str, ...], str]:
    with pytest.raises(Unprocessable) as refused:
        apply(resource, *operations)
    (issue,) = refused.value.all_issues()
    return issue.code, issue.expression, issue.diagnostics
