"""The resources of a BgZ as a GP's system has them, in STU3: one function per kind of zib2017 (fhir-standards 4).
https://informatiestandaarden.nictiz.nl/wiki/MedMij:V2020.01/FHIR_BGZ_2017

Nobody's: names and numbers are made up. Every resource has the id and the identifier of the system that holds it, and
names the others as ``Type/id``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from app.fhir.resource import Resource

ZIB: Final = "http://nictiz.nl/fhir/StructureDefinition/"
NL_CORE: Final = "http://fhir.nl/fhir/StructureDefinition/"
SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
ATC: Final = "http://www.whocc.no/atc"
CATEGORY: Final = "http://hl7.org/fhir/observation-category"
MEDICATION_USE: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.20.77.5.3"
ZIB_LISTS: Final = "urn:oid:2.16.840.1.113883.2.4.3.11.60.40.4"
"""Begins the code systems of the zibs' own lists."""
LAB: Final = "275711006"
LABORATORY: Final = "49581000146104"
PROCEDURES: Final = "http://example.org/fhir/practice/procedures"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose record, and who holds it. ``patient`` is a reference; ``system`` is the holder's own for identifiers."""

    patient: str
    name: str
    system: str

    def resource(self, kind: str, number: str, profile: str, **members: Any) -> Resource:
        """``number`` is the holder's own for the resource, its id."""
        listed: Any = {"system": self.system, "value": f"{kind}/{number}"}
        held = {"id": number, "meta": {"profile": [profile]}, "identifier": listed if kind == "Consent" else [listed]}
        return {"resourceType": kind, **held, **members}

    @property
    def subject(self) -> Resource:
        return reference(self.patient, self.name)


def reference(target: str, display: str) -> Resource:
    return {"reference": target, "display": display}


def concept(system: str, code: str, display: str) -> Resource:
    """A CodeableConcept."""
    return {"coding": [{"system": system, "code": code, "display": display}]}


def quantity(value: float, unit: str, code: str = "") -> Resource:
    return {"value": Decimal(str(value)), "unit": unit, "system": UCUM, "code": code or unit}


def specified(url: str, code: str, display: str) -> Resource:
    """The zib's own code beside one of FHIR's."""
    found = {"url": f"{ZIB}code-specification", "valueCodeableConcept": concept(url, code, display)}
    return {"extension": [found]}


GP: Final = reference("Practitioner/gp", "Dr. P. Proefarts")
GP_ROLE: Final = {
    "url": f"{ZIB}practitionerrole-reference",
    "valueReference": reference("PractitionerRole/gp", "Huisarts"),
}
BY_GP: Final = {"extension": [GP_ROLE], **GP}
PRACTICE: Final = reference("Organization/practice", "Praktijk De Linde")
INSURER: Final = reference("Organization/insurer", "Zorgverzekeraar Voorbeeld")


def people(holder: Holder) -> list[Resource]:
    """The GP, their role, the practice and the insurer."""
    kind = "http://nictiz.nl/fhir/NamingSystem/organization-type"
    return [
        holder.resource(
            "Organization", "practice", f"{NL_CORE}nl-core-organization",
            type=[concept(kind, "Z3", "Huisartspraktijk")], name="Praktijk De Linde",
        ),
        holder.resource("Organization", "insurer", f"{NL_CORE}nl-core-organization", name="Zorgverzekeraar Voorbeeld"),
        holder.resource(
            "Practitioner", "gp", f"{NL_CORE}nl-core-practitioner", name=[{"family": "Proefarts", "given": ["P."]}]
        ),
        holder.resource(
            "PractitionerRole", "gp", f"{NL_CORE}nl-core-practitionerrole", practitioner=GP, organization=PRACTICE,
            specialty=[concept("urn:oid:2.16.840.1.113883.2.4.6.7", "0100", "Huisartsen")],
        ),
    ]  # fmt: skip


def payer(holder: Holder) -> Resource:
    return holder.resource(
        "Coverage", "policy", f"{ZIB}zib-Payer",
        type=concept("urn:oid:2.16.840.1.113883.2.4.3.11.60.101.5.1", "B", "Basis verzekerd"),
        subscriber=holder.subject, beneficiary=holder.subject, period={"start": "2026-01-01", "end": "2026-12-31"},
        payor=[INSURER],
    )  # fmt: skip


