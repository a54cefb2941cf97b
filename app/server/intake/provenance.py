"""The Provenance of a write that was taken in with a flag: what was found, where, and by which rule or profile.

https://hl7.org/fhir/R4/provenance.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from typing import Any, Final

from app.fhir.dates import instant
from app.fhir.resource import Resource
from app.server.access import Access
from app.server.intake.findings import Finding
from app.server.intake.flags import DELIVERY, DISPLAYS, intake_system

MOST: Final = 50
"""Deviations that are written down, of a list that may have more."""
SERVICE: Final = "Zelfregie"
_PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_XHTML: Final = "http://www.w3.org/1999/xhtml"


_SHA_256: Final = "urn:oid:2.16.840.1.101.3.4.2.1"
"""The system of SHA-256 digests: its object identifier. https://www.rfc-editor.org/rfc/rfc5754#section-2.2"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery as it came in: of whom (``name`` for people, ``who`` as a reference, "" where there is none), and the
    bytes.
    """

    name: str
    who: str
    received: bytes = field(repr=False)


def deviation_extension(canonical_base: str) -> str:
    """The extension that has one deviation: ``profile``, ``rule``, ``path`` and ``text``."""
    return f"{canonical_base}/StructureDefinition/profile-deviation"


def intake_provenance(
    canonical_base: str, access: Access, target: str, flagged: Sequence[Finding], recorded: int
) -> Resource:
    """For ``target`` (``Type/id/_history/version``), written at ``recorded`` (µs)."""
    listed = flagged[:MOST]
    url = deviation_extension(canonical_base)
    system = intake_system(canonical_base)
    codes = tuple(dict.fromkeys(code for each in flagged for code in each.flags))
    agents: list[Resource] = [_agent("verifier", {"display": SERVICE})]
    if access.fhir_user:
        agents.append(_agent("enterer", {"reference": access.fhir_user}))
    return {
        "resourceType": "Provenance",
        "text": {"status": "generated", "div": _narrative(codes, listed, len(flagged) - len(listed))},
        "extension": [_deviation(url, each) for each in listed],
        "target": [{"reference": target}],
        "recorded": instant(recorded),
        "activity": {"coding": [{"system": system, "code": code, "display": DISPLAYS[code]} for code in codes]},
        "agent": agents,
    }


def delivery_provenance(canonical_base: str, arrival: Arrival, targets: Sequence[str], recorded: int) -> Resource:
    """That a source delivered ``targets`` (versions), taken in at ``recorded`` (µs): with the digest of what came."""
    who: Resource = {"display": arrival.name}
    if arrival.who:
        who["reference"] = arrival.who
    digest = {"system": _SHA_256, "value": sha256(arrival.received).hexdigest()}
    display = DISPLAYS[DELIVERY]
    return {
        "resourceType": "Provenance",
        "text": {
            "status": "generated",
            "div": f'<div xmlns="{_XHTML}"><p>{display}: {escape(arrival.name)}, {len(targets)}</p></div>',
        },
        "target": [{"reference": each} for each in targets],
        "recorded": instant(recorded),
        "activity": {"coding": [{"system": intake_system(canonical_base), "code": DELIVERY, "display": display}]},
        "agent": [_agent("author", who), _agent("assembler", {"display": SERVICE})],
        "entity": [{"role": "source", "what": {"identifier": digest}}],
    }


def _agent(kind: str, who: Resource) -> Resource:
    return {"type": {"coding": [{"system": _PARTICIPANT, "code": kind}]}, "who": who}


def _deviation(url: str, finding: Finding) -> Resource:
    issue = finding.issue
    parts: list[tuple[str, str, Any]] = [
        ("profile", "valueCanonical", issue.profile),
        ("rule", "valueString", issue.rule),
        ("path", "valueString", issue.expression[0] if issue.expression else None),
        ("text", "valueString", issue.diagnostics),
    ]
    return {"url": url, "extension": [{"url": name, member: value} for name, member, value in parts if value]}


def _narrative(codes: Sequence[str], listed: Sequence[Finding], more: int) -> str:
    items = [_line(each) for each in listed]
    if more:
        items.append(f"And {more} more.")
    lines = "".join(f"<li>{escape(each)}</li>" for each in items)
    title = "; ".join(DISPLAYS[code] for code in codes)
    return f'<div xmlns="{_XHTML}"><p>{title}</p><ul>{lines}</ul></div>'


def _line(finding: Finding) -> str:
    issue = finding.issue
    by = ", ".join(each for each in (issue.rule, issue.profile) if each)
    return f"{', '.join(issue.expression)}: {issue.diagnostics}{f' ({by})' if by else ''}"
