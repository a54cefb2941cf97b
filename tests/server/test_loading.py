"""Where what is loaded comes to live: what follows others goes where they are."""

from __future__ import annotations

from app.auth import service_access
from app.fhir.resource import Resource
from app.server.loading import Found, LoadReport, load
from tests.builders import goal, observation, organization, patient, provenance
from tests.server.service import Caller, Service
from tests.service import TENANT


async def loaded(service: Service, *resources: Resource, patient: str | None = None) -> LoadReport:
    """What a load reports."""
    server, report = service.server, LoadReport()
    number = server.registry.number("Patient")
    async with service_access(
        server.database, tenant=TENANT, reason="test", now=server.clock(), patient_type=number
    ) as access:
        return await load(
            server, access, [Found(each["resourceType"], each) for each in resources], patient=patient, report=report
        )


async def test_a_provenance_goes_where_its_targets_are(service: Service, anna: Caller, bram: Caller) -> None:
    """Also where these stand after it in the file, or their Patient does."""
    report = await loaded(
        service,
        provenance(["Observation/o-1"], id="p-1"),
        observation("Patient/anna", id="o-1"),
        provenance(["Goal/g-1"], id="p-2"),
        goal("Patient/bram", id="g-1"),
        provenance(["Patient/bram"], id="p-3"),
        provenance(["Observation/o-2"], id="p-4"),
        observation("Patient/dirk", id="o-2"),
        patient("dirk"),
    )
    assert (report.stored, report.refusals) == (8, [])
    assert await anna.found("/Provenance") == ["p-1"]
    assert sorted(await bram.found("/Provenance")) == ["p-2", "p-3"]
    assert (await service.caller("operator").get("/Patient/dirk/Provenance/p-4")).status_code == 200


async def test_a_provenance_that_can_be_nowhere_is_refused(service: Service, operator: Caller) -> None:
    """Its targets are unknown, with nobody, or with two patients."""
    report = await loaded(
        service,
        observation("Patient/anna", id="o-1"),
        goal("Patient/bram", id="g-1"),
        organization(id="o-3"),
        provenance(["Observation/never"], id="p-1"),
        provenance(["Organization/o-3"], id="p-2"),
        provenance(["Observation/o-1", "Goal/g-1"], id="p-3"),
    )
    assert report.stored == 3
    assert sorted(issue.code for each in report.refusals for issue in each.issues) == [
        "business-rule",
        "not-found",
        "not-found",
    ]
    assert await operator.found("/Provenance") == []


async def test_the_patient_of_the_load_is_whose_the_rest_is(service: Service, anna: Caller) -> None:
    report = await loaded(service, provenance(["Organization/practice"], id="p-1"), patient="anna")
    assert (report.stored, report.refusals) == (1, [])
    assert await anna.found("/Provenance") == ["p-1"]
