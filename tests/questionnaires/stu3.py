"""Questionnaires and answers of STU3's examples as R4 has them.
https://hl7.org/fhir/R4/questionnaire-version-maps.html
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any, Final

from app.config import CANONICAL_BASE
from app.fhir.definitions import load
from app.fhir.resource import Resource, decode
from app.fhir.stu3 import Translator
from app.fhir.xml import from_xml

_NICTIZ: Final = "Nictiz-STU3-Questionnaires/Examples"
_TRANSLATOR: Final = Translator(CANONICAL_BASE)
_HL7: Final = "hl7.fhir.core-3.0.1.tar.gz"


def questionnaire_of(resource: Resource) -> Resource:
    """The R4 form of a Questionnaire, which has an address."""
    made = _TRANSLATOR.to_r4({name: value for name, value in resource.items() if name not in ("text", "meta")})
    made.setdefault("url", f"http://hl7.org/fhir/Questionnaire/{resource['id']}")
    return made


def response_of(resource: Resource, asked: Resource) -> Resource:
    """The R4 form of answers to a Questionnaire, about a Patient."""
    kept = ("resourceType", "id", "language", "status", "authored", "item")
    made = _TRANSLATOR.to_r4({name: resource[name] for name in kept if name in resource})
    return {**made, "questionnaire": asked["url"], "subject": {"reference": "Patient/anna"}}


def nictiz(fhir_definitions: Path) -> tuple[Resource, Resource]:
    """Nictiz's example of a Questionnaire, and that of answers to it."""
    read = {
        name: from_xml((fhir_definitions / _NICTIZ / f"vl-{name}-01.xml").read_bytes(), load("3.0.1"))
        for name in ("Questionnaire", "QuestionnaireResponse")
    }
    asked = questionnaire_of(read["Questionnaire"])
    return asked, response_of(read["QuestionnaireResponse"], asked)


def hl7(fhir_definitions: Path) -> dict[str, dict[str, Any]]:
    """HL7's examples by type and id, as STU3 has them."""
    found: dict[str, dict[str, Any]] = {"Questionnaire": {}, "QuestionnaireResponse": {}}
    with tarfile.open(fhir_definitions / _HL7) as package:
        for member in package:
            kind, dash, name = Path(member.name).stem.partition("-")
            if kind in found and dash:
                file = package.extractfile(member)
                assert file is not None
                found[kind][name] = decode(file.read())
    return found
