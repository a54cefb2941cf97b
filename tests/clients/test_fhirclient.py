"""A whole session of fhirclient, SMART Health IT's client for Python. https://github.com/smart-on-fhir/client-py

Its models are strict: they take no member and no type that R4 does not have, so what they read they have also checked.
"""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest
import requests
from fhirclient.client import FHIRClient
from fhirclient.models.binary import Binary
from fhirclient.models.bundle import Bundle
from fhirclient.models.capabilitystatement import CapabilityStatement
from fhirclient.models.careplan import CarePlan
from fhirclient.models.condition import Condition
from fhirclient.models.fhirabstractbase import FHIRValidationError
from fhirclient.models.goal import Goal
from fhirclient.models.observation import Observation
from fhirclient.models.operationoutcome import OperationOutcome
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException, FHIRServer, FHIRUnauthorizedException
from lxml import etree

from tests.builders import batch, binary, condition, goal, posted, transaction
from tests.clients.measurements import CODE, DEVICE, heart_rate, numbered
from tests.process import Process

OWNER: Final = "farid-testveld"
PATIENT: Final = f"Patient/{OWNER}"
OTHER: Final = "anna-proefstra"

Connect = Callable[..., Any]


@pytest.fixture
def connect(service: Process) -> Connect:
    """The client as it is resumed after somebody signed in, which is its own way to begin with a token; its settings
    would have it find the addresses to sign in at. Headers of a request's own go on the session of its server object.
    """

    def server(token: str = f"demo-{OWNER}", **headers: str) -> Any:
        auth = {"app_id": "tests", "access_token": token}
        state = {"base_uri": f"{service.url}/fhir/", "auth_type": "oauth2", "auth": auth}
        made = FHIRClient(state={"app_id": "tests", "patient_id": OWNER, "server": state}).server
        made.session.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return made

    return server


@pytest.fixture
def server(connect: Connect) -> Any:
    return connect()


def every(server: Any, model: Any, **struct: Any) -> list[Any]:
    """All that a search finds, page after page."""
    return list(model.where(struct).perform_resources_iter(server))


def refused(raised: pytest.ExceptionInfo[Any]) -> tuple[int, Any]:
    """Status, and the OperationOutcome: the client leaves both on the response of what it raises."""
    response: requests.Response = raised.value.response
    return response.status_code, OperationOutcome(response.json())


def test_the_capability_statement_says_where_to_sign_in(service: Process) -> None:
    anonymous = FHIRServer(None, f"{service.url}/fhir")
    assert not anonymous.prepare(), "first somebody signs in"
    found = httpx.get(f"{service.url}/fhir/.well-known/smart-configuration").json()
    assert anonymous.auth.auth_type == "oauth2"
    assert anonymous.auth.state["authorize_uri"] == found["authorization_endpoint"]
    assert anonymous.auth.state["token_uri"] == found["token_endpoint"]
    statement = anonymous.capabilityStatement
    assert isinstance(statement, CapabilityStatement)
    assert statement.fhirVersion == "4.0.1"
    offered = {row.code for each in statement.rest[0].resource if each.type == "Goal" for row in each.interaction}
    assert offered >= {"read", "vread", "update", "patch", "delete", "history-instance", "create", "search-type"}


def test_the_patient_is_read_by_the_client_itself(server: Any) -> None:
    patient = server.client.patient
    assert isinstance(patient, Patient)
    assert patient.id == OWNER
    assert server.client.human_name(patient.name[0])


def test_a_goal_is_made_read_changed_and_deleted(server: Any, connect: Connect) -> None:
    made = Goal(Goal(goal(PATIENT)).create(server))
    assert made.meta.versionId == "1"
    read = Goal.read(made.id, server)
    assert read.as_json() == made.as_json()

    careful = connect(If_Match='W/"1"')
    read.lifecycleStatus = "accepted"
    changed = Goal(read.update(careful))
    assert (changed.meta.versionId, changed.lifecycleStatus) == ("2", "accepted")
    with pytest.raises(requests.HTTPError) as raised:
        read.update(careful)
    status, outcome = refused(raised)
    assert (status, outcome.issue[0].code) == (412, "conflict")
    assert Goal.read_from(f"Goal/{made.id}/_history/1", server).lifecycleStatus == "proposed"

    assert changed.delete(server) is None
    with pytest.raises(requests.HTTPError) as raised:
        Goal.read(made.id, server)
    status, outcome = refused(raised)
    assert (status, outcome.issue[0].code) == (410, "deleted")
    history = Bundle.read_from(f"Goal/{made.id}/_history", server)
    assert history.type == "history"
    assert [entry.request.method for entry in history.entry] == ["DELETE", "PUT", "POST"]
    assert [entry.resource.lifecycleStatus for entry in history.entry[1:]] == ["accepted", "proposed"]