def treatment_directive(holder: Holder) -> Resource:
    treatment = concept(SNOMED, "40617009", "Beademing")
    permitted = concept(ZIB_LISTS, "JA_MAAR", "Ja, maar met beperkingen")
    restrictions = {"url": f"{ZIB}zib-TreatmentDirective-Restrictions", "valueString": "Eerst overleggen"}
    checked = [
        {"url": "Verified", "valueBoolean": True},
        {"url": "VerifiedWith", "valueCodeableConcept": concept(SNOMED, "116154003", "Patiënt")},
        {"url": "VerificationDate", "valueDateTime": "2024-04-09"},
    ]
    return holder.resource(
        "Consent", "treatment-directive", f"{ZIB}zib-TreatmentDirective",
        extension=[
            {"url": f"{ZIB}zib-TreatmentDirective-Verification", "extension": checked},
            {"url": f"{ZIB}zib-TreatmentDirective-Treatment", "valueCodeableConcept": treatment},
        ],
        modifierExtension=[
            {"url": f"{ZIB}zib-TreatmentDirective-TreatmentPermitted", "valueCodeableConcept": permitted}
        ],
        status="active", category=[concept(SNOMED, "11291000146105", "Behandelaanwijzing")], patient=holder.subject,
        period={"start": "2024-04-09"}, policy=[{"uri": "http://wetten.overheid.nl/"}],
        **{"except": [{"extension": [restrictions], "type": "deny"}]},
    )  # fmt: skip


def advance_directive(holder: Holder) -> Resource:
    kinds = [
        concept(SNOMED, "11341000146107", "Wilsverklaring"),
        concept(f"{ZIB_LISTS}.14.1", "NR", "Niet reanimeren verklaring"),
    ]
    return holder.resource(
        "Consent", "advance-directive", f"{ZIB}zib-AdvanceDirective", status="active", category=kinds,
        patient=holder.subject, dateTime="2023-08-15", policy=[{"uri": "http://wetten.overheid.nl/"}],
    )  # fmt: skip


def observation(holder: Holder, number: str, zib: str, code: Resource, when: str, **members: Any) -> Resource:
    return holder.resource(
        "Observation", number, f"{ZIB}{zib}", status="final", code=code, subject=holder.subject, effectiveDateTime=when,
        **members,
    )  # fmt: skip


def functional_status(holder: Holder, number: int, when: str) -> Resource:
    activities = (("d510", "Zich wassen"), ("d540", "Zich kleden"), ("d450", "Lopen"), ("d550", "Eten"))
    code, display = activities[number % len(activities)]
    icf = "http://hl7.org/fhir/sid/icf-nl"
    return observation(
        holder, f"functional-{number}", "zib-FunctionalOrMentalStatus", concept(icf, code, display), when,
        category=[concept(SNOMED, "118228005", "Functionele bevinding")],
        valueCodeableConcept=concept(icf, f"{code}.{number % 4}", "Beperking"),
    )  # fmt: skip


def living(holder: Holder) -> list[Resource]:
    """How somebody lives and what they use: sections 7-1 to 7-5."""
    house = concept(f"{ZIB_LISTS}.13.1", "EENGEZW", "Eengezinswoning")
    found = (
        ("home", "zib-LivingSituation", "365508006", "Woonsituatie", house),
        ("drugs", "zib-DrugUse", "228366006", "Drugsgebruik", concept(SNOMED, "228367002", "Gebruikt geen drugs")),
        ("alcohol", "zib-AlcoholUse", "228273003", "Alcoholgebruik", concept(SNOMED, "219006", "Drinkt alcohol")),
        ("tobacco", "zib-TobaccoUse", "365980008", "Tabaksgebruik", concept(SNOMED, "8517006", "Rookte vroeger")),
    )  # fmt: skip
    listed = [
        observation(holder, name, zib, concept(SNOMED, code, display), "2026-02-03", valueCodeableConcept=value)
        for name, zib, code, display, value in found
    ]
    advice = holder.resource(
        "NutritionOrder", "diet", f"{ZIB}zib-NutritionAdvice", status="active", patient=holder.subject,
        dateTime="2026-02-03", oralDiet={"type": [{"text": "Zoutarm"}]},
    )  # fmt: skip
    return [*listed, advice]


