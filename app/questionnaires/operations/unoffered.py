"""The ways of SDC to extract that are not offered here: by definition, by template, by StructureMap. What asks for one
is told, and never answered with less in silence. https://build.fhir.org/ig/HL7/sdc/extraction.html

Observations are extracted by ``observationExtract`` alone. The other ways write any resource there is, with changes of
what is stored already: what they make would have to be held to the rules of each, which is what a write is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from app.errors import Issue, Severity
from app.fhir.resource import Resource
from app.questionnaires.answers.wording import problem
from app.questionnaires.items import Form
from app.questionnaires.names import SDC

PREFIX: Final = f"{SDC}sdc-questionnaire-"
WAYS: Final = (
    "itemExtractionContext",
    "definitionExtract",
    "definitionExtractValue",
    "templateExtract",
    "templateExtractBundle",
    "templateExtractContext",
    "templateExtractValue",
    "targetStructureMap",
)
"""The ends of the canonicals of their extensions."""
_MARKS: Final = {f"{PREFIX}{way}": way for way in WAYS}


def asked_ways(form: Form) -> list[str]:
    """The extensions for other ways that a Questionnaire has anywhere, in their order here."""
    found = set(_marks(form.resource))
    return [way for way in WAYS if way in found]


def way_issues(form: Form, *, severity: Severity) -> list[Issue]:
    """An issue for each of them."""
    return [
        problem("extract-way", "QuestionnaireResponse.questionnaire", severity=severity, extension=f"{PREFIX}{way}")
        for way in asked_ways(form)
    ]


def _marks(value: Any) -> Iterator[str]:
    """Also within templates, which are contained resources, and on elements without a value."""
    if isinstance(value, list):
        for each in value:
            yield from _marks(each)
    elif isinstance(value, dict):
        url: str | None = value.get("url") if isinstance(value.get("url"), str) else None
        if url in _MARKS:
            yield _MARKS[url]
        members: Resource = value
        for each in members.values():
            yield from _marks(each)