def test_conditional_create_update_and_delete(server: Any, connect: Connect) -> None:
    condition = f"identifier={DEVICE}|1"
    once = connect(If_None_Exist=condition)
    first, again = (Observation(Observation(numbered(PATIENT, "1")).create(once)) for _ in range(2))
    assert first.id == again.id
    changed = server.put_json(f"Observation?{condition}", numbered(PATIENT, "1", status="amended"))
    assert changed.status_code == 200
    assert Observation(changed.json()).as_json()["meta"]["versionId"] == "2"
    assert server.delete_json(f"Observation?{condition}").status_code == 204
    assert every(server, Observation, identifier=f"{DEVICE}|1") == []


def test_a_search_is_paged_to_its_end(server: Any) -> None:
    day = "2026-11-20"
    answer = Bundle(
        Bundle(transaction(*(posted(heart_rate(PATIENT, day, minute)) for minute in range(25)))).create(server)
    )
    assert [entry.response.status for entry in answer.entry] == ["201 Created"] * 25
    wanted = {
        "code": CODE,
        "date": {"$and": [f"ge{day}", f"le{day}"]},
        "_sort": "-date",
        "_count": "10",
    }
    found = every(server, Observation, **wanted)
    assert [each.valueQuantity.value for each in found] == list(range(84, 59, -1))
    pages = [*Observation.where({**wanted, "_total": "accurate"}).perform_iter(server)]
    assert [(page.total, len(page.entry)) for page in pages] == [(25, 10), (25, 10), (25, 5)]
    either = every(
        server,
        Observation,
        date=day,
        status={"$or": ["amended", "final"]},
        subject={"$type": "Patient", "name": "Farid"},
    )
    assert len(either) == 25


def test_what_a_plan_refers_to_and_what_refers_to_it_come_along(server: Any) -> None:
    (page,) = CarePlan.where({}).include("subject").include("goal").perform_iter(server)
    (plan,) = (entry.resource for entry in page.entry if entry.search.mode == "match")
    came = {entry.resource.relativePath() for entry in page.entry if entry.search.mode == "include"}
    assert PATIENT in came
    assert isinstance(plan.subject.resolved(Patient), Patient)  # from the page
    assert isinstance(plan.goal[0].resolved(Goal), Goal)

    (backwards,) = Goal.where({"_count": "100"}).include("goal", CarePlan, reverse=True).perform_iter(server)
    assert [each.resource.id for each in backwards.entry if each.search.mode == "include"] == [plan.id]
    goals = {reference.reference for reference in plan.goal}
    has = every(server, Goal, **{"_has:CarePlan:goal:_id": plan.id})
    assert {each.relativePath() for each in has} == goals
    assert [each.id for each in every(server, CarePlan, goal={"$type": "Goal", "lifecycle-status": "active"})] == [
        plan.id
    ]


def test_a_transaction_resolves_what_its_entries_call_each_other(server: Any) -> None:
    name = "urn:uuid:6b0c1a4e-7c7f-4f43-9bb1-6a6f7c1f1a10"
    sent = transaction(posted(condition(PATIENT), name), posted(goal(PATIENT, addresses=[{"reference": name}])))
    answer = Bundle(Bundle(sent).create(server))
    assert answer.type == "transaction-response"
    problem, made = (entry.response.location.partition("/_history/")[0] for entry in answer.entry)
    read = Goal.read_from(made, server)
    assert problem.endswith(read.addresses[0].reference)
    assert isinstance(read.addresses[0].resolved(Condition), Condition)


def test_a_transaction_with_one_mistake_stores_nothing(server: Any) -> None:
    sent = transaction(posted(numbered(PATIENT, "3")), posted(numbered(PATIENT, "4", status="klaar")))
    with pytest.raises(requests.HTTPError) as raised:
        Bundle(sent).create(server)
    status, outcome = refused(raised)
    assert status == 422
    assert outcome.issue[0].expression[0].startswith("Bundle.entry[1]")
    assert every(server, Observation, identifier=f"{DEVICE}|3") == []


