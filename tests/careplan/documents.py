"""Care plans to make documents of: our examples as they would be read, and one of Anna's made through the API."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

from pypdf import PdfReader

from app.careplan.document.content import Content
from app.careplan.document.dates import Language
from app.careplan.document.gather import Gathered, Revision
from app.careplan.document.sections import content_of
from app.careplan.names import Names
from app.careplan.plan import local
from app.config import CANONICAL_BASE
from app.fhir.resource import Resource, decode
from tests.medmij_profiles.package import examples
from tests.server.service import Caller

NAMES: Final = Names(CANONICAL_BASE)
NOW: Final = 1_792_000_000_000_000
"""14 October 2026."""


def example_plan(plan_id: str) -> Gathered:
    """An example of ours with everything around it."""
    held = examples()
    plan = held[f"CarePlan/{plan_id}"]
    found = Gathered(1, plan["subject"]["reference"].partition("/")[2], plan, Revision(7, NOW, "herziening-7"))
    for reference, resource in held.items():
        kind, _, resource_id = reference.partition("/")
        found.resources[kind, resource_id] = resource
        found.partitions[kind, resource_id] = 1
    said = [each for each in held.values() if each["resourceType"] == "Observation"]
    for each in sorted(said, key=lambda each: each.get("effectiveDateTime", ""), reverse=True):
        for focus in map(local, each.get("focus", ())):
            assert focus is not None
            found.about.setdefault(focus[1], []).append(each["id"])
    found.action_plans = [each for each in held.values() if ("CarePlan", plan_id) in map(local, each.get("partOf", ()))]
    return found


def content(gathered: Gathered, language: Language = "nl") -> Content:
    return content_of(gathered, NAMES, language=language, now=NOW)


def texts_of(pdf: bytes) -> list[str]:
    """The words of each page, with single spaces."""
    return [
        " ".join(page.extract_text().replace("\N{ZERO WIDTH SPACE}", "").split())
        for page in PdfReader(BytesIO(pdf)).pages
    ]


def said_in(made: Content) -> list[str]:
    """Every text of every item."""
    return [
        text
        for section in made.sections
        for item in section.items
        for text in (item.title, *(part for line in item.all_lines() for part in line.text.split("\n")))
        if text.strip()
    ]


async def anna_starts(anna: Caller, *goals: str) -> Resource:
    """A plan of Anna's with these goals."""
    parameters = [{"name": "goal", "valueString": each} for each in goals]
    answer = await anna.post("/Patient/anna/$start", {"resourceType": "Parameters", "parameter": parameters})
    assert answer.status_code == 201, answer.text
    return decode(answer.content)


async def anna_has_everything(anna: Caller) -> Resource:
    """Her plan with conditions, answers, agreements, a network, an action plan, a wish and evaluations."""
    plan = await anna_starts(anna, "Ik wil weer naar mijn koor.", "Ik wil beter slapen.")
    goal = plan["goal"][0]["reference"]
    subject = {"reference": "Patient/anna"}
    condition = await anna.create(
        {
            "resourceType": "Condition",
            "subject": subject,
            "code": {"text": "COPD"},
            "clinicalStatus": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
            },
        }
    )
    team = await anna.create(_team(subject))
    who = await anna.create(
        {**_example("QuestionnaireResponse/wie-is-truus"), "subject": subject, "source": subject, "author": subject}
    )
    decision = _example("QuestionnaireResponse/besluit-longrevalidatie")
    decision = await anna.create(
        {
            **{name: value for name, value in decision.items() if name != "extension"},
            "subject": subject,
            "source": subject,
            "author": subject,
        }
    )
    wanted = {
        **plan,
        "addresses": [{"reference": f"Condition/{condition['id']}"}],
        "careTeam": [{"reference": f"CareTeam/{team['id']}"}],
        "supportingInfo": [
            {"reference": f"QuestionnaireResponse/{who['id']}"},
            {"reference": f"QuestionnaireResponse/{decision['id']}"},
        ],
        "activity": [
            {
                "id": "zingen",
                "detail": {
                    "status": "in-progress",
                    "description": "Elke dinsdag zingen met Ria.",
                    "goal": [{"reference": goal}],
                },
            }
        ],
    }
    plan = decode((await anna.put(f"/CarePlan/{plan['id']}", wanted)).content)
    action = _example("CarePlan/actieplan-copd")
    kept = {name: value for name, value in action.items() if name not in ("contributor", "addresses")}
    await anna.create(
        {**kept, "subject": subject, "author": subject, "partOf": [{"reference": f"CarePlan/{plan['id']}"}]}
    )
    await anna.create(_wish(subject))
    evaluation = _example("Observation/evaluatie-wandelen-truus")
    await anna.create(
        {
            **{name: value for name, value in evaluation.items() if name != "basedOn"},
            "subject": subject,
            "performer": [subject],
            "focus": [{"reference": goal}],
        }
    )
    return plan


def _example(reference: str) -> Resource:
    return {name: value for name, value in examples()[reference].items() if name != "id"}


def _team(subject: Resource) -> Resource:
    return {
        "resourceType": "CareTeam",
        "meta": {"profile": [f"{CANONICAL_BASE}/StructureDefinition/CareNetwork"]},
        "status": "active",
        "subject": subject,
        "participant": [
            {"role": [{"text": "Buurvrouw"}], "member": {"type": "RelatedPerson", "display": "Ria van hiernaast"}},
            {
                "role": [{"coding": [{"system": "http://snomed.info/sct", "code": "768832004"}]}],
                "member": {"reference": "Practitioner/doctor"},
                "onBehalfOf": {"reference": "Organization/practice"},
            },
        ],
    }


def _wish(subject: Resource) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "adr"}]},
        "category": [{"text": "Niet reanimeren"}],
        "patient": subject,
        "dateTime": "2026-05-01",
        "policyRule": {"text": "Wilsverklaring"},
    }
