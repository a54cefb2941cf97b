"""Random resources of one patient, and random writes of them, the same for the same seed."""

from __future__ import annotations

import random
from typing import Any, Final

from app.fhir.resource import Resource
from tests import builders
from tests.server.service import Caller

IDS: Final = [f"own-{number}" for number in range(6)]
LONG: Final = "Hoe vaak heeft u de afgelopen vier weken last gehad van kortademigheid bij "


def some_resource(draw: random.Random, name: str) -> Resource:
    """A resource with tokens, dates, texts and links that change from one version to the next."""
    day = f"2025-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
    whens: list[Resource] = [
        {},
        {"effectiveDateTime": day},
        {"effectiveDateTime": None, "effectivePeriod": {"start": day}},
    ]
    kind = draw.choice(["Observation", "Goal", "Person", "QuestionnaireResponse", "Provenance"])
    made: dict[str, Resource] = {
        "Observation": builders.observation(
            id=name,
            code=builders.concept(builders.LOINC, draw.choice(["29463-7", "8352-7", "8361-8"])),
            identifier=[{"system": "urn:scale", "value": str(draw.randint(1, 3))}] if draw.random() < 0.5 else None,
            **draw.choice(whens),
        ),
        "Goal": builders.goal(
            id=name, description={"text": LONG + day}, startDate=day if draw.random() < 0.5 else None
        ),
        "Person": {
            "resourceType": "Person",
            "id": name,
            "name": [
                {"text": LONG + draw.choice(["wandelen", "fietsen", "traplopen"]), "family": draw.choice(["Aa", "Bee"])}
            ],
            "link": [{"target": builders.reference(draw.choice(["Patient/anna", "Practitioner/doctor"]))}],
        },
        "QuestionnaireResponse": builders.questionnaire_response(id=name, authored=day),
        "Provenance": builders.provenance([f"Goal/{draw.choice(IDS)}", "Patient/anna"], id=name),
    }
    return made[kind]


async def write_at_random(caller: Caller, draw: random.Random) -> None:
    """One write that may be refused and must never fail."""
    way = draw.choice(["put", "put", "post", "delete", "transaction", "transaction"])
    resource = some_resource(draw, draw.choice(IDS))
    address = f"/{resource['resourceType']}/{resource['id']}"
    if way == "put":
        headers = {"if-match": f'W/"{draw.randint(1, 4)}"'} if draw.random() < 0.3 else {}
        answer = await caller.put(address, resource, headers)
    elif way == "post":
        answer = await caller.post(f"/{resource['resourceType']}", resource)
    elif way == "delete":
        answer = await caller.delete(address)
    else:
        names = draw.sample(IDS, 4)
        entries: list[Any] = [builders.posted(builders.observation())]
        entries += [builders.put(some_resource(draw, name)) for name in names[:3]]
        entries.append(builders.deleted(f"Goal/{names[3]}"))
        draw.shuffle(entries)
        answer = await caller.post("", builders.transaction(*entries))
    assert answer.status_code in (200, 201, 204, 404, 409, 412), answer.text
