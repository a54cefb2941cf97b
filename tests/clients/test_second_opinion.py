"""Every kind of answer, as fhir.resources sees it: models of R4B that somebody else generated, strict about members.

https://github.com/nazrulworld/fhir.resources
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
from fhir.resources.R4B import get_fhir_model_class

from app.fhir.resource import Resource, decode, encode
from tests.builders import asking, batch, binary, goal, patched, posted, put, transaction
from tests.process import Process

OWNER: Final = "gerda-demoveld"
PATIENT: Final = f"Patient/{OWNER}"
OURS: Final = "https://zelfregie.example/fhir"
CODES: Final[Resource] = {
    "resourceType": "CodeSystem",
    "id": "second-opinion",
    "url": f"{OURS}/CodeSystem/second-opinion",
    "status": "active",
    "content": "complete",
    "concept": [{"code": "wandelen", "display": "Wandelen"}, {"code": "fietsen", "display": "Fietsen"}],
}
VALUES: Final[Resource] = {
    "resourceType": "ValueSet",
    "id": "second-opinion",
    "url": f"{OURS}/ValueSet/second-opinion",
    "status": "active",
    "compose": {"include": [{"system": CODES["url"]}]},
}

ANSWERS: Final[dict[str, tuple[str, int, str]]] = {
    "a capability statement": ("metadata", 200, "CapabilityStatement"),
    "a patient": (PATIENT, 200, "Patient"),
    "an operation definition": ("OperationDefinition?_count=1", 200, "Bundle searchset"),
    "a page of a search": ("Observation?_count=2", 200, "Bundle searchset"),
    "a page with its total": ("Observation?_count=2&_total=accurate&_sort=-date", 200, "Bundle searchset"),
    "a search that finds nothing": ("Observation?status=unknown", 200, "Bundle searchset"),
    "a count": ("Observation?_summary=count", 200, "Bundle searchset"),
    "a search with what comes along": (
        "CarePlan?_include=CarePlan:goal&_include=*&_revinclude=Provenance:target",
        200,
        "Bundle searchset",
    ),
    "summaries": ("CarePlan?_summary=true", 200, "Bundle searchset"),
    "texts": ("CarePlan?_summary=text", 200, "Bundle searchset"),
    "data": ("CarePlan?_summary=data", 200, "Bundle searchset"),
    "chosen elements": ("Observation?_elements=code&_count=2", 200, "Bundle searchset"),
    "a search of several types": ("?_type=CarePlan,Goal", 200, "Bundle searchset"),
    "a search of a compartment": (f"{PATIENT}/Goal", 200, "Bundle searchset"),
    "a whole record": (f"{PATIENT}/$everything?_count=5000", 200, "Bundle searchset"),
    "the last measurements": (f"Observation/$lastn?patient={OWNER}&category=vital-signs", 200, "Bundle searchset"),
    "the history of a resource": (f"{PATIENT}/_history", 200, "Bundle history"),
    "the history of a type": ("Goal/_history", 200, "Bundle history"),
    "the history of everything": ("_history?_count=5000", 200, "Bundle history"),
    "what it has as meta": (f"{PATIENT}/$meta", 200, "Parameters"),
    "an expansion": (f"ValueSet/$expand?url={VALUES['url']}", 200, "ValueSet"),
    "a look-up": (f"CodeSystem/$lookup?system={CODES['url']}&code=fietsen", 200, "Parameters"),
    "an address that is none": ("Nergens/1", 404, "OperationOutcome"),
    "another's patient": ("Patient/anna-proefstra", 404, "OperationOutcome"),
    "an unknown parameter": ("Goal?kleur=groen", 400, "OperationOutcome"),
    "an unknown value": ("Observation?date=gisteren", 400, "OperationOutcome"),
    "an unknown operation": (f"{PATIENT}/$dansen", 404, "OperationOutcome"),
    "an unknown version": (f"{PATIENT}/_history/99", 404, "OperationOutcome"),
    "a format that is none": (f"{PATIENT}?_format=text/csv", 406, "OperationOutcome"),
}
"""What is asked with GET; the status and the resource, with the type of a Bundle, that answer."""
EMPTY: Final = frozenset({"a search that finds nothing", "a count"})


@pytest.fixture
def client(service: Process) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer demo-{OWNER}"}
    with httpx.Client(base_url=f"{service.url}/fhir", headers=headers, timeout=60) as it:
        yield it


@pytest.fixture(autouse=True)
def terminology(service: Process) -> None:
    """A code system and a value set that are held here, as an administrator puts them."""
    for resource in (CODES, VALUES):
        address = f"{service.url}/fhir/{resource['resourceType']}/{resource['id']}"
        stored = httpx.put(address, json=resource, headers={"authorization": "Bearer demo-operator"}, timeout=60)
        assert stored.status_code in (200, 201), stored.text


def read_by_others(answer: httpx.Response) -> Resource:
    """The answer's resource, once fhir.resources has taken it; fails with its complaints."""
    resource = decode(answer.content)
    model: Any = get_fhir_model_class(resource["resourceType"])
    assert model.model_validate_json(answer.content).get_resource_type() == resource["resourceType"]
    return resource


