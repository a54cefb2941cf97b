"""Care plans by ``zelfregie load``: a record taken along to another service, with the plan's revisions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from app.careplan.names import Names
from app.config import CANONICAL_BASE
from app.database.migrations import migrate
from app.fhir.resource import Resource, decode, encode
from app.server.ids import write_key
from tests.cli.runner import saved, zelfregie
from tests.cli.test_commands import stored
from tests.server.service import Caller, Service

pytestmark = pytest.mark.usefixtures("own_settings")

NAMES = Names(CANONICAL_BASE)


@pytest.fixture
def migrated(tmp_path: Path) -> str:
    """The URL of a SQLite database with its tables."""
    url = f"sqlite:///{tmp_path / 'zelfregie.db'}"
    asyncio.run(migrate(url, canonical_base=CANONICAL_BASE))
    return url


def parameters(**values: str) -> Resource:
    listed = [{"name": name, "valueString": value} for name, value in values.items()]
    return {"resourceType": "Parameters", "parameter": listed}


def revisions(found: dict[str, Any]) -> dict[str, Resource]:
    return {
        name: each for name, each in found.items() if NAMES.revision_profile in each.get("meta", {}).get("profile", ())
    }


async def test_a_record_that_is_taken_along_keeps_its_plan_its_versions_and_its_revisions(
    service: Service, anna: Caller, migrated: str, tmp_path: Path
) -> None:
    plan = decode((await anna.post("/Patient/anna/$start", parameters(goal="Elke dag lezen"))).content)
    await anna.post(f"/CarePlan/{plan['id']}/$agree", {"resourceType": "Parameters"})
    goal = decode((await anna.get(f"/{plan['goal'][0]['reference']}")).content)
    await anna.keep({**goal, "note": [{"text": "In de trein"}]})
    whole = (await anna.get("/Patient/anna/$everything?_count=500")).text
    key = write_key(await service.key_of("anna"))  # the id of somebody who registered is the key of their record
    everything = decode(
        whole.replace("Patient/anna", f"Patient/{key}").replace('"id":"anna"', f'"id":"{key}"').encode()
    )
    given = {f"{e['resource']['resourceType']}/{e['resource']['id']}": e["resource"] for e in everything["entry"]}
    (tmp_path / "anna.json").write_bytes(encode(everything))

    load = ("load", tmp_path / "anna.json", "--database", migrated)
    result = await asyncio.to_thread(zelfregie, *load)  # commands have an event loop of their own
    assert result.exit_code == 0, result.output
    found = await asyncio.to_thread(stored, migrated)
    assert found[f"Goal/{goal['id']}"]["meta"]["versionId"] == "3"
    assert found[f"CarePlan/{plan['id']}"]["meta"]["versionId"] == "2"
    kept = revisions(found)
    assert len(kept) == 3
    assert kept.keys() == revisions(given).keys()
    assert all(each["extension"] == given[name]["extension"] for name, each in kept.items())
    assert (await asyncio.to_thread(zelfregie, *load)).exit_code == 0
    after = revisions(await asyncio.to_thread(stored, migrated))
    assert len(after) == 4, "everything was written once more, which is one change"


def test_a_second_plan_of_one_person_is_refused_with_its_rule(migrated: str, tmp_path: Path) -> None:
    def plan(plan_id: str) -> Resource:
        cycle = [
            {"url": "cycle", "valuePositiveInt": 1},
            {"url": "phase", "valueCode": "plan"},
            {"url": "since", "valueDateTime": "2026-01-01"},
        ]
        return {
            "resourceType": "CarePlan",
            "id": plan_id,
            "meta": {"profile": [NAMES.plan_profile]},
            "extension": [{"url": NAMES.cycle, "extension": cycle}],
            "status": "draft",
            "intent": "plan",
            "category": [{"coding": [{"system": NAMES.categories, "code": "izp"}]}],
            "subject": {"reference": "Patient/anna"},
        }

    person = {"resourceType": "Patient", "id": "anna"}
    result = zelfregie("load", saved(tmp_path / "a.ndjson", person, plan("a"), plan("b")), "--database", migrated)
    assert result.stdout == "2 stored, 1 refused.\n"
    assert "plan-one-plan" in result.stderr or "CarePlan/a" in result.stderr
    assert len(revisions(stored(migrated))) == 1
