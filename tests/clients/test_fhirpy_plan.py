"""The individual care plan as a new user of fhirpy meets it. https://github.com/beda-software/fhir-py"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from typing import Any, Final

import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome

from tests.builders import observation
from tests.careplan.turning import LATER
from tests.postgresql import Databases
from tests.process import Process, serving
from tests.server.service import write_sandbox

BASE: Final = "https://zelfregie.example/fhir"
CYCLE: Final = f"{BASE}/StructureDefinition/plan-cycle"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """``zelfregie serve --sandbox`` with Anna, who has no plan yet, and a practice with her permission."""
    folder = tmp_path_factory.mktemp("sandbox")
    sandbox = write_sandbox(folder)
    if request.param == "sqlite":
        with serving(folder, "serve", "--sandbox", sandbox, "--database", f"sqlite:///{folder / 'zelfregie.db'}") as it:
            yield it
        return
    databases: Databases = request.getfixturevalue("postgresql_databases")
    url = databases.create()
    with serving(folder, "serve", "--sandbox", sandbox, "--database", url) as it:
        yield it
    databases.drop(url)


@pytest.fixture
def running(served: Process) -> Process:
    """The same as it was when it began."""
    reset = urllib.request.Request(f"{served.url}/sandbox/reset", method="POST")
    with urllib.request.urlopen(reset) as answer:
        assert answer.status == 204
    return served


def client(running: Process, token: str, **headers: str) -> Any:
    """The client, which is typed in part only."""
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    return SyncFHIRClient(running.address, authorization=f"Bearer {token}", extra_headers=extra)


def parameters(*given: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(given)}


def about(goal: str, **said: str) -> list[dict[str, Any]]:
    """The parts that say something of a goal."""
    kinds = {"comment": "valueString"}
    listed = [{"name": name, kinds.get(name, "valueCode"): value} for name, value in said.items()]
    return [{"name": "goal", "valueReference": {"reference": goal}}, *listed]


def where(plan: Any) -> tuple[str, int, str]:
    (cycle,) = (each for each in plan["extension"] if each["url"] == CYCLE)
    parts = {each["url"]: each for each in cycle["extension"]}
    return plan["status"], parts["cycle"]["valuePositiveInt"], parts["phase"]["valueCode"]


def texts(answer: Any) -> list[str]:
    """The sentences of ``$compare``."""
    changes = (each["part"] for each in answer["parameter"] if each["name"] == "change")
    return [part["valueString"] for each in changes for part in each if part["name"] == "sentence"]


def started(anna: Any) -> Any:
    """Anna's plan, with a goal in her own words."""
    words = {"name": "goal", "valueString": "Weer met de hond naar het bos"}
    made = anna.reference("Patient", "anna").execute("$start", method="post", data=parameters(words))
    return anna.resource("CarePlan", **made)


def test_a_plan_goes_round_is_proposed_to_compared_restored_and_printed(running: Process) -> None:
    anna, practice = client(running, "anna"), client(running, "practice")
    plan = started(anna)
    goal = plan["goal"][0]["reference"]

    def do(who: Any, event: str, *given: dict[str, Any]) -> Any:
        return who.reference("CarePlan", plan.id).execute(f"${event}", method="post", data=parameters(*given))

    plan["title"] = "Naar buiten"
    plan.save()
    assert where(do(anna, "agree", {"name": "nextReview", "valueDate": LATER})) == ("active", 1, "do")
    anna.resource("Observation", **observation(focus=[{"reference": goal}])).save()
    offered = anna.reference("CarePlan", plan.id).execute("$check-in", method="get")
    assert "Observation" in {each["resource"]["resourceType"] for each in offered["entry"]}

    said = {"name": "evaluation", "part": about(goal, achievement="improving", comment="Het lukt")}
    assert where(do(anna, "evaluate", said)) == ("active", 1, "check")
    seen = {"name": "evaluation", "part": about(goal, comment="Conditie is beter")}
    assert where(do(practice, "evaluate", seen)) == ("active", 1, "check")
    decided = {"name": "decision", "part": about(goal, decision="continue")}
    assert where(do(anna, "decide", decided)) == ("active", 2, "plan")

    with pytest.raises(OperationOutcome, match="plan-by-mouth"):
        do(practice, "agree")
    mouth = (
        {"name": "when", "valueDateTime": "2026-11-20"},
        {"name": "how", "valueCode": "telephone"},
        {"name": "present", "valueReference": {"display": "Anna en de praktijkondersteuner"}},
    )
    assert where(do(practice, "agree", *mouth)) == ("active", 2, "do")
    agreed = anna.reference("CarePlan", plan.id).execute("$revisions", method="get")["entry"][0]["resource"]
    number = str(_number(agreed))

    made = do(practice, "propose", {"name": "title", "valueString": "Samen naar buiten"})
    proposal = next(each["resource"] for each in made["parameter"] if each["name"] == "return")
    anna.reference("CarePlan", proposal["id"]).execute("$accept", method="post", data=parameters())
    current = anna.reference("CarePlan", plan.id).to_resource()
    assert current["title"] == "Samen naar buiten"

    asked = {"from": number, "displayLanguage": "nl"}
    compared = anna.reference("CarePlan", plan.id).execute("$compare", method="get", params=asked)
    assert len(texts(compared)) == 1
    assert "Samen naar buiten" in texts(compared)[0]
    restored = do(anna, "restore", {"name": "number", "valuePositiveInt": int(number)})
    assert restored["title"] == "Naar buiten"
    then = anna.reference("CarePlan", plan.id).execute("$as-of", method="get", params={"number": number})
    assert then["entry"][0]["resource"]["title"] == "Naar buiten"
    document = anna.reference("CarePlan", plan.id).execute("$document", method="get")
    assert (document["type"], document["entry"][0]["resource"]["resourceType"]) == ("document", "Composition")


def test_who_saves_an_old_plan_is_told_so(running: Process) -> None:
    anna = client(running, "anna")
    started(anna)
    plan = anna.resources("CarePlan").search(category=f"{BASE}/CodeSystem/care-plan-category|izp").first()
    again = anna.reference("CarePlan", plan.id).to_resource()
    plan["title"] = "Als eerste"
    plan.save()
    again["title"] = "Als tweede"
    with pytest.raises(Exception, match="is at version"):
        again.save()


def test_the_practice_is_told_to_propose(running: Process) -> None:
    started(client(running, "anna"))
    practice = client(running, "practice")
    plan = practice.resources("CarePlan").search(patient="anna", intent="plan").first()
    plan["title"] = "Van de praktijk"
    with pytest.raises(OperationOutcome, match="plan-propose"):
        plan.save()


def _number(revision: Any) -> int:
    (found,) = (each for each in revision["extension"] if each["url"].endswith("/plan-revision"))
    number: int = next(each["valuePositiveInt"] for each in found["extension"] if each["url"] == "number")
    return number
