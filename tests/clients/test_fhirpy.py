"""A whole session of fhirpy. https://github.com/beda-software/fhir-py"""

from __future__ import annotations

import itertools
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import AuthorizationError, MultipleResourcesFound, OperationOutcome, ResourceNotFound

from tests.builders import batch, binary, condition, goal, posted, transaction
from tests.clients.measurements import CODE, DEVICE, heart_rate, numbered
from tests.process import Process

OWNER: Final = "els-proefkamp"
PATIENT: Final = f"Patient/{OWNER}"
OTHER: Final = "Patient/anna-proefstra"
JSON_PATCH: Final = "application/json-patch+json"

Connect = Callable[..., Any]


@pytest.fixture
def connect(service: Process) -> Connect:
    """The client, with headers of its own; fhirpy is typed in part only."""

    def client(token: str | None = f"demo-{OWNER}", **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        authorization = None if token is None else f"Bearer {token}"
        return SyncFHIRClient(f"{service.url}/fhir", authorization=authorization, extra_headers=sent)

    return client


@pytest.fixture
def client(connect: Connect) -> Any:
    return connect()


def refused(raised: pytest.ExceptionInfo[OperationOutcome]) -> list[tuple[str, str]]:
    """Code and first expression of each issue: fhirpy raises the OperationOutcome itself."""
    return [(each["code"], each.get("expression", [""])[0]) for each in raised.value.resource["issue"]]


def test_the_capability_statement_says_what_is_offered_to_anybody(connect: Connect) -> None:
    statement = connect(token=None).execute("metadata", method="get")
    assert statement["fhirVersion"] == "4.0.1"
    (rest,) = statement["rest"]
    offered = {each["type"]: {row["code"] for row in each["interaction"]} for each in rest["resource"]}
    assert offered["Goal"] >= {
        "read",
        "vread",
        "update",
        "patch",
        "delete",
        "history-instance",
        "create",
        "search-type",
    }
    assert {each["code"] for each in rest["interaction"]} >= {"transaction", "batch", "search-system"}


def test_a_goal_is_made_read_changed_and_deleted(client: Any, connect: Connect) -> None:
    made = client.resource("Goal", **goal(PATIENT))
    made.save()
    assert made["meta"]["versionId"] == "1"
    assert client.reference("Goal", made.id).to_resource() == made

    careful = connect(If_Match='W/"1"').resource("Goal", **{**made.serialize(), "lifecycleStatus": "accepted"})
    careful.save()
    assert careful["meta"]["versionId"] == "2"
    with pytest.raises(MultipleResourcesFound, match="If-Match"):  # fhirpy's only word for 412
        careful.save()
    assert made.refresh()["lifecycleStatus"] == "accepted"
    assert client.execute(f"Goal/{made.id}/_history/1", method="get")["lifecycleStatus"] == "proposed"

    made.delete()
    with pytest.raises(ResourceNotFound, match="deleted"):
        made.refresh()
    history = client.execute(f"Goal/{made.id}/_history", method="get")
    assert [entry["request"]["method"] for entry in history["entry"]] == ["DELETE", "PUT", "POST"]


def test_a_goal_is_patched_both_ways(connect: Connect, client: Any) -> None:
    """The client's ``patch`` sends a part of the resource, which FHIR does not know; ``execute`` sends any patch."""
    made = client.resource("Goal", **goal(PATIENT))
    made.save()
    steps = [{"op": "replace", "path": "/lifecycleStatus", "value": "active"}]
    patched = connect(Content_Type=JSON_PATCH).execute(f"Goal/{made.id}", method="patch", data=steps)
    assert (patched["lifecycleStatus"], patched["meta"]["versionId"]) == ("active", "2")

    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Goal.lifecycleStatus"},
        {"name": "value", "valueCode": "completed"},
    ]
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    patched = connect(Content_Type="application/fhir+json").execute(f"Goal/{made.id}", method="patch", data=parameters)
    assert (patched["lifecycleStatus"], patched["meta"]["versionId"]) == ("completed", "3")

    with pytest.raises(OperationOutcome):
        client.reference("Goal", made.id).patch(lifecycleStatus="cancelled")
    assert made.refresh()["lifecycleStatus"] == "completed"