def test_a_batch_answers_each_entry_for_itself(server: Any) -> None:
    asked = [
        {"request": {"method": "GET", "url": url}} for url in (PATIENT, f"Patient/{OTHER}", "CarePlan?status=active")
    ]
    answer = Bundle(Bundle(batch(*asked, posted(goal(PATIENT)))).create(server))
    assert answer.type == "batch-response"
    assert [entry.response.status[:3] for entry in answer.entry] == ["200", "404", "200", "201"]
    assert isinstance(answer.entry[0].resource, Patient)
    assert isinstance(answer.entry[1].response.outcome, OperationOutcome)
    assert isinstance(answer.entry[2].resource.entry[0].resource, CarePlan)


def test_the_whole_record_is_understood(server: Any) -> None:
    record = Bundle.read_from(f"{PATIENT}/$everything?_count=5000", server)
    types = {entry.resource.resource_type for entry in record.entry}
    assert types >= {
        "Patient",
        "CarePlan",
        "CareTeam",
        "Goal",
        "Observation",
        "Condition",
        "Task",
        "QuestionnaireResponse",
    }
    for entry in record.entry:
        assert entry.resource.as_json()["id"] == entry.resource.id


def test_the_history_of_a_type_and_of_the_whole_record_is_understood(server: Any) -> None:
    made = Goal(goal(PATIENT)).create(server)
    for path in ("Goal/_history?_count=1", "_history?_count=1"):
        history = Bundle.read_from(path, server)
        assert history.type == "history"
        assert [entry.resource.id for entry in history.entry] == [made["id"]]


def test_the_last_of_each_measurement(server: Any) -> None:
    for minute in (5, 6):
        Observation(heart_rate(PATIENT, "2026-11-23", minute)).create(server)
    last = Bundle.read_from(f"Observation/$lastn?max=1&patient={OWNER}&code={CODE}", server)
    assert [entry.resource.valueQuantity.value for entry in last.entry] == [66]


def test_a_resource_is_validated_before_it_is_sent(server: Any) -> None:
    """Here and there: the client knows what is required, the service knows what else holds."""
    with pytest.raises(FHIRValidationError, match="description"):
        Goal({"resourceType": "Goal", "lifecycleStatus": "proposed", "subject": {"reference": PATIENT}})
    for lifecycle, errors in (("proposed", []), ("ooit", ["Goal.lifecycleStatus"])):
        answer = server.post_json("Goal/$validate", Goal(goal(PATIENT, lifecycleStatus=lifecycle)).as_json())
        outcome = OperationOutcome(answer.json())
        assert [issue.expression[0] for issue in outcome.issue if issue.severity == "error"] == errors
    with pytest.raises(requests.HTTPError) as raised:
        Goal(goal(PATIENT, lifecycleStatus="ooit")).create(server)
    status, outcome = refused(raised)
    assert (status, [issue.expression for issue in outcome.issue]) == (422, [["Goal.lifecycleStatus"]])


def test_what_is_no_search_parameter_is_refused_by_name(server: Any) -> None:
    with pytest.raises(requests.HTTPError) as raised:
        every(server, Goal, kleur="groen")
    status, outcome = refused(raised)
    assert status == 400
    assert "kleur" in outcome.issue[0].diagnostics


def test_a_document_goes_up_as_a_resource_and_comes_down_as_both(server: Any) -> None:
    picture = b"Een foto van mijn bord."
    sent = Binary(binary(data=b64encode(picture).decode(), securityContext={"reference": PATIENT}))
    made = Binary(sent.create(server))
    assert Binary.read(made.id, server).data == b64encode(picture).decode()
    assert server.request_data(f"Binary/{made.id}", headers={"Accept": "text/plain"}) == picture


def test_the_same_patient_comes_as_xml(server: Any) -> None:
    content = server.request_data(PATIENT, headers={"Accept": "application/fhir+xml"})
    document = etree.fromstring(content)
    assert document.find("{http://hl7.org/fhir}id").get("value") == OWNER  # type: ignore[union-attr]


def test_another_patient_is_as_absent_as_nobody(server: Any) -> None:
    for name in (OTHER, "niemand"):
        with pytest.raises(FHIRNotFoundException) as raised:
            Patient.read(name, server)
        assert refused(raised)[1].issue[0].code == "not-found"


def test_without_a_valid_token_nothing_is_shown(connect: Connect, service: Process) -> None:
    for stranger in (connect("demo-nobody"), FHIRServer(None, f"{service.url}/fhir")):
        with pytest.raises(FHIRUnauthorizedException) as raised:
            Patient.read(OWNER, stranger)
        assert refused(raised)[1].issue[0].code == "login"


@pytest.fixture(autouse=True)
def no_warnings(caplog: pytest.LogCaptureFixture) -> Any:
    """The client logs what it cannot make sense of, and goes on."""
    yield
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []
