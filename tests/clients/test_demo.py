"""The demo as somebody sees it who has just started it: through fhirpy, through httpx, by pasting what it prints.

https://github.com/beda-software/fhir-py
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound
from lxml import etree

from tests.builders import posted, transaction
from tests.clients.measurements import CODE, heart_rate
from tests.process import Process, serving

ANNA = "demo-anna-proefstra"
PATIENT = "Patient/anna-proefstra"
DAY = "2026-11-20"
FHIR = "{http://hl7.org/fhir}"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """``zelfregie demo --serve``, as ``make run`` starts it."""
    with serving(tmp_path_factory.mktemp("demo"), "demo", "--serve", ready="Ctrl-C stops") as process:
        yield process


@pytest.fixture(autouse=True)
def as_seeded(demo: Process) -> None:
    """Every test begins with the state that everybody finds."""
    assert httpx.post(f"{demo.url}/sandbox/reset", timeout=60).status_code == 204


def client(demo: Process, token: str = ANNA, **headers: str) -> Any:
    """fhirpy, which is typed in part only."""
    return SyncFHIRClient(f"{demo.url}/fhir", authorization=f"Bearer {token}", extra_headers=headers or None)


@pytest.fixture
def anna(demo: Process) -> Any:
    return client(demo)


def test_the_patient_the_plan_and_its_goals_are_read(anna: Any) -> None:
    patient = anna.reference("Patient", "anna-proefstra").to_resource()
    assert patient.get_by_path(["name", 0, "family"]) == "Proefstra"
    plan = anna.resources("CarePlan").search(subject=patient.to_reference(), status="active").first()
    assert plan is not None
    goals = [reference.to_resource() for reference in plan["goal"]]
    assert len(goals) > 1
    assert all(goal.resource_type == "Goal" and goal["description"]["text"] for goal in goals)


def test_the_plan_is_the_one_individual_plan_with_its_first_revision(demo: Process, anna: Any) -> None:
    revisions = anna.resources("Provenance").search(target="CarePlan/anna-plan").fetch_all()
    (first,) = [each for each in revisions if each["meta"].get("profile")]
    assert first["activity"]["coding"][0]["code"] == "start"
    shown = [each["valueReference"]["reference"] for each in first["extension"] if "valueReference" in each]
    assert {"CarePlan/anna-plan/_history/1", "Goal/anna-goal-1/_history/1", "CareTeam/anna-team/_history/1"} <= set(
        shown
    )
    again = {"resourceType": "Parameters", "parameter": [{"name": "goal", "valueString": "Nog een plan"}]}
    refused = httpx.post(
        f"{demo.url}/fhir/Patient/anna-proefstra/$start",
        json=again,
        headers={"authorization": f"Bearer {ANNA}", "content-type": "application/fhir+json"},
    )
    assert refused.status_code == 422
    assert "CarePlan/anna-plan" in refused.text


def test_a_goal_is_changed_by_whoever_saw_its_last_version(demo: Process, anna: Any) -> None:
    mine = anna.reference("CarePlan", "anna-plan").to_resource()["goal"][0].to_resource()
    version = mine["meta"]["versionId"]
    careful = client(demo, **{"If-Match": f'W/"{version}"'})

    changed = careful.resource("Goal", **mine.serialize())
    changed["note"] = [{"text": "Elke dag na het eten."}]
    changed.save()
    assert changed["meta"]["versionId"] == str(int(version) + 1)
    assert mine.refresh()["note"] == [{"text": "Elke dag na het eten."}]

    changed["note"] = [{"text": "Toch maar om de dag."}]
    with pytest.raises(MultipleResourcesFound, match=r"If-Match"):  # fhirpy's only word for 412
        changed.save()
    assert mine.refresh()["note"] == [{"text": "Elke dag na het eten."}]


def test_measurements_come_in_as_one_transaction_and_are_paged_through(demo: Process, anna: Any) -> None:
    answer = anna.execute("", data=transaction(*(posted(heart_rate(PATIENT, DAY, minute)) for minute in range(25))))
    assert [entry["response"]["status"] for entry in answer["entry"]] == ["201 Created"] * 25

    search = anna.resources("Observation").search(code=CODE, date=DAY).sort("-date").limit(10)
    every = search.fetch_all()
    assert [each["valueQuantity"]["value"] for each in every] == list(range(84, 59, -1))
    pages, url = [], f"{demo.url}/fhir/Observation?code={CODE}&date={DAY}&_sort=-date&_count=10"
    while url:
        page = httpx.get(url, headers={"authorization": f"Bearer {ANNA}"}).json()
        pages.append([entry["resource"]["id"] for entry in page["entry"]])
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
    assert [len(page) for page in pages] == [10, 10, 5]
    assert list(itertools.chain(*pages)) == [each.id for each in every]


def test_the_whole_record_comes_with_one_request(anna: Any) -> None:
    record = anna.reference("Patient", "anna-proefstra").execute("$everything", method="get", params={"_count": 5000})
    types = {entry["resource"]["resourceType"] for entry in record["entry"]}
    assert {"Patient", "CarePlan", "Goal", "Observation", "Condition"} <= types


def test_a_goal_goes_there_and_back_in_xml(demo: Process) -> None:
    xml = {"authorization": f"Bearer {ANNA}", "accept": "application/fhir+xml", "content-type": "application/fhir+xml"}
    address = f"{demo.url}/fhir/Goal/anna-goal-3"
    read = httpx.get(address, headers=xml)
    assert read.headers["content-type"].startswith("application/fhir+xml")
    document = etree.fromstring(read.content)
    value = document.find(f".//{FHIR}detailQuantity/{FHIR}value")
    assert value is not None
    assert value.get("value") == "84.00"

    value.set("value", "83.50")
    written = httpx.put(address, content=etree.tostring(document), headers={**xml, "if-match": read.headers["etag"]})
    assert written.status_code == 200, written.text
    assert '"value":83.50' in httpx.get(address, headers={"authorization": f"Bearer {ANNA}"}).text


def test_every_line_that_the_demo_prints_works_when_pasted(demo: Process, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl: `make system` installs it")
    lines = [line.strip() for line in demo.output.splitlines() if line.strip().startswith("curl ")]
    assert len(lines) >= 5
    for line in lines:
        # What curl does is what is tested, so the line stays as it is; the configuration only adds the answer's code.
        (tmp_path / ".curlrc").write_text('write-out = "%{stderr}%{http_code}"\n')
        pasted = subprocess.run(
            ["bash", "-c", line],
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        code = pasted.stdout.strip() if "-w" in line else pasted.stderr.strip()
        assert (pasted.returncode, code) in ((0, "200"), (0, "204")), (line, pasted.stdout[:500], pasted.stderr)
        if "-w" not in line:
            assert '"resourceType"' in pasted.stdout