def test_conditional_create_update_and_delete(client: Any, connect: Connect) -> None:
    """The client's ``get_or_create`` puts the condition in the address; FHIR R4 has it in ``If-None-Exist``."""
    search = client.resources("Observation").search(identifier=f"{DEVICE}|1")
    once = connect(If_None_Exist=f"identifier={DEVICE}|1")
    first, again = (once.resource("Observation", **numbered(PATIENT, "1")).save() for _ in range(2))
    assert first.id == again.id
    assert [found.id for found in search.fetch()] == [first.id]
    with pytest.raises(OperationOutcome, match="identifier"):
        search.get_or_create(client.resource("Observation", **numbered(PATIENT, "1")))

    updated, made = search.update(client.resource("Observation", **numbered(PATIENT, "1", status="amended")))
    assert (updated.id, updated["meta"]["versionId"], made) == (first.id, "2", False)
    elsewhere = client.resources("Observation").search(identifier=f"{DEVICE}|2")
    other, made = elsewhere.update(client.resource("Observation", **numbered(PATIENT, "2")))
    assert (other["meta"]["versionId"], made) == ("1", True)
    assert search.delete()[1] == 204
    assert search.fetch() == []
    assert [found.id for found in elsewhere.fetch()] == [other.id]


def test_a_search_is_paged_to_its_end_and_counted(client: Any) -> None:
    day = "2026-11-20"
    answer = client.execute("", data=transaction(*(posted(heart_rate(PATIENT, day, minute)) for minute in range(25))))
    assert [entry["response"]["status"] for entry in answer["entry"]] == ["201 Created"] * 25
    search = client.resources("Observation").search(code=CODE, date=day).sort("-date").limit(10)
    assert [each["valueQuantity"]["value"] for each in search] == list(range(84, 59, -1))
    page = search.search(_total="accurate").fetch_raw()
    assert (page["total"], len(page["entry"])) == (25, 10)
    above = search.search(value_quantity__ge=80).fetch()
    assert [each["valueQuantity"]["value"] for each in above] == [84, 83, 82, 81, 80]


def test_a_count_is_asked_for_as_fhir_does(client: Any) -> None:
    """The client's ``count`` sends ``_totalMethod``, which is no parameter of FHIR: it is refused by name."""
    goals = client.resources("Goal")
    every = goals.fetch_all()
    assert goals.search(_total="accurate").limit(0).fetch_raw()["total"] == len(every)
    with pytest.raises(OperationOutcome, match="_totalMethod"):
        goals.count()


def test_what_a_plan_refers_to_and_what_refers_to_it_come_along(client: Any) -> None:
    found = client.resources("CarePlan").include("CarePlan", "goal").fetch_raw()
    modes = {mode: [*each] for mode, each in itertools.groupby(found["entry"], lambda entry: entry["search"]["mode"])}
    (plan,) = (entry["resource"] for entry in modes["match"])
    goals = {reference["reference"] for reference in plan["goal"]}
    assert {f"Goal/{entry['resource']['id']}" for entry in modes["include"]} == goals
    backwards = client.resources("Goal").revinclude("CarePlan", "goal").fetch_raw()
    assert plan.id in {entry["resource"]["id"] for entry in backwards["entry"]}

    has = client.resources("Goal").has("CarePlan", "goal", _id=plan.id)
    assert {f"Goal/{each.id}" for each in has} == goals
    chained = client.resources("CarePlan").search(goal__Goal__lifecycle_status="active", subject__Patient__active=True)
    assert [each.id for each in chained] == [plan.id]


