"""The code systems that are made from tables of the code: data categories and purposes.

``python -m app.auth.code_systems`` writes them to ``medmij_profiles/codesystems``, under the canonical base that an
adopting organisation replaces. https://hl7.org/fhir/R4/codesystem.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from app.auth.consents.purposes import CODE_SYSTEM, PURPOSES
from app.auth.consents.resource import DATA_CATEGORIES
from app.config import CANONICAL_BASE, RELEASED, VERSION
from app.fhir.resource import Resource, encode
from app.server.labels import load_labels

FOLDER: Final = Path(__file__).parents[2] / "medmij_profiles" / "codesystems"
_TRANSLATION: Final = "http://hl7.org/fhir/StructureDefinition/translation"


@dataclass(frozen=True, slots=True)
class Concept:
    """One code. ``definition`` and ``definition_nl`` are "" where the name says it all."""

    code: str
    display: str
    display_nl: str
    definition: str = ""
    definition_nl: str = ""

    def rendered(self) -> dict[str, Any]:
        """As ``CodeSystem.concept`` has it."""
        concept: dict[str, Any] = {"code": self.code, "display": self.display}
        if self.definition:
            content = [{"url": "lang", "valueCode": "nl"}, {"url": "content", "valueString": self.definition_nl}]
            concept["definition"] = self.definition
            concept["_definition"] = {"extension": [{"url": _TRANSLATION, "extension": content}]}
        return {**concept, "designation": [{"language": "nl", "value": self.display_nl}]}


def data_categories() -> Resource:
    """The categories of ``categories.yaml``, in the order of their bits."""
    found = sorted(load_labels().categories.items(), key=lambda each: each[1].bit)
    return code_system(
        DATA_CATEGORIES,
        "Data categories of a permission",
        "The kinds of data that a permission (Consent.provision.securityLabel) speaks of. Each resource falls in one of"
        " them. unclassified is for the patient only, and catalogue is nobody's data: neither is in a permission.",
        (Concept(name, category.english, category.dutch) for name, category in found),
    )


def purposes() -> Resource:
    """Those purposes of ``purposes.yaml`` that HL7's v3-ActReason has no code for."""
    return code_system(
        CODE_SYSTEM,
        "Purposes of a permission",
        "What data may be used for, where HL7's v3-ActReason has no code that says it. All of them are secondary"
        " purposes, off until the person says yes.",
        (
            Concept(each.code, each.display, each.names["nl"], each.explanations["en"], each.explanations["nl"])
            for each in PURPOSES.values()
            if not each.system
        ),
    )


def code_system(place: str, title: str, description: str, concepts: Iterator[Concept]) -> Resource:
    """A code system of ours with all of its codes. ``place``: type and id, as below the canonical base."""
    code_system_id = place.rpartition("/")[2]
    listed = [each.rendered() for each in concepts]
    return {
        "resourceType": "CodeSystem",
        "id": code_system_id,
        "language": "en",
        "url": f"{CANONICAL_BASE}/{place}",
        "version": VERSION,
        "name": "".join(word.capitalize() for word in code_system_id.split("-")),
        "title": title,
        "status": "active",
        "experimental": False,
        "date": RELEASED,
        "publisher": "Zelfregie",
        "description": description,
        "caseSensitive": True,
        "valueSet": f"{CANONICAL_BASE}/ValueSet/{code_system_id}",
        "content": "complete",
        "count": len(listed),
        "concept": listed,
    }


def files() -> dict[str, bytes]:
    """Name and content of each file."""
    return {
        f"CodeSystem-{each['id']}.json": msgspec.json.format(encode(each), indent=2) + b"\n"
        for each in (data_categories(), purposes())
    }


def write(folder: Path = FOLDER) -> None:
    """Write them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    write()
