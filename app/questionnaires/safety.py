"""Help that is shown at once when an answer to a question about harming oneself is above 0: on the page, and as an
``information`` issue in the answer of the API. It is no triage: nothing is graded, and no care provider is warned
(MODEL 5, "Questionnaire wording"). https://hl7.org/fhir/R4/questionnaireresponse.html
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from app.database import Reader
from app.errors import Issue
from app.fhir.languages import Both
from app.fhir.resource import Resource
from app.questionnaires.items import Form, value_in, walk_answers
from app.questionnaires.library import Held, QuestionnaireLibrary
from app.questionnaires.names import Names
from app.questionnaires.scoring.elements import number_of
from app.questionnaires.scoring.program import Part, Program, Words
from app.questionnaires.scoring.results import program_of
from app.questionnaires.scoring.weights import NoNumber, key_of, number_for, option_weights
from app.server.access import Access
from app.server.intake.findings import Finding, IntakeCheck
from app.server.server import FhirServer

RULE: Final = "questionnaire-help"


@cache
def help_text() -> Words:
    """What is said."""
    row = yaml.load(Path(__file__).with_name("safety.yaml").read_text("utf-8"), yaml.CSafeLoader)
    return Words(row["nl"], row["en"])


def help_places(held: Held, response: Resource, canonical_base: str) -> list[str]:
    """The FHIRPaths of the items whose answer asks for the help text; none for most questionnaires."""
    listed = _items(held)
    if not listed:
        return []
    program = program_of(held, canonical_base)
    return [
        path
        for path, item in walk_answers(response)
        if item.get("linkId") in listed
        and any(_is_above(held.form, program, item["linkId"], each) for each in item.get("answer", ()))
    ]


def safety_check(names: Names, library: QuestionnaireLibrary) -> IntakeCheck:
    """For the server's intake."""

    async def check(
        server: FhirServer,
        reader: Reader,
        access: Access,
        resource: Resource,
        patient: int | None,  # noqa: ARG001 - whoever it is about
    ) -> Sequence[Finding]:
        held = await library.find(server, reader, access.catalogues, resource["questionnaire"])
        places = help_places(held, resource, names.base) if held is not None else []
        if not places:
            return ()
        words = help_text()
        text = Both(words.en, words.nl)
        return (Finding(Issue("informational", text, tuple(places), "information", RULE, always=True)),)

    return IntakeCheck("self-harm-help", frozenset({"QuestionnaireResponse"}), check, _is_asked)


def _is_asked(resource: Resource) -> bool:
    return resource.get("status") != "entered-in-error" and isinstance(resource.get("questionnaire"), str)


def _items(held: Held) -> frozenset[str]:
    row = held.instrument.row if held.instrument is not None else {}
    return frozenset(str(each) for each in row.get("help", ()))


def _is_above(form: Form, program: Program | None, link_id: str, answer: Resource) -> bool:
    """Whether an answer is above 0: by the key, by the weight of the option, or by itself. What has no number there
    counts as above: help that was not needed harms nobody.
    """
    member, value = value_in(answer)
    if not member:
        return False
    if isinstance(value, bool):
        return value
    part = _part(program, link_id)
    if part is not None:
        try:
            number = number_for(form, part, [answer], frozenset())
        except NoNumber:
            number = None
        if number is not None:
            return number > 0
    item = form.by_link_id.get(link_id)
    weights = dict(option_weights(form, item)) if item is not None else {}
    weight = weights.get(key_of(value) if member == "valueCoding" else _plain(value))
    if weight is None:
        weight = number_of(_plain(value))
    return weight is None or weight > 0


def _part(program: Program | None, link_id: str) -> Part | None:
    """How the key counts an item, in the first dimension that does."""
    for dimension in program.dimensions if program is not None else ():
        for part in () if dimension.of_dimensions else dimension.parts:
            if part.id == link_id and part.values is not None:
                return part
    return None


def _plain(value: object) -> object:
    return None if isinstance(value, dict | list) else value