def test_a_transaction_resolves_what_its_entries_call_each_other(client: Any) -> None:
    name = "urn:uuid:6b0c1a4e-7c7f-4f43-9bb1-6a6f7c1f1a10"
    answer = client.execute(
        "",
        data=transaction(
            posted(condition(PATIENT), name),
            posted(goal(PATIENT, addresses=[{"reference": name}])),
        ),
    )
    problem, made = (entry["response"]["location"].partition("/_history/")[0] for entry in answer["entry"])
    read = client.reference("Goal", made.rpartition("/")[2]).to_resource()
    assert problem.endswith(read["addresses"][0]["reference"])
    assert read["addresses"][0].to_resource().resource_type == "Condition"


def test_a_transaction_with_one_mistake_stores_nothing(client: Any) -> None:
    with pytest.raises(OperationOutcome) as raised:
        client.execute(
            "", data=transaction(posted(numbered(PATIENT, "3")), posted(numbered(PATIENT, "4", status="klaar")))
        )
    ((_, place),) = refused(raised)
    assert place.startswith("Bundle.entry[1]")
    assert client.resources("Observation").search(identifier=f"{DEVICE}|3").fetch() == []


def test_a_batch_answers_each_entry_for_itself(client: Any) -> None:
    asked = [{"request": {"method": "GET", "url": url}} for url in (PATIENT, OTHER, "CarePlan?status=active")]
    answer = client.execute("", data=batch(*asked, posted(goal(PATIENT))))
    assert [entry["response"]["status"][:3] for entry in answer["entry"]] == ["200", "404", "200", "201"]
    assert answer["entry"][2]["resource"]["type"] == "searchset"


def test_the_whole_record_and_the_last_of_each_measurement(client: Any) -> None:
    record = client.reference("Patient", OWNER).execute("$everything", method="get", params={"_count": 5000})
    types = {entry["resource"]["resourceType"] for entry in record["entry"]}
    assert types >= {"Patient", "CarePlan", "Goal", "Observation", "Condition"}

    for minute in (5, 6):
        client.resource("Observation", **heart_rate(PATIENT, "2026-11-23", minute)).save()
    wanted = {"max": 1, "patient": OWNER, "code": CODE}
    last = client.resources("Observation").execute("$lastn", method="get", params=wanted)
    assert [entry["resource"]["valueQuantity"]["value"] for entry in last["entry"]] == [66]


def test_the_history_of_a_type_and_of_the_whole_record(client: Any) -> None:
    made = client.resource("Goal", **goal(PATIENT)).save()
    for path in ("Goal/_history", "_history"):
        history = client.execute(path, method="get", params={"_count": 1})
        assert history["type"] == "history"
        assert [entry["resource"]["id"] for entry in history["entry"]] == [made.id]


def test_a_resource_is_validated_before_it_is_sent(client: Any) -> None:
    assert client.resource("Goal", **goal(PATIENT)).is_valid()
    wrong = client.resource("Goal", **goal(PATIENT, lifecycleStatus="ooit"))
    assert not wrong.is_valid()
    with pytest.raises(OperationOutcome) as raised:
        wrong.is_valid(raise_exception=True)
    assert "Goal.lifecycleStatus" in {place for _, place in refused(raised)}
    with pytest.raises(OperationOutcome) as raised:
        wrong.save()
    assert refused(raised) == [("code-invalid", "Goal.lifecycleStatus")]


def test_a_document_goes_up_and_down_as_a_resource(client: Any) -> None:
    data = b64encode(b"Een foto van mijn bord.").decode()
    made = client.resource("Binary", **binary(data=data, securityContext={"reference": PATIENT})).save()
    assert client.reference("Binary", made.id).to_resource()["data"] == data


def test_another_patient_is_as_absent_as_nobody(client: Any) -> None:
    for address in (OTHER, "Patient/niemand"):
        with pytest.raises(ResourceNotFound, match="not-found"):
            client.reference(reference=address).to_resource()


def test_without_a_valid_token_nothing_is_shown(connect: Connect) -> None:
    for token in (None, "demo-nobody"):
        with pytest.raises(AuthorizationError, match="OperationOutcome"):
            connect(token=token).reference(reference=PATIENT).to_resource()