def kind(resource: Resource) -> str:
    own: str = resource["resourceType"]
    return f"{own} {resource['type']}" if own == "Bundle" else own


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_what_others_take_it_for(answer: str, client: httpx.Client) -> None:
    address, status, expected = ANSWERS[answer]
    got = client.get(address)
    assert got.status_code == status, got.text
    resource = read_by_others(got)
    assert kind(resource) == expected
    if expected.startswith("Bundle"):
        assert ("entry" in resource) == (answer not in EMPTY)


def test_the_answers_to_writes_are_what_others_take_them_for(client: httpx.Client) -> None:
    made = client.post("Goal", json=goal(PATIENT))
    assert made.status_code == 201, made.text
    mine = read_by_others(made)
    address = f"Goal/{mine['id']}"
    said = client.put(address, json=mine, headers={"prefer": "return=OperationOutcome"})
    assert (said.status_code, kind(read_by_others(said))) == (200, "OperationOutcome")
    stale = client.put(address, json=mine, headers={"if-match": 'W/"1"'})
    assert (stale.status_code, kind(read_by_others(stale))) == (412, "OperationOutcome")
    wrong = client.post("Goal", json=goal(PATIENT, lifecycleStatus="ooit"))
    assert (wrong.status_code, kind(read_by_others(wrong))) == (422, "OperationOutcome")
    unknown = client.post("Goal", content=b"doel", headers={"content-type": "text/csv"})
    assert (unknown.status_code, kind(read_by_others(unknown))) == (415, "OperationOutcome")
    broken = client.post("Goal", content=b"{", headers={"content-type": "application/fhir+json"})
    assert (broken.status_code, kind(read_by_others(broken))) == (400, "OperationOutcome")
    refused = client.put("metadata", json=mine)
    assert (refused.status_code, kind(read_by_others(refused))) == (405, "OperationOutcome")
    assert client.delete(address).status_code == 204
    gone = client.get(address)
    assert (gone.status_code, kind(read_by_others(gone))) == (410, "OperationOutcome")


def test_the_outcome_of_a_validation_is_what_others_take_it_for(client: httpx.Client) -> None:
    for status in ("proposed", "ooit"):
        said = client.post("Goal/$validate", json=goal(PATIENT, lifecycleStatus=status))
        assert (said.status_code, kind(read_by_others(said))) == (200, "OperationOutcome")


def test_without_a_token_the_refusal_is_what_others_take_it_for(service: Process) -> None:
    said = httpx.get(f"{service.url}/fhir/{PATIENT}")
    assert (said.status_code, kind(read_by_others(said))) == (401, "OperationOutcome")


def test_the_answer_to_a_transaction_is_what_others_take_it_for(client: httpx.Client) -> None:
    mine = read_by_others(client.post("Goal", json=goal(PATIENT)))
    sent = transaction(
        posted(goal(PATIENT), "urn:uuid:5d9b52b4-3fd1-4f3e-8f0a-bb6a2c3d1e5f"),
        posted(binary(securityContext={"reference": PATIENT})),
        put({**mine, "lifecycleStatus": "active"}),
        asking("GET", "Goal?_count=1"),
    )
    for prefer in ("return=representation", "return=minimal", "return=OperationOutcome"):
        answer = client.post(
            "", content=encode(sent), headers={"content-type": "application/fhir+json", "prefer": prefer}
        )
        assert answer.status_code == 200, answer.text
        assert kind(read_by_others(answer)) == "Bundle transaction-response"


def test_the_answer_to_a_batch_is_what_others_take_it_for(client: httpx.Client) -> None:
    mine = read_by_others(client.post("Goal", json=goal(PATIENT)))
    sent = batch(
        asking("GET", PATIENT),
        asking("GET", "Patient/anna-proefstra"),
        asking("GET", "Observation?_count=1"),
        patched(f"Goal/{mine['id']}", [{"op": "replace", "path": "/lifecycleStatus", "value": "active"}]),
        asking("DELETE", f"Goal/{mine['id']}"),
        posted(goal(PATIENT, lifecycleStatus="ooit")),
    )
    answer = client.post("", content=encode(sent), headers={"content-type": "application/fhir+json"})
    assert answer.status_code == 200, answer.text
    resource = read_by_others(answer)
    assert kind(resource) == "Bundle batch-response"
    statuses = [entry["response"]["status"][:3] for entry in resource["entry"]]
    assert statuses == ["200", "404", "200", "200", "204", "422"]
