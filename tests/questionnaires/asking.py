"""Tasks that ask for a questionnaire, made short, and everybody who has to do with one."""

from __future__ import annotations

from typing import Any, Final

import httpx

from app.auth.roles import Role
from app.fhir.resource import Resource, decode
from app.server.access import actions_of
from app.server.labels import load_labels
from tests import builders
from tests.questionnaires.answering import URL, given, response
from tests.server.grants import token_with
from tests.server.service import Caller, Service, issues

CODE: Final = {"coding": [{"system": "http://loinc.org", "code": "74468-0"}]}
ANNA: Final = {"reference": "Patient/anna"}
NEW: Final = "urn:uuid:5d3a8f3e-0000-4000-8000-000000000001"
LABELS: Final = load_labels()
CARE_LABELS: Final = LABELS.bits(set(LABELS.categories) - {"unclassified", "permissions"})
"""All that a consent can be about: what is for the person only is in none."""
_OWN: Final[dict[str, Any]] = {"purpose": "own-use"}
_ANNA: Final[dict[str, Any]] = {**_OWN, "person": "anna-account", "fhir_user": "Patient/anna", "role": Role.PATIENT}
_CARE: Final[dict[str, Any]] = {"labels": CARE_LABELS, "patient": None, "organization": "De Proef"}
_MEMBERS: Final[dict[str, dict[str, Any]]] = {
    "patient": {**_ANNA, "kind": "session"},
    "representative": {
        **_OWN,
        "kind": "session",
        "role": Role.REPRESENTATIVE,
        "person": "roos-account",
        "fhir_user": "RelatedPerson/roos",
        "responsible": "Patient/anna",
    },
    "app": {**_ANNA, "kind": "app", "client": "diary"},
    "professional": {
        **_CARE,
        "kind": "session",
        "role": Role.PROFESSIONAL,
        "recipient": "organization:proef",
        "person": "doctor-account",
        "fhir_user": "Practitioner/doctor",
    },
    "colleague": {
        **_CARE,
        "kind": "session",
        "role": Role.PROFESSIONAL,
        "recipient": "organization:proef",
        "person": "nurse-account",
        "fhir_user": "Practitioner/nurse",
    },
    "elsewhere": {
        **_CARE,
        "kind": "session",
        "role": Role.PROFESSIONAL,
        "recipient": "organization:elders",
        "organization": "Elders",
        "person": "other-account",
        "fhir_user": "Practitioner/other",
    },
    "system": {**_CARE, "kind": "system", "role": Role.ORGANIZATION, "recipient": "organization:proef"},
    "carer": {**_OWN, "kind": "session", "role": Role.CARER, "person": "carl-account", "recipient": "person:carl"},
    "bystander": {**_OWN, "kind": "app", "role": Role.PATIENT, "client": "diary", "fhir_user": "Patient/bram"},
}
ACTORS: Final = tuple(_MEMBERS)
OWN: Final = frozenset({"patient", "representative", "app"})


async def actor(service: Service, name: str) -> Caller:
    """Somebody by their name, who may see, add and change."""
    scope = {"system": "system"}.get(name, "user" if name in ("professional", "colleague", "elsewhere") else "patient")
    of = "bram" if name == "bystander" else "anna"
    members = {**_MEMBERS[name], "actions": actions_of("cruds")}
    if await service.database.fetch("SELECT 1 FROM permit WHERE recipient = $1", members.get("recipient", "")):
        members["patients"] = []  # of an organisation everybody has the one permission
    return await token_with(service, f"{scope}/*.cruds", of, **members)


def asking(canonical: str = f"{URL}|1", **members: Any) -> Resource:
    """As somebody sends it, with as little as there must be; None leaves a member out."""
    made: Resource = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": CODE,
        "for": ANNA,
        "input": [{"type": {"text": "Questionnaire"}, "valueCanonical": canonical}],
        **members,
    }
    return {name: value for name, value in made.items() if value is not None}


def answers(**members: Any) -> Resource:
    return response(given("pijn", ("Integer", 3)), **members)


def output(reference: str) -> list[Resource]:
    return [{"type": {"text": "QuestionnaireResponse"}, "valueReference": {"reference": reference}}]


def completing(task: Resource, answered: Resource | None = None, reference: str = NEW) -> Resource:
    """The transaction in which a Task is completed by answers."""
    completed = {**task, "status": "completed", "output": output(reference)}
    return builders.transaction(builders.put(completed), builders.posted(answered or answers(), NEW))


async def answered(caller: Caller, task: Resource) -> httpx.Response:
    return await caller.post("", completing(task))


async def moved(caller: Caller, task: Resource, status: str, reason: str = "", **members: Any) -> httpx.Response:
    """A PUT of the Task in another status."""
    given_reason = {"statusReason": {"text": reason}} if reason else {}
    return await caller.put(f"/Task/{task['id']}", {**task, "status": status, **given_reason, **members})


async def now(caller: Caller, task: Resource) -> Resource:
    """As it is stored."""
    answer = await caller.get(f"/Task/{task['id']}")
    assert answer.status_code == 200, answer.text
    return decode(answer.content)


def rules(answer: httpx.Response) -> list[str]:
    """The rules that an answer names, without their prefix."""
    texts = [str(each.get("details", {}).get("text", "")) for each in issues(answer)]
    return [each.removeprefix("questionnaire-ask-") for each in texts if each]
