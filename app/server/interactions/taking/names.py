"""What the entries of a batch may refer to. https://hl7.org/fhir/R4/http.html#brules"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import Issue, ZelfregieError
from app.fhir.resource import parse_reference, walk_dicts
from app.server.access import Access
from app.server.interactions.entries import split_url
from app.server.server import FhirServer


@dataclass(frozen=True, slots=True)
class Names:
    """What references to the entries of a batch would lead to: ``known`` gives what a Patient entry stands for, which
    is not made but was there before; ``made`` are entries that only get an id when they are carried out.
    """

    known: dict[str, str]
    made: dict[str, int]
    first: Mapping[str, int]

    @classmethod
    def of(cls, server: FhirServer, access: Access, entries: Sequence[Any]) -> Names:
        """The names that entries have, read before the entries are known to be valid."""
        known: dict[str, str] = {}
        made: dict[str, int] = {}
        first: dict[str, int] = {}
        for index, entry in enumerate(entries):
            url = entry.get("fullUrl") if isinstance(entry, dict) else None
            asked = entry.get("request") if isinstance(entry, dict) else None
            if not isinstance(url, str) or not isinstance(asked, dict):
                continue
            first.setdefault(url, index)
            patient = _patient(server, access, asked)
            if patient:
                known.setdefault(url, patient)
            elif asked.get("method") == "POST" or url.startswith("urn:"):
                made.setdefault(url, index)
        return cls(known, made, first)

    def follow(self, index: int, entry: dict[str, Any]) -> list[Issue]:
        """Point the entry's references, in place, at what is known; the issues of those to what is not there yet."""
        if not (self.known or self.made):
            return []
        base = parse_reference(entry.get("fullUrl", ""))
        issues = []
        for each in walk_dicts(entry["resource"]):
            text = each.get("reference")
            if not isinstance(text, str):
                continue
            full = text if base is None or parse_reference(text) is None else base.base + text
            name = text if text in self.known or text in self.made else full
            if name in self.known:
                each["reference"] = self.known[name]
            elif name in self.made:
                where = f"entry {self.made[name]}" if self.made[name] != index else "itself"
                said = f"This entry refers to {where}, and entries of a batch cannot refer to each other."
                place = f"Bundle.entry[{index}].resource"
                issues.append(Issue("business-rule", f"{said} Send a transaction.", (place,)))
        return issues


def _patient(server: FhirServer, access: Access, asked: dict[str, Any]) -> str:
    """The Patient that an entry means who is there already; empty where it means none, or makes one."""
    try:
        path, query = split_url(server, asked["url"])
    except (ZelfregieError, KeyError, AttributeError):
        return ""
    if path[:1] != ["Patient"] or query:
        return ""
    if asked.get("method") == "PUT" and len(path) == 2:
        return f"Patient/{path[1]}"
    posts = asked.get("method") == "POST" and len(path) == 1 and access.patient_id and not access.everyone
    return f"Patient/{access.patient_id}" if posts else ""