def problem(holder: Holder, number: int, code: str, display: str, since: str, *, over: str = "") -> Resource:
    """``over``: since when it is no longer there."""
    active = ("active", "55561003", "Actueel")
    status, own, words = ("resolved", "73425007", "Niet actueel") if over else active
    return holder.resource(
        "Condition", f"problem-{number}", f"{ZIB}zib-Problem", clinicalStatus=status,
        _clinicalStatus=specified(SNOMED, own, words), verificationStatus="confirmed",
        _verificationStatus=specified(SNOMED, "410605003", "Bevestigd"), code=concept(SNOMED, code, display),
        subject=holder.subject, onsetDateTime=since, **({"abatementDateTime": over} if over else {}),
        asserter=BY_GP, note=[{"text": "Besproken op het spreekuur; controle volgens afspraak."}],
    )  # fmt: skip


def alert(holder: Holder, number: int) -> Resource:
    return holder.resource(
        "Flag", f"alert-{number}", f"{ZIB}zib-Alert", status="active",
        category=concept(LOINC, "75323-6", "Conditie"), code={"text": f"Let op: bloedverdunner ({number})"},
        subject=holder.subject, period={"start": "2020-06-01"},
    )  # fmt: skip


def allergy(holder: Holder, number: int, code: str, display: str) -> Resource:
    return holder.resource(
        "AllergyIntolerance", f"allergy-{number}", f"{ZIB}zib-AllergyIntolerance", clinicalStatus="active",
        _clinicalStatus=specified("http://hl7.org/fhir/v3/ActStatus", "active", "Active"),
        verificationStatus="confirmed", category=["medication"],
        _category=[specified(SNOMED, "419511003", "Propensiteit tot ongewenste reactie op medicatie")],
        criticality="high", _criticality=specified(SNOMED, "24484000", "Ernstig"),
        code=concept(SNOMED, code, display), patient=holder.subject, onsetDateTime="2008-11-08",
    )  # fmt: skip


def product(holder: Holder, number: int, code: str, display: str) -> Resource:
    found = holder.resource("Medication", f"product-{number}", f"{ZIB}zib-Product", code=concept(ATC, code, display))
    del found["identifier"]  # Medication has none in STU3
    return found


def _taken(number: int) -> Resource:
    route = concept("urn:oid:2.16.840.1.113883.2.4.4.9", "9", "Oraal")
    dose = {"value": 1, "unit": "stuk", "system": "urn:oid:2.16.840.1.113883.2.4.4.1.900.2", "code": "245"}
    times = 1 + number % 3
    return {
        "sequence": 1, "text": f"{times} maal per dag 1 stuk, oraal", "route": route, "doseQuantity": dose,
        "timing": {"repeat": {"frequency": times, "period": 1, "periodUnit": "d"}},
    }  # fmt: skip


def medication(holder: Holder, number: int, display: str, since: str) -> list[Resource]:
    """Its use, its agreement and its administration agreement, of the product of the same number."""
    treatment = {
        "url": f"{ZIB}zib-Medication-MedicationTreatment",
        "valueIdentifier": {"system": f"{holder.system}/treatment", "value": f"MBH-{number}"},
    }
    period = {"url": f"{ZIB}zib-Medication-PeriodOfUse", "valuePeriod": {"start": since}}
    agreed = {"url": f"{ZIB}zib-MedicationUse-AsAgreedIndicator", "valueBoolean": True}
    made = {"url": f"{ZIB}zib-AdministrationAgreement-AuthoredOn", "valueDateTime": f"{since}T11:00:00+01:00"}
    what = reference(f"Medication/product-{number}", display)
    return [
        holder.resource(
            "MedicationStatement", f"use-{number}", f"{ZIB}zib-MedicationUse", extension=[agreed, treatment],
            status="active", category={**concept(MEDICATION_USE, "6", "Medicatiegebruik"), "text": "Medicatiegebruik"},
            medicationReference=what, effectivePeriod={"start": since}, dateAsserted=since, subject=holder.subject,
            taken="y", dosage=[_taken(number)],
        ),
        holder.resource(
            "MedicationRequest", f"agreement-{number}", f"{ZIB}zib-MedicationAgreement", extension=[period, treatment],
            intent="order", category={**concept(SNOMED, "16076005", "Voorschrift"), "text": "Medicatieafspraak"},
            medicationReference=what, subject=holder.subject, authoredOn=f"{since}T10:54:23+01:00",
            requester={"agent": BY_GP}, dosageInstruction=[_taken(number)],
        ),
        holder.resource(
            "MedicationDispense", f"administration-{number}", f"{ZIB}zib-AdministrationAgreement",
            extension=[made, period, treatment],
            category={**concept(SNOMED, "422037009", "Toedieningsafspraak"), "text": "Toedieningsafspraak"},
            medicationReference=what, subject=holder.subject, performer=[{"actor": PRACTICE}],
            authorizingPrescription=[reference(f"MedicationRequest/agreement-{number}", "Medicatieafspraak")],
            dosageInstruction=[_taken(number)],
        ),
    ]  # fmt: skip


