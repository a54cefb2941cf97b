"""The FHIR document of the summary: a Composition of IPS 2.0's shape, and everything that it refers to.

No profile of IPS is claimed: whether the entries follow theirs is not checked here (docs/summary.md).
https://hl7.org/fhir/uv/ips/StructureDefinition-Composition-uv-ips.html
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Final

from app.bgz.summary.content import Chapter, Content
from app.bgz.summary.gathering import Gathered, Key
from app.bgz.zib2017.plans import plan_view
from app.careplan.document.bundle import EMPTY_REASON, LOINC, UNAVAILABLE
from app.careplan.document.dates import Language
from app.careplan.document.inside import references, resolved
from app.careplan.document.narrative import narrative, paragraphs, section_text
from app.careplan.names import Names
from app.careplan.plan import goals_of, is_plan, local
from app.careplan.views import goal_view
from app.fhir.dates import instant
from app.fhir.resource import Resource

SUMMARY: Final = "60591-5"
_NOTHING: Final = "nilknown"
_DISPLAYS: Final = {UNAVAILABLE: "Unavailable", _NOTHING: "Nil Known"}
_URI: Final = "urn:ietf:rfc:3986"


def document_of(
    gathered: Gathered, content: Content, names: Names, *, bases: Mapping[Key, str], now: int, random: bytes
) -> Resource:
    """The Bundle. ``bases``: what the address of each resource is below; ``random``: 32 bytes that make identifiers."""
    urn, author = (uuid.UUID(bytes=each, version=4).urn for each in (random[:16], random[16:]))
    shown = _shown(gathered, content)
    urls = {key: f"{bases[key]}{key[0]}/{key[1]}" for key in shown}
    composition = _composition(gathered, content, urls, author, now=now)
    composition["identifier"] = {"system": _URI, "value": urn}
    service = {
        "resourceType": "Device",
        "deviceName": [{"name": "Zelfregie", "type": "manufacturer-name"}],
        "type": {"text": "Zelfregie"},
    }
    plans = [gathered.resources[key] for key in shown if key[0] == "CarePlan"]
    own = {goal for each in plans if is_plan(each, names) for goal in goals_of(each)}
    entries = [{"fullUrl": urn, "resource": composition}]
    for key in shown:
        resource = _viewed(gathered.resources[key], own, names, content.language)
        entries.append({"fullUrl": urls[key], "resource": resolved(resource, bases[key], urls)})
    entries.append({"fullUrl": author, "resource": service})
    return {
        "resourceType": "Bundle",
        "language": content.language,
        "identifier": {"system": _URI, "value": urn},
        "type": "document",
        "timestamp": instant(now),
        "entry": entries,
    }


def _viewed(resource: Resource, own: Collection[str], names: Names, language: Language) -> Resource:
    """The person's own plan and goals as care providers take them; what was received as it came. ``own``: the ids of
    the goals of the plan, where that is among what is shown.
    """
    if resource["resourceType"] == "CarePlan":
        return plan_view(resource, names)
    if resource["resourceType"] != "Goal":
        return resource
    claimed = resource.get("meta", {}).get("profile", ())
    if resource["id"] in own or any(str(each).startswith(f"{names.base}/") for each in claimed):
        return goal_view(resource, names, language=language)
    return resource


def _shown(gathered: Gathered, content: Content) -> list[Key]:
    """The person, the entries, and whom and what those refer to."""
    found: dict[Key, None] = {}
    if gathered.person is not None:
        found["Patient", gathered.person["id"]] = None
    found |= dict.fromkeys(told.key for chapter in content.chapters for told in chapter.told)
    waiting = list(found)
    while waiting:
        for reference in references(gathered.resources[waiting.pop()]):
            key = local(reference)
            if key is not None and key in gathered.beside and key not in found:
                found[key] = None
                waiting.append(key)
    return list(found)


def _composition(gathered: Gathered, content: Content, urls: Mapping[Key, str], author: str, *, now: int) -> Resource:
    composition: Resource = {
        "resourceType": "Composition",
        "language": content.language,
        "text": narrative(paragraphs((*content.told_first, content.person), content.sources), content.language),
        "status": "final",
        "type": {"coding": [{"system": LOINC, "code": SUMMARY, "display": "Patient summary Document"}]},
        "date": instant(now),
        "author": [{"reference": author, "display": "Zelfregie"}],
        "title": f"{content.title}, {content.name}" if content.name else content.title,
        "section": [_section(each, urls, content) for each in content.chapters],
    }
    if gathered.person is not None:
        composition["subject"] = {"reference": urls["Patient", gathered.person["id"]]}
    else:
        composition["subject"] = {"type": "Patient", "display": content.title}
    return composition


def _section(chapter: Chapter, urls: Mapping[Key, str], content: Content) -> Resource:
    found: Resource = {
        "title": chapter.words.title,
        "code": {"coding": [{"system": LOINC, "code": chapter.loinc}]},
        "text": section_text(chapter.words, content.language),
    }
    entries = [{"reference": urls[each.key], "display": each.origin} for each in chapter.told]
    if entries:
        found["entry"] = entries
    else:
        code = _NOTHING if chapter.nothing else UNAVAILABLE
        found["emptyReason"] = {"coding": [{"system": EMPTY_REASON, "code": code, "display": _DISPLAYS[code]}]}
    return found
