"""A record that has something for every request of every data service: a BgZ of a GP's system, and what is not in one.
STU3, made here, nobody's.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any, Final

from app.fhir.resource import Resource, decode
from benchmarks.bgz_kinds import Holder, concept, reference
from benchmarks.bgz_record import bgz_record, bundle
from tests.server.service import Caller

ROOT: Final = "http://zelfregie.test/fhir/stu3"
SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
NHG: Final = "https://referentiemodel.nhg.org/tabellen/nhg-tabel-45-diagnostische-bepalingen"
LINES: Final = "http://fhir.nl/fhir/NamingSystem/journaalregeltypen"
CATEGORY: Final = "http://hl7.org/fhir/observation-category"
HL7: Final = "http://hl7.org/fhir/StructureDefinition/"
ZIB: Final = "http://nictiz.nl/fhir/StructureDefinition/"
SECRET: Final = "Zqgeheim"
"""What stands in lines S and O, and nowhere else."""
_XHTML: Final = 'xmlns="http://www.w3.org/1999/xhtml"'


def _text(words: str) -> Resource:
    return {"status": "generated", "div": f"<div {_XHTML}>{words}</div>"}


def _ucum(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def others(patient: str) -> Iterator[Resource]:
    """What is not in the BgZ, each under its own id."""
    subject = reference(f"Patient/{patient}", "A. Proefstra")

    def made(kind: str, name: str, **members: Any) -> Resource:
        return {"resourceType": kind, "id": f"{patient}-{name}", **members}

    def seen(name: str, code: Resource, **members: Any) -> Resource:
        usual = {"status": "final", "subject": subject, "effectiveDateTime": "2026-11-02T10:00:00+01:00"}
        return made("Observation", name, code=code, **{**usual, **members})

    yield from _of_the_gp(made, seen, subject, patient)
    yield from _measured(seen, subject)
    for name, code, text in (
        ("family", "365470003", "gezinssituatie"),
        ("participation", "314845004", "participatie"),
        ("fluid", "364396009", "vochtbalans"),
        ("asa", "413347006", "ASA-score"),
    ):
        yield seen(name, concept(SNOMED, code, text), valueString="een waarde")
    yield seen("score", concept("urn:oid:1.2.3", "x", "score"), category=[concept(CATEGORY, "survey", "Survey")])
    laboratory = [concept(SNOMED, "49581000146104", "laboratorium")]
    yield seen("hb", concept(LOINC, "718-7", "Hb"), category=laboratory, valueQuantity=_ucum(8.1, "mmol/L"))
    yield made(
        "DiagnosticReport", "lab", status="final", subject=subject, code=concept(LOINC, "11502-2", "verslag"),
        category=concept(SNOMED, "4241000179101", "laboratoriumverslag"), effectiveDateTime="2026-11-02",
        result=[{"reference": f"Observation/{patient}-hb"}],
    )  # fmt: skip
    yield made(
        "CarePlan", "help", status="active", intent="plan", subject=subject,
        category=[concept(SNOMED, "243114000", "hulp van anderen")],
    )  # fmt: skip
    yield from _planned(made, subject, patient)
    yield from _documents(made, subject, patient)
    yield made(
        "Questionnaire", "asked", url=f"https://his.example/Questionnaire/{patient}", version="1", title="Vragen",
        date="2026-01-01", status="active", item=[{"linkId": "1", "text": "Hoe gaat het?", "type": "string"}],
    )  # fmt: skip


def _of_the_gp(made: Any, seen: Any, subject: Resource, patient: str) -> Iterator[Resource]:
    context = reference(f"Encounter/{patient}-visit", "Consult")
    yield made("EpisodeOfCare", "episode", status="active", patient=subject)
    visit = {"class": {"system": "http://hl7.org/fhir/v3/ActCode", "code": "AMB", "display": "ambulant"}}
    yield made("Encounter", "visit", status="finished", subject=subject, **visit)
    for code, name in (("S", "Subjectief"), ("O", "Objectief"), ("E", "Evaluatie"), ("P", "Plan")):
        words = f"{SECRET} {code}" if code in "SO" else f"regel {code}"
        yield seen(f"line-{code}", concept(LINES, code, name), valueString=words, context=context)
    # A line that says of itself no more than that it belongs to the journal.
    yield seen("unmarked", concept("urn:oid:1.2.3", "line", "regel"), valueString=f"{SECRET} O", context=context)
    sections = [
        {
            "title": name,
            "code": concept(LINES, code, name),
            "text": _text(f"{SECRET} {code}" if code in "SO" else f"regel {code}"),
            "entry": [{"reference": f"Observation/{patient}-{each}"} for each in entries],
        }
        for code, name, entries in (
            ("S", "Subjectief", ["line-S"]),
            ("O", "Objectief", ["line-O", "unmarked", "gp"]),
            ("E", "Evaluatie", ["line-E"]),
            ("P", "Plan", ["line-P"]),
        )
    ]
    yield made(
        "Composition", "soep", status="final", type=concept(LOINC, "67781-5", "Verslag"), subject=subject,
        date="2026-10-01", author=[{"display": "Huisarts"}], title="Contactverslag", encounter=context,
        section=sections, text=_text(f"Verslag {SECRET}"),
    )  # fmt: skip
    pressure = {"valueQuantity": _ucum(130, "mm[Hg]"), "category": [concept(CATEGORY, "vital-signs", "Vital Signs")]}
    yield seen("gp", concept(NHG, "1744", "bloeddruk systolisch"), **pressure)
    yield seen("gp-second", concept(NHG, "1744", "bloeddruk systolisch"), **pressure)
    yield made(
        "AllergyIntolerance", "pills", clinicalStatus="active", verificationStatus="confirmed", category=["medication"],
        code=concept(SNOMED, "373270004", "penicilline"), patient=subject,
    )  # fmt: skip


def _measured(seen: Any, subject: Resource) -> Iterator[Resource]:
    """Measured at home, one of each kind, and one value that was computed."""
    home = {"category": [concept(CATEGORY, "vital-signs", "Vital Signs")], "performer": [subject]}
    for name, code, value, unit in (
        ("weight", "29463-7", 81, "kg"), ("height", "8302-2", 170, "cm"), ("temperature", "8310-5", 37, "Cel"),
        ("heart", "8867-4", 70, "/min"), ("pulse", "8893-0", 71, "/min"), ("oxygen", "59408-5", 97, "%"),
    ):  # fmt: skip
        yield seen(name, concept(LOINC, code, name), valueQuantity=_ucum(value, unit), **home)
    glucose = {"category": [concept(SNOMED, "49581000146104", "laboratorium")], "performer": [subject]}
    yield seen("glucose", concept(LOINC, "14743-9", "glucose"), valueQuantity=_ucum(6.1, "mmol/L"), **glucose)
    parts = [{"code": concept(LOINC, "9279-1", "frequentie"), "valueQuantity": _ucum(16, "/min")}]
    yield seen("breathing", concept(SNOMED, "422834003", "ademhaling"), component=parts, **home)
    mean = {"valueQuantity": _ucum(95, "mm[Hg]"), **home}
    yield seen("mean", concept(LOINC, "96607-7", "gemiddelde bloeddruk"), **mean)


def _planned(made: Any, subject: Resource, patient: str) -> Iterator[Resource]:
    """A plan of a care provider with a goal, an outcome and a device, and who takes part in it."""
    yield made("Goal", "walk", status="in-progress", description={"text": "Weer lopen"}, subject=subject)
    yield made("Device", "frame", type=concept(SNOMED, "266731002", "rollator"), patient=subject)
    uses = reference(f"Device/{patient}-frame", "rollator")
    goal = {"url": f"{HL7}resource-pertainsToGoal", "valueReference": {"reference": f"Goal/{patient}-walk"}}
    yield made("DeviceUseStatement", "uses", status="active", subject=subject, device=uses, extension=[goal])
    device = {
        "url": f"{ZIB}extension-medicaldevice",
        "valueReference": {"reference": f"DeviceUseStatement/{patient}-uses"},
    }
    yield made(
        "CarePlan", "nursing", status="active", intent="order", subject=subject,
        activity=[
            {
                "outcomeReference": [{"reference": f"Observation/{patient}-weight"}],
                "detail": {
                    "status": "in-progress",
                    "goal": [{"reference": f"Goal/{patient}-walk"}],
                    "extension": [device],
                },
            }
        ],
    )  # fmt: skip
    yield made("CareTeam", "team", status="active", subject=subject, participant=[{"member": subject}])


def _documents(made: Any, subject: Resource, patient: str) -> Iterator[Resource]:
    pdf = b64encode(b"%PDF-1.7 niets").decode()
    for name in ("file", "loose"):
        yield made("Binary", name, contentType="application/pdf", content=pdf)
    letter = concept(LOINC, "11503-0", "brief")
    attachment = {"contentType": "application/pdf", "url": f"Binary/{patient}-file"}
    yield made(
        "DocumentReference", "letter", status="current", type=letter, indexed="2026-11-01T10:00:00+01:00",
        subject=subject, content=[{"attachment": attachment}],
    )  # fmt: skip
    yield made(
        "DocumentManifest", "letters", status="current", subject=subject, created="2026-11-01T10:00:00+01:00",
        content=[{"pReference": reference(f"DocumentReference/{patient}-letter", "brief")}],
    )  # fmt: skip


async def fill(caller: Caller, patient: str, size: int = 120) -> None:
    """Give the whole record in one transaction; fails the test when something of it is refused."""
    holder = Holder(f"Patient/{patient}", "A. Proefstra", "https://his.example/fhir")
    given = bundle(bgz_record(holder, size))
    for each in others(patient):
        address = f"{each['resourceType']}/{each['id']}"
        given["entry"].append(
            {"fullUrl": f"{ROOT}/{address}", "resource": each, "request": {"method": "PUT", "url": address}}
        )
    context = {"x-security-context": f"Patient/{patient}"}
    answer = await caller.post(ROOT, given, context)
    assert answer.status_code == 200, answer.text[:3000]
    assert {each["response"]["status"][:3] for each in decode(answer.content)["entry"]} == {"201"}
