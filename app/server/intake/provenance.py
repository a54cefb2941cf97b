"""The Provenance of a write that was taken in with a flag: what deviates, from which profile, by which rule.

https://hl7.org/fhir/R4/provenance.html
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

from app.errors import Issue
from app.fhir.dates import instant
from app.fhir.resource import Resource
from app.server.access import Access
from app.server.intake.flags import DISPLAYS, PROFILE_DEVIATION, intake_system

MOST: Final = 50
"""Deviations that are written down, of a list that may have more."""
SERVICE: Final = "Zelfregie"
_PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_XHTML: Final = "http://www.w3.org/1999/xhtml"


def deviation_extension(canonical_base: str) -> str:
    """The extension that has one deviation: ``profile``, ``rule``, ``path`` and ``text``."""
    return f"{canonical_base}/StructureDefinition/profile-deviation"


def deviation_provenance(
    canonical_base: str, access: Access, target: str, deviations: Sequence[Issue], recorded: int
) -> Resource:
    """For ``target`` (``Type/id/_history/version``), written at ``recorded`` (µs)."""
    listed = deviations[:MOST]
    url = deviation_extension(canonical_base)
    coding = {
        "system": intake_system(canonical_base),
        "code": PROFILE_DEVIATION,
        "display": DISPLAYS[PROFILE_DEVIATION],
    }
    agents: list[Resource] = [_agent("verifier", {"display": SERVICE})]
    if access.fhir_user:
        agents.append(_agent("enterer", {"reference": access.fhir_user}))
    return {
        "resourceType": "Provenance",
        "text": {"status": "generated", "div": _narrative(listed, len(deviations) - len(listed))},
        "extension": [_deviation(url, each) for each in listed],
        "target": [{"reference": target}],
        "recorded": instant(recorded),
        "activity": {"coding": [coding]},
        "agent": agents,
    }


def _agent(kind: str, who: Resource) -> Resource:
    return {"type": {"coding": [{"system": _PARTICIPANT, "code": kind}]}, "who": who}


def _deviation(url: str, issue: Issue) -> Resource:
    parts: list[tuple[str, str, Any]] = [
        ("profile", "valueCanonical", issue.profile),
        ("rule", "valueString", issue.rule),
        ("path", "valueString", issue.expression[0] if issue.expression else None),
        ("text", "valueString", issue.diagnostics),
    ]
    return {"url": url, "extension": [{"url": name, member: value} for name, member, value in parts if value]}


def _narrative(listed: Sequence[Issue], more: int) -> str:
    items = [f"{', '.join(each.expression)}: {each.diagnostics} ({each.rule}, {each.profile})" for each in listed]
    if more:
        items.append(f"And {more} more.")
    lines = "".join(f"<li>{escape(each)}</li>" for each in items)
    return f'<div xmlns="{_XHTML}"><p>{DISPLAYS[PROFILE_DEVIATION]}</p><ul>{lines}</ul></div>'
