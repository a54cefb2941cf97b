"""The FHIR document: a Composition, and everything that it refers to and the caller may see.

https://hl7.org/fhir/R4/documents.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final

from app.careplan.document.content import Content, Section
from app.careplan.document.dates import Language
from app.careplan.document.gather import Gathered, Key
from app.careplan.document.inside import references, resolved
from app.careplan.document.narrative import head_text, section_text
from app.careplan.names import Names
from app.careplan.plan import local
from app.careplan.views import goal_view
from app.fhir.dates import instant
from app.fhir.resource import Resource

LOINC: Final = "http://loinc.org"
PLAN_OF_CARE: Final = "18776-5"
EMPTY_REASON: Final = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
UNAVAILABLE: Final = "unavailable"
"""What is not here may be elsewhere: that there is none is never said."""
_URI: Final = "urn:ietf:rfc:3986"


def document_of(
    gathered: Gathered, content: Content, names: Names, *, bases: Mapping[Key, str], now: int, random: bytes
) -> Resource:
    """The Bundle. ``bases``: what the address of each resource is below, with a slash at the end; ``random``: 16 bytes
    that make the document's identifier.
    """
    urn = uuid.UUID(bytes=random, version=4).urn
    shown = _shown(gathered, content)
    urls = {key: f"{bases[key]}{key[0]}/{key[1]}" for key in shown}
    composition = _composition(gathered, content, names, urls, now=now)
    composition["identifier"] = {"system": _URI, "value": urn}
    entries = [{"fullUrl": urn, "resource": composition}]
    for key in shown:
        resource = gathered.resources[key]
        if key[0] == "Goal":
            resource = goal_view(resource, names, language=content.language)
        entries.append({"fullUrl": urls[key], "resource": resolved(resource, bases[key], urls)})
    return {
        "resourceType": "Bundle",
        "language": content.language,
        "identifier": {"system": _URI, "value": urn},
        "type": "document",
        "timestamp": instant(now),
        "entry": entries,
    }


def _shown(gathered: Gathered, content: Content) -> list[Key]:
    """The plan, the person, what the sections refer to, and who and what those name."""
    found = dict.fromkeys(
        key
        for key in (
            ("CarePlan", gathered.plan["id"]),
            ("Patient", gathered.patient_id),
            ("Provenance", gathered.revision.id),
            *(key for section in content.sections for key in section.keys()),  # noqa: SIM118 (not a mapping)
        )
        if key in gathered.resources
    )
    waiting = list(found)
    while waiting:
        for reference in references(gathered.resources[waiting.pop()]):
            key = local(reference)
            if key is not None and key in gathered.resources and key not in found and key[0] != "Observation":
                found[key] = None
                waiting.append(key)
    return list(found)


def _composition(gathered: Gathered, content: Content, names: Names, urls: Mapping[Key, str], *, now: int) -> Resource:
    plan = gathered.plan
    composition: Resource = {
        "resourceType": "Composition",
        "language": content.language,
        "text": head_text(content),
        "status": "preliminary" if plan.get("status") == "draft" else "final",
        "type": {"coding": [{"system": LOINC, "code": PLAN_OF_CARE}], "text": content.title},
        "date": instant(now),
        "author": [_author(gathered, content, urls)],
        "title": f"{content.title}, {content.name}" if content.name else content.title,
        "section": [_section(each, names, urls, content.language) for each in content.sections],
    }
    subject = urls.get(("Patient", gathered.patient_id))
    if subject is not None:
        composition["subject"] = {"reference": subject}
    elif content.name:
        composition["subject"] = {"type": "Patient", "display": content.name}
    if gathered.revision.number:
        composition["event"] = [{"code": [{"text": content.revision}], "detail": [_revision(gathered, content, urls)]}]
    return composition


def _author(gathered: Gathered, content: Content, urls: Mapping[Key, str]) -> Resource:
    """Whose plan it is: the author that the plan names, else the person; by name where that is not in the document."""
    author = gathered.plan.get("author", {})
    key = local(author)
    if key is not None and key in urls:
        return {"reference": urls[key]}
    if author.get("display"):
        return {name: author[name] for name in ("type", "display") if name in author}
    person = urls.get(("Patient", gathered.patient_id))
    if person is not None:
        return {"reference": person}
    return {"type": "Patient", "display": content.name or content.title}


def _revision(gathered: Gathered, content: Content, urls: Mapping[Key, str]) -> Resource:
    """The revision of the plan that the document shows, as far as the caller may see who made it."""
    url = urls.get(("Provenance", gathered.revision.id))
    return {"type": "Provenance", "display": content.revision} | ({} if url is None else {"reference": url})


def _section(section: Section, names: Names, urls: Mapping[Key, str], language: Language) -> Resource:
    found: Resource = {
        "title": section.title,
        "code": {"coding": [{"system": names.system("plan-section"), "code": section.code}]},
        "text": section_text(section, language),
    }
    entries = [{"reference": urls[key]} for key in section.keys() if key in urls]  # noqa: SIM118 (not a mapping)
    if entries:
        found["entry"] = entries
    elif not section.items:
        found["emptyReason"] = {"coding": [{"system": EMPTY_REASON, "code": UNAVAILABLE, "display": "Unavailable"}]}
    return found
