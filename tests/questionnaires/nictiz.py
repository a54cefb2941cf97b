"""Nictiz's example of a Questionnaire, read from beside the project, as R4: a mapping by hand, for this one file.
https://hl7.org/fhir/R4/questionnaire.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from app.fhir.definitions import load
from app.fhir.resource import Resource
from app.fhir.xml import from_xml

FILE: Final = Path("Nictiz-STU3-Questionnaires") / "Examples" / "vl-Questionnaire-01.xml"
URL: Final = "http://voorbeeldvragenlijsten.nl/Questionnaire/phq-9--20210209"
FREQUENCY: Final = {"HEN": 0, "MED": 1, "MHD": 2, "BED": 3}
"""What the answers to the first nine questions count as, in the order in which the example has them."""


def questionnaire(definitions: Path) -> Resource:
    """The example in R4. Its answers have no system, here as there."""
    given = from_xml((definitions / FILE).read_bytes(), load("3.0.1"))
    kept = {name: value for name, value in given.items() if name not in ("meta", "text", "id", "name")}
    return {**kept, "name": "Phq9", "item": [_item(each) for each in given["item"]]}


def _item(given: Resource) -> Resource:
    made: dict[str, Any] = {name: value for name, value in given.items() if name not in ("option", "item")}
    if "option" in given:
        made["answerOption"] = [{"valueCoding": each["valueCoding"]} for each in given["option"]]
    if "item" in given:
        made["item"] = [_item(each) for each in given["item"]]
    return made


def key() -> dict[str, Any]:
    """A key by the codes of the example."""
    total = {"id": "total", "nl": "Totaal", "en": "Total", "method": "sum", "items": [str(n) for n in range(1, 10)]}
    meaning = {"nl": "Een getal voor de proef, en geen diagnose.", "en": "A number for the test, and no diagnosis."}
    return {
        "id": "phq-9-nictiz",
        "version": "1",
        "values": {"codes": FREQUENCY},
        "dimensions": [{**total, "meaning": meaning, "code": "http://loinc.org|44261-6"}],
    }


def response(codes: list[str], **members: Any) -> Resource:
    """Answers to the first questions, and to the tenth that it was not hard."""
    answers = [*zip(map(str, range(1, 10)), codes, strict=False), ("10", "HNM")]
    items = [{"linkId": link_id, "answer": [{"valueCoding": {"code": code}}]} for link_id, code in answers]
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{URL}|20210209",
        "status": "completed",
        "subject": {"reference": "Patient/anna"},
        "authored": "2026-11-01T10:00:00Z",
        "item": [{"linkId": "phq-9", "item": items}],
        **members,
    }
