"""Who filled in: ``source`` gave the answers, ``author`` wrote them down.
https://hl7.org/fhir/R4/questionnaireresponse-definitions.html#QuestionnaireResponse.author

Nobody says that another person did it. A patient may name the relative who helped to write (``author``) and stays the
source; a relative or a professional may write down what the patient says.
"""

from __future__ import annotations

from typing import Final

from app.errors import Issue
from app.fhir.resource import Resource, parse_reference
from app.questionnaires.answers.filled import ROOT
from app.questionnaires.answers.wording import problem
from app.server.access import Access
from app.server.server import FhirServer

_DEVICE: Final = "Device"
_RELATED: Final = "RelatedPerson"
_PRACTITIONER: Final = "Practitioner"
_PATIENT: Final = "Patient"


def author_problems(server: FhirServer, access: Access, resource: Resource, stored: Resource | None) -> list[Issue]:
    """What a response says of who filled it in that its sender cannot say. What was said before stands as long as the
    answers do.
    """
    caller = _caller(access)
    if access.is_system or not caller:
        return []
    same = stored is not None and stored.get("item") == resource.get("item")
    found = []
    for element, helpers in (("author", _writers(caller)), ("source", _sources(caller))):
        who = resource.get(element)
        if who is None or (same and stored is not None and stored.get(element) == who):
            continue
        name, kind = _name(server, who, resource.get("subject", {}))
        if name != caller and kind not in helpers:
            found.append(problem("who", f"{ROOT}.{element}", element=element))
    return found


def _caller(access: Access) -> str:
    """What the caller is in FHIR; "" where nobody can tell."""
    if access.fhir_user:
        return access.fhir_user
    return f"{_PATIENT}/{access.patient_id}" if access.patient_id and not access.organization else ""


def _writers(caller: str) -> frozenset[str]:
    """Who else may have written it down."""
    return frozenset({_DEVICE, _RELATED} if _kind(caller) == _PATIENT else {_DEVICE})


def _sources(caller: str) -> frozenset[str]:
    """Who else may have given the answers. A Patient is the subject: of another one no reference is taken."""
    kind = _kind(caller)
    return frozenset({_PATIENT, _RELATED} if kind == _PRACTITIONER else {_PATIENT} if kind == _RELATED else ())


def _kind(name: str) -> str:
    return name.partition("/")[0]


def _name(server: FhirServer, who: Resource, subject: Resource) -> tuple[str, str]:
    """Who a reference means, as ``Type/id``, and the type; of a Patient only the subject counts."""
    text = who.get("reference", "")
    about = _local(server, subject.get("reference", ""))
    name = about if text and text == subject.get("reference") else _local(server, text)
    kind = _kind(name)
    if kind == _PATIENT and about and name != about:
        return name, ""
    return name, kind


def _local(server: FhirServer, text: str) -> str:
    literal = parse_reference(text)
    if literal is None:
        return f"{_PATIENT}/{text}" if text.startswith("urn:") else ""
    return literal.relative if literal.base in ("", server.base) else ""
