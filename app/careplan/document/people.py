"""Who somebody is, as the document names them. https://hl7.org/fhir/R4/datatypes.html#HumanName"""

from __future__ import annotations

from typing import Any, Final

from app.careplan.document.gather import Gathered
from app.careplan.document.texts import Texts
from app.fhir.resource import Resource

_USES: Final = {"usual": 0, "official": 0, "old": 2, "temp": 2}


def human_name(names: Any) -> str:
    """The name by which somebody is known: one of the past comes last."""
    if not isinstance(names, list) or not names:
        return ""
    name = min(names, key=lambda each: _USES.get(each.get("use", ""), 1))
    parts = [*name.get("prefix", ()), *name.get("given", ()), name.get("family", ""), *name.get("suffix", ())]
    return name.get("text") or " ".join(each for each in parts if each)


def name_of(resource: Resource | None, gathered: Gathered) -> str:
    """The name of a person or organisation; empty where it has none."""
    if resource is None:
        return ""
    name = resource.get("name")
    if resource["resourceType"] == "PractitionerRole":
        who = name_of(gathered.find(resource.get("practitioner")), gathered)
        who = who or resource.get("practitioner", {}).get("display", "")
        return who or name_of(gathered.find(resource.get("organization")), gathered)
    return name if isinstance(name, str) else human_name(name)


def who(reference: Any, gathered: Gathered, texts: Texts) -> str:
    """Whom a Reference names: the name in the record, else what the reference says, else that nobody is named."""
    if not isinstance(reference, dict):
        return ""
    found = gathered.find(reference)
    name = name_of(found, gathered) or reference.get("display", "")
    if found is not None and found["resourceType"] == "Patient":
        return texts("source.self", name=name) if name else texts("evaluation.patient")
    return name or (texts("source.somebody") if reference.get("reference") else "")


def telecoms(resource: Resource | None, *systems: str) -> list[str]:
    """Telephone numbers or addresses that are in use, in their order of rank."""
    if resource is None:
        return []
    listed = [each for each in resource.get("telecom", ()) if each.get("system") in systems and each.get("value")]
    listed = [each for each in listed if each.get("use") != "old"]
    return [each["value"] for each in sorted(listed, key=lambda each: each.get("rank", 99))]
