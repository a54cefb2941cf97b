"""References to the persons, conditions and goals of one demo patient. https://hl7.org/fhir/R4/references.html"""

from __future__ import annotations

from fhir.resources.R4B.reference import Reference

from app.cli.demo.catalogue import role_reference
from app.cli.demo.persona import Persona
from app.cli.demo.terms import PROBLEMS, reference


def patient_reference(persona: Persona) -> Reference:
    """The patient."""
    return reference("Patient", persona.id, persona.name.full)


def contact_id(persona: Persona) -> str:
    """The id of the RelatedPerson, for a persona that has one."""
    return f"{persona.short}-contact"


def contact_reference(persona: Persona) -> Reference:
    """The one near the patient who helps. Raises ValueError when the persona has nobody."""
    if persona.contact is None:
        raise ValueError(f"{persona.id} has no contact.")
    return reference("RelatedPerson", contact_id(persona), f"{persona.contact.name.full}, {persona.contact.relation}")


def person_reference(persona: Persona, who: str) -> Reference:
    """``"patient"``, ``"contact"`` or a PractitionerRole id."""
    if who == "patient":
        return patient_reference(persona)
    return contact_reference(persona) if who == "contact" else role_reference(who)


def condition_id(persona: Persona, number: int) -> str:
    """The id of the condition at this position, counted from 0."""
    return f"{persona.short}-{persona.problems[number].term}"


def condition_reference(persona: Persona, number: int) -> Reference:
    """The condition at this position, counted from 0."""
    return reference("Condition", condition_id(persona, number), PROBLEMS[persona.problems[number].term].text)


def goal_id(persona: Persona, number: int) -> str:
    """The id of the goal at this position, counted from 0; the id itself counts from 1."""
    return f"{persona.short}-goal-{number + 1}"


def goal_reference(persona: Persona, number: int) -> Reference:
    """The goal at this position, counted from 0."""
    return reference("Goal", goal_id(persona, number), persona.goals[number].text)
