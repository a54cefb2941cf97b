"""Nictiz's example questionnaire is installed with a licence line, answered, and knows which item needs help."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.config import CANONICAL_BASE
from app.questionnaires.installing import keeping
from app.questionnaires.installing.reading import read
from app.questionnaires.items import form_of
from app.questionnaires.library import QuestionnaireLibrary
from app.questionnaires.names import Names
from app.questionnaires.scoring.compute import score
from app.questionnaires.scoring.reading import read_program
from tests.questionnaires.fakes import PHQ, TOLD
from tests.questionnaires.nictiz import FREQUENCY, URL, key, questionnaire, response
from tests.server.service import Caller, Service

ORDER = replace(
    TOLD, licence="Voorbeeld van Nictiz, voor test en kwalificatie", holder="Nictiz", base="phq-9", scoring=key()
)


async def test_it_is_an_edition_of_the_shell(service: Service, anna: Caller, fhir_definitions: Path) -> None:
    server = service.server
    given = questionnaire(fhir_definitions)
    wanted = read(given, ORDER, server.definitions, Names(CANONICAL_BASE))
    installed = await keeping.install(server, wanted, tenant=1, now=server.clock())
    assert installed == f"{URL}|20210209"
    held = await QuestionnaireLibrary(CANONICAL_BASE).find(server, service.database, (-1, 0), URL)
    assert held is not None
    assert held.instrument is not None
    assert (held.instrument.wording, held.instrument.row["help"]) == ("installed", ["9"])
    assert held.instrument.row["base"] == PHQ
    made = await anna.create(response(["BED", "MHD", "MED", "HEN", "HEN", "HEN", "HEN", "HEN", "HEN"]))
    assert made["questionnaire"] == installed


@pytest.mark.parametrize(
    ("codes", "total"),
    [
        (["HEN"] * 9, 0),
        (["BED"] * 9, 27),
        (["MED"] * 4 + ["HEN"] * 5, 4),
        (["MED"] * 5 + ["HEN"] * 4, 5),
        (["MHD"] * 5 + ["HEN"] * 4, 10),
        (["BED"] * 6 + ["MHD"] + ["HEN"] * 2, 20),
        (["BED"] * 8, None),
    ],
)
def test_its_answers_are_added_up_by_their_codes(fhir_definitions: Path, codes: list[str], total: int | None) -> None:
    program = read_program(key(), CANONICAL_BASE)
    scored = score(program, form_of(questionnaire(fhir_definitions)), response(codes))
    (found,) = scored.results
    assert found.value == total
    assert len(found.missing) == 9 - len(codes)
    assert sorted(FREQUENCY.values()) == [0, 1, 2, 3]
