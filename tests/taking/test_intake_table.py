"""The intake table: who × what × problem → what happens. MODEL 3; the rows are ``intake_table.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from app.fhir.resource import Resource, decode
from tests import builders
from tests.integrity import problems as broken
from tests.server.service import Caller, Service
from tests.taking.deliveries import collection, document

ROWS: Final = yaml.safe_load(Path(__file__).with_name("intake_table.yaml").read_text())
URN: Final = "urn:uuid:11111111-1111-4111-8111-111111111111"


def weight(value: float, **members: Any) -> Resource:
    return builders.observation(
        code=builders.concept(builders.LOINC, "29463-7"),
        valueQuantity={"value": value, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
        category=[builders.concept("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs")],
        **members,
    )


PROBLEMS: Final[dict[str, Resource]] = {
    "none": weight(81),
    "structure": weight(81, status="nonsense"),
    "reference": weight(81, derivedFrom=[builders.reference(URN)]),
    "unknown": {"resourceType": "Nonsense"},
    "limit": weight(5000),
    "stranger": weight(81, subject=builders.reference("Patient/bram"), status="nonsense"),
    "rule": builders.care_plan(
        category=[builders.concept("https://zelfregie.example/fhir/CodeSystem/care-plan-category", "izp")]
    ),
}


def sent(how: str, resource: Resource) -> tuple[str, Resource]:
    """The address and the body."""
    kind = resource["resourceType"]
    if how == "create":
        return f"/{kind}", resource
    if how == "collection":
        return "/", collection({"resource": resource})
    if how == "document":
        return "/", document({"resource": resource})
    make = builders.batch if how == "batch" else builders.transaction
    return "/", make(builders.posted(resource))


def status_of(answer: Any) -> int:
    body = decode(answer.content)
    if body["resourceType"] == "Bundle":
        return int(body["entry"][-1]["response"]["status"][:3])
    return int(answer.status_code)


def name(row: dict[str, Any]) -> str:
    return f"{row['who']}-{row['how']}-{row['problem']}"


@pytest.mark.parametrize("row", ROWS, ids=name)
async def test_what_comes_in_is_taken_as_the_table_says(
    service: Service, gp: Caller, anna: Caller, row: dict[str, Any]
) -> None:
    caller = anna if row["who"] == "person" else gp
    address, body = sent(row["how"], PROBLEMS[row["problem"]])
    answer = await caller.post(address, body)
    assert status_of(answer) == row["status"], answer.text
    found = [each["resource"] for each in (await anna.bundle("/Observation")).get("entry", ())]
    assert (len(found) == 1) is row["stored"]
    kept = decode((await anna.get("/Patient/anna/$kept-deliveries")).content).get("parameter", [])
    assert (len(kept) == 1) is row["kept"], answer.text
    if row["stored"]:
        tags = [each["code"] for each in found[0].get("meta", {}).get("tag", ())]
        assert bool(tags) is row.get("flagged", False)
    assert await broken(service.database, service.server) == []