def device(holder: Holder, number: int) -> list[Resource]:
    """Its use, and the thing itself."""
    what = reference(f"Device/device-{number}", "Hulpmiddel")
    return [
        holder.resource(
            "DeviceUseStatement", f"device-use-{number}", f"{ZIB}zib-MedicalDevice", status="active",
            subject=holder.subject, whenUsed={"start": "2021"}, device=what, note=[{"text": "Alleen buitenshuis"}],
        ),
        holder.resource(
            "Device", f"device-{number}", f"{ZIB}zib-MedicalDeviceProduct", type={"text": "Rollator"},
            patient=holder.subject,
        ),
    ]  # fmt: skip


def vaccination(holder: Holder, number: int, when: str) -> Resource:
    return holder.resource(
        "Immunization", f"vaccination-{number}", f"{ZIB}zib-Vaccination", status="completed", notGiven=False,
        vaccineCode=concept(ATC, "J07BB02", "Griepvaccin"), patient=holder.subject, date=when, primarySource=True,
        practitioner=[{"actor": BY_GP}],
    )  # fmt: skip


def vital(holder: Holder, number: str, zib: str, code: Resource, when: str, **members: Any) -> Resource:
    signs = [concept(CATEGORY, "vital-signs", "Vital Signs")]
    return observation(holder, number, zib, code, when, category=signs, performer=[BY_GP], **members)


def blood_pressure(holder: Holder, number: int, when: str, systolic: int, diastolic: int) -> Resource:
    parts = (("8480-6", "Bovendruk", systolic), ("8462-4", "Onderdruk", diastolic))
    return vital(
        holder, f"pressure-{number}", "zib-BloodPressure", concept(LOINC, "85354-9", "Bloeddruk"), when,
        method=concept(SNOMED, "22762002", "Niet-invasief"),
        component=[
            {"code": concept(LOINC, code, display), "valueQuantity": quantity(value, "mmHg", "mm[Hg]")}
            for code, display, value in parts
        ],
    )  # fmt: skip


def body_weight(holder: Holder, number: int, when: str, kilograms: float) -> Resource:
    code = concept(LOINC, "29463-7", "Lichaamsgewicht")
    return vital(holder, f"weight-{number}", "zib-BodyWeight", code, when, valueQuantity=quantity(kilograms, "kg"))


def body_height(holder: Holder, number: int, when: str) -> Resource:
    code = concept(LOINC, "8302-2", "Lichaamslengte")
    return vital(holder, f"height-{number}", "zib-BodyHeight", code, when, valueQuantity=quantity(171, "cm"))


def specimen(holder: Holder, number: int, when: str) -> Resource:
    return holder.resource(
        "Specimen", f"specimen-{number}", f"{ZIB}zib-LaboratoryTestResult-Specimen",
        type=concept(SNOMED, "87612001", "Bloed"), subject=holder.subject, collection={"collectedDateTime": when},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Test:
    """A determination of a laboratory with its usual range."""

    code: str
    display: str
    unit: str
    low: float
    high: float


def lab_result(holder: Holder, number: int, test: Test, value: float, blood: Resource) -> Resource:
    """``blood``: the specimen that was examined."""
    when = blood["collection"]["collectedDateTime"]
    given: Resource = {}
    if not test.low <= value <= test.high:
        code, words = ("H", "Hoog") if value > test.high else ("L", "Laag")
        given["interpretation"] = concept("http://hl7.org/fhir/v2/0078", code, words)
    return observation(
        holder, f"lab-{number}", "zib-LaboratoryTestResult-Observation", concept(LOINC, test.code, test.display), when,
        category=[concept(SNOMED, LABORATORY, "Laboratoriumbevinding"), concept(SNOMED, LAB, "Chemisch onderzoek")],
        valueQuantity=quantity(value, test.unit), specimen=reference(f"Specimen/{blood['id']}", "Bloed"), **given,
        referenceRange=[{"low": quantity(test.low, test.unit), "high": quantity(test.high, test.unit)}],
    )  # fmt: skip
