"""Everything of one demo patient, in an order in which each resource refers only to earlier ones. https://hl7.org/fhir/R4/patient.html"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta

from fhir.resources.R4B.address import Address
from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.condition import Condition
from fhir.resources.R4B.contactpoint import ContactPoint
from fhir.resources.R4B.dosage import Dosage
from fhir.resources.R4B.extension import Extension
from fhir.resources.R4B.fhirprimitiveextension import FHIRPrimitiveExtension
from fhir.resources.R4B.medicationstatement import MedicationStatement
from fhir.resources.R4B.patient import Patient, PatientCommunication
from fhir.resources.R4B.period import Period
from fhir.resources.R4B.relatedperson import RelatedPerson

from app.cli.demo.answers import answers, tasks
from app.cli.demo.catalogue import PROFESSIONALS, role_reference, workplace_reference
from app.cli.demo.kinds import NICTIZ
from app.cli.demo.persona import Contact, Home, Medicine, Persona, Problem
from app.cli.demo.plain import plain
from app.cli.demo.plan import care_plan, care_team, goals, rating
from app.cli.demo.readings import readings
from app.cli.demo.terms import (
    ATC,
    HL7_EXTENSION,
    ICPC,
    MEDICINES,
    PROBLEMS,
    SNOMED,
    TERMINOLOGY,
    concept,
    demo_identifier,
    human_name,
    masked_bsn,
    profiled,
    to_the_day,
    to_the_year,
    words,
)
from app.cli.demo.who import condition_id, contact_id, patient_reference
from app.fhir.resource import Resource


def record(persona: Persona, *, today: date, seed: int) -> Iterator[Resource]:
    """The patient, then conditions, medicines, plan and measurements that lead up to ``today``."""
    # The seed is text: it gives each person their own series, whichever other persons are asked for.
    chance = random.Random(f"{seed} {persona.id}")
    yield plain(_patient(persona))
    if persona.contact is not None:
        yield plain(_related_person(persona, persona.contact))
    for number, problem in enumerate(persona.problems):
        yield plain(_condition(persona, number, problem, today))
    for number, medicine in enumerate(persona.medicines, start=1):
        yield plain(_medication_statement(persona, number, medicine, today))
    for goal in goals(persona, today=today):
        yield plain(goal)
    yield plain(rating(persona, today=today))
    yield plain(care_team(persona, today=today))
    for response in answers(persona, today=today):
        yield plain(response)
    for task in tasks(persona, today=today):
        yield plain(task)
    yield plain(care_plan(persona, today=today))
    for observation in readings(persona, today=today, chance=chance):
        yield plain(observation)


def _address(home: Home) -> Address:
    """The address as nl-core-AddressInformation has it: street and number apart in extensions of the line."""
    parts = [
        Extension(url=HL7_EXTENSION + "iso21090-ADXP-streetName", valueString=home.street),
        Extension(url=HL7_EXTENSION + "iso21090-ADXP-houseNumber", valueString=home.number),
    ]
    return Address(
        use="home",
        type="both",
        line=[f"{home.street} {home.number}"],
        line__ext=[FHIRPrimitiveExtension(extension=parts)],
        city=home.city,
        postalCode=home.postal_code,
        country="Nederland",
    )


def _patient(persona: Persona) -> Patient:
    dutch = [
        Coding(system=system, code="nl", display="Nederlands") for system in ("urn:ietf:bcp:47", "urn:oid:1.0.639.1")
    ]
    return Patient(
        id=persona.id,
        meta=profiled(NICTIZ + "nl-core-Patient"),
        language="nl",
        active=True,
        identifier=[masked_bsn(), demo_identifier("patient", persona.id)],
        name=[human_name(persona.name)],
        telecom=[ContactPoint(system="email", value=f"{persona.id}@post.example", use="home")],
        gender=persona.gender,
        birthDate=date.fromisoformat(persona.birth_date),
        address=[_address(persona.home)],
        communication=[PatientCommunication(language=CodeableConcept(coding=dutch), preferred=True)],
        generalPractitioner=[role_reference(persona.team[0])],
        managingOrganization=workplace_reference(PROFESSIONALS[persona.team[0]].workplace),
    )


def _related_person(persona: Persona, contact: Contact) -> RelatedPerson:
    return RelatedPerson(
        id=contact_id(persona),
        language="nl",
        active=True,
        patient=patient_reference(persona),
        relationship=[words(contact.relation)],
        name=[human_name(contact.name)],
        telecom=[ContactPoint(system="email", value=f"{contact_id(persona)}@post.example", use="home")],
    )


def _condition(persona: Persona, number: int, problem: Problem, today: date) -> Condition:
    disease = PROBLEMS[problem.term]
    status = CodeableConcept(
        coding=[
            Coding(system=TERMINOLOGY + "condition-ver-status", code="confirmed", display="Confirmed"),
            Coding(system=SNOMED, code="410605003", display="Aanwezigheid bevestigd"),
        ]
    )
    code = CodeableConcept(
        coding=[
            Coding(system=SNOMED, code=disease.snomed, display=disease.snomed_display),
            Coding(system=ICPC, code=disease.icpc, display=disease.icpc_display),
        ],
        text=disease.text,
    )
    return Condition(
        id=condition_id(persona, number),
        meta=profiled(NICTIZ + "nl-core-Problem"),
        language="nl",
        clinicalStatus=concept(TERMINOLOGY + "condition-clinical", "active", "Active"),
        verificationStatus=status,
        category=[concept(TERMINOLOGY + "condition-category", "problem-list-item", "Problem List Item")],
        code=code,
        subject=patient_reference(persona),
        onsetDateTime=to_the_year(today.year - problem.since),
        asserter=role_reference(persona.team[0]),
    )


def _medication_statement(persona: Persona, number: int, medicine: Medicine, today: date) -> MedicationStatement:
    code, name = MEDICINES[medicine.term]
    return MedicationStatement(
        id=f"{persona.short}-medicine-{number}",
        language="nl",
        status="active",
        medicationCodeableConcept=concept(ATC, code, name, name),
        subject=patient_reference(persona),
        effectivePeriod=Period(start=to_the_year(today.year - medicine.since)),
        dateAsserted=to_the_day(today - timedelta(days=min(persona.plan_days, 30))),
        informationSource=patient_reference(persona),
        dosage=[Dosage(text=medicine.dose)],
    )
